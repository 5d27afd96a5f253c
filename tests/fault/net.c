/* SPDX-License-Identifier: MIT */
/*
 * Every call that can fail fails once, while connections are made, written to and read from. No
 * crash, no hang and no leak; what fails says so; and the peer receives what is counted.
 */
#include "base/check.h"
#include "fault/wrap.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t) 600000)

TestSuite(net_fault, .timeout = 120);

struct session {
    unsigned port;
    int listener;
    nng_http_client *client;
    nng_http_conn *conn;
    uint8_t *data;
    size_t counted;
    pthread_t peer;
    size_t received;
};

/* Sends a little and reads to the end, if somebody connects. */
static void *play_peer(void *arg)
{
    struct session *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    if (fd >= 0) {
        char byte;
        bool sent = send(fd, s->data, 1000, MSG_NOSIGNAL) == 1000;
        /* A connection that could not be made into an object is reset, before or after this. */
        if (recv(fd, &byte, 1, MSG_PEEK) >= 0) {
            cr_assert(sent);
            s->received = t_peer_rest(fd, 0, 1);
        }
        close(fd);
    }
    return NULL;
}

/* The test's own part, which does not fail. */
static void set_up(struct session *s)
{
    *s = (struct session){ .counted = 0 };
    s->listener = nu_listen(&s->port, 64 << 10);
    s->data = t_pattern_new(SIZE, 1);
    cr_assert_eq(pthread_create(&s->peer, NULL, play_peer, s), 0);
}

static void tear_down(struct session *s)
{
    shutdown(s->listener, SHUT_RD); /* nobody will come any more */
    pthread_join(s->peer, NULL);
    cr_assert_eq(s->received, s->counted, "%zu arrived, %zu were counted", s->received, s->counted);
    close(s->listener);
    free(s->data);
}

