/* SPDX-License-Identifier: MIT */
#include "net/tcp_read.h"

#include "http/conn.h"
#include "support/aio_probe.h"
#include "support/peer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct call {
    nng_http_conn *conn;
    nng_aio *aio;
    bool all;
};

static void start(void *arg)
{
    struct call *c = arg;
    if (c->all) {
        nng_http_conn_read_all(c->conn, c->aio);
    } else {
        nng_http_conn_read(c->conn, c->aio);
    }
}

static void start_read(struct t_aio_probe *track, nng_http_conn *conn, unsigned mode, bool all)
{
    struct call c = { conn, track->aio, all };
    if (mode & NU_ON_OWNER) {
        t_on_owner(conn, start, &c);
    } else {
        start(&c);
    }
}

static void send_all(int fd, const uint8_t *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t sent = send(fd, p + done, n - done, MSG_NOSIGNAL);
        cr_assert_gt(sent, 0);
        done += (size_t) sent;
    }
}

struct setting {
    struct nu_pair pair;
    struct t_aio_probe track;
    uint8_t *data; /* NU_PLENTY bytes of stream 1, to be sent */
    uint8_t *to;   /* NU_PLENTY bytes to read into */
};

static void set_up(struct setting *s, unsigned mode)
{
    t_pair_open(&s->pair);
    t_aio_probe_open(&s->track, mode);
    s->data = t_pattern_new(NU_PLENTY, 1);
    s->to = calloc(1, NU_PLENTY);
    t_aio_probe_buffer(&s->track, s->to, NU_PLENTY);
}

static void tear_down(struct setting *s)
{
    t_aio_probe_close(&s->track);
    t_pair_close(&s->pair);
    free(s->data);
    free(s->to);
}

/* ---- Success ------------------------------------------------------------------------------ */

Test(tcp_read, some, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        set_up(&s, mode);
        for (int i = 0; i < 2; i++) { /* the bytes come first, or the read */
            int calls = i + 1;
            if (i == 0) {
                send_all(s.pair.fd, s.data, 100);
            }
            start_read(&s.track, s.pair.conn, mode, false);
            if (i == 1) {
                cr_assert(nng_aio_busy(s.track.aio));
                send_all(s.pair.fd, s.data, 100);
            }
            t_aio_probe_assert(&s.track, calls, 0);
            cr_assert_eq(nng_aio_count(s.track.aio), 100);
            t_pattern_assert(s.to, 0, 100, 1);
            memset(s.to, 0, 100);
        }
        tear_down(&s);
    }
}

Test(tcp_read, all, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        set_up(&s, mode);
        start_read(&s.track, s.pair.conn, mode, true);
        send_all(s.pair.fd, s.data, 1);
        send_all(s.pair.fd, s.data + 1, NU_PLENTY - 2);
        cr_assert(nng_aio_busy(s.track.aio));
        send_all(s.pair.fd, s.data + NU_PLENTY - 1, 1);
        t_aio_probe_assert(&s.track, 1, 0);
        cr_assert_eq(nng_aio_count(s.track.aio), NU_PLENTY);
        t_pattern_assert(s.to, 0, NU_PLENTY, 1);
        tear_down(&s);
    }
}

Test(tcp_read, eight_entries, .timeout = 60)
{
    static const size_t lengths[8] = { 0, 1, 70000, 0, 3, 0, 100000, 2 };
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        nng_iov iov[8];
        size_t at = 0;
        set_up(&s, mode);
        for (int i = 0; i < 8; i++) {
            iov[i] = (nng_iov){ lengths[i] > 0 ? s.to + at : NULL, lengths[i] };
            at += lengths[i];
        }
        cr_assert_eq(nng_aio_set_iov(s.track.aio, 8, iov), 0);
        start_read(&s.track, s.pair.conn, mode, true);
        send_all(s.pair.fd, s.data, 50000);
        send_all(s.pair.fd, s.data + 50000, at - 50000 + 7);
        t_aio_probe_assert(&s.track, 1, 0);
        cr_assert_eq(nng_aio_count(s.track.aio), at);
        t_pattern_assert(s.to, 0, at, 1);
        cr_assert_eq(s.to[at], 0);
        tear_down(&s);
    }
}

