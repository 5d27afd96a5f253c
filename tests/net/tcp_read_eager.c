/* SPDX-License-Identifier: MIT */
/* Connections that we have dialed: reads that end on any thread, receives that go before them. */
#include "http/conn.h"
#include "io/counters.h"
#include "net/tcp_read.h"
#include "support/scripted_peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(tcp_read_eager, .timeout = 60);

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

static uint64_t counted(enum nu_count what)
{
    nng_uring_counter list[NU_COUNTS];
    cr_assert_leq(nng_uring_counters(list, NU_COUNTS), NU_COUNTS);
    return list[what].value;
}

static void read_res(struct t_scripted_peer *t)
{
    nng_http_conn_read_res(t->pair.conn, t->res, t->track.aio);
}

static void read_some(struct t_scripted_peer *t)
{
    nng_http_conn_read(t->pair.conn, t->track.aio);
}

static void read_all(struct t_scripted_peer *t)
{
    nng_http_conn_read_all(t->pair.conn, t->track.aio);
}

static void write_all(struct t_scripted_peer *t)
{
    nng_http_conn_write_all(t->pair.conn, t->track.aio);
}

/* Until so many bytes, or the end, have been received for nobody. */
static void wait_for(nng_http_conn *conn, size_t n, int end)
{
    for (bool there = false; !there; usleep(100)) {
        nu_lock(&conn->stream->lock);
        there = nu_rx_len(&conn->stream->rx) >= n && conn->stream->end == end;
        nu_unlock(&conn->stream->lock);
    }
}

/* ---- Without the owner -------------------------------------------------------------------- */

/* What has come with a head is here, and no other thread is needed to hand it out. */
Test(tcp_read_eager, in_place)
{
    for (unsigned mode = 0; mode < NU_MODES; mode += NU_CALLED) {
        struct t_scripted_peer t;
        char body[6] = { 0 };
        t_scripted_peer_open(&t, mode);
        t_scripted_peer_say(&t, HEAD "hello");
        t_scripted_peer_start(&t, read_res);
        t_scripted_peer_finish(&t, 0);
        uint64_t wake_ups = counted(NU_COUNT_WAKE_UPS);
        for (int i = 0; i < 5; i++) {
            t_aio_probe_buffer(&t.track, body + i, 1);
            t_scripted_peer_start(&t, read_all);
            cr_assert(mode & NU_CALLED || !nng_aio_busy(t.track.aio));
            t_scripted_peer_finish_count(&t, 0, 1);
        }
        cr_assert_str_eq(body, "hello");
        cr_assert(mode & NU_CALLED || counted(NU_COUNT_WAKE_UPS) == wake_ups);
        t_scripted_peer_close(&t);
    }
}

/* Nor to receive it: a receive is there already. */
Test(tcp_read_eager, waited_exchange)
{
    struct t_scripted_peer t;
    char body[6] = { 0 };
    t_scripted_peer_open(&t, 0);
    uint64_t wake_ups = counted(NU_COUNT_WAKE_UPS);
    for (int i = 0; i < 50; i++) {
        t_aio_probe_buffer(&t.track, "ask", 3);
        t_scripted_peer_start(&t, write_all);
        t_scripted_peer_finish_count(&t, 0, 3);
        t_scripted_peer_hear(&t, "ask");
        t_scripted_peer_start(&t, read_res);
        t_scripted_peer_say(&t, HEAD);
        t_scripted_peer_finish_count(&t, 0, strlen(HEAD));
        t_aio_probe_buffer(&t.track, body, 5);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_say(&t, "hello");
        t_scripted_peer_finish_count(&t, 0, 5);
        cr_assert_str_eq(body, "hello");
    }
    cr_assert_eq(counted(NU_COUNT_WAKE_UPS), wake_ups);
    t_scripted_peer_close(&t);
}

/* ---- Reads that end early ----------------------------------------------------------------- */

/* They take the receive of all others with them neither at the kernel nor here. */
Test(tcp_read_eager, cancelled)
{
    struct t_scripted_peer t;
    t_scripted_peer_open(&t, 0);
    uint64_t cancellations = counted(NU_COUNT_CANCELLATIONS);
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        char body[6] = { 0 };
        t_aio_probe_close(&t.track);
        t_aio_probe_open(&t.track, mode);
        t_aio_probe_buffer(&t.track, body, 5);
        t.mode = mode;
        t.calls = 0;
        for (int i = 0; i < 10; i++) {
            t_scripted_peer_start(&t, i % 2 ? read_res : read_all);
            nng_aio_cancel(t.track.aio);
            t_scripted_peer_finish_count(&t, NNG_ECANCELED, 0);
        }
        cr_assert_eq(counted(NU_COUNT_CANCELLATIONS), cancellations);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_say(&t, "hello");
        t_scripted_peer_finish_count(&t, 0, 5);
        cr_assert_str_eq(body, "hello");
    }
    t_scripted_peer_close(&t);
}

