/* SPDX-License-Identifier: MIT */
#include "io/runtime.h"

#include "base/check.h"
#include "support/aio_probe.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Starting and stopping ---------------------------------------------------------------- */

static void sleep_once(void)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, NU_CALLED);
    nng_sleep_aio(1, track.aio);
    t_aio_probe_assert(&track, 1, 0);
    t_aio_probe_close(&track);
}

Test(runtime, start_and_stop, .timeout = 60)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "3", 1), 0);
    unsigned threads = t_proc_threads();
    nng_fini();
    cr_assert_eq(nng_uring_loops(), 0);
    cr_assert_str_eq(nng_uring_setup_flags(), "");
    sleep_once();
    cr_assert_eq(nng_uring_loops(), 3);
    cr_assert_str_not_empty(nng_uring_setup_flags());
    nng_fini();
    t_proc_await_threads(threads);
    unsigned fds = t_proc_fds();
    for (int i = 0; i < NU_TIMES(50); i++) {
        sleep_once();
        nng_fini();
        nng_fini();
        cr_assert_eq(nng_uring_loops(), 0);
    }
    t_proc_await_fds(fds);
    t_proc_await_threads(threads);
}

Test(runtime, as_many_loops_as_wanted, .timeout = 60)
{
    cr_assert_eq(setenv("NNG_URING_LOOPS", "7", 1), 0);
    sleep_once();
    cr_assert_eq(nng_uring_loops(), 7);
    for (unsigned i = 0; i < 7; i++) {
        cr_assert_eq(nu_runtime_loop(i)->index, i);
    }
    cr_assert_null(nu_loop_self());
}

/* Starting from many threads at once starts one set of loops. */
static void *sleep_in_thread(void *arg)
{
    (void) arg;
    sleep_once();
    return NULL;
}

Test(runtime, started_by_many, .timeout = 60)
{
    pthread_t threads[16];
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    for (int i = 0; i < 16; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, sleep_in_thread, NULL), 0);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(nng_uring_loops(), 2);
}

/* ---- What is pending at nng_fini() -------------------------------------------------------- */

static void end_deferred(nng_aio *aio, void *arg, int err)
{
    (void) arg;
    nng_aio_finish(aio, err);
}

static int full_listener(unsigned *port)
{
    int listener = nu_listen(port, 0);
    cr_assert_eq(listen(listener, 0), 0);
    return listener;
}

enum {
    WRITE,
    WRITE_QUEUED,
    READ,
    READ_QUEUED,
    SLEEP,
    SLEEP_ENDLESS,
    DEFERRED,
    DIALS,
    PENDING = 12
};

/* Everything that can be pending, with and without a callback. */
static void start_all(struct t_aio_probe *track, struct nu_pair *pair, uint8_t *data, unsigned mode,
                      nng_http_client *client)
{
    for (int i = 0; i < PENDING; i++) {
        t_aio_probe_open(&track[i], mode);
        t_aio_probe_buffer(&track[i], data, NU_PLENTY);
    }
    nng_http_conn_write_all(pair->conn, track[WRITE].aio);
    nng_http_conn_write(pair->conn, track[WRITE_QUEUED].aio);
    t_aio_probe_buffer(&track[READ], data + NU_PLENTY, 100);
    t_aio_probe_buffer(&track[READ_QUEUED], data + NU_PLENTY, 100);
    nng_http_conn_read(pair->conn, track[READ].aio);
    nng_http_conn_read_all(pair->conn, track[READ_QUEUED].aio);
    nng_sleep_aio(100000, track[SLEEP].aio);
    nng_sleep_aio(NNG_DURATION_INFINITE, track[SLEEP_ENDLESS].aio);
    cr_assert(nng_aio_begin(track[DEFERRED].aio));
    nng_aio_defer(track[DEFERRED].aio, end_deferred, NULL);
    for (int i = DIALS; i < PENDING; i++) {
        nng_http_client_connect(client, track[i].aio);
    }
}

