/* SPDX-License-Identifier: MIT */
/*
 * Certificates, keys and lists of revoked ones, as PEM: what is taken can be used, and what is not
 * leaves nothing behind. The password is known, so that nobody is asked for it.
 */
#include "tls/pem.h"

#include <nng/nng.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "pem: %s\n", what);
        abort();
    }
}

static int count(X509_STORE *store)
{
    return sk_X509_OBJECT_num(X509_STORE_get0_objects(store));
}

static void add_to_store(const char *text)
{
    X509_STORE *store = X509_STORE_new();
    require(store != NULL, "memory");
    int err = nu_pem_add_to_store(store, text);
    require(err == 0 || err == NNG_ECRYPTO, "an error of another kind");
    require(err != 0 || count(store) > 0, "nothing was taken");
    X509_STORE_free(store);
}

static void load_credential(const char *text)
{
    struct nu_credential *cred;
    int err = nu_pem_load_credential(&cred, text, text, "secret");
    require(err == 0 || err == NNG_ECRYPTO, "an error of another kind");
    if (err == 0) {
        require(cred->cert != NULL && cred->key != NULL &&
                    X509_check_private_key(cred->cert, cred->key) == 1,
                "a key that is another's");
        nu_credential_free(cred);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    require(text != NULL, "memory");
    memcpy(text, data, size);
    text[size] = '\0';
    add_to_store(text);
    load_credential(text);
    free(text);
    return 0;
}
