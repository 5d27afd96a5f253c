/* SPDX-License-Identifier: MIT */
/*
 * How an HTTP connection becomes a WebSocket (RFC 6455 4), and what the two ends agree upon:
 * a subprotocol, and permessage-deflate (RFC 7692). Pure: requests and responses in, verdicts out.
 */
#ifndef NU_WIRE_WS_UPGRADE_H
#define NU_WIRE_WS_UPGRADE_H

#include "base/buf.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>
#include <stddef.h>

#define NU_WS_KEY_LENGTH 24    /* characters of Sec-WebSocket-Key: 16 bytes in base64 */
#define NU_WS_ACCEPT_LENGTH 28 /* of Sec-WebSocket-Accept: 20 bytes in base64 */
#define NU_WS_VERSION "13"
#define NU_WS_DEFLATE_ROOM                                                                         \
    160 /* bytes that a text about permessage-deflate needs, NUL included                          \
         */

/* What to append to a key before it is hashed into Sec-WebSocket-Accept (4.2.2). */
#define NU_WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* Parameters of permessage-deflate: offered, wished for, or agreed upon. */
struct nu_ws_deflate {
    bool on;
    bool server_no_context; /* the server begins each message with an empty window */
    bool client_no_context;
    int server_bits; /* log2 of the server's window, 8 to 15; 15 when nothing was said */
    int client_bits;
    bool client_bits_offered; /* an offer said that the client can limit its window */
    bool server_bits_offered; /* an offer named the server's, which is accepted by naming it */
};

/* ---- The server's part -------------------------------------------------------------------- */

/*
 * Whether a request asks for a WebSocket as it has to (4.2.1). 0, or the status to refuse it with:
 * 505 (not HTTP/1.1), 405 (not GET), 426 (another version: the response says Sec-WebSocket-Version
 * 13, 4.4), 400 (anything else).
 */
unsigned nu_ws_request_check(nng_http_req *req);

/*
 * The first of the client's subprotocols that is among ours, a list too; p NULL: none. *any says
 * whether the client offered any.
 */
struct nu_slice nu_ws_choose_protocol(const char *offered, const char *ours, bool *any);

/*
 * Chooses from the client's Sec-WebSocket-Extensions (NULL: none) the first offer of
 * permessage-deflate that is well-formed and that `wish` allows; an offer that is not is passed
 * over, as RFC 7692 5.1 has it. `wish` bounds the windows and may ask for no context.
 */
struct nu_ws_deflate nu_ws_deflate_accept(const char *offers, const struct nu_ws_deflate *wish);

/* What the response says of it. */
void nu_ws_deflate_print_response(const struct nu_ws_deflate *agreed,
                                  char text[NU_WS_DEFLATE_ROOM]);

/* ---- The client's part -------------------------------------------------------------------- */

/* The offer for a client that wishes for this. */
void nu_ws_deflate_print_offer(const struct nu_ws_deflate *wish, char text[NU_WS_DEFLATE_ROOM]);

/*
 * Whether a response opens the WebSocket (4.1): status 101, the right Accept, a subprotocol and
 * extensions that were offered. `protocols` NULL: none was. `wish` is what was offered, and
 * *agreed what holds. 0; NNG_EPERM (401, 403), NNG_ECONNREFUSED (404, 405), NNG_EPROTO (any other
 * answer).
 */
int nu_ws_response_check(nng_http_res *res, const char *accept, const char *protocols,
                         const struct nu_ws_deflate *wish, struct nu_ws_deflate *agreed);

#endif
