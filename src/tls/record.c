/* SPDX-License-Identifier: MIT */
#include "tls/record.h"

#include <openssl/bio.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: no memory */

/* ---- What OpenSSL reads and writes -------------------------------------------------------- */

static int record_bio_write(BIO *bio, const char *data, int n)
{
    struct nu_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    nu_buf_add(&tls->tx, data, (size_t) n);
    if (nu_buf_error(&tls->tx) != 0) {
        return -1;
    }
    tls->encrypted += (size_t) n;
    return n;
}

static int record_bio_read(BIO *bio, char *data, int n)
{
    struct nu_tls *tls = BIO_get_data(bio);
    const struct nu_rx *rx = &tls->lower->rx;
    size_t have = nu_rx_len(rx);
    BIO_clear_retry_flags(bio);
    if (have == 0) {
        if (tls->lower_end == 0) {
            BIO_set_retry_read(bio);
        }
        return tls->lower_end == NNG_ECONNSHUT ? 0 : -1;
    }
    have = have < (size_t) n ? have : (size_t) n;
    memcpy(data, nu_rx_data(rx), have);
    nu_stream_consume(tls->lower, have);
    return (int) have;
}

static long record_bio_ctrl(BIO *bio, int command, long num, void *ptr)
{
    const struct nu_tls *tls = BIO_get_data(bio);
    (void) num;
    (void) ptr;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return tls->lower_end != 0 && nu_rx_len(&tls->lower->rx) == 0;
    default:
        return 0; /* no kTLS, among others */
    }
}

static void record_make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nng-uring");
    if (made != NULL && BIO_meth_set_write(made, record_bio_write) == 1 &&
        BIO_meth_set_read(made, record_bio_read) == 1 &&
        BIO_meth_set_ctrl(made, record_bio_ctrl) == 1) {
        method = made;
    } else {
        BIO_meth_free(made);
    }
}

int nu_tls_record_attach(struct nu_tls *tls)
{
    pthread_once(&once, record_make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio == NULL) {
        return NNG_ENOMEM;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    return 0;
}

void nu_tls_record_detach(struct nu_tls *tls)
{
    nu_buf_free(&tls->tx);
    nu_buf_free(&tls->flight);
    nu_buf_free(&tls->held);
}

/* ---- To and from the carrier -------------------------------------------------------------- */

size_t nu_tls_owed(const struct nu_tls *tls)
{
    return tls->flight.len - tls->flight_sent + tls->tx.len;
}

/* What was gathered is what flies next. */
static void record_launch(struct nu_tls *tls)
{
    struct nu_buf spare = tls->flight;
    tls->flight = tls->tx;
    tls->flight_sent = 0;
    nu_buf_reset(&spare);
    tls->tx = spare;
}

static void record_land(struct nu_tls *tls)
{
    nu_buf_free(&tls->tx); /* an idle connection has no buffers */
    nu_buf_free(&tls->flight);
    tls->flight_sent = 0;
    if (tls->close_notified && !tls->finished) {
        tls->finished = true;
        nu_stream_shutdown_write(tls->lower);
    }
}

void nu_tls_flush(struct nu_tls *tls)
{
    if (tls->sending || tls->lower_closed) {
        return;
    }
    if (tls->flight_sent == tls->flight.len) {
        if (tls->tx.len == 0) {
            record_land(tls);
            return;
        }
        record_launch(tls);
    }
    if (nng_aio_begin(&tls->tx_aio)) {
        size_t left = tls->flight.len - tls->flight_sent;
        tls->sending = true;
        tls->tx_iov = (struct iovec){ tls->flight.data + tls->flight_sent, left };
        tls->tx_aio.io = (struct nu_aio_io){ .iov = &tls->tx_iov, .niov = 1, .total = left };
        nu_stream_write(tls->lower, &tls->tx_aio, NU_WRITE_SOME);
    }
}

void nu_tls_flushed(struct nu_tls *tls, size_t n, int err)
{
    tls->sending = false;
    tls->flight_sent += n;
    tls->sent += n;
    if (err != 0) {
        tls->write_end = tls->write_end != 0 ? tls->write_end : err;
        nu_buf_reset(&tls->flight);
        nu_buf_reset(&tls->tx);
        tls->flight_sent = 0;
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