/* Starts an operation and waits for its end. */
static int finish(nng_aio *aio, void (*start)(nng_http_conn *, nng_aio *), nng_http_conn *conn,
                  void *p, size_t n)
{
    nng_iov iov = { p, n };
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    start(conn, aio);
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

static int connect_session(struct session *s, nng_aio *aio)
{
    nng_http_client_connect(s->client, aio);
    nng_aio_wait(aio);
    s->conn = nng_aio_get_output(aio, 0);
    cr_assert_eq(nng_aio_result(aio) == 0, s->conn != NULL);
    return nng_aio_result(aio);
}

static void called(void *arg)
{
    ++*(int *) arg;
}

/* A read, and writes of both kinds, short and long; 0 or the first error. */
static int converse(struct session *s, nng_aio *aio, int *calls)
{
    static void (*const kinds[2])(nng_http_conn *, nng_aio *) = { nng_http_conn_write,
                                                                  nng_http_conn_write_all };
    char to[1000];
    int before = *calls, begun = 1;
    int err = finish(aio, nng_http_conn_read_all, s->conn, to, sizeof to);
    while (err == 0 && s->counted < SIZE) {
        size_t left = SIZE - s->counted, n = begun % 3 == 0 ? 100 : 200000;
        err = finish(aio, kinds[begun % 2], s->conn, s->data + s->counted, n < left ? n : left);
        s->counted += nng_aio_count(aio);
        begun++;
    }
    cr_assert_eq(*calls - before, begun, "%d callbacks of %d", *calls - before, begun);
    return err;
}

/* All of it once, from the first loop to nng_fini(); 0 or the first error. */
static int everything(enum t_fault which, int nth, int error)
{
    struct session s;
    char text[64];
    nng_url *url = NULL;
    nng_aio *aio = NULL;
    int calls = 0, err;
    set_up(&s);
    snprintf(text, sizeof text, "http://127.0.0.1:%u", s.port);
    t_fault_arm_errno(which, nth, error);
    (void) ((err = nng_url_parse(&url, text)) != 0 ||
            (err = nng_http_client_alloc(&s.client, url)) != 0 ||
            (err = nng_aio_alloc(&aio, called, &calls)) != 0 ||
            (err = connect_session(&s, aio)) != 0 || (err = converse(&s, aio, &calls)) != 0);
    nng_http_conn_close(s.conn);
    nng_http_client_free(s.client);
    nng_url_free(url);
    nng_aio_free(aio);
    nng_fini();
    t_fault_disarm();
    tear_down(&s);
    return err;
}

static bool known(int err, const int *allowed)
{
    bool found = false;
    for (; *allowed >= 0; allowed++) {
        found = found || *allowed == err;
    }
    return found;
}

/* Lets the first, second, ... call of `which` fail until there are no more of them. */
static int each(enum t_fault which, int error, const int *allowed, int most)
{
    int nth = 0;
    cr_assert_eq(everything(which, 0, error), 0); /* with all that is made once */
    unsigned fds = t_proc_fds();
    do {
        int err = everything(which, ++nth, error);
        cr_assert(known(err, allowed), "call %d: %s", nth, nng_strerror(err));
        cr_assert(t_fault_hits() != 0 || err == 0, "after call %d: %s (%s)", nth, nng_strerror(err),
                  nng_uring_reason());
        cr_assert_leq(t_proc_fds(), fds, "call %d left a descriptor open", nth);
    } while (t_fault_hits() != 0 && nth < most);
    cr_assert_eq(everything(which, 0, error), 0);
    return nth;
}

Test(net_fault, allocations)
{
    int allowed[] = { 0, NNG_ENOMEM, NNG_ENOTSUP, -1 };
    cr_assert_eq(setenv("NNG_URING_LOOPS", "1", 1), 0);
    cr_assert_gt(each(NU_FAULT_ALLOC, ENOMEM, allowed, 1000), 10);
}

Test(net_fault, allocations_of_many_loops)
{
    int allowed[] = { 0, NNG_ENOMEM, NNG_ENOTSUP, -1 };
    cr_assert_eq(setenv("NNG_URING_LOOPS", "3", 1), 0);
    cr_assert_gt(each(NU_FAULT_ALLOC, ENOMEM, allowed, 1000), 15);
}

Test(net_fault, sockets)
{
    int allowed[] = { 0, NNG_ENOFILES, NNG_ENOMEM, -1 };
    cr_assert_eq(each(NU_FAULT_SOCKET, EMFILE, allowed, 10), 2);
    cr_assert_eq(each(NU_FAULT_SOCKET, ENOBUFS, allowed, 10), 2);
}

/* TCP_NODELAY, which is not vital. */
Test(net_fault, socket_options)
{
    int allowed[] = { 0, -1 };
    cr_assert_geq(each(NU_FAULT_SETSOCKOPT, ENOPROTOOPT, allowed, 10), 2);
}

Test(net_fault, threads)
{
    int allowed[] = { 0, NNG_ENOTSUP, -1 };
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    (void) each(NU_FAULT_PTHREAD_CREATE, EAGAIN, allowed, 10);
}

/* Rings of the loops and of application threads. */
Test(net_fault, rings)
{
    static const int errors[] = { ENOMEM, EINVAL, EMFILE, EPERM };
    int allowed[] = { 0, NNG_ENOTSUP, -1 };
    cr_assert_eq(setenv("NNG_URING_BACKEND", "io_uring", 1), 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_geq(each(NU_FAULT_RING, errors[i], allowed, 20), 2);
    }
}

/* io_uring_enter() and io_uring_register(): passing conditions, and others. */
Test(net_fault, system_calls)
{
    static const int errors[] = { EINTR, EAGAIN, EBUSY, ENOMEM };
    int allowed[] = { 0, NNG_ENOMEM, NNG_ENOTSUP, -1 };
    cr_assert_eq(setenv("NNG_URING_BACKEND", "io_uring", 1), 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_gt(each(NU_FAULT_SYSCALL, errors[i], allowed, 60), 5);
    }
}

/* The other backend: what it is made of, and each socket that it watches. */
Test(net_fault, epoll)
{
    static const int errors[] = { ENOMEM, EMFILE, ENOSPC };
    int allowed[] = { 0, NNG_ENOMEM, NNG_ENOFILES, NNG_ENOTSUP, NNG_ENOSPC, -1 };
    cr_assert_eq(setenv("NNG_URING_BACKEND", "epoll", 1), 0);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_gt(each(NU_FAULT_EPOLL, errors[i], allowed, 60), 4);
    }
}

Test(net_fault, epoll_waits)
{
    int allowed[] = { 0, -1 };
    cr_assert_eq(setenv("NNG_URING_BACKEND", "epoll", 1), 0);
    cr_assert_gt(each(NU_FAULT_EPOLL_WAIT, EINTR, allowed, 60), 4);
}

/*
 * The same while the library finds out what the kernel offers, which it does once in a process: it
 * then works without what failed, or says that it cannot.
 */
static void each_when_probing(enum t_fault which, int error)
{
    for (int nth = 1, hits = 1; hits > 0 && nth < 80; nth++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            alarm(30);
            int err = everything(which, nth, error);
            int allowed[] = { 0, NNG_ENOTSUP, NNG_ENOMEM, NNG_ENOFILES, -1 };
            _exit(t_fault_hits() == 0 ? 2 : !known(err, allowed));
        }
        cr_assert_gt(child, 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 1, "call %d, errno %d: %x", nth,
                  error, (unsigned) status);
        hits = WEXITSTATUS(status) == 0;
    }
}

#ifndef NU_TSAN /* allows no threads after a fork */
Test(net_fault, probing)
{
    cr_assert_eq(setenv("NNG_URING_BACKEND", "io_uring", 1), 0);
    each_when_probing(NU_FAULT_SYSCALL, EINVAL);
    each_when_probing(NU_FAULT_SYSCALL, EPERM);
    each_when_probing(NU_FAULT_RING, EPERM);
    each_when_probing(NU_FAULT_RING, ENOMEM);
    each_when_probing(NU_FAULT_SOCKET, EMFILE);
    each_when_probing(NU_FAULT_ALLOC, ENOMEM);
}
#endif
