/* SPDX-License-Identifier: MIT */
#include "fault/openssl.h"

#include "fault/wrap.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* ---- Its memory: not by malloc() and realloc(), which are the library's to fail ------------ */

static atomic_long blocks;
static bool ours;

static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void) file;
    (void) line;
    void *p = t_fault_fails(NU_FAULT_OPENSSL_MEMORY) ? NULL : reallocarray(NULL, 1, n);
    atomic_fetch_add(&blocks, p != NULL);
    return p;
}

static void openssl_free(void *p, const char *file, int line)
{
    (void) file;
    (void) line;
    atomic_fetch_sub(&blocks, p != NULL);
    free(p);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    if (p == NULL) {
        return openssl_malloc(n, file, line);
    }
    if (n == 0) {
        openssl_free(p, file, line);
        return NULL;
    }
    return t_fault_fails(NU_FAULT_OPENSSL_MEMORY) ? NULL : reallocarray(p, 1, n);
}

/* Before it has any, and so before tests/support/openssl.c. */
__attribute__((constructor(101))) static void openssl_take_over(void)
{
    ours = CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) == 1;
}

long t_openssl_blocks(void)
{
    return ours ? atomic_load(&blocks) : -1;
}

/* ---- Calls to it -------------------------------------------------------------------------- */

static bool fails(void)
{
    if (t_fault_fails(NU_FAULT_OPENSSL) == 0) {
        return false;
    }
    ERR_raise(ERR_LIB_SSL, ERR_R_MALLOC_FAILURE);
    return true;
}

