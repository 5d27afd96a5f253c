/* SPDX-License-Identifier: MIT */
#include "ws/ws_accept.h"

#include "base/random.h"
#include "tls/digest.h"

#include <string.h>

void nu_ws_new_key(char key[NU_WS_KEY_LENGTH + 1])
{
    unsigned char bytes[16];
    nu_random(bytes, sizeof bytes);
    nu_base64(bytes, sizeof bytes, key);
}

int nu_ws_accept_text(const char *key, char accept[NU_WS_ACCEPT_LENGTH + 1])
{
    char text[NU_WS_KEY_LENGTH + sizeof NU_WS_GUID];
    uint8_t digest[NU_SHA1_SIZE];
    memcpy(text, key, NU_WS_KEY_LENGTH);
    memcpy(text + NU_WS_KEY_LENGTH, NU_WS_GUID, sizeof NU_WS_GUID);
    int err = nu_sha1(text, sizeof text - 1, digest);
    if (err == 0) {
        nu_base64(digest, sizeof digest, accept);
    }
    return err;
}