/* In the order they were started, each with the bytes that follow. */
Test(tcp_read, in_order, .timeout = 60)
{
    enum { READS = 40, SIZE = 1000 };
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct t_aio_probe track[READS];
        set_up(&s, mode);
        for (size_t i = 0; i < READS; i++) {
            t_aio_probe_open(&track[i], mode);
            t_aio_probe_buffer(&track[i], s.to + i * SIZE, SIZE);
            start_read(&track[i], s.pair.conn, mode, true);
        }
        nng_aio_cancel(track[20].aio); /* and another one's end is nothing to them */
        t_aio_probe_assert(&track[20], 1, NNG_ECANCELED);
        send_all(s.pair.fd, s.data, 20 * SIZE);
        send_all(s.pair.fd, s.data + 21 * SIZE, 19 * SIZE);
        for (size_t i = 0; i < READS; i++) {
            if (i != 20) {
                t_aio_probe_assert(&track[i], 1, 0);
                t_pattern_assert(s.to + i * SIZE, i * SIZE, SIZE, 1);
            }
            t_aio_probe_close(&track[i]);
        }
        tear_down(&s);
    }
}

/* ---- Failure ------------------------------------------------------------------------------ */

static const struct {
    nng_duration timeout; /* or an abort */
    int result;
} ends[] = {
    { 0, NNG_ECANCELED },
    { 0, NNG_EPROTO },
    { 60000, NNG_EPROTO },
    { 400, NNG_ETIMEDOUT },
};

/* A read that fails loses no byte: what it counted is there, and what comes later is the next
 * one's. */
static void fails(unsigned mode, unsigned end, bool all)
{
    struct setting s;
    size_t part = all ? 1234 : 0;
    set_up(&s, mode & ~(unsigned) NU_TIMED);
    if (ends[end].timeout > 0) {
        nng_aio_set_timeout(s.track.aio, ends[end].timeout);
    }
    send_all(s.pair.fd, s.data, part);
    start_read(&s.track, s.pair.conn, mode, all);
    if (ends[end].result != NNG_ETIMEDOUT) {
        nng_aio_abort(s.track.aio, ends[end].result);
    }
    t_aio_probe_assert(&s.track, 1, ends[end].result);
    size_t count = nng_aio_count(s.track.aio);
    cr_assert_leq(count, part); /* an abort may come before the bytes */
    cr_assert(ends[end].result != NNG_ETIMEDOUT || count == part);

    t_aio_probe_buffer(&s.track, s.to + count, 2000 - count);
    nng_aio_set_timeout(s.track.aio, NNG_DURATION_INFINITE);
    start_read(&s.track, s.pair.conn, mode, true);
    send_all(s.pair.fd, s.data + part, 2000 - part);
    t_aio_probe_assert(&s.track, 2, 0);
    t_pattern_assert(s.to, 0, 2000, 1);
    tear_down(&s);
}

Test(tcp_read, fails_and_goes_on, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (unsigned end = 0; end < 4; end++) {
            fails(mode, end, false);
            fails(mode, end, true);
        }
    }
}

Test(tcp_read, no_time, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        set_up(&s, mode);
        send_all(s.pair.fd, s.data, 100);
        nng_aio_set_expire(s.track.aio, nng_clock() - 1);
        start_read(&s.track, s.pair.conn, mode, mode & 1);
        t_aio_probe_assert(&s.track, 1, NNG_ETIMEDOUT);
        cr_assert_eq(nng_aio_count(s.track.aio), 0);
        start_read(&s.track, s.pair.conn, mode, false);
        t_aio_probe_assert(&s.track, 2, 0);
        cr_assert_eq(nng_aio_count(s.track.aio), 100);
        tear_down(&s);
    }
}

/* One deadline for all the parts of a read_all. */
Test(tcp_read, one_deadline, .timeout = 60)
{
    struct setting s;
    set_up(&s, 0);
    nng_aio_set_timeout(s.track.aio, 200);
    nng_time began = nng_clock();
    start_read(&s.track, s.pair.conn, 0, true);
    size_t sent = 0;
    while (nng_aio_busy(s.track.aio) && sent < NU_PLENTY) {
        send_all(s.pair.fd, s.data + sent, 1);
        sent++;
        usleep(1000);
    }
    t_aio_probe_assert(&s.track, 1, NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock() - began, 199);
    cr_assert_lt(nng_clock() - began, 60000);
    cr_assert_gt(nng_aio_count(s.track.aio), 0);
    cr_assert_leq(nng_aio_count(s.track.aio), sent);
    t_pattern_assert(s.to, 0, nng_aio_count(s.track.aio), 1);
    tear_down(&s);
}

