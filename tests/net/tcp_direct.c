/* SPDX-License-Identifier: MIT */
/* Threads that receive for themselves what they wait for: an exchange after the other, until one
 * does, and then whatever may end its read. */
#include "net/tcp_direct.h"

#include "http/conn.h"
#include "net/tcp_read.h"
#include "support/aio_probe.h"
#include "support/peer.h"
#include "support/random.h"
#include "support/scale.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

TestSuite(tcp_direct, .timeout = 120);

struct scene;
typedef void (*t_deed)(struct scene *s);

/* One side asks by a byte and waits for the answer, the other answers, until its deed is due. */
struct scene {
    struct nu_pair pair;
    nng_aio *aio;
    t_deed deed;    /* done in place of an answer; NULL: none */
    bool at_random; /* when that is: at any time, else when a thread receives for itself */
    unsigned seed;
    atomic_bool acted;
    atomic_uint seen; /* answers that a thread received for itself */
    uint8_t answer;
    pthread_t peer;
    pthread_t thread; /* that waits, where it is not the test's */
    bool playing;     /* it is there */
};

static struct nu_tcp *tcp_of(struct scene *s)
{
    return &s->pair.conn->tcp;
}

static bool is_direct(struct scene *s)
{
    struct nu_tcp *tcp = tcp_of(s);
    nu_lock(&tcp->stream.lock);
    bool direct = tcp->reading == NU_TCP_READ_DIRECT;
    nu_unlock(&tcp->stream.lock);
    return direct;
}

/* Whether no read that is begun now is its thread's. */
static bool is_over(struct scene *s)
{
    struct nu_tcp *tcp = tcp_of(s);
    nu_lock(&tcp->stream.lock);
    bool over = tcp->direct == NULL || tcp->direct->over;
    nu_unlock(&tcp->stream.lock);
    return over;
}

/* A thread takes a moment from its request to the wait for the answer, on an emulated CPU a long
 * one. */
static bool becomes_direct(struct scene *s)
{
    bool direct = false;
    for (unsigned i = 0; i < 200 && !(direct = is_direct(s)); i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
    }
    return direct;
}

static void dawdle(struct scene *s)
{
    nanosleep(&(struct timespec){ .tv_nsec = (long) t_random(&s->seed, 60) * 1000 }, NULL);
}

static void *play_peer(void *arg)
{
    struct scene *s = arg;
    uint8_t byte;
    unsigned left = s->at_random ? 8 + t_random(&s->seed, 40) : 0;
    while (recv(s->pair.fd, &byte, 1, 0) == 1) {
        bool direct = s->at_random ? left-- == 0 : becomes_direct(s);
        atomic_fetch_add(&s->seen, direct);
        if (s->deed != NULL && direct) {
            s->deed(s);
            atomic_store(&s->acted, true);
            break;
        }
        if (send(s->pair.fd, &byte, 1, MSG_NOSIGNAL) != 1) {
            break;
        }
    }
    return NULL;
}

static void start_peer(struct scene *s)
{
    s->playing = true;
    cr_assert_eq(pthread_create(&s->peer, NULL, play_peer, s), 0);
}

static void join_peer(struct scene *s)
{
    if (s->playing) {
        pthread_join(s->peer, NULL);
    }
    s->playing = false;
}

static void begin(struct scene *s, t_deed deed)
{
    s->deed = deed;
    t_pair_open(&s->pair);
    cr_assert_eq(nng_aio_alloc(&s->aio, NULL, NULL), 0);
    start_peer(s);
}

static void end(struct scene *s)
{
    shutdown(s->pair.fd, SHUT_RDWR);
    join_peer(s);
    t_pair_close(&s->pair);
    nng_aio_free(s->aio);
}

static int ask(struct scene *s, uint8_t byte)
{
    nng_iov iov = { &byte, 1 };
    cr_assert_eq(nng_aio_set_iov(s->aio, 1, &iov), 0);
    nng_http_conn_write_all(s->pair.conn, s->aio);
    nng_aio_wait(s->aio);
    return nng_aio_result(s->aio);
}