static void fini_with_everything_pending(unsigned mode)
{
    struct t_aio_probe track[PENDING];
    struct nu_pair pair;
    unsigned port;
    int listener = full_listener(&port);
    nng_http_client *client = t_client(port);
    uint8_t *data = t_pattern_new(NU_PLENTY + 100, 1);
    t_pair_open(&pair);
    start_all(track, &pair, data, mode, client);
    t_peer_read(pair.fd, 0, 1, 1);
    nng_fini();
    cr_assert_eq(nng_uring_loops(), 0);
    for (int i = 0; i < PENDING; i++) {
        cr_assert_not(nng_aio_busy(track[i].aio), "%d", i);
        nng_http_conn *conn = i >= DIALS ? nng_aio_get_output(track[i].aio, 0) : NULL;
        if (conn != NULL) { /* the queue had room for it */
            cr_assert_eq(nng_aio_result(track[i].aio), 0);
            nng_http_conn_close(conn);
        } else {
            t_aio_probe_assert(&track[i], 1, NNG_ECLOSED);
        }
        cr_assert_eq(t_aio_probe_calls(&track[i]), mode & NU_CALLED ? 1 : 0, "%d", i);
    }
    size_t count = nng_aio_count(track[WRITE].aio);
    cr_assert_gt(count, 0);
    cr_assert_eq(nng_aio_count(track[WRITE_QUEUED].aio), 0);
    cr_assert_eq(t_peer_rest(pair.fd, 1, 1), count - 1);
    t_pair_close(&pair); /* what was left alive can be freed */
    for (int i = 0; i < PENDING; i++) {
        t_aio_probe_close(&track[i]);
    }
    nng_http_client_free(client);
    close(listener);
    free(data);
}

Test(runtime, fini_with_everything_pending, .timeout = 60)
{
    for (int i = 0; i < 10; i++) {
        fini_with_everything_pending(i % 2 ? NU_CALLED : 0);
        fini_with_everything_pending(NU_TIMED | (i % 2 ? NU_CALLED : 0));
    }
    sleep_once(); /* and it starts afresh */
}

/* Callbacks that start something else when theirs ends, on connections of all loops. */

#define CHAINS 8U

static void write_elsewhere(struct t_aio_probe *track)
{
    struct nu_pair *pairs = track->arg;
    if (track->calls <= (int) CHAINS) {
        nng_http_conn_write_all(pairs[track->calls % CHAINS].conn, track->aio);
    }
}

Test(runtime, fini_with_callbacks_that_go_on, .timeout = 60)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1);
    cr_assert_eq(setenv("NNG_URING_LOOPS", "4", 1), 0);
    for (int round = 0; round < 20; round++) {
        struct nu_pair pairs[CHAINS];
        struct t_aio_probe tracks[CHAINS];
        for (unsigned i = 0; i < CHAINS; i++) {
            t_pair_open(&pairs[i]);
        }
        for (unsigned i = 0; i < CHAINS; i++) {
            t_aio_probe_open(&tracks[i], NU_CALLED);
            t_aio_probe_buffer(&tracks[i], data, NU_PLENTY);
            tracks[i].then = write_elsewhere;
            tracks[i].arg = pairs;
            nng_http_conn_write_all(pairs[i].conn, tracks[i].aio);
        }
        nng_fini();
        for (unsigned i = 0; i < CHAINS; i++) {
            cr_assert_not(nng_aio_busy(tracks[i].aio));
            cr_assert_eq(tracks[i].calls, CHAINS + 1);
            cr_assert_eq(tracks[i].result, NNG_ECLOSED);
        }
        for (unsigned i = 0; i < CHAINS; i++) {
            t_aio_probe_close(&tracks[i]);
            t_pair_close(&pairs[i]);
        }
    }
    free(data);
}

/* ---- Forking ------------------------------------------------------------------------------ */

