/* SPDX-License-Identifier: MIT */
#include "tls/handshake.h"

#include "base/clock.h"
#include "io/counters.h"
#include "tls/call.h"
#include "tls/config.h"
#include "tls/error.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000U
#define BUDGET (2 * NU_MS) /* for the handshakes of a turn */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned timeout_ms;

/* What this loop has spent in the turn of that number. */
static _Thread_local struct {
    uint64_t turn;
    uint64_t spent;
} budget;

static void handshake_read_timeout(void)
{
    const char *value = getenv("NNG_URING_TLS_TIMEOUT");
    char *end;
    unsigned long n = value != NULL ? strtoul(value, &end, 10) : 0;
    timeout_ms = n > 0 && n <= 3600000 && *end == '\0' ? (unsigned) n : TIMEOUT_MS;
}

unsigned nu_tls_handshake_timeout(void)
{
    pthread_once(&once, handshake_read_timeout);
    return timeout_ms;
}

/* ---- What comes of it --------------------------------------------------------------------- */

/* No memory for a name: it is as if there were none. */
static void handshake_note_facts(struct nu_tls *tls)
{
    SSL *ssl = tls->ssl;
    const unsigned char *alpn;
    unsigned len;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_get0_alpn_selected(ssl, &alpn, &len);
    tls->facts = (struct nu_tls_facts){
        .version = SSL_get_version(ssl),
        .cipher = SSL_get_cipher_name(ssl),
        .alpn = len > 0 ? strndup((const char *) alpn, len) : NULL,
        .server_name = name != NULL ? strdup(name) : NULL,
        .peer = SSL_get1_peer_certificate(ssl),
        .resumed = SSL_session_reused(ssl) == 1,
    };
    tls->facts.verified = tls->facts.peer != NULL && tls->config->auth != NNG_TLS_AUTH_MODE_NONE &&
                          SSL_get_verify_result(ssl) == X509_V_OK;
}

static void handshake_log_failure(const struct nu_tls *tls)
{
    long verify = SSL_get_verify_result(tls->ssl);
    unsigned long error = ERR_peek_last_error();
    const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
    nng_log_info("NNG-TLS-HANDSHAKE", "%s%s%s", reason != NULL ? reason : "the peer has gone",
                 verify != X509_V_OK ? ": " : "",
                 verify != X509_V_OK ? X509_verify_cert_error_string(verify) : "");
}

static void handshake_failed(struct nu_tls *tls)
{
    int err = nu_tls_carrier_error(tls);
    nu_count(NU_COUNT_TLS_FAILED, 1);
    handshake_log_failure(tls);
    if (err == 0) {
        err = nu_tls_peer_error();
    }
    bool memory = tls->starved || SSL_get_verify_result(tls->ssl) == X509_V_ERR_OUT_OF_MEM;
    nu_tls_fail(tls, memory ? NNG_ENOMEM : err);
}

static void handshake_done(struct nu_tls *tls)
{
    nu_count(NU_COUNT_TLS_OPENED, 1);
    tls->state = NU_TLS_OPEN;
    tls->chatter = 0;
    tls->expects_tickets =
        tls->config->mode == NNG_TLS_MODE_CLIENT && SSL_version(tls->ssl) == TLS1_3_VERSION;
    nu_timer_disarm(&tls->stream.loop->timers, &tls->timer);
    handshake_note_facts(tls);
}

/* ---- Its steps ---------------------------------------------------------------------------- */

/* A client that begins with a letter speaks plain text, such as HTTP. (What comes later of a
 * ClientHello in parts may well be one.) */
static bool handshake_is_plain(const struct nu_tls *tls)
{
    const struct nu_rx *rx = &tls->lower->rx;
    return tls->plain_reply != NULL && !tls->heard && nu_rx_len(rx) > 0 && *nu_rx_data(rx) >= 'A' &&
           *nu_rx_data(rx) <= 'Z';
}

static bool handshake_may_spend(const struct nu_loop *loop)
{
    if (budget.turn != loop->turns) {
        budget.turn = loop->turns;
        budget.spent = 0;
    }
    return budget.spent < BUDGET;
}

void nu_tls_handshake_step(struct nu_tls *tls)
{
    if (tls->receiving) {
        nu_tls_flush(tls); /* the carrier may have taken a part */
        return;
    }
    if (handshake_is_plain(tls)) {
        (void) nu_tls_put(tls, tls->plain_reply, strlen(tls->plain_reply));
        nu_tls_fail(tls, NNG_EPROTO);
        return;
    }
    if (!handshake_may_spend(tls->stream.loop)) {
        nu_tls_wake(tls); /* in the next turn */
        return;
    }
    uint64_t begin = nu_now();
    int n = nu_tls_call_handshake(tls);
    budget.spent += nu_now() - begin;
    if (n > 0) {
        handshake_done(tls);
    } else if (n == -SSL_ERROR_WANT_READ) {
        nu_tls_receive(tls);
    } else {
        handshake_failed(tls);
    }
    nu_tls_flush(tls);
}
