/* SPDX-License-Identifier: MIT */
#include "ws/ws_write.h"

#include "base/freelist.h"
#include "base/random.h"
#include "io/vec.h"
#include "net/aio_queue.h"

#include <stdlib.h>

/* Bytes of frames, after which the stream has to be free again. */
#define AHEAD ((size_t) 64 * 1024)

/* Bytes of messages that are compressed before others on the loop have their turn. */
#define TURN (4 * AHEAD)

/* Of a send that has ended before its time, at most, as a copy that still goes out. */
#define OWED ((size_t) 1024 * 1024)

/* Of a message that is compressed, at least. */
#define SMALL ((size_t) 32)

/* Of memory that small messages take, which the loop keeps: an idle WebSocket has none. */
#define BLOCK ((size_t) 256)

/* What is kept about a send in its aio->io: `done` is how much of it is framed. */
#define CREDIT(aio) ((aio)->io.own[0].n) /* bytes of the message that were written */

/* ---- Masks -------------------------------------------------------------------------------- */

/* They must not be foreseen (RFC 6455 5.3), but a system call for each would be too much. */
static _Thread_local struct {
    uint8_t bytes[256];
    unsigned used; /* and one more than that once it is filled */
    bool filled;
} masks;

static void ws_write_new_mask(uint8_t mask[4])
{
    if (!masks.filled || masks.used == sizeof masks.bytes) {
        nu_random(masks.bytes, sizeof masks.bytes);
        masks.filled = true;
        masks.used = 0;
    }
    memcpy(mask, masks.bytes + masks.used, 4);
    masks.used += 4;
}

/* ---- Memory ------------------------------------------------------------------------------- */

static int ws_write_reserve(struct nu_buf *buf, size_t n)
{
    if (buf->data == NULL && n <= BLOCK && (buf->data = nu_freelist_take(BLOCK)) != NULL) {
        buf->cap = BLOCK;
    }
    return nu_buf_reserve(buf, n);
}

static void ws_write_release(struct nu_buf *buf)
{
    if (buf->cap == BLOCK) {
        nu_freelist_give(buf->data, BLOCK);
        buf->data = NULL;
    }
    nu_buf_free(buf);
}

static void ws_write_dispose(nng_aio *aio)
{
    nu_freelist_give(nu_container(aio, struct nu_ws_flight, aio), sizeof(struct nu_ws_flight));
}

static struct nu_ws_flight *ws_write_new_flight(struct nu_ws *ws)
{
    struct nu_ws_flight *flight = nu_freelist_take(sizeof *flight);
    if (flight != NULL) {
        nu_aio_init(&flight->aio, ws->wrote, ws);
        flight->aio.dispose = ws_write_dispose;
        flight->aio.local = true;
        flight->frames = (struct nu_buf){ 0 };
    }
    return flight;
}

/* Room for frames, and all that their way out takes. */
static int ws_write_reserve_next(struct nu_ws *ws, size_t n)
{
    if (ws->flight == NULL && (ws->flight = ws_write_new_flight(ws)) == NULL) {
        return NNG_ENOMEM;
    }
    return ws_write_reserve(&ws->next, n);
}

/* An idle one owns none. */
static void ws_write_release_all(struct nu_ws *ws)
{
    if (ws->flight != NULL) {
        ws_write_release(&ws->flight->frames);
        nng_aio_reap(&ws->flight->aio); /* which frees it, once its callback has returned */
        ws->flight = NULL;
    }
    ws_write_release(&ws->next);
    ws_write_release(&ws->marks);
}

/* ---- Frames ------------------------------------------------------------------------------- */

/* The header of a frame. There is room for it. */
static void ws_write_head(struct nu_ws *ws, enum nu_ws_opcode opcode, bool final, bool compressed,
                          size_t len)
{
    uint8_t *at = (uint8_t *) ws->next.data + ws->next.len;
    if (ws->client) {
        ws_write_new_mask(ws->mask);
    }
    size_t n = nu_ws_frame_head(at, opcode, final, compressed, len, ws->client ? ws->mask : NULL);
    ws->next.len += n;
    ws->framed += n;
    ws->frame_left = len;
    ws->frame_at = 0;
}