/* 0 when the child is refused everything at once; else the number of what went wrong. */
static int use_in_child(struct nu_pair *pair, struct t_aio_probe *track, nng_http_client *client)
{
    nng_aio *aio;
    track->calls = 0;
    if (nng_aio_alloc(&aio, NULL, NULL) != NNG_ENOTSUP || nng_uring_reason()[0] == '\0' ||
        nng_uring_remedy()[0] == '\0') {
        return 1;
    }
    for (int i = 1; i <= 6; i++) {
        switch (i) {
        case 1:
            nng_http_conn_write(pair->conn, track->aio);
            break;
        case 2:
            nng_http_conn_write_all(pair->conn, track->aio);
            break;
        case 3:
            nng_http_conn_read(pair->conn, track->aio);
            break;
        case 4:
            nng_http_conn_read_all(pair->conn, track->aio);
            break;
        case 5:
            nng_sleep_aio(1, track->aio);
            break;
        default:
            nng_http_client_connect(client, track->aio);
            break;
        }
        nng_aio_wait(track->aio);
        if (nng_aio_result(track->aio) != NNG_ENOTSUP || nng_aio_count(track->aio) != 0 ||
            track->calls != i) {
            return 1 + i;
        }
    }
    nng_aio_cancel(track->aio);
    nng_aio_stop(track->aio);
    nng_http_conn_close(pair->conn);
    nng_aio_free(track->aio);
    nng_fini();
    return 0;
}

/* A forked child gets an error, also while the parent is in the middle of things, and the parent
 * goes on as if nothing had been. */
Test(runtime, fork, .timeout = 60)
{
    struct nu_pair pair;
    struct t_aio_probe read, idle;
    unsigned port;
    int listener = nu_listen(&port, 0), status;
    nng_http_client *client = t_client(port);
    char byte = 0, to = 0;
    t_pair_open(&pair);
    t_aio_probe_open(&read, NU_CALLED);
    t_aio_probe_open(&idle, NU_CALLED);
    t_aio_probe_buffer(&read, &to, 1);
    t_aio_probe_buffer(&idle, &byte, 1);
    nng_http_conn_read(pair.conn, read.aio);
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20); /* a hang is an end, too */
            _exit(use_in_child(&pair, &idle, client));
        }
        cr_assert_gt(child, 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0, "%x", (unsigned) status);
    }
    cr_assert(nng_aio_busy(read.aio));
    cr_assert_eq(send(pair.fd, "x", 1, 0), 1);
    t_aio_probe_assert(&read, 1, 0);
    cr_assert_eq(to, 'x');
    nng_http_conn_write_all(pair.conn, idle.aio);
    t_aio_probe_assert(&idle, 1, 0);
    t_pair_assert_rest(&pair, 0, 1, 0);
    t_aio_probe_close(&read);
    t_aio_probe_close(&idle);
    t_pair_close(&pair);
    nng_http_client_free(client);
    close(listener);
}

static void fork_on_owner(void *arg)
{
    struct t_aio_probe *pending = arg;
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        nng_aio_wait(pending->aio); /* for nothing: nobody is left to end it */
        nng_aio_stop(pending->aio);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%x", (unsigned) status);
}

/* A child that a callback forks has the owner's thread, but no loop for it to turn. */
Test(runtime, fork_in_a_callback, .timeout = 60)
{
    struct nu_pair pair;
    struct t_aio_probe read;
    char byte = 0;
    t_pair_open(&pair);
    t_aio_probe_open(&read, NU_CALLED);
    t_aio_probe_buffer(&read, &byte, 1);
    nng_http_conn_read(pair.conn, read.aio);
    t_on_owner(pair.conn, fork_on_owner, &read);
    cr_assert_eq(send(pair.fd, "x", 1, 0), 1);
    t_aio_probe_assert(&read, 1, 0);
    t_aio_probe_close(&read);
    t_pair_close(&pair);
}

/* Forked before the library runs, a child may use it. */
Test(runtime, fork_before, .timeout = 60)
{
#ifdef NU_TSAN
    cr_skip_test("ThreadSanitizer allows no threads after a fork");
#endif
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        sleep_once();
        nng_fini();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%x", (unsigned) status);
}