static void begin_read(struct scene *s)
{
    nng_iov iov = { &s->answer, 1 };
    cr_assert_eq(nng_aio_set_iov(s->aio, 1, &iov), 0);
    nng_http_conn_read_all(s->pair.conn, s->aio);
}

static int exchange(struct scene *s, uint8_t byte)
{
    int err = ask(s, byte);
    if (err != 0) {
        return err;
    }
    begin_read(s);
    nng_aio_wait(s->aio);
    err = nng_aio_result(s->aio);
    cr_assert_eq(nng_aio_count(s->aio), err == 0);
    cr_assert(err != 0 || s->answer == byte);
    return err;
}

/* Until a thread has received for itself `n` times, or something has gone wrong. */
static int exchange_until(struct scene *s, unsigned n)
{
    int err = 0;
    for (unsigned i = 0; err == 0 && atomic_load(&s->seen) < n; i++) {
        err = exchange(s, (uint8_t) i);
    }
    return err;
}

Test(tcp_direct, a_thread_receives_for_itself)
{
    struct scene s = { 0 };
    begin(&s, NULL);
    cr_assert_eq(exchange_until(&s, 20), 0);
    end(&s);
}

static void *wait_too(void *arg)
{
    struct scene *s = arg;
    while (!atomic_load(&s->acted)) {
        nng_aio_wait(s->aio);
        dawdle(s);
    }
    return NULL;
}

/* Whichever of them receives, both learn of the end. */
Test(tcp_direct, two_wait)
{
    struct scene s = { .seed = 1 };
    pthread_t other;
    begin(&s, NULL);
    cr_assert_eq(pthread_create(&other, NULL, wait_too, &s), 0);
    cr_assert_eq(exchange_until(&s, 100), 0);
    atomic_store(&s.acted, true);
    pthread_join(other, NULL);
    end(&s);
}

/* Records are the owner's to open. */
Test(tcp_direct, not_over_tls)
{
    struct scene s = { 0 };
    setenv("NU_TESTS_TLS", "1", 1);
    begin(&s, NULL);
    for (unsigned i = 0; i < 30; i++) {
        cr_assert_eq(exchange(&s, (uint8_t) i), 0);
        cr_assert(is_over(&s));
    }
    cr_assert_eq(atomic_load(&s.seen), 0);
    end(&s);
}

/* ---- What ends such a read ---------------------------------------------------------------- */

static void cancel(struct scene *s)
{
    nng_aio_cancel(s->aio);
}

static void stop(struct scene *s)
{
    nng_aio_stop(s->aio);
}

static void close_conn(struct scene *s)
{
    nng_http_conn_close(s->pair.conn);
    s->pair.conn = NULL;
}

static void finish(struct scene *s)
{
    shutdown(s->pair.fd, SHUT_WR);
}

static void reset(struct scene *s)
{
    t_pair_abort(&s->pair);
}

static void fini(struct scene *s)
{
    (void) s;
    nng_fini();
}

static void nothing(struct scene *s)
{
    (void) s;
}

static void assert_ends(t_deed deed, nng_duration timeout, int result)
{
    struct scene s = { 0 };
    begin(&s, deed);
    nng_aio_set_timeout(s.aio, timeout);
    int err = exchange_until(&s, UINT32_MAX);
    cr_assert_eq(err, result, "%s", nng_strerror(err));
    join_peer(&s);
    cr_assert(atomic_load(&s.acted));
    end(&s);
}

Test(tcp_direct, ends_by_stop)
{
    assert_ends(stop, NNG_DURATION_INFINITE, NNG_ECANCELED);
}

Test(tcp_direct, ends_by_close)
{
    assert_ends(close_conn, NNG_DURATION_INFINITE, NNG_ECLOSED);
}

Test(tcp_direct, ends_with_the_stream)
{
    assert_ends(finish, NNG_DURATION_INFINITE, NNG_ECONNSHUT);
}

Test(tcp_direct, ends_by_a_reset)
{
    assert_ends(reset, NNG_DURATION_INFINITE, NNG_ECONNRESET);
}

