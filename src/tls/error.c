/* SPDX-License-Identifier: MIT */
#include "tls/error.h"

#include <nng/nng.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>

/* Empties the queue, and says whether these were in it. */
static void error_look(bool *memory, bool *peer)
{
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        int reason = ERR_GET_REASON(error);
        *memory = *memory || reason == ERR_R_MALLOC_FAILURE;
        *peer = *peer || (ERR_GET_LIB(error) == ERR_LIB_SSL &&
                          (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                           reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE));
    }
}

/* To look costs a fifth of what it does to clear what is clear already. */
void nu_tls_forget_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

int nu_tls_error(void)
{
    bool memory = false, peer = false;
    error_look(&memory, &peer);
    return memory ? NNG_ENOMEM : NNG_ECRYPTO;
}

int nu_tls_peer_error(void)
{
    bool memory = false, peer = false;
    error_look(&memory, &peer);
    return memory ? NNG_ENOMEM : peer ? NNG_EPEERAUTH : NNG_ECRYPTO;
}