/* The one behind can do with what was too little for the one that is cancelled. */
Test(tcp_read_eager, cancelled_before_another)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        struct t_aio_probe behind;
        char body[6] = { 0 };
        t_scripted_peer_open(&t, mode);
        t_aio_probe_open(&behind, mode);
        t_aio_probe_buffer(&behind, body, 5);
        t_scripted_peer_start(&t, read_res);
        nng_http_conn_read_all(t.pair.conn, behind.aio);
        t_scripted_peer_say(&t, "HTTP/");
        wait_for(t.pair.conn, 5, 0);
        cr_assert(nng_aio_busy(behind.aio));
        nng_aio_cancel(t.track.aio);
        t_scripted_peer_finish_count(&t, NNG_ECANCELED, 0);
        t_aio_probe_assert(&behind, 1, 0);
        cr_assert_str_eq(body, "HTTP/");
        t_aio_probe_close(&behind);
        t_scripted_peer_close(&t);
    }
}

struct sender {
    int fd;
    const uint8_t *data;
};

static void *send_in_parts(void *arg)
{
    const struct sender *s = arg;
    for (size_t at = 0, part = 1; at < NU_PLENTY; at += part, part = part % 9001 + 100) {
        part = part < NU_PLENTY - at ? part : NU_PLENTY - at;
        cr_assert_eq(send(s->fd, s->data + at, part, MSG_NOSIGNAL), (ssize_t) part);
        if (at % 7 == 0) {
            usleep(100);
        }
    }
    return NULL;
}

/* Whatever they end with, the bytes they count are there, and the next one's follow. */
Test(tcp_read_eager, no_byte_lost)
{
    for (unsigned mode = 0; mode < NU_MODES; mode += NU_CALLED) {
        struct t_scripted_peer t;
        uint8_t *data = t_pattern_new(NU_PLENTY, 1), *to = calloc(1, NU_PLENTY);
        pthread_t thread;
        t_scripted_peer_open(&t, mode);
        struct sender s = { t.pair.fd, data };
        cr_assert_eq(pthread_create(&thread, NULL, send_in_parts, &s), 0);
        for (size_t at = 0, i = 0; at < NU_PLENTY; i++) {
            size_t size = 1 + i * 977 % 20000;
            t.mode = mode | (i % 3 == 0 ? NU_ON_OWNER : 0);
            t_aio_probe_buffer(&t.track, to + at, size < NU_PLENTY - at ? size : NU_PLENTY - at);
            nng_aio_set_timeout(t.track.aio, i % 5 == 4 ? 1 : NNG_DURATION_INFINITE);
            t_scripted_peer_start(&t, i % 2 ? read_some : read_all);
            if (i % 4 == 1) {
                nng_aio_cancel(t.track.aio);
            }
            nng_aio_wait(t.track.aio);
            t.calls++;
            int err = nng_aio_result(t.track.aio);
            cr_assert(err == 0 || (err == NNG_ECANCELED && i % 4 == 1) ||
                      (err == NNG_ETIMEDOUT && i % 5 == 4));
            at += nng_aio_count(t.track.aio);
        }
        pthread_join(thread, NULL);
        t_pattern_assert(to, 0, NU_PLENTY, 1);
        t_scripted_peer_close(&t);
        free(data);
        free(to);
    }
}

/* ---- While nobody reads ------------------------------------------------------------------- */