/* Payload of the frame in hand. Likewise. */
static void ws_write_payload(struct nu_ws *ws, const void *data, size_t n)
{
    uint8_t *at = (uint8_t *) ws->next.data + ws->next.len;
    if (n == 0) {
        return;
    }
    if (ws->client) {
        nu_ws_mask(at, data, n, ws->mask, ws->frame_at);
    } else {
        memcpy(at, data, n);
    }
    ws->next.len += n;
    ws->framed += n;
    ws->frame_left -= n;
    ws->frame_at += n;
}

void nu_ws_write_control(struct nu_ws *ws, enum nu_ws_opcode opcode, const void *data, size_t n)
{
    if (ws_write_reserve_next(ws, NU_WS_HEAD_MAX + n) != 0) {
        ws->next.failed = false; /* which is nothing to those who send after it */
        return;
    }
    ws_write_head(ws, opcode, true, false, n);
    ws_write_payload(ws, data, n);
}

void nu_ws_write_pong(struct nu_ws *ws, const void *data, size_t n)
{
    if (ws->frame_left == 0 && ws->next.len < AHEAD) {
        nu_ws_write_control(ws, NU_WS_PONG, data, n);
        return;
    }
    free(ws->pong); /* the last ping's is enough (RFC 6455 5.5.3) */
    ws->pong = malloc(n + 1);
    ws->pong_length = n;
    if (ws->pong != NULL && n > 0) {
        memcpy(ws->pong, data, n);
    }
}

static void ws_write_drop_pong(struct nu_ws *ws)
{
    free(ws->pong);
    ws->pong = NULL;
}

static void ws_write_due_pong(struct nu_ws *ws)
{
    if (ws->pong != NULL && ws->frame_left == 0) {
        nu_ws_write_control(ws, NU_WS_PONG, ws->pong, ws->pong_length);
        ws_write_drop_pong(ws);
    }
}

static void ws_write_finish(nng_aio *aio, int err, size_t count)
{
    nu_list_remove(&aio->link);
    nu_aio_end(aio, err, count);
}

/* ---- Sends to frames ---------------------------------------------------------------------- */

static enum nu_ws_opcode ws_write_type(const nng_aio *aio)
{
    return (enum nu_ws_opcode)(aio->io.kind & ~NU_WS_MORE_TO_COME);
}

static bool ws_write_is_final(const nng_aio *aio)
{
    return (aio->io.kind & NU_WS_MORE_TO_COME) == 0;
}

static bool ws_write_is_control(const nng_aio *aio)
{
    return ws_write_type(aio) >= NU_WS_CLOSE;
}

/* Text has to be UTF-8, all pieces of a message together. */
static bool ws_write_check_text(struct nu_ws *ws, const nng_aio *aio)
{
    struct nu_utf8 utf8 = ws->in_message ? ws->send_utf8 : (struct nu_utf8){ 0 };
    size_t left = aio->io.total;
    for (unsigned i = 0; i < aio->io.niov && left > 0; i++) {
        size_t n = aio->io.iov[i].iov_len < left ? aio->io.iov[i].iov_len : left;
        if (!nu_utf8_next(&utf8, aio->io.iov[i].iov_base, n)) {
            return false;
        }
        left -= n;
    }
    if (ws_write_is_final(aio) && !nu_utf8_complete(&utf8)) {
        return false;
    }
    ws->send_utf8 = utf8;
    return true;
}

/* Whether a send may come now, before any of it is framed. */
static int ws_write_check(struct nu_ws *ws, const nng_aio *aio)
{
    if (ws_write_is_control(aio)) {
        return 0;
    }
    if (ws->in_message && ws->message_type != ws_write_type(aio)) {
        return NNG_ESTATE;
    }
    return ws_write_type(aio) == NU_WS_TEXT && !ws_write_check_text(ws, aio) ? NNG_EINVAL : 0;
}

