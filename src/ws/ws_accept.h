/* SPDX-License-Identifier: MIT */
/* The texts that prove that a WebSocket's server has understood its client (RFC 6455 4.2.2). */
#ifndef NU_WS_WS_ACCEPT_H
#define NU_WS_WS_ACCEPT_H

#include "wire/ws_upgrade.h"

/* A new Sec-WebSocket-Key. */
void nu_ws_new_key(char key[NU_WS_KEY_LENGTH + 1]);

/* The Sec-WebSocket-Accept for a good key. NNG_ECRYPTO: there is no SHA-1 to be had. */
int nu_ws_accept_text(const char *key, char accept[NU_WS_ACCEPT_LENGTH + 1]);

#endif
