/* SPDX-License-Identifier: MIT */
/* nng-uring serve as systemd starts it: with a socket, and told how it goes. The test is systemd.
 */
#include "support/child.h"
#include "support/confine.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(serve_systemd, .timeout = 120);

#define FIRST 3

static struct t_child child;
static int listener, notes;
static unsigned port;
static struct sockaddr_storage place; /* of the listener */
static socklen_t place_len;
static char notes_name[64], names[32];

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static void open_notes(void)
{
    struct timeval patience = { 60, 0 };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    notes = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(notes_name, sizeof notes_name, "@nng-uring-test-%d", (int) getpid());
    memcpy(at.sun_path + 1, notes_name + 1, (size_t) n - 1);
    cr_assert_eq(bind(notes, (struct sockaddr *) &at,
                      (socklen_t) (offsetof(struct sockaddr_un, sun_path) + (size_t) n)),
                 0);
    cr_assert_eq(setsockopt(notes, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
}

static char note[512];

/* Reads what it says until there is that in it. */
static void await_note(const char *what)
{
    *note = '\0';
    while (strstr(note, what) == NULL) {
        ssize_t n = recv(notes, note, sizeof note - 1, 0);
        cr_assert_gt(n, 0, "it does not say %s", what);
        note[n] = '\0';
    }
}

static void as_systemd(void)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int) getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", names, 1);
    setenv("NOTIFY_SOCKET", notes_name, 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    dup2(listener, FIRST);
}

/* For somebody else. */
static void as_if_inherited(void)
{
    as_systemd();
    setenv("LISTEN_PID", "1", 1);
    setenv("WATCHDOG_PID", "1", 1);
}

/* With the socket `listener`. */
static void start_with(const char *args, void (*prepare)(void))
{
    open_notes();
    place_len = sizeof place;
    cr_assert_eq(getsockname(listener, (struct sockaddr *) &place, &place_len), 0);
    if (fcntl(FIRST, F_GETFD) < 0) {
        cr_assert_eq(dup2(listener, FIRST), FIRST); /* lest the program's file be there */
    }
    t_child_start(&child, args, prepare);
}

static void start(const char *args, void (*prepare)(void))
{
    listener = nu_listen(&port, 0);
    start_with(args, prepare);
}

/* Who listens where the listener is. */
static int ask(void)
{
    static const char text[] = "GET / HTTP/1.0\r\n\r\n";
    int fd = socket(place.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &place, place_len), 0);
    cr_assert_eq(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), (ssize_t) sizeof text - 1);
    return fd;
}

static void assert_served(int fd)
{
    char answer[13] = "";
    cr_assert_eq(recv(fd, answer, 12, MSG_WAITALL), 12);
    cr_assert_str_eq(answer, "HTTP/1.1 200");
    close(fd);
}

/* Who asks before it listens, while it does, and between two of them, is answered. */
Test(serve_systemd, across_a_restart)
{
    start("serve --listen 192.0.2.1:1", as_systemd);
    for (int round = 0; round < 2; round++) {
        int early = ask();
        await_note("READY=1");
        await_note("WATCHDOG=1");
        await_note("WATCHDOG=1");
        assert_served(early);
        assert_served(ask());
        kill(child.pid, SIGHUP);
        await_note("RELOADING=1\nMONOTONIC_USEC=");
        await_note("READY=1");
        kill(child.pid, SIGTERM);
        await_note("STOPPING=1");
        cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
        if (round == 0) {
            t_child_start(&child, "serve", as_systemd);
        }
    }
}

Test(serve_systemd, named_sockets)
{
    char url[64];
    strcpy(names, "http");
    start("serve --tls-self-signed", as_systemd);
    await_note("READY=1");
    assert_served(ask());
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/\n", port);
    assert_has(child.out_text, url);
    strcpy(names, "https");
    cr_assert_eq(t_child_run(&child, "serve", as_systemd), 2);
    assert_has(child.err_text, "needs --tls-cert");
}

static void listen_at(int family, const void *at, size_t len)
{
    listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, at, (socklen_t) len), 0);
    cr_assert_eq(listen(listener, 10), 0);
}

