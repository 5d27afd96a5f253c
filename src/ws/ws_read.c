/* SPDX-License-Identifier: MIT */
#include "ws/ws_read.h"

#include "io/vec.h"
#include "net/aio_queue.h"
#include "ws/ws_close.h"
#include "ws/ws_write.h"

#include <stdlib.h>

#define PIECE ((size_t) 512) /* the least room of one: small ones of a message share it */
#define THROW ((size_t) 16 * 1024 * 1024) /* bytes that a peer may send after it was refused */

/* ---- To receives -------------------------------------------------------------------------- */

/* Bytes of a message, and maybe its end. */
struct part {
    enum nu_ws_opcode type;
    bool end;
    const uint8_t *data;
    size_t n;
};

static bool ws_read_is_over(const nng_aio *aio, bool ended)
{
    const struct nu_aio_io *io = &aio->io;
    return ended || io->done == io->total || (io->kind == NU_WS_RECV_SOME && io->done > 0);
}

/* Gives a receive what there is of the part. NNG's receives know of no messages, and so of no empty
 * ones. */
static void ws_read_give(struct nu_ws *ws, nng_aio *aio, struct part *part)
{
    struct nu_aio_io *io = &aio->io;
    size_t n = nu_vec_put(io->iov, io->niov, io->done, part->data, part->n);
    io->done += n;
    part->data += n;
    part->n -= n;
    bool ended = part->end && part->n == 0;
    if (ended) {
        part->end = false;
    }
    if (!ws_read_is_over(aio, ended) || (io->done == 0 && io->kind == NU_WS_RECV_SOME)) {
        return;
    }
    aio->args->output[0] = (void *) (uintptr_t) part->type;
    aio->args->output[1] = (void *) (uintptr_t) ended;
    ws->used = ws->heard;
    ws->unasked = true;
    nu_list_remove(&aio->link);
    nu_aio_end(aio, 0, io->done);
}

/* To those who wait, as far as it goes. */
static void ws_read_give_all(struct nu_ws *ws, struct part *part)
{
    nng_aio *aio;
    while ((part->n > 0 || part->end) && (aio = nu_aio_queue_first(&ws->recvs)) != NULL) {
        ws_read_give(ws, aio, part);
    }
}

/* ---- The queue ---------------------------------------------------------------------------- */

static struct nu_ws_piece *ws_read_new_piece(struct nu_ws *ws, const struct part *part)
{
    size_t cap = part->n > PIECE ? part->n : PIECE;
    struct nu_ws_piece *piece = malloc(sizeof *piece + cap);
    if (piece != NULL) {
        *piece = (struct nu_ws_piece){ .type = part->type, .cap = cap };
        *ws->last = piece;
        ws->last = &piece->next;
        ws->queued += sizeof *piece + cap;
    }
    return piece;
}

/* The last one, if this is of its message and there is room. */
static struct nu_ws_piece *ws_read_last_piece(struct nu_ws *ws, const struct part *part)
{
    struct nu_ws_piece *piece =
        ws->first == NULL ? NULL : nu_container(ws->last, struct nu_ws_piece, next);
    return piece != NULL && !piece->end && piece->cap - piece->len >= part->n ? piece : NULL;
}

/* False: no memory. */
static bool ws_read_push(struct nu_ws *ws, const struct part *part)
{
    struct nu_ws_piece *piece = ws_read_last_piece(ws, part);
    if (piece == NULL) {
        piece = ws_read_new_piece(ws, part);
    }
    if (piece == NULL) {
        return false;
    }
    memcpy(piece->data + piece->len, part->data, part->n);
    piece->len += part->n;
    piece->end = part->end;
    return true;
}

static void ws_read_pop(struct nu_ws *ws)
{
    struct nu_ws_piece *piece = ws->first;
    ws->first = piece->next;
    if (ws->first == NULL) {
        ws->last = &ws->first;
    }
    ws->queued -= sizeof *piece + piece->cap;
    free(piece);
}

void nu_ws_read_drop(struct nu_ws *ws)
{
    while (ws->first != NULL) {
        ws_read_pop(ws);
    }
}

/* What is queued, to those who wait. */
static void ws_read_serve(struct nu_ws *ws)
{
    struct nu_ws_piece *piece;
    while ((piece = ws->first) != NULL && !nu_list_empty(&ws->recvs)) {
        struct part part = { piece->type, piece->end, piece->data + piece->off,
                             piece->len - piece->off };
        ws_read_give_all(ws, &part);
        piece->off = piece->len - part.n;
        piece->end = part.end;
        if (part.n == 0 && !part.end) {
            ws_read_pop(ws);
        }
    }
}

static bool ws_read_full(const struct nu_ws *ws)
{
    return ws->settings.queued > 0 && ws->queued >= ws->settings.queued;
}

/* ---- Messages ----------------------------------------------------------------------------- */

static void ws_read_refuse(struct nu_ws *ws, enum nu_ws_code code, const char *reason)
{
    nu_ws_close_refuse(ws, code, reason, code == NU_WS_TOO_BIG ? NNG_EMSGSIZE : NNG_EPROTO);
}

