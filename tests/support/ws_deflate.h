/* SPDX-License-Identifier: MIT */
/* permessage-deflate (RFC 7692) for a WebSocket's peer that a test plays, by zlib alone. */
#ifndef NU_TESTS_SUPPORT_WS_DEFLATE_H
#define NU_TESTS_SUPPORT_WS_DEFLATE_H

#include "base/buf.h"

struct t_ws_deflate;

/* As the text of Sec-WebSocket-Extensions says; NULL: it does not say so. */
struct t_ws_deflate *t_ws_deflate_new(const char *extensions, bool client);
void t_ws_deflate_free(struct t_ws_deflate *deflate);

/* A message's payload, there and back. */
void t_ws_deflate_pack(struct t_ws_deflate *deflate, struct nu_buf *payload);
void t_ws_deflate_unpack(struct t_ws_deflate *deflate, struct nu_buf *payload);

#endif
