/* SPDX-License-Identifier: MIT */
#include "ws/ws_write.h"

#include "io/vec.h"
#include "net/aio_queue.h"
#include "ws/ws_put.h"

/* Bytes of messages that are compressed before others on the loop have their turn. */
#define TURN (4 * NU_WS_AHEAD)

/* Of a send that has ended before its time, at most, as a copy that still goes out. */
#define OWED ((size_t) 1024 * 1024)

/* Payload in one piece that is not copied, at least and at most: it may become owed. */
#define LEND ((size_t) 16 * 1024)
#define LEND_MOST OWED

/* Of a message that is compressed, at least. */
#define SMALL ((size_t) 32)

/* What is kept about a send in its aio->io: `done` is how much of it is framed. */
#define CREDIT(aio) ((aio)->io.own[0].n) /* bytes of the message that were written */

/* Its memory is its caller's again. */
static void ws_write_finish(struct nu_ws *ws, nng_aio *aio, int err, size_t count)
{
    if (ws->flight != NULL && ws->flight->lent == aio) {
        ws->flight->lent = NULL;
    }
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
    nu_ws_put_head(ws, first ? ws_write_type(aio) : NU_WS_CONTINUATION, final,
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
        nu_ws_put_head(ws, ws_write_type(aio), true, false, left);
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
        nu_ws_put_payload(ws, piece.p, piece.n);
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
    return nu_ws_put_reserve(ws, frames * NU_WS_HEAD_MAX + len) == 0 &&
           nu_ws_put_reserve_in(&ws->marks, sizeof(struct nu_ws_mark)) == 0;
}

static void ws_write_put_frames(struct nu_ws *ws, const nng_aio *aio, struct nu_slice packed,
                                bool end)
{
    do {
        size_t len = ws_write_frame_max(ws, packed.n);
        ws_write_message_head(ws, aio, end && len == packed.n, len);
        nu_ws_put_payload(ws, packed.p, len);
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
    if (nu_ws_put_reserve(ws, NU_WS_HEAD_MAX + n) != 0 ||
        nu_ws_put_reserve_in(&ws->marks, sizeof(struct nu_ws_mark)) != 0) {
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

/* What lies in one place of the frame, from `skip` bytes on, if it need not be copied; else
 * nothing.
 */
static struct iovec ws_write_lendable(const struct nu_ws *ws, const nng_aio *aio, size_t skip)
{
    const struct nu_aio_io *io = &aio->io;
    size_t left =
        ws->frame_left > 0 ? ws->frame_left : ws_write_frame_max(ws, io->total - io->done);
    if (ws->client || ws->deflate.on || left < skip + LEND) {
        return (struct iovec){ NULL, 0 };
    }
    left -= skip;
    struct nu_slice piece =
        ws_write_piece(io, io->done + skip, left < LEND_MOST ? left : LEND_MOST);
    return (struct iovec){ (void *) (uintptr_t) piece.p, piece.n >= LEND ? piece.n : 0 };
}

/* How much of a send is copied next: of a small piece before a large one, no more than that. */
static size_t ws_write_share(const struct nu_ws *ws, const nng_aio *aio)
{
    struct nu_slice piece = ws_write_piece(&aio->io, aio->io.done, NU_WS_AHEAD);
    return ws_write_lendable(ws, aio, piece.n).iov_len > 0 ? piece.n : NU_WS_AHEAD;
}

/* Its way out is free when there is no write, and none is about to lend. */
static bool ws_write_lends(const struct nu_ws *ws)
{
    return ws->writing || (ws->flight != NULL && ws->flight->lent != NULL);
}

/* As ws_write_step(). */
static bool ws_write_lend(struct nu_ws *ws, nng_aio *aio, struct iovec payload)
{
    if (nu_ws_put_reserve(ws, NU_WS_HEAD_MAX) != 0 ||
        nu_ws_put_reserve_in(&ws->marks, sizeof(struct nu_ws_mark)) != 0) {
        return false;
    }
    if (ws->frame_left == 0) {
        ws_write_begin_frame(ws, aio);
    }
    nu_ws_put_lent(ws, aio, payload);
    aio->io.done += payload.iov_len;
    ws_write_mark(ws, aio, payload.iov_len, true);
    return true;
}

bool nu_ws_write_frames(struct nu_ws *ws)
{
    nng_aio *aio;
    size_t compressed = 0;
    for (;;) {
        nu_ws_put_due_pong(ws);
        aio = nu_aio_queue_first(&ws->sends);
        if (ws->torn) {
            return ws->writing || ws->next.len > 0; /* what is framed may still go out */
        }
        if (aio == NULL || ws->next.len >= NU_WS_AHEAD || compressed >= TURN) {
            return true;
        }
        struct iovec lent = ws_write_lendable(ws, aio, 0);
        size_t share = ws_write_share(ws, aio);
        if ((lent.iov_len > 0 || share < NU_WS_AHEAD) && ws_write_lends(ws)) {
            return true;
        }
        size_t before = aio->io.done;
        bool fresh = before == 0 && ws->frame_left == 0;
        struct nu_utf8 utf8 = ws->send_utf8;
        int err = fresh ? ws_write_check(ws, aio) : 0;
        if (err == 0 &&
            (lent.iov_len > 0 ? ws_write_lend(ws, aio, lent) : ws_write_step(ws, aio, share))) {
            compressed += ws->compressing ? aio->io.done - before : 0;
            continue;
        }
        if (!fresh) {
            return false;
        }
        ws->next.failed = ws->marks.failed = false; /* the next one may be smaller */
        ws->send_utf8 = utf8;
        ws_write_finish(ws, aio, err != 0 ? err : NNG_ENOMEM, 0);
    }
}

/* ---- The end of a send -------------------------------------------------------------------- */

static struct nu_ws_mark *ws_write_marks(struct nu_ws *ws, size_t *n)
{
    *n = ws->marks.len / sizeof(struct nu_ws_mark);
    return (struct nu_ws_mark *) (void *) ws->marks.data;
}

/* No mark is about it any more. */
static void ws_write_forget(struct nu_ws *ws, const nng_aio *aio)
{
    size_t n;
    struct nu_ws_mark *marks = ws_write_marks(ws, &n);
    for (size_t i = 0; i < n; i++) {
        marks[i].aio = marks[i].aio == aio ? NULL : marks[i].aio;
    }
}

/* Whether the write that is under way reads the send's memory: it then ends with that. */
static bool ws_write_ends_later(struct nu_ws *ws, nng_aio *aio, int err)
{
    if (!ws->writing || ws->flight->lent != aio) {
        return false;
    }
    nu_list_remove(&aio->link);
    ws->flight->lent_err = err;
    return true;
}

/* Nothing of it goes out any more. */
static void ws_write_drop(struct nu_ws *ws, nng_aio *aio, int err)
{
    if (ws_write_ends_later(ws, aio, err)) {
        return;
    }
    ws_write_forget(ws, aio);
    ws_write_finish(ws, aio, err, CREDIT(aio));
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
    if (!ws_write_ends_later(ws, aio, err)) {
        ws_write_forget(ws, aio);
        ws_write_finish(ws, aio, err, aio->io.done);
    }
}

bool nu_ws_write_recall(struct nu_ws *ws)
{
    struct nu_ws_flight *flight = ws->flight;
    bool recall = ws->writing && flight->lent != NULL && flight->lent_err != 0 && !flight->recalled;
    if (recall) {
        flight->recalled = true;
    }
    return recall;
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
    nu_ws_put_drop_pong(ws);
}

/* ---- Writing ------------------------------------------------------------------------------ */

bool nu_ws_write_start(struct nu_ws *ws)
{
    struct nu_ws_flight *flight = ws->flight;
    bool lent = flight != NULL && flight->lent != NULL;
    if (ws->writing || flight == NULL || (ws->next.len == 0 && !lent)) {
        return false;
    }
    struct nu_buf empty = flight->frames;
    flight->frames = ws->next;
    ws->next = empty;
    char *data = flight->frames.data;
    size_t len = flight->frames.len, before = lent ? flight->before : len;
    flight->iov[0] = (struct iovec){ data, before };
    flight->iov[1] = lent ? flight->payload : (struct iovec){ 0 };
    flight->iov[2] = (struct iovec){ len > before ? data + before : NULL, len - before };
    flight->niov = lent ? 3 : 1;
    flight->total = len + flight->iov[1].iov_len;
    ws->writing = true;
    return true;
}

/* What the written bytes mean for a mark; `final`: no more will be. True: it is used up. */
static bool ws_write_credit(struct nu_ws *ws, const struct nu_ws_mark *mark, bool final)
{
    uint64_t missing = mark->end > ws->written ? mark->end - ws->written : 0;
    if (mark->aio != NULL && (missing == 0 || (final && mark->exact && missing < mark->payload))) {
        CREDIT(mark->aio) += mark->payload - (size_t) missing;
    }
    if (missing == 0 && mark->last && mark->aio != NULL) {
        ws_write_finish(ws, mark->aio, 0, CREDIT(mark->aio));
    }
    return missing == 0;
}

static void ws_write_credit_all(struct nu_ws *ws, bool final)
{
    size_t n, i = 0;
    struct nu_ws_mark *marks = ws_write_marks(ws, &n);
    while (i < n && ws_write_credit(ws, &marks[i], final)) {
        i++;
    }
    if (i > 0) {
        ws->marks.len = (n - i) * sizeof *marks;
        memmove(marks, marks + i, ws->marks.len);
    }
}

/* What was to be written, and was not, comes before what is next, and lies there. */
static int ws_write_take_back(struct nu_ws *ws, size_t written)
{
    struct nu_buf all = { 0 };
    for (unsigned i = 0; i < ws->flight->niov; i++) {
        const struct iovec *iov = &ws->flight->iov[i];
        size_t skip = written < iov->iov_len ? written : iov->iov_len;
        if (iov->iov_len > skip) {
            nu_buf_add(&all, (const char *) iov->iov_base + skip, iov->iov_len - skip);
        }
        written -= skip;
    }
    nu_buf_add(&all, ws->next.data, ws->next.len);
    int err = nu_buf_error(&all);
    if (err != 0) {
        nu_buf_free(&all);
        return err;
    }
    nu_buf_free(&ws->next);
    ws->next = all;
    return 0;
}

/* The send whose memory was written from has it back. */
static void ws_write_give_back(struct nu_ws *ws, bool owed)
{
    struct nu_ws_flight *flight = ws->flight;
    nng_aio *aio = flight->lent;
    if (aio != NULL && flight->lent_err != 0) {
        ws_write_forget(ws, aio);
        ws_write_finish(ws, aio, flight->lent_err, owed ? aio->io.done : CREDIT(aio));
    }
    flight->lent = NULL;
    flight->lent_err = 0;
    flight->recalled = false;
}

int nu_ws_written(struct nu_ws *ws, size_t written, int err)
{
    bool told = ws->flight->recalled && err == NNG_ECANCELED && !ws->lost;
    ws->writing = false;
    ws->written += written;
    if (told) {
        err = ws_write_take_back(ws, written);
    }
    ws_write_credit_all(ws, err != 0 || ws->lost);
    ws_write_give_back(ws, err == 0 && !ws->lost);
    nu_buf_reset(&ws->flight->frames);
    if (err != 0 || ws->lost) {
        nu_ws_write_end_all(ws, ws->lost ? ws->send_end : err, true);
        nu_buf_reset(&ws->next); /* it would come behind a hole */
    }
    if (ws->next.len == 0) {
        nu_ws_put_release(ws);
    }
    return err;
}

void nu_ws_write_free(struct nu_ws *ws)
{
    nu_ws_put_release(ws);
    nu_ws_put_drop_pong(ws);
}
