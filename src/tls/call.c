/* SPDX-License-Identifier: MIT */
#include "tls/call.h"

#include "tls/error.h"

#include <limits.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: no memory */

/* The loop's, from its first connection until it stops. */
static _Thread_local BIO *bio;
static _Thread_local struct nu_loop_hook hook;

/* ---- What OpenSSL reads and writes -------------------------------------------------------- */

static int call_bio_write(BIO *b, const char *data, int n)
{
    BIO_clear_retry_flags(b);
    return nu_tls_put(BIO_get_data(b), data, (size_t) n) ? n : -1;
}

static int call_bio_read(BIO *b, char *data, int n)
{
    struct nu_tls *tls = BIO_get_data(b);
    const struct nu_rx *rx = &tls->lower->rx;
    size_t have = nu_rx_len(rx);
    BIO_clear_retry_flags(b);
    if (have == 0) {
        if (tls->lower_end == 0) {
            BIO_set_retry_read(b);
        }
        return tls->lower_end == NNG_ECONNSHUT ? 0 : -1;
    }
    have = have < (size_t) n ? have : (size_t) n;
    memcpy(data, nu_rx_data(rx), have);
    nu_stream_consume(tls->lower, have);
    tls->heard = true;
    return (int) have;
}

static long call_bio_ctrl(BIO *b, int command, long num, void *ptr)
{
    const struct nu_tls *tls = BIO_get_data(b);
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

static void call_make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nng-uring");
    if (made != NULL && BIO_meth_set_write(made, call_bio_write) == 1 &&
        BIO_meth_set_read(made, call_bio_read) == 1 &&
        BIO_meth_set_ctrl(made, call_bio_ctrl) == 1) {
        method = made;
    } else {
        BIO_meth_free(made);
    }
}

static void call_on_stop(struct nu_loop_hook *h)
{
    (void) h;
    BIO_free(bio);
    bio = NULL;
}

static bool call_make_bio(struct nu_loop *loop)
{
    pthread_once(&once, call_make_method);
    bio = method != NULL ? BIO_new(method) : NULL;
    if (bio == NULL) {
        return false;
    }
    BIO_set_init(bio, 1);
    hook.on_stop = call_on_stop;
    nu_list_append(&loop->hooks, &hook.link);
    return true;
}

/* ---- The calls ---------------------------------------------------------------------------- */

/* False: no memory. */
static bool call_begin(struct nu_tls *tls)
{
    nu_tls_forget_errors();
    tls->starved = false;
    if (bio == NULL && !call_make_bio(tls->stream.loop)) {
        tls->starved = true;
        return false;
    }
    BIO_set_data(bio, tls);
    if (SSL_get_rbio(tls->ssl) != bio) {
        (void) BIO_up_ref(bio);
        SSL_set_bio(tls->ssl, bio, bio);
    }
    return true;
}

/* One that has failed may be in no state to lose its BIO: OpenSSL 3.5 crashes where there was no
 * memory for what records are read by. */
static int call_end(struct nu_tls *tls, int n)
{
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, n);
    if (error != SSL_ERROR_SSL && error != SSL_ERROR_SYSCALL) {
        SSL_set_bio(tls->ssl, NULL, NULL);
    }
    return n > 0 ? n : -error;
}

/* No memory for a BIO, which `starved` says. */
#define STARVED (-SSL_ERROR_SYSCALL)

int nu_tls_call_handshake(struct nu_tls *tls)
{
    return call_begin(tls) ? call_end(tls, SSL_do_handshake(tls->ssl)) : STARVED;
}

int nu_tls_call_read(struct nu_tls *tls, void *p, size_t room)
{
    int most = room < INT_MAX ? (int) room : INT_MAX;
    return call_begin(tls) ? call_end(tls, SSL_read(tls->ssl, p, most)) : STARVED;
}

int nu_tls_call_write(struct nu_tls *tls, const void *p, size_t n)
{
    return call_begin(tls) ? call_end(tls, SSL_write(tls->ssl, p, (int) n)) : STARVED;
}

int nu_tls_call_shutdown(struct nu_tls *tls)
{
    /* 0: the peer has not said so, too; and that is no error */
    return call_begin(tls) ? call_end(tls, SSL_shutdown(tls->ssl) >= 0 ? 1 : -1) : STARVED;
}

struct nu_tls *nu_tls_called(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}