/* The header of a message's next frame. */
static void ws_write_message_head(struct nu_ws *ws, const nng_aio *aio, bool final, size_t len)
{
    bool first = !ws->in_message;
    ws_write_head(ws, first ? ws_write_type(aio) : NU_WS_CONTINUATION, final,
                  first && ws->compressing, len);
    ws->message_type = ws_write_type(aio);
    ws->in_message = !final;
    ws->used = ws->settings.idle > 0 ? nu_loop_now(ws->loop) : 0;
}

static size_t ws_write_frame_max(const struct nu_ws *ws, size_t len)
{
    size_t max = ws->settings.send_frame;
    return max > 0 && len > max ? max : len;
}

/* The frame that what is left of a send begins with. */
static void ws_write_begin_frame(struct nu_ws *ws, nng_aio *aio)
{
    size_t left = aio->io.total - aio->io.done, len = ws_write_frame_max(ws, left);
    if (ws_write_is_control(aio)) {
        ws_write_head(ws, ws_write_type(aio), true, false, left);
    } else {
        ws_write_message_head(ws, aio, len == left && ws_write_is_final(aio), len);
    }
}

/* What lies together of n bytes of the vector, from there on. */
static struct nu_slice ws_write_piece(const struct nu_aio_io *io, size_t at, size_t n)
{
    struct iovec piece = nu_vec_piece(io->iov, io->niov, at);
    return (struct nu_slice){ piece.iov_base, piece.iov_len < n ? piece.iov_len : n };
}

/* n bytes of the vector, from `done` on. */
static void ws_write_copy(struct nu_ws *ws, nng_aio *aio, size_t n)
{
    while (n > 0) {
        struct nu_slice piece = ws_write_piece(&aio->io, aio->io.done, n);
        ws_write_payload(ws, piece.p, piece.n);
        aio->io.done += piece.n;
        n -= piece.n;
    }
}

/* What was put in last, up to here, is `payload` bytes of the send. There is room for a mark. */
static void ws_write_mark(struct nu_ws *ws, nng_aio *aio, size_t payload, bool exact)
{
    struct nu_ws_mark mark = { .end = ws->framed,
                               .payload = payload,
                               .exact = exact,
                               .last = aio->io.done == aio->io.total,
                               .aio = aio };
    nu_buf_add(&ws->marks, &mark, sizeof mark);
    if (mark.last) {
        nu_list_remove(&aio->link);
        nu_list_append(&ws->sent, &aio->link);
    }
}

/* ---- Compressed messages ------------------------------------------------------------------ */

static bool ws_write_keeps_window(const struct nu_ws *ws)
{
    return ws->client ? !ws->deflate.client_no_context : !ws->deflate.server_no_context;
}

static void ws_write_drop_window(struct nu_ws *ws)
{
    nu_ws_deflater_free(ws->deflater);
    ws->deflater = NULL;
}

/* Whether the message that a send begins, or is a part of, is compressed. One that is small would
 * not gain by it, and without memory for it a message can go as it is. */
static bool ws_write_compresses(struct nu_ws *ws, const nng_aio *aio)
{
    if (!ws->deflate.on || ws_write_is_control(aio)) {
        return false;
    }
    bool begins = !ws->in_message && aio->io.done == 0;
    if (begins) {
        ws->compressing = aio->io.total >= SMALL || !ws_write_is_final(aio);
    }
    if (ws->compressing && ws->deflater == NULL) {
        ws->deflater =
            nu_ws_deflater_new(ws->client ? ws->deflate.client_bits : ws->deflate.server_bits);
        ws->compressing = !begins || ws->deflater != NULL;
    }
    return ws->compressing;
}

/* What n bytes of the vector become. */
static bool ws_write_compress(struct nu_ws *ws, const nng_aio *aio, size_t n,
                              enum nu_ws_flush flush, struct nu_buf *packed)
{
    size_t at = aio->io.done;
    bool good = ws->deflater != NULL;
    do {
        struct nu_slice piece = ws_write_piece(&aio->io, at, n);
        at += piece.n;
        n -= piece.n;
        good = good && nu_ws_deflate(ws->deflater, piece.p, piece.n,
                                     n > 0 ? NU_WS_FLUSH_NONE : flush, packed);
    } while (n > 0);
    return good;
}