/* The peer has sent its last: what came is counted, and we can still write. */
Test(tcp_read, end_of_stream, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t part = 0; part < 200; part += 100) {
            struct setting s;
            set_up(&s, mode);
            start_read(&s.track, s.pair.conn, mode, true);
            send_all(s.pair.fd, s.data, part);
            cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
            t_aio_probe_assert(&s.track, 1, NNG_ECONNSHUT);
            cr_assert_eq(nng_aio_count(s.track.aio), part);
            t_pattern_assert(s.to, 0, part, 1);
            start_read(&s.track, s.pair.conn, mode, false);
            t_aio_probe_assert(&s.track, 2, NNG_ECONNSHUT);
            cr_assert_eq(nng_aio_count(s.track.aio), 0);
            t_aio_probe_buffer(&s.track, s.data, 100);
            t_aio_probe_write(&s.track, s.pair.conn, mode, true);
            t_aio_probe_assert(&s.track, 3, 0);
            t_pair_assert_rest(&s.pair, 0, 100, 1);
            tear_down(&s);
        }
    }
}

/* The kernel tells of a reset once; we go on doing so, lest it look like the end of the stream. */
Test(tcp_read, reset, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct t_aio_probe behind;
        set_up(&s, mode);
        t_aio_probe_open(&behind, mode);
        t_aio_probe_buffer(&behind, s.to, 10);
        start_read(&s.track, s.pair.conn, mode, mode & 1);
        start_read(&behind, s.pair.conn, mode, true);
        t_pair_reset(&s.pair);
        t_aio_probe_assert(&s.track, 1, NNG_ECONNRESET);
        t_aio_probe_assert(&behind, 1, NNG_ECONNRESET);
        cr_assert_eq(nng_aio_count(s.track.aio), 0);
        cr_assert_eq(nng_aio_count(behind.aio), 0);
        t_aio_probe_close(&behind);
        tear_down(&s);
    }
}

Test(tcp_read, reset_seen_by_a_write, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        set_up(&s, mode);
        t_pair_reset(&s.pair);
        t_aio_probe_buffer(&s.track, s.data, 10);
        t_aio_probe_write(&s.track, s.pair.conn, mode, true);
        t_aio_probe_assert(&s.track, 1, NNG_ECONNRESET);
        start_read(&s.track, s.pair.conn, mode, false);
        t_aio_probe_assert(&s.track, 2, NNG_ECONNRESET);
        tear_down(&s);
    }
}

/* ---- Until a function says so ------------------------------------------------------------- */

/* Reads a record: two bytes of length, then so many bytes, into a vector. */
struct record {
    uint8_t *to;
    size_t len;
    struct iovec iov;
    int ends;        /* calls with `end` */
    bool at_the_end; /* a record that is cut short counts as good */
    bool headed;
};

static int take_record(nng_aio *aio, struct nu_stream *stream, int end)
{
    struct record *r = aio->io.own[1].p;
    r->ends += end != 0;
    if (!r->headed) {
        if (nu_rx_len(&stream->rx) < 2) {
            return r->at_the_end && end != 0 ? 0 : NU_PENDING;
        }
        const uint8_t *p = nu_rx_data(&stream->rx);
        r->len = (size_t) p[0] << 8 | p[1];
        r->headed = true;
        nu_rx_consume(&stream->rx, &stream->loop->buffers, 2);
        if (r->len == 0xffff) {
            return NNG_EPROTO;
        }
        r->iov = (struct iovec){ r->to, r->len };
        aio->io.iov = &r->iov;
        aio->io.niov = 1;
        aio->io.total = r->len;
        aio->io.done = 0;
    }
    return aio->io.done == r->len || (r->at_the_end && end != 0) ? 0 : NU_PENDING;
}

struct record_call {
    nng_http_conn *conn;
    nng_aio *aio;
    struct record *record;
};

static void start_record(void *arg)
{
    struct record_call *c = arg;
    if (nng_aio_begin(c->aio)) {
        nu_stream_read_until(c->conn->stream, c->aio, take_record, c->record);
    }
}

static void read_record(struct t_aio_probe *track, nng_http_conn *conn, unsigned mode,
                        struct record *record, uint8_t *to)
{
    struct record_call c = { conn, track->aio, record };
    record->to = to;
    record->headed = false;
    record->ends = 0;
    if (mode & NU_ON_OWNER) {
        t_on_owner(conn, start_record, &c);
    } else {
        start_record(&c);
    }
}