/* Bytes of the message in hand, as they are meant. False: they are refused. */
static bool ws_read_message(struct nu_ws *ws, struct nu_slice data, bool end)
{
    struct part part = { ws->reader.message, end, (const uint8_t *) data.p, data.n };
    bool text = part.type == NU_WS_TEXT;
    ws->message += data.n;
    if (ws->settings.recv_message > 0 && ws->message > ws->settings.recv_message) {
        ws_read_refuse(ws, NU_WS_TOO_BIG, "a message is too long");
        return false;
    }
    if (text &&
        (!nu_utf8_next(&ws->utf8, data.p, data.n) || (end && !nu_utf8_complete(&ws->utf8)))) {
        ws_read_refuse(ws, NU_WS_INVALID_DATA, "text that is not UTF-8");
        return false;
    }
    if (end) {
        ws->message = 0;
        ws->utf8 = (struct nu_utf8){ 0 };
    }
    if (ws->first == NULL) {
        ws_read_give_all(ws, &part);
    }
    if ((part.n > 0 || part.end) && !ws_read_push(ws, &part)) {
        nu_ws_close_refuse(ws, NU_WS_INTERNAL_ERROR, "no memory", NNG_ENOMEM);
        return false;
    }
    return true;
}

/* Empty ones count, too: they would otherwise go on for ever. */
static bool ws_read_has_too_many(const struct nu_ws *ws)
{
    size_t most = ws->settings.fragments;
    return most > 0 && ws->reader.frames > most;
}

static void ws_read_refuse_fragments(struct nu_ws *ws)
{
    ws_read_refuse(ws, NU_WS_TOO_BIG, "a message has too many fragments");
}

/* Bytes of a data frame. */
static void ws_read_data(struct nu_ws *ws, struct nu_slice data, bool end)
{
    if (ws->state != NU_WS_OPEN) {
        return; /* our user has closed it */
    }
    if (ws->reader.message == NU_WS_TEXT && !ws->settings.recv_text) {
        ws_read_refuse(ws, NU_WS_UNSUPPORTED, "text is not taken here");
    } else if (ws_read_has_too_many(ws)) {
        ws_read_refuse_fragments(ws);
    } else {
        (void) ws_read_message(ws, data, end);
    }
}

static void ws_read_control(struct nu_ws *ws, struct nu_slice payload)
{
    struct nu_slice reason;
    uint16_t code;
    switch (ws->reader.opcode) {
    case NU_WS_PING:
        if (ws->state == NU_WS_OPEN) {
            nu_ws_write_pong(ws, payload.p, payload.n);
        }
        break;
    case NU_WS_CLOSE: {
        int bad = nu_ws_close_parse(payload.p, payload.n, &code, &reason);
        if (bad != 0) {
            ws_read_refuse(ws, (enum nu_ws_code) bad, "a malformed close frame");
        } else {
            nu_ws_close_heard(ws, code, reason);
        }
        break;
    }
    default: /* a pong: that something has come is all that counts */
        break;
    }
}

/* ---- Frames ------------------------------------------------------------------------------- */

/* Takes a frame, or a part of one, of what has come. Frames are unmasked where they lie, in memory
 * that is the stream's, or lent to it. */
static void ws_read_step(struct nu_ws *ws, struct nu_stream *stream)
{
    size_t used;
    struct nu_slice data;
    bool end;
    uint8_t *at = (uint8_t *) (uintptr_t) nu_rx_data(&stream->rx);
    switch (nu_ws_reader_next(&ws->reader, at, nu_rx_len(&stream->rx), &used, &data, &end)) {
    case NU_WS_DATA:
        ws_read_data(ws, data, end);
        break;
    case NU_WS_CONTROL:
        ws_read_control(ws, data);
        break;
    case NU_WS_BAD:
        ws_read_refuse(ws, ws->reader.bad_code, ws->reader.bad_reason);
        break;
    case NU_WS_MORE:
        if (ws->state == NU_WS_OPEN && ws_read_has_too_many(ws)) {
            ws_read_refuse_fragments(ws);
        }
        break;
    }
    if (used > 0) {
        nu_stream_consume(stream, used);
    }
}

/* It is ENDING: what still comes is of no interest. */
static void ws_read_throw(struct nu_ws *ws, struct nu_stream *stream)
{
    size_t n = nu_rx_len(&stream->rx);
    ws->thrown += n;
    if (n > 0) {
        nu_stream_consume(stream, n);
    }
    if (ws->thrown > THROW) {
        ws->linger = false;
    }
}

void nu_ws_read(struct nu_ws *ws)
{
    ws_read_serve(ws);
    if (ws->state == NU_WS_GONE) {
        return;
    }
    struct nu_stream *stream = nu_ws_carrier(ws);
    nu_ws_close_judge(ws, false);
    while ((ws->state == NU_WS_OPEN || ws->state == NU_WS_CLOSING) && !ws->verdict &&
           nu_rx_len(&stream->rx) > 0 && !ws_read_full(ws)) {
        ws_read_step(ws, stream);
    }
    if (ws->state == NU_WS_ENDING) {
        ws_read_throw(ws, stream);
    }
}

bool nu_ws_read_wanted(const struct nu_ws *ws)
{
    return ws->state != NU_WS_GONE && !ws->reading && !ws->verdict && ws->carrier_end == 0 &&
           nu_rx_len(&nu_ws_carrier(ws)->rx) == 0 && (ws->state != NU_WS_ENDING || ws->linger);
}

void nu_ws_read_end(struct nu_ws *ws)
{
    nng_aio *aio;
    while (ws->recv_end != 0 && ws->first == NULL &&
           (aio = nu_aio_queue_first(&ws->recvs)) != NULL) {
        nu_list_remove(&aio->link);
        nu_aio_end(aio, ws->recv_end, aio->io.done);
    }
}
