/* SPDX-License-Identifier: MIT */
/* What <nng/uring.h> has of WebSockets, but for what is a listener's. */
#include "io/aio_data.h"
#include "wire/utf8.h"
#include "ws/ws.h"

#include <nng/uring.h>

/* Begins the aio; `empty`: it may hold no byte. False: there is nothing more to do. */
static bool ws_calls_begin(const struct nu_ws *ws, nng_aio *aio, bool empty)
{
    if (!nng_aio_begin(aio)) {
        return false;
    }
    int err = nu_aio_take_vec(aio);
    if (err == NNG_EINVAL && aio->io.total == 0 && empty) {
        aio->io.niov = 0; /* entries without a byte */
        err = 0;
    }
    err = ws == NULL ? NNG_ENOTSUP : err;
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
    }
    return err == 0;
}

void nng_uring_ws_recv(nng_stream *stream, nng_aio *aio)
{
    struct nu_ws *ws = nu_ws_of(stream);
    if (ws_calls_begin(ws, aio, false)) {
        nu_ws_recv(ws, aio, NU_WS_RECV_MESSAGE);
    }
}

enum nng_uring_ws_type nng_uring_ws_type(nng_aio *aio)
{
    return (enum nng_uring_ws_type)(uintptr_t) nng_aio_get_output(aio, 0);
}

bool nng_uring_ws_ended(nng_aio *aio)
{
    return nng_aio_get_output(aio, 1) != NULL;
}

static int ws_calls_check_send(const nng_aio *aio, enum nng_uring_ws_type type)
{
    switch (type) {
    case NNG_URING_WS_TEXT:
    case NNG_URING_WS_BINARY:
        return 0;
    case NNG_URING_WS_PING:
        return aio->io.total > NU_WS_CONTROL_MAX ? NNG_EMSGSIZE : 0;
    default:
        return NNG_EINVAL;
    }
}

void nng_uring_ws_send(nng_stream *stream, nng_aio *aio, enum nng_uring_ws_type type, bool ended)
{
    struct nu_ws *ws = nu_ws_of(stream);
    if (!ws_calls_begin(ws, aio, true)) {
        return;
    }
    int err = ws_calls_check_send(aio, type);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        return;
    }
    nu_ws_send(ws, aio, (enum nu_ws_opcode) type, !ended && type != NNG_URING_WS_PING);
}

static int ws_calls_close(nng_stream *stream, uint16_t code, const char *reason,
                          void (*close)(struct nu_ws *ws, uint16_t code, const char *reason))
{
    struct nu_ws *ws = nu_ws_of(stream);
    struct nu_utf8 utf8 = { 0 };
    size_t n = reason != NULL ? strlen(reason) : 0;
    if (ws == NULL) {
        return NNG_ENOTSUP;
    }
    if (!nu_ws_code_valid(code) || n > NU_WS_CONTROL_MAX - 2 || !nu_utf8_next(&utf8, reason, n) ||
        !nu_utf8_complete(&utf8)) {
        return NNG_EINVAL;
    }
    close(ws, code, reason);
    return 0;
}

int nng_uring_ws_close(nng_stream *stream, uint16_t code, const char *reason)
{
    return ws_calls_close(stream, code, reason, nu_ws_close);
}

int nng_uring_ws_finish(nng_stream *stream, uint16_t code, const char *reason)
{
    return ws_calls_close(stream, code, reason, nu_ws_finish);
}
