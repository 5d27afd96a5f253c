/* SPDX-License-Identifier: MIT */
#include "check/accept.h"

#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT = 1, CANCEL, RECEIVE, CONNECT }; /* tags */

static bool accept_has_more(const struct nu_event *event)
{
    return (event->flags & IORING_CQE_F_MORE) != 0;
}

void nu_accept_multishot(void)
{
    enum { CONNECTIONS = 40 };
    struct nu_uring u;
    uint16_t port;
    int listener = nu_listen(&port);
    nu_open(&u, 8, 64);
    nu_accept(&u, ACCEPT, listener);
    nu_submit(&u);
    for (int i = 0; i < CONNECTIONS; i++) {
        int client = nu_connect(port);
        struct nu_event event = nu_await_event(&u, ACCEPT);
        nu_expect(event.res >= 0, "connection %d: %s", i, nu_res(event.res));
        nu_expect(accept_has_more(&event), "it ends after connection %d", i);
        nu_require(send(client, "x", 1, 0) == 1, "send: %s", nu_res(-errno));
        char byte = 0;
        nu_expect(recv(event.res, &byte, 1, 0) == 1 && byte == 'x',
                  "what connection %d sent does not arrive", i);
        close(event.res);
        close(client);
    }
    nu_expect_quiet(&u);
    nu_ok("%d connections by one submission", CONNECTIONS);
}

/* By a cancellation, and by the end of the listening. */
void nu_accept_ends(void)
{
    struct nu_uring u;
    uint16_t port;
    int listener = nu_listen(&port);
    nu_open(&u, 8, 16);
    nu_accept(&u, ACCEPT, listener);
    nu_cancel(&u, CANCEL, ACCEPT);
    struct nu_event by_cancel = nu_await_event(&u, ACCEPT);
    nu_await(&u, CANCEL);
    nu_expect(by_cancel.res == -ECANCELED && !accept_has_more(&by_cancel),
              "cancelled, it says %s%s", nu_res(by_cancel.res),
              accept_has_more(&by_cancel) ? " and goes on" : "");
    nu_accept(&u, ACCEPT, listener);
    nu_expect(!nu_came(&u, ACCEPT), "started anew, it ends at once");
    nu_require(shutdown(listener, SHUT_RDWR) == 0, "shutdown: %s", nu_res(-errno));
    struct nu_event by_shutdown = nu_await_event(&u, ACCEPT);
    nu_expect(by_shutdown.res < 0 && !accept_has_more(&by_shutdown),
              "at the end of the listening it says %s%s", nu_res(by_shutdown.res),
              accept_has_more(&by_shutdown) ? " and goes on" : "");
    nu_expect_quiet(&u);
    nu_ok("cancelled: %s; the listening ends: %s", nu_res(by_cancel.res), nu_res(by_shutdown.res));
}

/* There is room for two of four: the error ends it, and nobody is lost. */
void nu_accept_limit(void)
{
    enum { CLIENTS = 4, ROOM = 2 };
    struct nu_uring u;
    struct nu_event event = { .res = 0 };
    struct rlimit limit;
    uint16_t port;
    int listener = nu_listen(&port), accepted = 0, fds[CLIENTS];
    nu_open(&u, 8, 16);
    for (int i = 0; i < CLIENTS; i++) {
        nu_connect(port);
    }
    /* Free places need not be neighbours: whoever started this may have left descriptors open. */
    for (int i = 0; i < ROOM; i++) {
        fds[i] = dup(listener);
        nu_require(fds[i] >= 0, "dup: %s", nu_res(-errno));
    }
    nu_require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit: %s", nu_res(-errno));
    limit.rlim_cur = (rlim_t) fds[ROOM - 1] + 1;
    for (int i = 0; i < ROOM; i++) {
        close(fds[i]);
    }
    nu_require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit: %s", nu_res(-errno));
    nu_accept(&u, ACCEPT, listener);
    for (event = nu_await_event(&u, ACCEPT); event.res >= 0 && accepted < CLIENTS;
         event = nu_await_event(&u, ACCEPT)) {
        fds[accepted++] = event.res;
        nu_expect(accept_has_more(&event), "it ends after connection %d", accepted);
    }
    nu_expect(event.res == -EMFILE && accepted == ROOM, "with room for %d it says %s after %d",
              ROOM, nu_res(event.res), accepted);
    nu_expect(!accept_has_more(&event), "-EMFILE does not end it");
    nu_expect_quiet(&u);
    for (int i = 0; i < accepted; i++) {
        close(fds[i]);
    }
    limit.rlim_cur += CLIENTS;
    setrlimit(RLIMIT_NOFILE, &limit);
    nu_accept(&u, ACCEPT, listener);
    for (; accepted < CLIENTS; accepted++) {
        event = nu_await_event(&u, ACCEPT);
        nu_expect(event.res >= 0, "when there is room again: %s", nu_res(event.res));
    }
    nu_expect_quiet(&u);
    nu_ok("-EMFILE ends it; the others are accepted when there is room again");
}

/* A connection without a descriptor: a place in the ring's own table. */
void nu_accept_direct(void)
{
    struct nu_uring u;
    uint16_t port;
    char byte = 0;
    int listener = nu_listen(&port);
    nu_open(&u, 8, 16);
    int err = io_uring_register_files_sparse(&u.uring, 4);
    if (err != 0) {
        nu_missing("a table of 4 files is refused: %s", nu_res(err));
    }
    struct io_uring_sqe *sqe = nu_sqe(&u, ACCEPT);
    io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
    sqe->user_data = ACCEPT;
    nu_submit(&u);
    for (int i = 0; i < 2; i++) {
        int client = nu_connect(port);
        struct nu_event event = nu_await_event(&u, ACCEPT);
        if (event.res == -EINVAL) {
            nu_missing("accepting into the table is refused");
        }
        nu_expect(event.res >= 0 && event.res < 4 && accept_has_more(&event), "connection %d: %s",
                  i, nu_res(event.res));
        nu_recv(&u, RECEIVE, event.res, &byte, 1)->flags |= IOSQE_FIXED_FILE;
        nu_require(send(client, "x", 1, 0) == 1, "send: %s", nu_res(-errno));
        int res = nu_await(&u, RECEIVE);
        nu_expect(res == 1 && byte == 'x', "receiving from it: %s", nu_res(res));
    }
    nu_ok("two connections, each with a byte");
}

static int accept_dial(struct nu_uring *u, int fd, uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct io_uring_sqe *sqe = nu_sqe(u, CONNECT);
    io_uring_prep_connect(sqe, fd, (struct sockaddr *) &to, sizeof to);
    sqe->user_data = CONNECT;
    return nu_await(u, CONNECT);
}

void nu_connecting(void)
{
    struct nu_uring u;
    uint16_t port;
    int listener = nu_listen(&port), fd = socket(AF_INET, SOCK_STREAM, 0);
    nu_open(&u, 8, 16);
    int res = accept_dial(&u, fd, port);
    nu_expect(res == 0, "to a listener: %s", nu_res(res));
    nu_expect(accept(listener, NULL, NULL) >= 0, "the listener has no connection");
    close(listener);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    res = accept_dial(&u, fd, port);
    nu_expect(res == -ECONNREFUSED, "to nobody: %s", nu_res(res));
    nu_ok("0 to a listener, -ECONNREFUSED to nobody");
}