/* False: no memory. */
static bool ws_write_reserve_frames(struct nu_ws *ws, size_t len)
{
    size_t frames = len > 0 ? len / ws_write_frame_max(ws, len) + 1 : 1;
    return ws_write_reserve_next(ws, frames * NU_WS_HEAD_MAX + len) == 0 &&
           ws_write_reserve(&ws->marks, sizeof(struct nu_ws_mark)) == 0;
}

static void ws_write_put_frames(struct nu_ws *ws, const nng_aio *aio, struct nu_slice packed,
                                bool end)
{
    do {
        size_t len = ws_write_frame_max(ws, packed.n);
        ws_write_message_head(ws, aio, end && len == packed.n, len);
        ws_write_payload(ws, packed.p, len);
        packed.p += len;
        packed.n -= len;
    } while (packed.n > 0);
}

/* As ws_write_step(). What is put in can be made out by the peer, so that it goes on its way. */
static bool ws_write_compressed_step(struct nu_ws *ws, nng_aio *aio, size_t most)
{
    struct nu_buf packed = { 0 };
    size_t left = aio->io.total - aio->io.done, n = left < most ? left : most;
    bool end = n == left && ws_write_is_final(aio);
    bool good = ws_write_compress(ws, aio, n, end ? NU_WS_FLUSH_END : NU_WS_FLUSH_PART, &packed) &&
                ws_write_reserve_frames(ws, packed.len);
    if (good) {
        ws_write_put_frames(ws, aio, (struct nu_slice){ packed.data, packed.len }, end);
        aio->io.done += n;
        ws_write_mark(ws, aio, n, false);
    }
    if (!good || (end && !ws_write_keeps_window(ws))) {
        ws_write_drop_window(ws); /* the peer does not have what was left out of it */
    }
    nu_buf_free(&packed);
    return good;
}

/* ---- Sends to frames, again --------------------------------------------------------------- */

/* Puts a frame of the send in, or a part of one. False: no memory. */
static bool ws_write_step(struct nu_ws *ws, nng_aio *aio, size_t most)
{
    if (ws_write_compresses(ws, aio)) {
        return ws_write_compressed_step(ws, aio, most);
    }
    size_t left = ws->frame_left > 0 ? ws->frame_left : aio->io.total - aio->io.done;
    size_t n = left < most ? left : most;
    if (ws_write_reserve_next(ws, NU_WS_HEAD_MAX + n) != 0 ||
        ws_write_reserve(&ws->marks, sizeof(struct nu_ws_mark)) != 0) {
        return false;
    }
    if (ws->frame_left == 0) {
        ws_write_begin_frame(ws, aio);
        n = n < ws->frame_left ? n : ws->frame_left;
    }
    ws_write_copy(ws, aio, n);
    ws_write_mark(ws, aio, n, true);
    return true;
}

bool nu_ws_write_frames(struct nu_ws *ws)
{
    nng_aio *aio;
    size_t compressed = 0;
    for (;;) {
        ws_write_due_pong(ws);
        aio = nu_aio_queue_first(&ws->sends);
        if (ws->torn) {
            return ws->writing || ws->next.len > 0; /* what is framed may still go out */
        }
        if (aio == NULL || ws->next.len >= AHEAD || compressed >= TURN) {
            return true;
        }
        size_t before = aio->io.done;
        bool fresh = before == 0 && ws->frame_left == 0;
        struct nu_utf8 utf8 = ws->send_utf8;
        int err = fresh ? ws_write_check(ws, aio) : 0;
        if (err == 0 && ws_write_step(ws, aio, AHEAD)) {
            compressed += ws->compressing ? aio->io.done - before : 0;
            continue;
        }
        if (!fresh) {
            return false;
        }
        ws->next.failed = ws->marks.failed = false; /* the next one may be smaller */
        ws->send_utf8 = utf8;
        ws_write_finish(aio, err != 0 ? err : NNG_ENOMEM, 0);
    }
}

/* ---- The end of a send -------------------------------------------------------------------- */

