/* SPDX-License-Identifier: MIT */
#include "tls/record.h"

#include "base/freelist.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t) 512) /* of memory for a few small records, which the loop keeps */

/* ---- Memory of what is on its way --------------------------------------------------------- */

void nu_tls_drop_aio(struct nu_tls *tls)
{
    if (--tls->aios == 0) {
        free(tls);
    }
}

static void record_dispose(nng_aio *aio)
{
    struct nu_tls_out *out = nu_container(aio, struct nu_tls_out, aio);
    struct nu_tls *tls = out->tls;
    nu_freelist_give(out, sizeof *out);
    nu_tls_drop_aio(tls);
}

struct nu_tls_out *nu_tls_out(struct nu_tls *tls)
{
    struct nu_tls_out *out = tls->out;
    if (out == NULL && (out = nu_freelist_take(sizeof *out)) != NULL) {
        memset(out, 0, offsetof(struct nu_tls_out, marks));
        nu_aio_init(&out->aio, tls->wrote, tls);
        out->aio.dispose = record_dispose;
        out->aio.local = true;
        out->tls = tls;
        tls->aios++;
        tls->out = out;
    }
    tls->starved = tls->starved || out == NULL;
    return out;
}

void nu_tls_free_out(struct nu_tls *tls)
{
    struct nu_tls_out *out = tls->out;
    if (out != NULL) {
        tls->out = NULL;
        nu_buf_free_block(&out->next, BLOCK);
        nu_buf_free_block(&out->flight, BLOCK);
        nu_buf_free(&out->held);
        nng_aio_reap(&out->aio); /* which frees it, once its callback has returned */
    }
}

bool nu_tls_reserve(struct nu_tls *tls, size_t n)
{
    struct nu_tls_out *out = nu_tls_out(tls);
    if (out == NULL) {
        return false;
    }
    bool ok = nu_buf_reserve_block(&out->next, n, BLOCK) == 0;
    tls->starved = tls->starved || !ok;
    return ok;
}

bool nu_tls_put(struct nu_tls *tls, const void *data, size_t n)
{
    if (!nu_tls_reserve(tls, n)) {
        return false;
    }
    nu_buf_add(&tls->out->next, data, n);
    tls->out->encrypted += n;
    return true;
}

/* ---- To and from the carrier -------------------------------------------------------------- */

size_t nu_tls_owed(const struct nu_tls *tls)
{
    const struct nu_tls_out *out = tls->out;
    return out != NULL ? out->flight.len - out->flight_sent + out->next.len : 0;
}

/* What was gathered is what flies next. */
static void record_launch(struct nu_tls_out *out)
{
    struct nu_buf spare = out->flight;
    out->flight = out->next;
    out->flight_sent = 0;
    nu_buf_reset(&spare);
    out->next = spare;
}

/* All has gone. An idle connection has no memory for it. */
static void record_land(struct nu_tls *tls)
{
    if (tls->out != NULL && tls->out->held.len == 0) {
        nu_tls_free_out(tls);
    }
    if (tls->close_notified && !tls->finished) {
        tls->finished = true;
        nu_stream_shutdown_write(tls->lower);
    }
}

void nu_tls_flush(struct nu_tls *tls)
{
    struct nu_tls_out *out = tls->out;
    if (tls->sending || tls->lower_closed) {
        return;
    }
    if (nu_tls_owed(tls) == 0) {
        record_land(tls);
        return;
    }
    if (out->flight_sent == out->flight.len) {
        record_launch(out);
    }
    if (nng_aio_begin(&out->aio)) {
        size_t left = out->flight.len - out->flight_sent;
        tls->sending = true;
        out->iov = (struct iovec){ out->flight.data + out->flight_sent, left };
        out->aio.io = (struct nu_aio_io){ .iov = &out->iov, .niov = 1, .total = left };
        nu_stream_write(tls->lower, &out->aio, NU_WRITE_SOME);
    }
}

void nu_tls_sent(struct nu_tls *tls)
{
    struct nu_tls_out *out = tls->out;
    size_t n = nng_aio_count(&out->aio);
    int err = nng_aio_result(&out->aio);
    tls->sending = false;
    out->flight_sent += n;
    out->sent += n;
    if (err != 0) {
        tls->write_end = tls->write_end != 0 ? tls->write_end : err;
        nu_buf_reset(&out->flight);
        nu_buf_reset(&out->next);
        out->flight_sent = 0;
    }
}

void nu_tls_receive(struct nu_tls *tls)
{
    if (!tls->receiving && !tls->lower_closed && tls->lower_end == 0 &&
        nng_aio_begin(&tls->rx_aio)) {
        tls->receiving = true;
        tls->rx_aio.io = (struct nu_aio_io){ 0 };
        nu_stream_read(tls->lower, &tls->rx_aio, NU_READ_FILL);
    }
}

int nu_tls_carrier_error(const struct nu_tls *tls)
{
    return tls->lower_end == NNG_ECONNSHUT ? NNG_ECONNRESET : tls->lower_end;
}

/* ---- The end ------------------------------------------------------------------------------ */

void nu_tls_fail(struct nu_tls *tls, int err)
{
    tls->state = NU_TLS_FAILED;
    tls->stream.end = tls->stream.end != 0 ? tls->stream.end : err;
    tls->write_end = tls->write_end != 0 ? tls->write_end : err;
    nu_timer_disarm(&tls->stream.loop->timers, &tls->timer);
    nu_tls_flush(tls);
    nu_tls_wake(tls); /* whoever waits is told, whoever has found it */
}

void nu_tls_wake(struct nu_tls *tls)
{
    if (!tls->wake_posted) {
        tls->wake_posted = true;
        nu_loop_post(tls->stream.loop, &tls->wake);
    }
}