#define RECORD(n)                                                                                  \
    {                                                                                              \
        (n) >> 8, (n) &255                                                                         \
    }

static void send_record(struct setting *s, size_t n)
{
    uint8_t head[2] = RECORD(n);
    send_all(s->pair.fd, head, 2);
    send_all(s->pair.fd, s->data, n);
}

Test(tcp_read, until, .timeout = 60)
{
    static const size_t sizes[] = { 5, 0, 1, 60000, 4094, 4096, 2 };
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct record r = { 0 };
        set_up(&s, mode);
        for (int i = 0; i < 7; i++) { /* the bytes come first, or the read */
            for (int first = 0; first < 2; first++) {
                if (first) {
                    send_record(&s, sizes[i]);
                }
                read_record(&s.track, s.pair.conn, mode, &r, s.to);
                if (!first) {
                    cr_assert(nng_aio_busy(s.track.aio));
                    send_record(&s, sizes[i]);
                }
                t_aio_probe_assert(&s.track, 2 * i + first + 1, 0);
                cr_assert_eq(nng_aio_count(s.track.aio), sizes[i]);
                cr_assert_eq(r.ends, 0);
                t_pattern_assert(s.to, 0, sizes[i], 1);
                memset(s.to, 0, sizes[i]);
            }
        }
        tear_down(&s);
    }
}

/* Many of them, and others, all in one stream that comes at once or byte by byte. */
Test(tcp_read, until_in_order, .timeout = 60)
{
    enum { READS = 20, SIZE = 300 };
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (size_t step = 1; step <= (size_t) READS * (SIZE + 2); step *= 6002) {
            struct setting s;
            struct t_aio_probe track[READS];
            struct record records[READS] = { 0 };
            uint8_t stream[READS * (SIZE + 2)];
            size_t at = 0;
            set_up(&s, mode);
            for (size_t i = 0; i < READS; i++) {
                uint8_t head[2] = RECORD(SIZE);
                t_aio_probe_open(&track[i], mode);
                if (i % 3 == 2) {
                    t_aio_probe_buffer(&track[i], s.to + i * SIZE, SIZE);
                    start_read(&track[i], s.pair.conn, mode, true);
                } else {
                    read_record(&track[i], s.pair.conn, mode, &records[i], s.to + i * SIZE);
                    memcpy(stream + at, head, 2);
                    at += 2;
                }
                memcpy(stream + at, s.data + i * SIZE, SIZE);
                at += SIZE;
            }
            for (size_t i = 0; i < at; i += step) {
                send_all(s.pair.fd, stream + i, at - i < step ? at - i : step);
            }
            for (size_t i = 0; i < READS; i++) {
                t_aio_probe_assert(&track[i], 1, 0);
                t_aio_probe_close(&track[i]);
            }
            t_pattern_assert(s.to, 0, (size_t) READS * SIZE, 1);
            tear_down(&s);
        }
    }
}

/* Its own error ends the read, and what it did not consume is the next one's. */
Test(tcp_read, until_error, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct record r = { 0 };
        uint8_t head[2] = RECORD(0xffff);
        set_up(&s, mode);
        read_record(&s.track, s.pair.conn, mode, &r, s.to);
        send_all(s.pair.fd, head, 2);
        send_record(&s, 10);
        t_aio_probe_assert(&s.track, 1, NNG_EPROTO);
        cr_assert_eq(nng_aio_count(s.track.aio), 0);
        read_record(&s.track, s.pair.conn, mode, &r, s.to);
        t_aio_probe_assert(&s.track, 2, 0);
        t_pattern_assert(s.to, 0, 10, 1);
        tear_down(&s);
    }
}

