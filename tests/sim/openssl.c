/* SPDX-License-Identifier: MIT */
#include "sim/openssl.h"

#include "sim/sched.h"
#include "sim/seed.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/uring.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <sys/time.h>
#include <time.h>

#define FAR                                                                                        \
    (UINT64_C(1) << 62) /* a time at which every ticket key is old, and seems so before it */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* RAND_METHOD, which there is still */

/* ---- Chance ------------------------------------------------------------------------------- */

static int openssl_random(unsigned char *to, int n)
{
    for (int i = 0; i < n; i++) {
        to[i] = (unsigned char) (sim_secret() >> 32);
    }
    return 1;
}

static int openssl_ready(void)
{
    return 1;
}

void sim_openssl_begin(void)
{
    static const RAND_METHOD method = { .bytes = openssl_random,
                                        .pseudorand = openssl_random,
                                        .status = openssl_ready };
    sim_check(RAND_set_rand_method(&method) == 1, "RAND_set_rand_method()");
}

/* ---- Time --------------------------------------------------------------------------------- */

/* These take the C library's place in OpenSSL, too. */
time_t time(time_t *at)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    if (at != NULL) {
        *at = ts.tv_sec;
    }
    return ts.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;
    (void) zone;
    clock_gettime(CLOCK_REALTIME, &ts);
    *tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
    return 0;
}

/* ---- The keys of tickets ------------------------------------------------------------------ */

typedef int ticket_cb(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                      EVP_MAC_CTX *mac, int encrypt);

static ticket_cb *tickets; /* the library's; NULL: it has had no use for it yet */

int __real_SSL_CTX_set_tlsext_ticket_key_evp_cb(SSL_CTX *ctx, ticket_cb *cb);

int __wrap_SSL_CTX_set_tlsext_ticket_key_evp_cb(SSL_CTX *ctx, ticket_cb *cb)
{
    tickets = cb;
    return __real_SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, cb);
}

/* Somebody comes with a ticket in the far future, whose key is not known any more. */
void sim_openssl_reset(void)
{
    unsigned char name[16] = { 0 };
    uint64_t now = sim_time;
    sim_calm(true);
    sim_time = FAR;
    sim_check(tickets == NULL || tickets(NULL, name, NULL, NULL, NULL, 0) == 0,
              "a ticket of nobody's is known");
    sim_time = now;
    sim_calm(false);
    sim_secret_begin();
}

/* ---- Configurations ----------------------------------------------------------------------- */

nng_tls_config *sim_tls_config(bool server)
{
    nng_tls_config *config;
    sim_check(nng_tls_config_alloc(&config, server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT) ==
                  0,
              "nng_tls_config_alloc()");
    int err = server ? nng_uring_tls_config_self_signed(config, "localhost")
                     : nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_NONE);
    sim_check(err == 0, "a TLS configuration: %s", nng_strerror(err));
    return config;
}