Test(tcp_direct, ends_at_its_deadline)
{
    assert_ends(nothing, 5000, NNG_ETIMEDOUT);
}

static void *exchange_on(void *arg)
{
    (void) exchange_until(arg, UINT32_MAX);
    return NULL;
}

static void cancel_thread(struct scene *s)
{
    pthread_cancel(s->thread);
    cancel(s);
}

/* That it waits is no cancellation point: the connection is closed, and the library ends. */
Test(tcp_direct, its_thread_is_cancelled)
{
    struct scene s = { 0 };
    if (dlopen("libgcc_s.so.1", RTLD_NOW) == NULL) {
        cr_skip_test("glibc's pthread_cancel() needs it");
    }
    begin(&s, NULL);
    cr_assert_eq(exchange_until(&s, 1), 0);
    s.deed = cancel_thread;
    cr_assert_eq(pthread_create(&s.thread, NULL, exchange_on, &s), 0);
    pthread_join(s.thread, NULL);
    join_peer(&s);
    struct pollfd pfd = { .fd = s.pair.fd, .events = POLLRDHUP };
    close_conn(&s);
    cr_assert_eq(poll(&pfd, 1, 60000), 1);
    end(&s);
    nng_fini();
}

/* The answer to the request whose read was cancelled is the next read's. */
Test(tcp_direct, a_cancelled_one_leaves_the_bytes)
{
    struct scene s = { 0 };
    begin(&s, cancel);
    cr_assert_eq(exchange_until(&s, UINT32_MAX), NNG_ECANCELED);
    join_peer(&s);
    cr_assert_eq(send(s.pair.fd, "x", 1, 0), 1);
    begin_read(&s);
    nng_aio_wait(s.aio);
    cr_assert_eq(nng_aio_result(s.aio), 0);
    cr_assert_eq(s.answer, 'x');
    s.deed = NULL;
    start_peer(&s);
    cr_assert_eq(exchange_until(&s, atomic_load(&s.seen) + 3), 0);
    end(&s);
}

Test(tcp_direct, ends_with_the_library)
{
    assert_ends(fini, NNG_DURATION_INFINITE, NNG_ECLOSED);
}

/* ---- What is not waited for --------------------------------------------------------------- */

struct reading {
    struct scene *scene;
    nng_aio *aio;
};

static void read_on_owner(void *arg)
{
    const struct reading *r = arg;
    nng_http_conn_read_all(r->scene->pair.conn, r->aio);
    cr_assert(is_over(r->scene));
}

/* Nobody waits, so the owner takes over. */
Test(tcp_direct, a_read_goes_on_by_itself)
{
    struct scene s = { 0 };
    begin(&s, NULL);
    for (unsigned i = 1; i <= 3; i++) {
        cr_assert_eq(exchange_until(&s, 3 * i), 0);
        cr_assert_eq(ask(&s, 'b'), 0);
        begin_read(&s);
        while (nng_aio_busy(s.aio)) {
            nng_msleep(1);
        }
        cr_assert_eq(nng_aio_result(s.aio), 0);
        cr_assert_eq(s.answer, 'b');
    }
    end(&s);
}

/* Nor its end at a deadline that comes before the owner has noticed that nobody waits. */
Test(tcp_direct, a_short_time_is_kept)
{
    struct scene s = { 0 };
    begin(&s, NULL);
    cr_assert_eq(exchange_until(&s, 3), 0);
    nng_aio_set_timeout(s.aio, 20);
    begin_read(&s);
    cr_assert(is_over(&s) || !nng_aio_busy(s.aio)); /* it may have passed already */
    while (nng_aio_busy(s.aio)) {
        nng_msleep(1);
    }
    cr_assert_eq(nng_aio_result(s.aio), NNG_ETIMEDOUT);
    end(&s);
}

/* The owner takes over with the first read that no thread can receive for itself; and threads do so
 * again later. */