/* What ld --wrap calls the two sides; no header has their prototypes. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define WRAP(type, otherwise, name, params, args)                                                  \
    type __real_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        return fails() ? (otherwise) : __real_##name args;                                         \
    }

WRAP(SSL_CTX *, NULL, SSL_CTX_new, (const SSL_METHOD *a), (a))
WRAP(SSL *, NULL, SSL_new, (SSL_CTX * a), (a))
WRAP(BIO *, NULL, BIO_new, (const BIO_METHOD *a), (a))
WRAP(BIO *, NULL, BIO_new_mem_buf, (const void *a, int b), (a, b))
WRAP(int, 0, SSL_CTX_set_cipher_list, (SSL_CTX * a, const char *b), (a, b))
WRAP(int, 0, SSL_CTX_use_cert_and_key,
     (SSL_CTX * a, X509 *b, EVP_PKEY *c, STACK_OF(X509) * d, int e), (a, b, c, d, e))
WRAP(int, 0, SSL_CTX_add_client_CA, (SSL_CTX * a, X509 *b), (a, b))
WRAP(int, 0, SSL_CTX_set_session_id_context, (SSL_CTX * a, const unsigned char *b, unsigned c),
     (a, b, c))
WRAP(int, 0, SSL_CTX_set_num_tickets, (SSL_CTX * a, size_t b), (a, b))
WRAP(int, 0, SSL_CTX_set_ex_data, (SSL_CTX * a, int b, void *c), (a, b, c))
WRAP(int, 1, SSL_set_alpn_protos, (SSL * a, const unsigned char *b, unsigned c), (a, b, c))
WRAP(int, 0, SSL_set1_host, (SSL * a, const char *b), (a, b))
WRAP(int, 0, SSL_set_ex_data, (SSL * a, int b, void *c), (a, b, c))
WRAP(int, 0, SSL_set_session, (SSL * a, SSL_SESSION *b), (a, b))
WRAP(int, -1, SSL_do_handshake, (SSL * a), (a))
WRAP(int, -1, SSL_read, (SSL * a, void *b, int c), (a, b, c))
WRAP(int, -1, SSL_write, (SSL * a, const void *b, int c), (a, b, c))
WRAP(int, -1, SSL_shutdown, (SSL * a), (a))
WRAP(int, -1, RAND_bytes, (unsigned char *a, int b), (a, b))
WRAP(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(int, 0, EVP_DigestInit_ex, (EVP_MD_CTX * a, const EVP_MD *b, ENGINE *c), (a, b, c))
WRAP(int, 0, EVP_DigestUpdate, (EVP_MD_CTX * a, const void *b, size_t c), (a, b, c))
WRAP(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX * a, unsigned char *b, unsigned *c), (a, b, c))
WRAP(int, 0, EVP_EncryptInit_ex,
     (EVP_CIPHER_CTX * a, const EVP_CIPHER *b, ENGINE *c, const unsigned char *d,
      const unsigned char *e),
     (a, b, c, d, e))
WRAP(int, 0, EVP_DecryptInit_ex,
     (EVP_CIPHER_CTX * a, const EVP_CIPHER *b, ENGINE *c, const unsigned char *d,
      const unsigned char *e),
     (a, b, c, d, e))
WRAP(int, 0, EVP_MAC_CTX_set_params, (EVP_MAC_CTX * a, const OSSL_PARAM *b), (a, b))
WRAP(int, 0, X509_digest, (const X509 *a, const EVP_MD *b, unsigned char *c, unsigned *d),
     (a, b, c, d))
WRAP(X509 *, NULL, PEM_read_bio_X509, (BIO * a, X509 **b, pem_password_cb *c, void *d),
     (a, b, c, d))
WRAP(X509 *, NULL, PEM_read_bio_X509_AUX, (BIO * a, X509 **b, pem_password_cb *c, void *d),
     (a, b, c, d))
WRAP(EVP_PKEY *, NULL, PEM_read_bio_PrivateKey,
     (BIO * a, EVP_PKEY **b, pem_password_cb *c, void *d), (a, b, c, d))
WRAP(STACK_OF(X509_INFO) *, NULL, PEM_X509_INFO_read_bio,
     (BIO * a, STACK_OF(X509_INFO) * b, pem_password_cb *c, void *d), (a, b, c, d))
WRAP(int, 0, X509_STORE_add_cert, (X509_STORE * a, X509 *b), (a, b))
WRAP(int, 0, X509_STORE_add_crl, (X509_STORE * a, X509_CRL *b), (a, b))
WRAP(int, 0, SSL_CTX_set_ciphersuites, (SSL_CTX * a, const char *b), (a, b))
WRAP(int, 0, SSL_use_cert_and_key, (SSL * a, X509 *b, EVP_PKEY *c, STACK_OF(X509) * d, int e),
     (a, b, c, d, e))
WRAP(X509 *, NULL, X509_new, (void), ())
WRAP(X509_EXTENSION *, NULL, X509V3_EXT_conf_nid,
     (LHASH_OF(CONF_VALUE) * a, X509V3_CTX *b, int c, const char *d), (a, b, c, d))
WRAP(int, 0, X509_add_ext, (X509 * a, X509_EXTENSION *b, int c), (a, b, c))
WRAP(int, 0, X509_set_pubkey, (X509 * a, EVP_PKEY *b), (a, b))
WRAP(int, 0, X509_sign, (X509 * a, EVP_PKEY *b, const EVP_MD *c), (a, b, c))
WRAP(int, 0, X509_check_private_key, (const X509 *a, const EVP_PKEY *b), (a, b))

long __real_SSL_CTX_ctrl(SSL_CTX *ctx, int command, long num, void *ptr);
long __wrap_SSL_CTX_ctrl(SSL_CTX *ctx, int command, long num, void *ptr)
{
    bool may =
        command == SSL_CTRL_SET_MIN_PROTO_VERSION || command == SSL_CTRL_SET_MAX_PROTO_VERSION;
    return may && fails() ? 0 : __real_SSL_CTX_ctrl(ctx, command, num, ptr);
}

long __real_SSL_ctrl(SSL *ssl, int command, long num, void *ptr);
long __wrap_SSL_ctrl(SSL *ssl, int command, long num, void *ptr)
{
    bool may = command == SSL_CTRL_SET_TLSEXT_HOSTNAME;
    return may && fails() ? 0 : __real_SSL_ctrl(ssl, command, num, ptr);
}
