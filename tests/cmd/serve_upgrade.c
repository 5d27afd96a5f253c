/* SPDX-License-Identifier: MIT */
/* nng-uring serve --upgrade: one process takes over from another, and no client notices. */
#include "support/child.h"
#include "support/peer.h"
#include "support/scale.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(serve_upgrade, .timeout = 240);

#define CLIENTS 3
#define ROUNDS 4
#define KEPT 7 /* requests on a connection, until the client closes it */

static struct t_child children[2];
static char path[64], args[256];
static unsigned port;
static atomic_bool enough;

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static void place(void)
{
    snprintf(path, sizeof path, "/tmp/nng-uring-upgrade.%d", (int) getpid());
    unlink(path);
    snprintf(args, sizeof args, "serve --listen 127.0.0.1:0 --upgrade %s", path);
}

static void start(struct t_child *child)
{
    unsigned at = 0;
    t_child_start(child, args, NULL);
    t_child_await_out(child, "\n");
    cr_assert_eq(sscanf(child->out_text, "http://127.0.0.1:%u/", &at), 1);
    cr_assert(port == 0 || port == at, "it listens elsewhere");
    if (port == 0) { /* clients are reading it later */
        port = at;
    }
}

/* Over connections that are kept, and new ones: each request has its answer. */
static void *client_run(void *arg)
{
    struct t_http_client b;
    size_t *answers = arg;
    while (!atomic_load(&enough)) {
        t_http_client_open(&b, port);
        bool last = false;
        for (int i = 0; i < KEPT && !last; i++) {
            t_http_client_get(&b, "/");
            t_http_client_hear(&b);
            cr_assert_eq(b.status, 200);
            ++*answers;
            last = t_http_client_line(&b, "Connection: close");
        }
        t_http_client_close(&b);
    }
    return NULL;
}

static void assert_answers(struct t_http_client *b)
{
    t_http_client_get(b, "/");
    t_http_client_hear(b);
    cr_assert_eq(b->status, 200);
}

/* It may not have got so far yet. */
static void assert_ends(struct t_http_client *b)
{
    do {
        assert_answers(b);
    } while (!t_http_client_line(b, "Connection: close"));
    t_http_client_assert_end(b);
    t_http_client_close(b);
}

Test(serve_upgrade, nobody_notices)
{
    pthread_t threads[CLIENTS];
    size_t answers[CLIENTS] = { 0 };
    struct t_http_client idle;
    place();
    start(&children[0]);
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, client_run, &answers[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct t_child *old = &children[round % 2], *new = &children[(round + 1) % 2];
        t_http_client_open(&idle, port);
        assert_answers(&idle);
        cr_assert_not(t_http_client_line(&idle, "Connection: close"));
        start(new);
        t_child_await_err(old, "has taken over");
        assert_ends(&idle);
        cr_assert_eq(t_child_end(old), 0, "%s", old->err_text);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_gt(answers[i], 0);
    }
    kill(children[ROUNDS % 2].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[ROUNDS % 2]), 0);
    cr_assert_neq(access(path, F_OK), 0, "its socket is still there");
}

/* It starts the next one itself, as it was started. */
Test(serve_upgrade, by_signal)
{
    int pid;
    place();
    start(&children[0]);
    kill(children[0].pid, SIGUSR2);
    t_child_await_err(&children[0], "has taken over");
    const char *line = strstr(children[0].err_text, "nng-uring: process ");
    cr_assert(line != NULL && sscanf(line, "nng-uring: process %d", &pid) == 1);
    struct t_http_client b;
    t_http_client_open(&b, port);
    assert_answers(&b); /* which of them has accepted it nobody knows */
    t_http_client_close(&b);
    kill(pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[0]), 0, "%s", children[0].err_text);
}

