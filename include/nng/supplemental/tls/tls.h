/* SPDX-License-Identifier: MIT */
/*
 * How connections are secured: NNG 1.x's TLS configurations, on OpenSSL. TLS 1.2 and 1.3.
 *
 * A configuration is made, set up, given to a client or server (nng_http_client_set_tls(),
 * nng_http_server_set_tls()) and freed; whoever it was given to holds it. From the moment a
 * connection has been made with it, it stays as it is: every function that sets something returns
 * NNG_EBUSY. (For new certificates make a new one, and give the server that.)
 *
 * Connections may be busy when the process exits, so OpenSSL is told not to clean up in exit(), by
 * whoever uses it first. A program that calls OpenSSL itself before it makes a configuration calls
 * OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) before anything else of it, or stops its
 * clients and servers before it exits.
 *
 * What is ours alone (the system's CAs, ALPN, tickets, OCSP, self-signed
 * certificates, facts about a connection) is in <nng/uring.h>.
 */
#ifndef NNG_SUPPLEMENTAL_TLS_TLS_H
#define NNG_SUPPLEMENTAL_TLS_TLS_H

#include <nng/nng.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_tls_config nng_tls_config;

typedef enum nng_tls_mode {
    NNG_TLS_MODE_CLIENT = 0,
    NNG_TLS_MODE_SERVER = 1,
} nng_tls_mode;

/* What becomes of a peer whose certificate is missing or not good. */
typedef enum nng_tls_auth_mode {
    NNG_TLS_AUTH_MODE_NONE = 0,     /* it is not asked for one (a server's is not looked at) */
    NNG_TLS_AUTH_MODE_OPTIONAL = 1, /* it is let in, but does not count as verified */
    NNG_TLS_AUTH_MODE_REQUIRED = 2, /* the connection fails with NNG_EPEERAUTH */
} nng_tls_auth_mode;

typedef enum nng_tls_version {
    NNG_TLS_1_0 = 0x301,
    NNG_TLS_1_1 = 0x302,
    NNG_TLS_1_2 = 0x303,
    NNG_TLS_1_3 = 0x304,
} nng_tls_version;

/*
 * Makes a TLS configuration.
 *
 * For clients it starts with NNG_TLS_AUTH_MODE_REQUIRED, for servers with NNG_TLS_AUTH_MODE_NONE;
 * TLS 1.2 and 1.3 are spoken, and no CA is trusted.
 *
 * Errors: NNG_EINVAL: no such mode; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_client_set_tls(), nng_http_server_set_tls().
 */
NNG_DECL int nng_tls_config_alloc(nng_tls_config **configp, nng_tls_mode mode);

/*
 * Add a hold on a TLS configuration, and give one up.
 *
 * nng_tls_config_alloc() makes it with one. NULL is ignored.
 *
 * Threads: any.
 */
NNG_DECL void nng_tls_config_hold(nng_tls_config *config);
NNG_DECL void nng_tls_config_free(nng_tls_config *config);

/*
 * Sets the name that a server must prove to have.
 *
 * For clients: the name (or IP address, as text) is asked for (SNI), and the server's certificate
 * must be for it. A client's own configuration has its URL's host. One that is put in that one's
 * place without a name checks none, as in NNG, unless it trusts the system's CAs
 * (NNG_URING_TLS_SYSTEM_CA): then it is the URL's again. A server ignores it.
 *
 * Errors: NNG_EBUSY: it is in use; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_server_name(nng_tls_config *config, const char *name);

/*
 * Add CAs whose certificates are trusted.
 *
 * They come as PEM text, one or many certificates; and, if `crl` is not NULL, lists of revoked
 * certificates, which are looked at from then on. The file may hold both.
 *
 * Errors: NNG_ECRYPTO: malformed, or there are none; NNG_ENOENT, NNG_EPERM: the file cannot be
 * read; NNG_EMSGSIZE: it has more than 16 MiB; NNG_EBUSY: it is in use; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_ca_chain(nng_tls_config *config, const char *chain, const char *crl);
NNG_DECL int nng_tls_config_ca_file(nng_tls_config *config, const char *path);

/*
 * Add a certificate of our own.
 *
 * It comes as PEM text: first itself, then the chain of those that signed it; and its private key,
 * with the password of that (NULL: it has none; nobody is ever asked). A server may have several:
 * one of each type of key, and those for the names that clients ask for (SNI). Without a name, or
 * for another one, the first ones count. The file holds certificate, chain and key.
 *
 * Errors: NNG_ECRYPTO: malformed, or the key is another's, or its password missing or wrong;
 * NNG_ENOENT, NNG_EPERM: the file cannot be read; NNG_EMSGSIZE: it has more than 16 MiB; NNG_EBUSY:
 * it is in use; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_own_cert(nng_tls_config *config, const char *cert, const char *key,
                                     const char *pass);
NNG_DECL int nng_tls_config_cert_key_file(nng_tls_config *config, const char *path,
                                          const char *pass);

/*
 * Sets what becomes of peers that cannot say who they are.
 *
 * Errors: NNG_EINVAL: no such mode; NNG_EBUSY: it is in use.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_auth_mode(nng_tls_config *config, nng_tls_auth_mode mode);

/*
 * Sets the versions of TLS that are spoken.
 *
 * Errors: NNG_ENOTSUP: not from NNG_TLS_1_2 to NNG_TLS_1_3, or the other way round; NNG_EBUSY: it
 * is in use; NNG_ECRYPTO: OpenSSL refuses it; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_version(nng_tls_config *config, nng_tls_version min,
                                    nng_tls_version max);

/*
 * Sets a key that both sides know beforehand.
 *
 * It takes the place of certificates, and is copied. A client has one; a server many, each for an
 * identity (the same identity again replaces it).
 *
 * Errors: NNG_ECRYPTO: the key is empty or longer than 256 bytes, or the identity longer than 127;
 * NNG_EBUSY: it is in use; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_tls_config_psk(nng_tls_config *config, const char *identity, const uint8_t *key,
                                size_t len);

/*
 * Tell what implements TLS.
 *
 * Returns: "openssl"; its version in words; whether only what FIPS allows is used.
 * Threads: any.
 */
NNG_DECL const char *nng_tls_engine_name(void);
NNG_DECL const char *nng_tls_engine_description(void);
NNG_DECL bool nng_tls_engine_fips_mode(void);

#ifdef __cplusplus
}
#endif

#endif