Test(tcp_read_eager, end_of_stream)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        char body[6] = { 0 };
        t_scripted_peer_open(&t, mode);
        t_scripted_peer_say(&t, "hello");
        wait_for(t.pair.conn, 5, 0);
        cr_assert_eq(shutdown(t.pair.fd, SHUT_WR), 0);
        wait_for(t.pair.conn, 5, NNG_ECONNSHUT);
        t_aio_probe_buffer(&t.track, body, 3);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_finish_count(&t, 0, 3);
        t_aio_probe_buffer(&t.track, body + 3, 3);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_finish_count(&t, NNG_ECONNSHUT, 2);
        cr_assert_str_eq(body, "hello");
        t_scripted_peer_start(&t, read_some);
        t_scripted_peer_finish_count(&t, NNG_ECONNSHUT, 0);
        t_scripted_peer_start(&t, read_res);
        t_scripted_peer_finish_count(&t, NNG_ECONNSHUT, 0);
        t_aio_probe_buffer(&t.track, "still", 5);
        t_scripted_peer_start(&t, write_all);
        t_scripted_peer_finish_count(&t, 0, 5);
        t_scripted_peer_hear(&t, "still");
        t_scripted_peer_hear_no_more(&t);
        t_scripted_peer_close(&t);
    }
}

Test(tcp_read_eager, reset)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct t_scripted_peer t;
        char body[6] = { 0 };
        t_scripted_peer_open(&t, mode);
        t_scripted_peer_say(&t, "hello");
        wait_for(t.pair.conn, 5, 0);
        t_pair_reset(&t.pair);
        wait_for(t.pair.conn, 5, NNG_ECONNRESET);
        t_aio_probe_buffer(&t.track, body, 6);
        t_scripted_peer_start(&t, read_some);
        t_scripted_peer_finish_count(&t, 0, 5);
        for (int i = 0; i < 2; i++) {
            t_scripted_peer_start(&t, read_some);
            t_scripted_peer_finish_count(&t, NNG_ECONNRESET, 0);
        }
        t_scripted_peer_start(&t, write_all);
        t_scripted_peer_finish_count(&t, NNG_ECONNRESET, 0);
        t_scripted_peer_close(&t);
    }
}

/* The receive goes with the connection, and what it has brought does not make a reset of it. */
Test(tcp_read_eager, closed)
{
    for (int unread = 0; unread < 2; unread++) {
        struct t_scripted_peer t;
        t_scripted_peer_open(&t, 0);
        if (unread) {
            t_scripted_peer_say(&t, "hello");
            wait_for(t.pair.conn, 5, 0);
        }
        t_scripted_peer_hear_no_more(&t);
        t_scripted_peer_close(&t);
    }
}