/* What cannot start ends, and who serves goes on; as it does after SIGUSR2 without --upgrade. */
Test(serve_upgrade, that_fails)
{
    struct t_http_client b;
    char more[sizeof args + 64];
    place();
    start(&children[0]);
    snprintf(more, sizeof more, "%s --listen 192.0.2.1:1", args);
    cr_assert_eq(t_child_run(&children[1], more, NULL), 3, "%s", children[1].err_text);
    t_child_await_err(&children[0], "this one goes on");
    t_http_client_open(&b, port);
    assert_answers(&b);
    t_http_client_close(&b);
    start(&children[1]); /* and another one may take over */
    cr_assert_eq(t_child_end(&children[0]), 0);
    kill(children[1].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[1]), 0);
    t_child_start(&children[0], "serve --listen 127.0.0.1:0", NULL);
    t_child_await_out(&children[0], "\n");
    kill(children[0].pid, SIGUSR2);
    t_child_await_err(&children[0], "--upgrade PATH");
    kill(children[0].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[0]), 0);
}

/* Asks, be it the one or the other, and has begun to ask again when it returns; that is -1 if it is
 * not the one with an empty directory, or says that this was its last answer. */
static int begin_with_next(void)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n";
    struct t_http_client b;
    char head[4096] = "";
    size_t len = 0;
    t_http_client_open(&b, port);
    int fd = dup(b.fd);
    t_http_client_close(&b);
    cr_assert_geq(fd, 0);
    ssize_t n = send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
    while (n > 0 && strstr(head, "\r\n\r\n") == NULL) {
        n = recv(fd, head + len, sizeof head - 1 - len, 0);
        len += n > 0 ? (size_t) n : 0;
    }
    if (n > 0 && strncmp(head, "HTTP/1.1 404", 12) == 0 && !strstr(head, "Connection: close")) {
        return fd;
    }
    close(fd);
    return -1;
}

/* The rest of it; true: there is an answer. */
static bool finish(int fd)
{
    static const char text[] = "Host: a\r\n\r\n";
    char all[4096] = "";
    size_t len = 0;
    ssize_t n = send(fd, text, sizeof text - 1, MSG_NOSIGNAL);
    while (n > 0 && len < sizeof all - 1) {
        n = recv(fd, all + len, sizeof all - 1 - len, 0);
        len += n > 0 ? (size_t) n : 0;
    }
    close(fd);
    return n == 0 && strstr(all, "HTTP/1.1 404") != NULL;
}

static bool runs(const struct t_child *child)
{
    siginfo_t info = { 0 };
    cr_assert_eq(waitid(P_PID, (id_t) child->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid == 0;
}

/* It has accepted already, and finds then that it cannot listen elsewhere, too: whom it has
 * accepted it answers. It tries for a second only, in which it may not get any connection; with one
 * processor it hardly ever does. */
Test(serve_upgrade, that_fails_late)
{
    char dir[] = "/tmp/nng-uring-empty.XXXXXX", more[sizeof args + 128];
    unsigned taken;
    int other = nu_listen(&taken, 0);
    bool answered = false;
    int unanswered = 0;
    place();
    start(&children[0]);
    cr_assert_not_null(mkdtemp(dir));
    snprintf(more, sizeof more, "%s --listen 127.0.0.1:%u %s", args, taken, dir);
    for (int round = 0; round < NU_TIMES(20) && !answered; round++) {
        int fd = -1;
        t_child_start(&children[1], more, NULL);
        while (fd < 0 && runs(&children[1])) {
            fd = begin_with_next();
        }
        t_child_await_err(&children[1], "127.0.0.1");
        answered = fd >= 0 && finish(fd);
        unanswered += fd >= 0 && !answered;
        cr_assert_lt(unanswered, 3);
        cr_assert_eq(t_child_end(&children[1]), 3, "%s", children[1].err_text);
    }
    kill(children[0].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[0]), 0);
    close(other);
    cr_assert_eq(rmdir(dir), 0);
}

/* A file that is there for another reason stays. */
Test(serve_upgrade, no_socket)
{
    place();
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(t_child_run(&children[0], args, NULL), 1);
    assert_has(children[0].err_text, path);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(t_child_run(&children[0], "serve --upgrade /nowhere/at/all", NULL), 3);
    assert_has(children[0].err_text, "/nowhere/at/all");
}
