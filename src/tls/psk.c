/* SPDX-License-Identifier: MIT */
/* Keys that both sides know beforehand: nng_tls_config_psk(), and what the handshake asks. */
#include "tls/config.h"
#include "tls/error.h"

#include <stdlib.h>
#include <string.h>

static struct nu_psk *psk_find(struct nu_psk *psk, const char *identity)
{
    while (psk != NULL && strcmp(psk->identity, identity) != 0) {
        psk = psk->next;
    }
    return psk;
}

static unsigned psk_copy_key(const struct nu_psk *psk, unsigned char *key, unsigned room)
{
    if (psk == NULL || psk->len > room) {
        return 0; /* the handshake fails */
    }
    memcpy(key, psk->key, psk->len);
    return (unsigned) psk->len;
}

static unsigned psk_ask_server(SSL *ssl, const char *identity, unsigned char *key, unsigned room)
{
    const nng_tls_config *config = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return identity == NULL ? 0 : psk_copy_key(psk_find(config->psk, identity), key, room);
}

static unsigned psk_ask_client(SSL *ssl, const char *hint, char *identity, unsigned identity_room,
                               unsigned char *key, unsigned room)
{
    const nng_tls_config *config = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct nu_psk *psk = config->psk;
    (void) hint;
    if (psk == NULL || strlen(psk->identity) >= identity_room) {
        return 0;
    }
    memcpy(identity, psk->identity, strlen(psk->identity) + 1);
    return psk_copy_key(psk, key, room);
}

/* A client has room for one, whatever it is called. */
static int psk_set(nng_tls_config *config, const char *identity, const uint8_t *key, size_t len)
{
    bool client = config->mode == NNG_TLS_MODE_CLIENT;
    struct nu_psk *psk = client ? config->psk : psk_find(config->psk, identity);
    /* In TLS 1.3 such a key goes with SHA-256 alone, so that has to be chosen before it is looked
     * at. */
    if (SSL_CTX_set_ciphersuites(config->ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:"
                                              "TLS_AES_256_GCM_SHA384") != 1) {
        return nu_tls_error();
    }
    if (psk == NULL) {
        psk = calloc(1, sizeof *psk);
        if (psk == NULL) {
            return NNG_ENOMEM;
        }
        psk->next = config->psk;
        config->psk = psk;
    }
    memcpy(psk->identity, identity, strlen(identity) + 1);
    memcpy(psk->key, key, len);
    psk->len = len;
    if (client) {
        SSL_CTX_set_psk_client_callback(config->ctx, psk_ask_client);
    } else {
        SSL_CTX_set_psk_server_callback(config->ctx, psk_ask_server);
    }
    return 0;
}

int nng_tls_config_psk(nng_tls_config *config, const char *identity, const uint8_t *key, size_t len)
{
    if (len == 0 || len > NU_PSK_KEY || strlen(identity) > NU_PSK_IDENTITY) {
        return NNG_ECRYPTO;
    }
    int err = nu_tls_config_begin(config);
    return err != 0 ? err : nu_tls_config_end(config, psk_set(config, identity, key, len));
}