/* What has come and is not consumed when a read ends early is there for the next one. */
Test(tcp_read, until_ends_early, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        for (unsigned end = 0; end < 4; end++) {
            struct setting s;
            struct record r = { 0 };
            uint8_t head[2] = RECORD(100);
            set_up(&s, mode & ~(unsigned) NU_TIMED);
            if (ends[end].timeout > 0) {
                nng_aio_set_timeout(s.track.aio, ends[end].timeout);
            }
            send_all(s.pair.fd, head, 1);
            read_record(&s.track, s.pair.conn, mode, &r, s.to);
            if (ends[end].result != NNG_ETIMEDOUT) {
                nng_aio_abort(s.track.aio, ends[end].result);
            }
            t_aio_probe_assert(&s.track, 1, ends[end].result);
            cr_assert_eq(nng_aio_count(s.track.aio), 0);
            cr_assert_eq(r.ends, 0);
            nng_aio_set_timeout(s.track.aio, NNG_DURATION_INFINITE);
            read_record(&s.track, s.pair.conn, mode, &r, s.to);
            send_all(s.pair.fd, head + 1, 1);
            send_all(s.pair.fd, s.data, 100);
            t_aio_probe_assert(&s.track, 2, 0);
            t_pattern_assert(s.to, 0, 100, 1);
            tear_down(&s);
        }
    }
}

/* The end of the stream, in the head, in the vector, and between two records. */
Test(tcp_read, until_end_of_stream, .timeout = 60)
{
    uint8_t head[2] = RECORD(100);
    for (unsigned mode = 0; mode < 2 * NU_MODES; mode++) {
        for (size_t sent = 0; sent < 60; sent = sent * 2 + 1) {
            struct setting s;
            struct record r = { .at_the_end = mode >= NU_MODES };
            size_t count = sent > 2 ? sent - 2 : 0;
            set_up(&s, mode);
            read_record(&s.track, s.pair.conn, mode, &r, s.to);
            send_all(s.pair.fd, head, sent < 2 ? sent : 2);
            send_all(s.pair.fd, s.data, count);
            cr_assert_eq(shutdown(s.pair.fd, SHUT_WR), 0);
            t_aio_probe_assert(&s.track, 1, r.at_the_end ? 0 : NNG_ECONNSHUT);
            cr_assert_eq(nng_aio_count(s.track.aio), count);
            cr_assert_eq(r.ends, 1);
            t_pattern_assert(s.to, 0, count, 1);
            tear_down(&s);
        }
    }
}

Test(tcp_read, until_reset_or_closed, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct t_aio_probe behind;
        struct record r[2] = { { 0 } };
        set_up(&s, mode);
        t_aio_probe_open(&behind, mode);
        read_record(&s.track, s.pair.conn, mode, &r[0], s.to);
        read_record(&behind, s.pair.conn, mode, &r[1], s.to);
        t_pair_reset(&s.pair);
        t_aio_probe_assert(&s.track, 1, NNG_ECONNRESET);
        t_aio_probe_assert(&behind, 1, NNG_ECONNRESET);
        cr_assert_eq(r[0].ends + r[1].ends, 2);
        t_aio_probe_close(&behind);
        tear_down(&s);

        set_up(&s, mode);
        read_record(&s.track, s.pair.conn, mode, &r[0], s.to);
        nng_http_conn_close(s.pair.conn);
        s.pair.conn = NULL;
        t_aio_probe_assert(&s.track, 1, NNG_ECLOSED);
        cr_assert_eq(r[0].ends, 0);
        tear_down(&s);
    }
}

/* ---- Both directions ---------------------------------------------------------------------- */

static void *echo(void *arg)
{
    int fd = *(int *) arg;
    uint8_t *buffer = malloc(64 << 10);
    for (ssize_t n; (n = recv(fd, buffer, 64 << 10, 0)) > 0;) {
        send_all(fd, buffer, (size_t) n);
    }
    free(buffer);
    return NULL;
}

/* A read pending does not keep a write from going out, nor the other way round. */
Test(tcp_read, while_writing, .timeout = 60)
{
    for (unsigned mode = 0; mode < NU_MODES; mode++) {
        struct setting s;
        struct t_aio_probe write;
        pthread_t thread;
        set_up(&s, mode);
        t_aio_probe_open(&write, mode);
        t_aio_probe_buffer(&write, s.data, NU_PLENTY);
        start_read(&s.track, s.pair.conn, mode, true);
        t_aio_probe_write(&write, s.pair.conn, mode, true);
        cr_assert_eq(pthread_create(&thread, NULL, echo, &s.pair.fd), 0);
        t_aio_probe_assert(&write, 1, 0);
        t_aio_probe_assert(&s.track, 1, 0);
        t_pattern_assert(s.to, 0, NU_PLENTY, 1);
        nng_http_conn_close(s.pair.conn);
        s.pair.conn = NULL;
        pthread_join(thread, NULL);
        t_aio_probe_close(&write);
        tear_down(&s);
    }
}
