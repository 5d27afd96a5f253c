/* SPDX-License-Identifier: MIT */
#include "ws/ws_read.h"

#include "io/vec.h"
#include "net/aio_queue.h"
#include "ws/ws_close.h"
#include "ws/ws_put.h"
#include "ws/ws_write.h"

#include <stdlib.h>

#define PIECE ((size_t) 512)       /* the least room of one: small ones of a message share it */
#define UNPACK ((size_t) 8 * 1024) /* bytes that are decompressed at a time */
#define TURN ((size_t) 512 * 1024) /* and before others on the loop have their turn */
#define DIRECT NU_BUFRING_SIZE     /* bytes to come of a frame that needs no copy, at least */
#define THROW ((size_t) 16 * 1024 * 1024) /* bytes that a peer may send after it was refused */

/* ---- To receives -------------------------------------------------------------------------- */

/* Bytes of a message, and maybe its end. */
struct part {
    enum nu_ws_opcode type;
    bool end;
    const uint8_t *data;
    size_t n;
    bool placed; /* they are where the receive wants them */
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
    size_t n =
        part->placed ? part->n : nu_vec_put(io->iov, io->niov, io->done, part->data, part->n);
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
    ws->used = ws->heard > ws->used ? ws->heard : ws->used; /* it may have lain here for long */
    ws->unasked = true;
    ws->direct = aio == ws->direct ? NULL : ws->direct;
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
                             piece->len - piece->off, false };
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
    nu_ws_close_refuse(ws, code, reason,
                       code == NU_WS_TOO_BIG          ? NNG_EMSGSIZE
                       : code == NU_WS_INTERNAL_ERROR ? NNG_ENOMEM
                                                      : NNG_EPROTO);
}