static void end(void)
{
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* The file is systemd's, and stays. */
Test(serve_systemd, unix_sockets)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    size_t before = offsetof(struct sockaddr_un, sun_path);
    char line[128];
    int n = snprintf(at.sun_path, sizeof at.sun_path, "/tmp/nng-uring-systemd.%d", (int) getpid());
    unlink(at.sun_path);
    listen_at(AF_UNIX, &at, sizeof at);
    start_with("serve", as_systemd);
    await_note("READY=1");
    assert_served(ask());
    end();
    snprintf(line, sizeof line, "unix:%s\n", at.sun_path);
    cr_assert_eq(strncmp(child.out_text, line, strlen(line)), 0, "%s", child.out_text);
    strcpy(names, "https");
    cr_assert_eq(t_child_run(&child, "serve --tls-self-signed", as_systemd), 2);
    assert_has(child.err_text, "unix:PATH, and not 'https://unix:/");
    cr_assert_eq(unlink(at.sun_path), 0);
    *names = '\0';
    close(listener);
    close(notes);
    at.sun_path[0] = '\0'; /* an abstract one */
    listen_at(AF_UNIX, &at, before + (size_t) n);
    start_with("serve", as_systemd);
    await_note("READY=1");
    assert_served(ask());
    end();
    snprintf(line, sizeof line, "unix:@%s\n", at.sun_path + 1);
    cr_assert_eq(strncmp(child.out_text, line, strlen(line)), 0, "%s", child.out_text);
}

Test(serve_systemd, link_local)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    char line[128];
    if (!t_link_local()) {
        cr_skip_test("no network of its own here");
    }
    cr_assert_eq(inet_pton(AF_INET6, T_LINK_LOCAL, &at.sin6_addr), 1);
    at.sin6_scope_id = if_nametoindex("lo");
    listen_at(AF_INET6, &at, sizeof at);
    start_with("serve", as_systemd);
    await_note("READY=1");
    assert_served(ask());
    end();
    snprintf(line, sizeof line, "http://[" T_LINK_LOCAL "%%25lo]:%u/\n",
             ntohs(((struct sockaddr_in6 *) &place)->sin6_port));
    cr_assert_eq(strncmp(child.out_text, line, strlen(line)), 0, "%s", child.out_text);
}

Test(serve_systemd, not_meant_for_it)
{
    start("serve --listen 127.0.0.1:0", as_if_inherited);
    await_note("READY=1");
    t_child_await_out(&child, "\n");
    unsigned other;
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &other), 1);
    cr_assert_neq(other, port);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

static void with_a_pipe(void)
{
    int fds[2];
    as_systemd();
    if (pipe(fds) == 0) {
        dup2(fds[0], FIRST);
    }
}

Test(serve_systemd, no_socket)
{
    start("serve", with_a_pipe);
    cr_assert_eq(t_child_end(&child), 2);
    assert_has(child.err_text, "no TCP or UNIX socket");
}

/* With sockets it asks nobody for them; what is no socket stays all the same. */
Test(serve_systemd, upgrade_is_a_file)
{
    char args[128], path[64];
    struct stat st;
    snprintf(path, sizeof path, "/tmp/nng-uring-systemd.%d", (int) getpid());
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    snprintf(args, sizeof args, "serve --upgrade %s", path);
    start(args, as_systemd);
    cr_assert_eq(t_child_end(&child), 3, "%s", child.err_text);
    assert_has(child.err_text, path);
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert(S_ISREG(st.st_mode));
    cr_assert_eq(unlink(path), 0);
}

/* The next one has the socket, too, and systemd hears who it is before it hears from it. */
Test(serve_systemd, upgraded)
{
    char args[128], path[64];
    int pid;
    snprintf(path, sizeof path, "/tmp/nng-uring-systemd.%d", (int) getpid());
    unlink(path);
    snprintf(args, sizeof args, "serve --listen 192.0.2.1:1 --upgrade %s", path);
    start(args, as_systemd);
    await_note("READY=1");
    close(listener);
    kill(child.pid, SIGUSR2);
    await_note("MAINPID=");
    cr_assert_eq(sscanf(note, "MAINPID=%d", &pid), 1);
    cr_assert_neq(pid, child.pid);
    t_child_await_err(&child, "has taken over");
    await_note("READY=1");
    await_note("WATCHDOG=1");
    await_note("WATCHDOG=1");
    assert_served(ask());
    kill(pid, SIGTERM);
    await_note("STOPPING=1");
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}
