/* SPDX-License-Identifier: MIT */
/* The TLS of nng-uring serve: what its options make of a configuration. */
#ifndef NU_CMD_SERVE_TLS_H
#define NU_CMD_SERVE_TLS_H

#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>

struct serve_tls {
    const char *cert, *key; /* files; NULL: not given */
    const char *ca;
    bool verify;      /* clients have to show a certificate that `ca` has signed */
    bool self_signed; /* in place of cert and key */
};

/* Whether https is asked for at all. */
bool serve_tls_wanted(const struct serve_tls *tls);

/* What does not fit together, as text; NULL: nothing. */
const char *serve_tls_misused(const struct serve_tls *tls);

/* Reads the files, or makes a certificate for `host` (NULL or "": every address). 0, or -1: it has
 * said what is wrong by complain(). */
int serve_tls_load(const struct serve_tls *tls, const char *host, nng_tls_config **configp,
                   int (*complain)(const char *format, ...));

#endif