/* A peer that nobody listens to gets stuck, also if it sends a little at a time. */
Test(tcp_read_eager, back_pressure)
{
    uint8_t *data = t_pattern_new(NU_PLENTY, 1), *to = calloc(1, NU_PLENTY);
    for (size_t part = 1000; part <= 100000; part *= 100) {
        struct t_scripted_peer t;
        size_t sent = 0;
        t_scripted_peer_open(&t, 0);
        int small = 128 << 10; /* and of fixed size: what the kernel may keep for us */
        setsockopt(t.pair.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        setsockopt(t.pair.conn->tcp.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        for (int waits = 0; waits < 50;) { /* until nothing has fitted for 50 ms */
            ssize_t n = send(t.pair.fd, data + sent, part, MSG_DONTWAIT | MSG_NOSIGNAL);
            cr_assert(n > 0 || errno == EAGAIN);
            if (n < 0) {
                usleep(1000);
            }
            waits = n < 0 ? waits + 1 : 0;
            sent += n > 0 ? (size_t) n : 0;
            cr_assert_lt(sent + part, NU_PLENTY);
        }
        nu_lock(&t.pair.conn->stream->lock);
        cr_assert_lt(nu_rx_len(&t.pair.conn->stream->rx), 2 * NU_BUFRING_SIZE);
        nu_unlock(&t.pair.conn->stream->lock);
        t_aio_probe_buffer(&t.track, to, sent);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_finish_count(&t, 0, sent);
        t_pattern_assert(to, 0, sent, 1);
        t_scripted_peer_close(&t);
    }
    free(data);
    free(to);
}

/* ---- When the loop's buffers are out ------------------------------------------------------ */

/* Receives until it has all buffers of a loop. */
struct hog {
    struct nu_loop *loop;
    struct nu_op op;
    int fds[2];
    uint8_t *held[NU_BUFRING_COUNT];
    uint32_t last; /* the flags that named the last one */
    unsigned n;
    atomic_bool full;
};

static void take_one(struct hog *h)
{
    cr_assert_eq(send(h->fds[1], "x", 1, MSG_NOSIGNAL), 1);
    nu_op_submit(&h->op);
}

static void took_one(struct nu_op *op, int res, uint32_t flags)
{
    struct hog *h = nu_container(op, struct hog, op);
    if (res > 0) {
        h->held[h->n++] = nu_bufring_take(&h->loop->buffers, flags);
        h->last = flags;
        take_one(h);
    } else {
        cr_assert_eq(res, -ENOBUFS);
        atomic_store(&h->full, true);
    }
}

static void hog(void *arg)
{
    struct hog *h = arg;
    nu_op_init(&h->op, h->loop, took_one);
    h->op.kind = NU_OP_RECV_PROVIDED;
    h->op.fd = h->fds[0];
    take_one(h);
}

static void give_back(void *arg)
{
    struct hog *h = arg;
    while (h->n > 0) {
        nu_bufring_give(&h->loop->buffers, h->held[--h->n]);
    }
}

Test(tcp_read_eager, no_buffers)
{
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        struct t_scripted_peer t;
        bool unread = mode >= NU_MODES; /* the bytes come first, or the read */
        char body[6] = { 0 };
        t_scripted_peer_open(&t, mode % NU_MODES);
        struct hog h = { .loop = t.pair.conn->stream->loop };
        if (h.loop->buffers.bytes == NULL) {
            t_scripted_peer_close(&t);
            return;
        }
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, h.fds), 0);
        t_on_owner(t.pair.conn, hog, &h);
        while (!atomic_load(&h.full)) {
            usleep(100);
        }
        uint64_t none = counted(NU_COUNT_NO_BUFFERS);
        if (unread) {
            t_scripted_peer_say(&t, HEAD "hello");
            while (counted(NU_COUNT_NO_BUFFERS) == none) {
                usleep(100);
            }
        }
        t_scripted_peer_start(&t, read_res);
        nng_aio_cancel(t.track.aio); /* the next one must not end for this */
        nng_aio_wait(t.track.aio);
        t.calls++;
        if (nng_aio_result(t.track.aio) != 0) {
            t_scripted_peer_start(&t, read_res);
            if (!unread) {
                t_scripted_peer_say(&t, HEAD "hello");
            }
            t_scripted_peer_finish_count(&t, 0, strlen(HEAD));
        }
        cr_assert_gt(counted(NU_COUNT_NO_BUFFERS), none);
        t_aio_probe_buffer(&t.track, body, 5);
        t_scripted_peer_start(&t, read_all);
        t_scripted_peer_finish_count(&t, 0, 5);
        cr_assert_str_eq(body, "hello");
        t_on_owner(t.pair.conn, give_back, &h);
        close(h.fds[0]);
        close(h.fds[1]);
        t_scripted_peer_close(&t);
    }
}

static void gone(struct nu_stream *stream)
{
    free(nu_container(stream, struct nu_tcp, stream));
}

struct ending {
    struct hog *hog;
    int res;
};

/* A receive that was given the last buffer ends with no byte in it. */
static void end_with_a_buffer(void *arg)
{
    struct ending *ending = arg;
    struct hog *h = ending->hog;
    struct nu_tcp *tcp = calloc(1, sizeof *tcp);
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    nu_tcp_init(tcp, h->loop, fds[0], gone, NULL);
    tcp->reading = NU_TCP_READ_AHEAD;
    nu_tcp_read_done(&tcp->read_op, ending->res, h->last);
    nu_stream_close(&tcp->stream, false);
    close(fds[1]);
    h->n--; /* it is the ring's again, so that there is one to be had */
    atomic_store(&h->full, false);
    take_one(h);
}

Test(tcp_read_eager, a_buffer_that_comes_with_an_end)
{
    static const int results[] = { 0, -ECONNRESET, -ECANCELED };
    for (int i = 0; i < 3; i++) {
        struct t_scripted_peer t;
        t_scripted_peer_open(&t, 0);
        struct hog h = { .loop = t.pair.conn->stream->loop };
        struct ending ending = { &h, results[i] };
        if (h.loop->buffers.bytes != NULL) {
            cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, h.fds), 0);
            t_on_owner(t.pair.conn, hog, &h);
            while (!atomic_load(&h.full)) {
                usleep(100);
            }
            unsigned all = h.n;
            t_on_owner(t.pair.conn, end_with_a_buffer, &ending);
            while (!atomic_load(&h.full)) {
                usleep(100);
            }
            cr_assert_eq(h.n, all);
            t_on_owner(t.pair.conn, give_back, &h);
            close(h.fds[0]);
            close(h.fds[1]);
        }
        t_scripted_peer_close(&t);
    }
}
