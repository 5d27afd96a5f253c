/* SPDX-License-Identifier: MIT */
#include "tls/tickets.h"

#include "base/clock.h"
#include "tls/error.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define KEYS 3
#define NAME_SIZE 16 /* what OpenSSL puts into a ticket to find its key again */
#define ROTATE (3600 * NU_SECOND)

struct ticket_key {
    unsigned char name[NAME_SIZE];
    unsigned char aes[32];
    unsigned char hmac[32];
    uint64_t born; /* 0: there is none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ticket_key keys[KEYS]; /* newest first; under lock */

/* With the lock held: the keys as of now; false: no random numbers, and no key. */
static bool tickets_rotate(void)
{
    uint64_t now = nu_now();
    while (keys[KEYS - 1].born != 0 && now - keys[KEYS - 1].born >= KEYS * ROTATE) {
        memset(&keys[KEYS - 1], 0, sizeof keys[0]);
    }
    if (keys[0].born != 0 && now - keys[0].born < ROTATE) {
        return true;
    }
    struct ticket_key key = { .born = now };
    if (RAND_bytes(key.name, sizeof key.name) != 1 || RAND_bytes(key.aes, sizeof key.aes) != 1 ||
        RAND_bytes(key.hmac, sizeof key.hmac) != 1) {
        return false;
    }
    memmove(&keys[1], &keys[0], (KEYS - 1) * sizeof keys[0]);
    keys[0] = key;
    for (int i = 1; i < KEYS; i++) { /* a process that slept has none that still counts */
        if (keys[i].born != 0 && now - keys[i].born >= KEYS * ROTATE) {
            memset(&keys[i], 0, sizeof keys[0]);
        }
    }
    return true;
}

/* A copy of the key of that name, or of the one to encrypt with (NULL). -1: none; else its age. */
static int tickets_key(const unsigned char *name, struct ticket_key *key)
{
    int found = -1;
    pthread_mutex_lock(&lock);
    bool ok = tickets_rotate();
    for (int i = 0; ok && found < 0 && i < KEYS; i++) {
        if (keys[i].born != 0 && (name == NULL || memcmp(keys[i].name, name, NAME_SIZE) == 0)) {
            *key = keys[i];
            found = i;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static int tickets_set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->hmac, sizeof key->hmac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params);
}

/* OpenSSL asks: 1: go on; 2: go on, and give a new ticket; 0: not ours, a full handshake. */
static int tickets_ask(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                       EVP_MAC_CTX *mac, int encrypt)
{
    struct ticket_key key;
    int age = tickets_key(encrypt ? NULL : name, &key), ok = 0;
    if (age < 0) {
        return encrypt ? -1 : 0;
    }
    if (encrypt) {
        memcpy(name, key.name, NAME_SIZE);
        ok = RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 &&
             EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1;
    } else {
        ok = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv) == 1;
    }
    ok = ok && tickets_set_mac(mac, &key) == 1;
    OPENSSL_cleanse(&key, sizeof key);
    /* Clients use one of TLS 1.3 once. */
    return !ok ? -1 : age > 0 || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

int nu_tickets_enable(SSL_CTX *ctx, const unsigned char *context, unsigned len)
{
    SSL_CTX_set_timeout(ctx, NU_TICKET_SECONDS);
    if (SSL_CTX_set_session_id_context(ctx, context, len) != 1 ||
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tickets_ask) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 1) != 1) {
        return nu_tls_error();
    }
    SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
    return 0;
}

void nu_tickets_disable(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    (void) SSL_CTX_set_num_tickets(ctx, 0);
}
