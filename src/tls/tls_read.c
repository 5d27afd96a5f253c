/* SPDX-License-Identifier: MIT */
#include "tls/tls_read.h"

#include "net/aio_queue.h"
#include "tls/call.h"
#include "tls/error.h"

#define AHEAD ((size_t) 16384) /* of plaintext that is decrypted at a time, or for nobody */
#define CHATTER 32U /* handshake messages after the handshake, without data between them */

/* ---- Decrypting --------------------------------------------------------------------------- */

/* Whether nothing is left to decrypt, as far as can be told without trying. (An SSL whose handshake
 * has failed for want of memory may have nothing to read records by: OpenSSL 3.5 crashes.) */
static bool tls_read_is_dry(const struct nu_tls *tls)
{
    return tls->receiving || (tls->state == NU_TLS_OPEN && tls->lower_end == 0 &&
                              nu_rx_len(&tls->lower->rx) == 0 && SSL_has_pending(tls->ssl) == 0);
}

/* Why there is no more. */
static void tls_read_ended(struct nu_tls *tls, int reason)
{
    if (reason == SSL_ERROR_ZERO_RETURN) {
        tls->stream.end = NNG_ECONNSHUT;
    } else if (tls->lower_end != 0) {
        /* The end of the stream may be anybody's work unless the peer has announced it. Whoever
         * has nothing of a message yet need not care: for them it is closed. */
        tls->stream.end = nu_tls_carrier_error(tls);
        tls->stream.gone_known =
            tls->stream.gone_known || (tls->lower_end == NNG_ECONNSHUT && tls->write_end == 0);
    } else {
        int err = nu_tls_peer_error();
        nu_tls_fail(tls, tls->starved ? NNG_ENOMEM : err);
    }
}

/* Bytes that were decrypted; 0: there are no more, for now or ever. */
static size_t tls_read_decrypt(struct nu_tls *tls, void *p, size_t room)
{
    int n = nu_tls_call_read(tls, p, room);
    if (n > 0) {
        tls->chatter = 0;
        tls->expects_tickets = false;
        return (size_t) n;
    }
    if (n != -SSL_ERROR_WANT_READ) {
        tls_read_ended(tls, -n);
    } else if (tls->chatter > CHATTER) {
        nu_tls_fail(tls, NNG_EPROTO);
    }
    return 0;
}

/* Straight to where the read wants it. Whether that is all there is. */
static bool tls_read_to_vector(struct nu_tls *tls, struct nu_aio_io *io)
{
    size_t skip = io->done;
    for (unsigned i = 0; i < io->niov; i++) {
        size_t len = io->iov[i].iov_len;
        while (skip < len) {
            size_t n = tls_read_decrypt(tls, (char *) io->iov[i].iov_base + skip, len - skip);
            if (n == 0) {
                return true;
            }
            skip += n;
            io->done += n;
            if (tls_read_is_dry(tls)) {
                return true;
            }
        }
        skip -= len;
    }
    return false;
}

static bool tls_read_to_rx(struct nu_tls *tls, size_t *total)
{
    struct nu_rx *rx = &tls->stream.rx;
    do {
        size_t room, n;
        uint8_t *p = nu_rx_room(rx, &tls->stream.loop->buffers, &room);
        if (p == NULL) {
            nu_tls_fail(tls, NNG_ENOMEM);
            nu_stream_lose(&tls->stream);
            return true;
        }
        n = tls_read_decrypt(tls, p, room);
        if (n == 0) {
            if (nu_rx_len(rx) == 0) {
                nu_rx_clear(rx, &tls->stream.loop->buffers);
            }
            return true;
        }
        nu_rx_grew(rx, n);
        *total += n;
        if (tls_read_is_dry(tls)) {
            return true;
        }
    } while (nu_rx_len(rx) < AHEAD);
    return false;
}

static bool tls_read_more(struct nu_tls *tls, nng_aio *aio)
{
    size_t ahead = 0;
    if (aio == NULL) {
        return tls_read_to_rx(tls, &ahead);
    }
    if (aio->io.kind == NU_READ_FILL) {
        return tls_read_to_rx(tls, &aio->io.done);
    }
    return nu_stream_read_wants_vector(&aio->io) ? tls_read_to_vector(tls, &aio->io)
                                                 : tls_read_to_rx(tls, &ahead);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static int tls_read_verdict(struct nu_tls *tls, nng_aio *aio)
{
    if (aio->io.kind == NU_READ_FILL && aio->io.done > 0) {
        return 0;
    }
    return nu_stream_serve(&tls->stream, aio);
}

/* Whether more is to be decrypted for the first read, or for nobody. What a peer says can ask for
 * an answer (a KeyUpdate), so one that does not take them is not listened to. */
static bool tls_read_wants_more(const struct nu_tls *tls, const nng_aio *aio)
{
    return tls->state == NU_TLS_OPEN && tls->stream.end == 0 &&
           nu_tls_owed(tls) < 2 * NU_TLS_AHEAD &&
           (aio != NULL || (tls->read_ahead && nu_rx_len(&tls->stream.rx) < AHEAD));
}

void nu_tls_read_next(struct nu_tls *tls)
{
    bool dry = tls_read_is_dry(tls);
    for (;;) {
        nng_aio *aio = nu_aio_queue_first(&tls->stream.reads);
        int err = aio != NULL ? tls_read_verdict(tls, aio) : NU_PENDING;
        if (err != NU_PENDING) {
            nu_aio_queue_end(aio, err);
        } else if (!tls_read_wants_more(tls, aio)) {
            break;
        } else if (dry) {
            nu_tls_receive(tls);
            break;
        } else {
            dry = tls_read_more(tls, aio);
        }
    }
    nu_tls_flush(tls); /* reading can mean to answer */
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* The aio's cancel function. */
static void tls_read_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tls *tls = arg;
    nu_lock(&tls->stream.lock);
    nu_aio_queue_end(aio, err);
    if (tls->stream.life == NU_STREAM_OPEN) {
        nu_tls_read_next(tls); /* it may have been the first */
    }
    nu_unlock(&tls->stream.lock);
}

static int tls_read_start(struct nu_stream *stream, nng_aio *aio)
{
    struct nu_tls *tls = nu_tls_of(stream);
    bool alone = nu_list_empty(&stream->reads);
    if (stream->life != NU_STREAM_OPEN) {
        return NNG_ECLOSED;
    }
    int err = nu_aio_schedule(aio, stream->loop, tls_read_cancel, tls);
    if (err != 0) {
        return err;
    }
    nu_aio_timer_start(aio);
    nu_list_append(&stream->reads, &aio->link);
    if (alone && stream->loop == nu_loop_self()) {
        nu_tls_read_next(tls);
    } else if (alone) {
        nu_tls_wake(tls);
    }
    return NU_PENDING;
}

void nu_tls_read(struct nu_stream *stream, nng_aio *aio, enum nu_read kind)
{
    nu_stream_start(stream, aio, (int) kind, tls_read_start);
}