Test(tcp_direct, a_callback_is_called)
{
    struct scene s = { 0 };
    begin(&s, NULL);
    for (unsigned mode = 0; mode < 2; mode++) {
        struct t_aio_probe track;
        uint8_t answer = 0;
        t_aio_probe_open(&track, NU_CALLED);
        t_aio_probe_buffer(&track, &answer, 1);
        cr_assert_eq(exchange_until(&s, 3 * (mode + 1)), 0);
        if (mode == 0) {
            nng_http_conn_read_all(s.pair.conn, track.aio);
            cr_assert(is_over(&s));
        } else {
            t_on_owner(s.pair.conn, read_on_owner, &(struct reading){ &s, track.aio });
        }
        cr_assert_eq(ask(&s, 'a'), 0);
        t_aio_probe_assert(&track, 1, 0);
        cr_assert_eq(answer, 'a');
        t_aio_probe_close(&track);
    }
    end(&s);
}

/* A read with a callback behind one that a thread receives for itself has the next bytes. */
Test(tcp_direct, others_come_behind)
{
    struct scene s = { 0 };
    struct t_aio_probe behind;
    uint8_t next = 0;
    begin(&s, NULL);
    t_aio_probe_open(&behind, NU_CALLED);
    t_aio_probe_buffer(&behind, &next, 1);
    cr_assert_eq(exchange_until(&s, 3), 0);
    cr_assert_eq(ask(&s, 'c'), 0);
    cr_assert_eq(ask(&s, 'd'), 0);
    begin_read(&s);
    nng_http_conn_read_all(s.pair.conn, behind.aio);
    nng_aio_wait(s.aio);
    t_aio_probe_await(&behind, 1);
    cr_assert_eq(s.answer, 'c');
    cr_assert_eq(next, 'd');
    t_aio_probe_close(&behind);
    end(&s);
}

/* Whether threads did receive for themselves just then. */
static bool sees_the_end(size_t before)
{
    struct scene s = { 0 };
    begin(&s, NULL);
    cr_assert_eq(exchange_until(&s, 3), 0);
    struct nu_tcp *tcp = tcp_of(&s);
    struct pollfd pfd = { .fd = tcp->fd, .events = POLLRDHUP };
    cr_assert_eq(send(s.pair.fd, "unasked", before, 0), (ssize_t) before);
    shutdown(s.pair.fd, SHUT_RDWR);
    cr_assert_eq(poll(&pfd, 1, 60000), 1);
    nu_lock(&tcp->stream.lock);
    bool seen = tcp->direct != NULL && tcp->reading == NU_TCP_READ_NONE && tcp->stream.end == 0;
    nu_tcp_read_catch_up(tcp);
    cr_assert(!seen || tcp->stream.end == NNG_ECONNSHUT);
    cr_assert(!seen || nu_rx_len(&tcp->stream.rx) == before);
    nu_unlock(&tcp->stream.lock);
    end(&s);
    return seen;
}

/* Receives do not go before such reads, and yet what has come while nothing was asked for is seen
 * by who looks: bytes, and an end behind them. */
Test(tcp_direct, what_has_come_is_seen)
{
    while (!sees_the_end(0)) {
    }
    while (!sees_the_end(7)) {
    }
}

/* ---- At about the same time --------------------------------------------------------------- */

static void any_deed(struct scene *s)
{
    static const t_deed deeds[] = { cancel, stop, finish, reset };
    dawdle(s);
    deeds[t_random(&s->seed, 4)](s);
    dawdle(s);
    finish(s); /* it may have found nothing to cancel */
}

Test(tcp_direct, races)
{
    unsigned seed = 7;
    for (unsigned i = 0; i < NU_TIMES(200); i++) {
        struct scene s = { .at_random = true, .seed = 1 + t_random(&seed, 1000000) };
        begin(&s, any_deed);
        int err = exchange_until(&s, UINT32_MAX);
        cr_assert(err == NNG_ECANCELED || err == NNG_ECONNSHUT || err == NNG_ECONNRESET ||
                      err == NNG_ECLOSED,
                  "%s", nng_strerror(err));
        if (i % 2 == 0) {
            nng_http_conn_close(s.pair.conn); /* its helper may still be about to leave */
            s.pair.conn = NULL;
        }
        end(&s);
    }
}