static struct nu_ws_mark *ws_write_marks(struct nu_ws *ws, size_t *n)
{
    *n = ws->marks.len / sizeof(struct nu_ws_mark);
    return (struct nu_ws_mark *) (void *) ws->marks.data;
}

/* Its vector is the caller's again. */
static void ws_write_forget(struct nu_ws *ws, const nng_aio *aio)
{
    size_t n;
    struct nu_ws_mark *marks = ws_write_marks(ws, &n);
    for (size_t i = 0; i < n; i++) {
        marks[i].aio = marks[i].aio == aio ? NULL : marks[i].aio;
    }
}

/* Nothing of it goes out any more. */
static void ws_write_drop(struct nu_ws *ws, nng_aio *aio, int err)
{
    ws_write_forget(ws, aio);
    ws_write_finish(aio, err, CREDIT(aio));
}

void nu_ws_write_end(struct nu_ws *ws, nng_aio *aio, int err)
{
    if (ws->lost) {
        return; /* the end of what is being written is about to come, and knows its count */
    }
    ws->torn = ws->torn || (aio->io.done > 0 && aio->io.total - aio->io.done > OWED);
    while (!ws->torn && aio->io.done > 0 && aio->io.done < aio->io.total) {
        ws->torn = !ws_write_step(ws, aio, SIZE_MAX);
    }
    ws_write_forget(ws, aio);
    ws_write_finish(aio, err, aio->io.done);
}

/* Where the connection is lost while something is written, the end of that, which comes then, says
 * how much of it counts. */
void nu_ws_write_end_all(struct nu_ws *ws, int err, bool lost)
{
    nng_aio *aio;
    bool later = lost && ws->writing && !ws->stopped;
    while (!later && ((aio = nu_aio_queue_first(&ws->sent)) != NULL ||
                      (aio = nu_aio_queue_first(&ws->sends)) != NULL)) {
        if (lost) {
            ws_write_drop(ws, aio, err);
        } else {
            nu_ws_write_end(ws, aio, err);
        }
    }
    ws_write_drop_pong(ws);
}

/* ---- Writing ------------------------------------------------------------------------------ */

bool nu_ws_write_start(struct nu_ws *ws)
{
    if (ws->writing || ws->next.len == 0) {
        return false;
    }
    struct nu_ws_flight *flight = ws->flight;
    struct nu_buf empty = flight->frames;
    flight->frames = ws->next;
    ws->next = empty;
    flight->iov = (struct iovec){ flight->frames.data, flight->frames.len };
    ws->writing = true;
    return true;
}

/* What the written bytes mean for a mark. True: it is used up. */
static bool ws_write_credit(struct nu_ws *ws, const struct nu_ws_mark *mark)
{
    uint64_t missing = mark->end > ws->written ? mark->end - ws->written : 0;
    if (mark->aio != NULL && (missing == 0 || (mark->exact && missing < mark->payload))) {
        CREDIT(mark->aio) += mark->payload - (size_t) missing;
    }
    if (missing == 0 && mark->last && mark->aio != NULL) {
        ws_write_finish(mark->aio, 0, CREDIT(mark->aio));
    }
    return missing == 0;
}

void nu_ws_written(struct nu_ws *ws, size_t written, int err)
{
    size_t n, i = 0;
    struct nu_ws_mark *marks = ws_write_marks(ws, &n);
    ws->writing = false;
    ws->written += written;
    while (i < n && ws_write_credit(ws, &marks[i])) {
        i++;
    }
    if (i > 0) {
        ws->marks.len = (n - i) * sizeof *marks;
        memmove(marks, marks + i, ws->marks.len);
    }
    nu_buf_reset(&ws->flight->frames);
    if (err != 0 || ws->lost) {
        nu_ws_write_end_all(ws, ws->lost ? ws->send_end : err, true);
    }
    if (ws->next.len == 0) {
        ws_write_release_all(ws);
    }
}

void nu_ws_write_free(struct nu_ws *ws)
{
    ws_write_release_all(ws);
    ws_write_drop_pong(ws);
}
