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

/* Whether the one with an empty directory answers. */
static bool is_next(void)
{
    struct t_http_client b;
    t_http_client_open(&b, port);
    t_http_client_get(&b, "/");
    t_http_client_hear(&b);
    t_http_client_close(&b);
    return b.status == 404;
}

static bool runs(const struct t_child *child)
{
    siginfo_t info = { 0 };
    cr_assert_eq(waitid(P_PID, (id_t) child->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid == 0;
}

/* It has the sockets already, and finds then that it cannot listen elsewhere, too, which it tries
 * for a second: nobody is accepted, who would have to be let down. */
Test(serve_upgrade, that_fails_late)
{
    char dir[] = "/tmp/nng-uring-empty.XXXXXX", more[sizeof args + 128];
    unsigned taken;
    int other = nu_listen(&taken, 0);
    place();
    start(&children[0]);
    cr_assert_not_null(mkdtemp(dir));
    snprintf(more, sizeof more, "%s --listen 127.0.0.1:%u %s", args, taken, dir);
    t_child_start(&children[1], more, NULL);
    while (runs(&children[1])) {
        cr_assert_not(is_next());
    }
    t_child_await_err(&children[1], "127.0.0.1");
    cr_assert_eq(t_child_end(&children[1]), 3, "%s", children[1].err_text);
    t_child_await_err(&children[0], "this one goes on");
    cr_assert_not(is_next());
    kill(children[0].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[0]), 0);
    close(other);
    cr_assert_eq(rmdir(dir), 0);
}

/* However it is written. */
Test(serve_upgrade, the_same_address)
{
    static const char *const other[] = { "127.0.0.1:%u", "http://127.0.0.1:%u",
                                         "https://127.0.0.1:%u --tls-self-signed" };
    unsigned at;
    char words[sizeof args], more[64];
    place();
    start(&children[0]);
    for (int i = 0; i < 3; i++) {
        struct t_child *old = &children[i % 2], *new = &children[(i + 1) % 2];
        snprintf(more, sizeof more, other[i], port);
        snprintf(words, sizeof words, "serve --upgrade %s --listen %s", path, more);
        t_child_start(new, words, NULL);
        t_child_await_out(new, "\n");
        const char *url = strstr(new->out_text, "//127");
        cr_assert(url != NULL && sscanf(url, "//127.0.0.1:%u/", &at) == 1 && at == port, "%s",
                  new->out_text);
        cr_assert_eq(t_child_end(old), 0, "%s", old->err_text);
    }
    kill(children[1].pid, SIGTERM);
    cr_assert_eq(t_child_end(&children[1]), 0, "%s", children[1].err_text);
}

/* Its file is there as long as somebody serves, whoever has made it. */
Test(serve_upgrade, file_of_a_unix_socket)
{
    char socket_path[80], plain[sizeof args];
    for (int fails = 0; fails < 2; fails++) {
        place();
        snprintf(socket_path, sizeof socket_path, "%s.http", path);
        unlink(socket_path);
        snprintf(args + strlen(args), sizeof args - strlen(args), " --listen unix:%s", socket_path);
        port = 0;
        start(&children[0]);
        if (fails) {
            snprintf(plain, sizeof plain, "%s --listen 192.0.2.1:1", args);
            cr_assert_eq(t_child_run(&children[1], plain, NULL), 3, "%s", children[1].err_text);
            t_child_await_err(&children[0], "this one goes on");
        } else {
            start(&children[1]);
            cr_assert_eq(t_child_end(&children[0]), 0, "%s", children[0].err_text);
        }
        cr_assert_eq(access(socket_path, F_OK), 0);
        kill(children[!fails].pid, SIGTERM);
        cr_assert_eq(t_child_end(&children[!fails]), 0);
        cr_assert_neq(access(socket_path, F_OK), 0, "it is still there");
    }
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