/* Bytes of the message in hand, as they are meant. */
static void ws_read_message(struct nu_ws *ws, struct nu_slice data, bool end)
{
    struct part part = { ws->reader.message, end, (const uint8_t *) data.p, data.n,
                         ws->direct != NULL };
    bool text = part.type == NU_WS_TEXT;
    ws->message += data.n;
    if (ws->settings.recv_message > 0 && ws->message > ws->settings.recv_message) {
        ws_read_refuse(ws, NU_WS_TOO_BIG, "a message is too long");
        return;
    }
    if (text &&
        (!nu_utf8_next(&ws->utf8, data.p, data.n) || (end && !nu_utf8_complete(&ws->utf8)))) {
        ws_read_refuse(ws, NU_WS_INVALID_DATA, "text that is not UTF-8");
        return;
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
    }
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

/* Bytes of a data frame. Returns how many of them are to stay, as they are to be decompressed. */
static size_t ws_read_data(struct nu_ws *ws, struct nu_slice data, bool end)
{
    if (!nu_ws_listens(ws)) {
        return 0; /* our user has closed it */
    }
    if (ws->reader.message == NU_WS_TEXT && !ws->settings.recv_text) {
        ws_read_refuse(ws, NU_WS_UNSUPPORTED, "text is not taken here");
    } else if (ws_read_has_too_many(ws)) {
        ws_read_refuse_fragments(ws);
    } else if (ws->reader.compressed) {
        ws->unpacking = true;
        ws->packed = data.n;
        ws->packed_end = end;
        return data.n;
    } else {
        ws_read_message(ws, data, end);
    }
    return 0;
}

/* ---- Compressed messages ------------------------------------------------------------------ */

static bool ws_read_keeps_window(const struct nu_ws *ws)
{
    return ws->client ? !ws->deflate.server_no_context : !ws->deflate.client_no_context;
}

static enum nu_ws_inflated ws_read_inflate(struct nu_ws *ws, const uint8_t *data, size_t *used,
                                           uint8_t out[UNPACK], size_t *made)
{
    if (ws->inflater == NULL) {
        int bits = ws->client ? ws->deflate.server_bits : ws->deflate.client_bits;
        ws->inflater = nu_ws_inflater_new(bits);
    }
    *used = *made = 0;
    return ws->inflater == NULL ? NU_WS_INFLATED_NO_MEMORY
                                : nu_ws_inflate(ws->inflater, data, ws->packed, ws->packed_end,
                                                used, out, UNPACK, made);
}

/* What was decompressed. `over`: that is all for now. */
static void ws_read_unpacked(struct nu_ws *ws, const uint8_t *out, size_t made, bool over)
{
    bool end = over && ws->packed_end;
    ws->unpacking = !over;
    if (made > 0 || end) {
        ws_read_message(ws, (struct nu_slice){ (const char *) out, made }, end);
    }
    if (end && !ws_read_keeps_window(ws)) {
        nu_ws_inflater_free(ws->inflater);
        ws->inflater = NULL;
    }
}

/* Goes on with the part in hand. Returns how many bytes came out. */
static size_t ws_read_unpack(struct nu_ws *ws, struct nu_stream *stream)
{
    uint8_t out[UNPACK];
    size_t used = ws->packed, made = 0;
    ws->unpacking = ws->unpacking && nu_ws_listens(ws); /* else our user has closed it */
    enum nu_ws_inflated found =
        ws->unpacking ? ws_read_inflate(ws, nu_rx_data(&stream->rx), &used, out, &made)
                      : NU_WS_INFLATED;
    ws->packed -= used;
    if (found == NU_WS_INFLATED_BAD || found == NU_WS_INFLATED_NO_MEMORY) {
        bool bad = found == NU_WS_INFLATED_BAD;
        ws->unpacking = false;
        nu_ws_close_refuse(ws, bad ? NU_WS_INVALID_DATA : NU_WS_INTERNAL_ERROR,
                           bad ? "it cannot be decompressed" : "no memory",
                           bad ? NNG_EPROTO : NNG_ENOMEM);
    } else if (ws->unpacking) {
        ws_read_unpacked(ws, out, made, found == NU_WS_INFLATED);
    }
    if (used > 0) {
        nu_stream_consume(stream, used);
    }
    return made;
}

static void ws_read_control(struct nu_ws *ws, struct nu_slice payload)
{
    struct nu_slice reason;
    uint16_t code;
    switch (ws->reader.opcode) {
    case NU_WS_PING:
        if (ws->state == NU_WS_OPEN) {
            nu_ws_put_pong(ws, payload.p, payload.n);
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
    size_t used, kept = 0;
    struct nu_slice data;
    bool end;
    uint8_t *at = (uint8_t *) (uintptr_t) nu_rx_data(&stream->rx);
    switch (nu_ws_reader_next(&ws->reader, at, nu_rx_len(&stream->rx), &used, &data, &end)) {
    case NU_WS_DATA:
        kept = ws_read_data(ws, data, end);
        break;
    case NU_WS_CONTROL:
        ws_read_control(ws, data);
        break;
    case NU_WS_BAD:
        ws_read_refuse(ws, ws->reader.bad_code, ws->reader.bad_reason);
        break;
    case NU_WS_MORE:
        if (nu_ws_listens(ws) && ws_read_has_too_many(ws)) {
            ws_read_refuse_fragments(ws);
        }
        break;
    }
    if (used > kept) {
        nu_stream_consume(stream, used - kept);
    }
}

/* It is ENDING: what still comes is of no interest. */
static void ws_read_throw(struct nu_ws *ws, struct nu_stream *stream)
{
    size_t n = nu_rx_len(&stream->rx);
    ws->unpacking = false;
    ws->thrown += n;
    if (n > 0) {
        nu_stream_consume(stream, n);
    }
    if (ws->thrown > THROW) {
        ws->linger = false;
    }
}

static bool ws_read_has_more(const struct nu_ws *ws, const struct nu_stream *stream)
{
    return (ws->state == NU_WS_OPEN || ws->state == NU_WS_CLOSING) && !ws->verdict &&
           (nu_rx_len(&stream->rx) > 0 || ws->unpacking) && !ws_read_full(ws);
}

bool nu_ws_read(struct nu_ws *ws)
{
    size_t unpacked = 0;
    ws_read_serve(ws);
    if (ws->state == NU_WS_GONE) {
        return false;
    }
    struct nu_stream *stream = nu_ws_carrier(ws);
    nu_ws_close_judge(ws, false);
    if (ws->direct != NULL) {
        return false; /* what the stream has comes after what is on its way there */
    }
    while (ws_read_has_more(ws, stream) && unpacked < TURN) {
        if (ws->unpacking) {
            unpacked += ws_read_unpack(ws, stream);
        } else {
            ws_read_step(ws, stream);
        }
    }
    if (ws->state == NU_WS_ENDING) {
        ws_read_throw(ws, stream);
    }
    return ws_read_has_more(ws, stream);
}

/* ---- Straight to a receive ---------------------------------------------------------------- */

/* The rest of a large frame needs no copy then, and comes in as few pieces as it can. */
void nu_ws_read_aim(struct nu_ws *ws)
{
    const struct nu_ws_settings *settings = &ws->settings;
    nng_aio *aio = nu_aio_queue_first(&ws->recvs);
    uint64_t left = nu_ws_reader_left(&ws->reader);
    if (left < DIRECT || aio == NULL || ws->first != NULL || !nu_ws_listens(ws) ||
        ws->reader.compressed ||
        (settings->recv_message > 0 && ws->message + left > settings->recv_message)) {
        return;
    }
    struct iovec room = nu_vec_piece(aio->io.iov, aio->io.niov, aio->io.done);
    if (room.iov_len >= DIRECT) {
        room.iov_len = room.iov_len < left ? room.iov_len : (size_t) left;
        ws->direct = aio;
        ws->direct_iov = room;
    }
}

bool nu_ws_read_recall(struct nu_ws *ws)
{
    bool recall = ws->direct != NULL && ws->reading && !ws->recalled &&
                  (ws->direct_err != 0 || ws->recv_end != 0);
    ws->recalled = ws->recalled || recall;
    return recall;
}

void nu_ws_read_aimed(struct nu_ws *ws, size_t n)
{
    size_t used;
    struct nu_slice data;
    bool end;
    if (n > 0) { /* be it that nobody wants them: the next frame is behind them */
        (void) nu_ws_reader_next(&ws->reader, ws->direct_iov.iov_base, n, &used, &data, &end);
        (void) ws_read_data(ws, data, end);
    }
    nng_aio *aio = ws->direct;
    if (aio != NULL && ws->direct_err != 0) {
        nu_list_remove(&aio->link);
        nu_aio_end(aio, ws->direct_err, aio->io.done);
    }
    ws->direct = NULL;
    ws->direct_err = 0;
    ws->recalled = false;
}

bool nu_ws_read_wanted(const struct nu_ws *ws)
{
    return ws->state != NU_WS_GONE && !ws->reading && !ws->verdict && ws->carrier_end == 0 &&
           !ws->unpacking && nu_rx_len(&nu_ws_carrier(ws)->rx) == 0 &&
           (ws->state != NU_WS_ENDING || ws->linger);
}

void nu_ws_read_end(struct nu_ws *ws)
{
    nng_aio *aio;
    while (ws->recv_end != 0 && ws->first == NULL && ws->direct == NULL &&
           (aio = nu_aio_queue_first(&ws->recvs)) != NULL) {
        nu_list_remove(&aio->link);
        nu_aio_end(aio, ws->recv_end, aio->io.done);
    }
}
