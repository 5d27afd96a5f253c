/* SPDX-License-Identifier: MIT */
#include "ws/ws.h"

#include "io/aio_data.h"
#include "io/vec.h"
#include "net/aio_queue.h"
#include "ws/ws_close.h"
#include "ws/ws_options.h"
#include "ws/ws_read.h"
#include "ws/ws_write.h"

#include <stdlib.h>

/* ---- The memory --------------------------------------------------------------------------- */

static void ws_dispose(nng_aio *aio)
{
    free(nu_container(aio, struct nu_ws, rd));
}

static void ws_free_windows(struct nu_ws *ws)
{
    nu_ws_inflater_free(ws->inflater);
    nu_ws_deflater_free(ws->deflater);
    ws->inflater = NULL;
    ws->deflater = NULL;
}

static void ws_free_memory(struct nu_ws *ws)
{
    nu_list_remove(&ws->hook.link);
    nu_ws_read_drop(ws);
    nu_ws_reader_fini(&ws->reader);
    nu_ws_write_free(ws);
    free(ws->heads);
    free(ws->close_reason);
    free(ws->peer_reason);
    nng_aio_reap(&ws->rd); /* which frees the rest */
}

/* With the lock, which it releases: it goes with the last that happens to it. */
static void ws_unlock(struct nu_ws *ws)
{
    bool last = ws->freed && ws->state == NU_WS_GONE && !ws->reading && !ws->writing &&
                !ws->posted && !ws->working;
    nu_unlock(&ws->lock);
    if (last) {
        ws_free_memory(ws);
    }
}

/* The owner is to look at it. Any thread, with the lock held. */
static void ws_post(struct nu_ws *ws)
{
    if (!ws->posted && !ws->stopped) {
        ws->posted = true;
        nu_loop_post(ws->loop, &ws->work);
    }
}

/* ---- On the owner ------------------------------------------------------------------------- */

static int ws_take(nng_aio *aio, struct nu_stream *stream, int end)
{
    (void) aio;
    return end == 0 && nu_rx_len(&stream->rx) > 0 ? 0 : NU_PENDING;
}

/* False: the library has ended. */
static bool ws_begin_read(struct nu_ws *ws, struct nu_stream *stream)
{
    if (!nng_aio_begin(&ws->rd)) {
        return false;
    }
    if (ws->direct != NULL) {
        ws->rd.io = (struct nu_aio_io){ .iov = &ws->direct_iov,
                                        .niov = 1,
                                        .total = ws->direct_iov.iov_len };
        nu_stream_read(stream, &ws->rd, NU_READ_SOME);
    } else {
        nu_stream_read_until(stream, &ws->rd, ws_take, NULL);
    }
    return true;
}

/* Likewise. */
static bool ws_begin_write(struct nu_ws *ws, struct nu_stream *stream)
{
    struct nu_ws_flight *flight = ws->flight;
    if (!nng_aio_begin(&flight->aio)) {
        return false;
    }
    flight->aio.io =
        (struct nu_aio_io){ .iov = flight->iov, .niov = flight->niov, .total = flight->total };
    nu_stream_write(stream, &flight->aio, NU_WRITE_ALL);
    return true;
}

/* What its user and the peer have brought about. */
static void ws_look(struct nu_ws *ws)
{
    if (ws->closed) {
        nu_ws_read_drop(ws);
        nu_ws_close_begin(ws);
    }
    if (nu_ws_read(ws)) {
        ws_post(ws);
    }
    if (ws->state == NU_WS_OPEN && !nu_ws_write_frames(ws)) {
        nu_ws_close_lost(ws, ws->torn ? NNG_ECLOSED : NNG_ENOMEM);
    }
    if (ws->finished && ws->state == NU_WS_OPEN && !ws->torn && nu_list_empty(&ws->sends)) {
        nu_ws_close_finish(ws);
    }
    if (ws->carrier_end != 0 && !ws->verdict && !ws->unpacking &&
        nu_rx_len(&nu_ws_carrier(ws)->rx) == 0) {
        nu_ws_close_ended(ws);
    }
    nu_ws_read_end(ws);
}

/* The connection is closed with the lock released, for that calls its stream. */
static nng_http_conn *ws_let_go(struct nu_ws *ws)
{
    nng_http_conn *conn = ws->conn;
    nu_timer_disarm(&ws->loop->timers, &ws->timer);
    nu_ws_set_state(ws, NU_WS_GONE);
    ws_free_windows(ws);
    ws->conn = NULL;
    return conn;
}

/* Does all there is to do. With the lock, which it releases. */
static void ws_work(struct nu_ws *ws)
{
    if (ws->state == NU_WS_GONE) {
        (void) nu_ws_read(ws);
        nu_ws_read_end(ws);
        ws_unlock(ws);
        return;
    }
    ws_look(ws);
    struct nu_stream *stream = nu_ws_carrier(ws);
    bool recall = nu_ws_read_recall(ws);
    bool recall_write = nu_ws_write_recall(ws);
    bool read = nu_ws_read_wanted(ws), write = nu_ws_write_start(ws);
    bool half =
        ws->state == NU_WS_ENDING && ws->half_close && !ws->half_closed && nu_ws_write_idle(ws);
    nng_http_conn *done = nu_ws_close_due(ws) ? ws_let_go(ws) : NULL;
    if (read && done == NULL) {
        ws->reading = true;
        nu_ws_read_aim(ws);
    }
    ws->half_closed = ws->half_closed || half;
    if (!read && !write && !half && !recall && !recall_write && done == NULL) {
        ws_unlock(ws);
        return;
    }
    ws->working = true; /* nobody frees it meanwhile */
    nu_unlock(&ws->lock);
    bool unwritten = write && !ws_begin_write(ws, stream);
    if (half) {
        nu_stream_shutdown_write(stream);
    }
    if (recall) {
        nng_aio_abort(&ws->rd, NNG_ECANCELED);
    }
    if (recall_write) {
        nng_aio_abort(&ws->flight->aio, NNG_ECANCELED);
    }
    bool dead = read && done == NULL && !ws_begin_read(ws, stream);
    if (done != NULL) {
        nng_http_conn_close(done);
    }
    nu_lock(&ws->lock);
    ws->working = false;
    ws->direct = dead ? NULL : ws->direct;
    if (unwritten) {
        (void) nu_ws_written(ws, 0, NNG_ECLOSED);
    }
    ws_unlock(ws);
}

static void ws_worked(struct nu_task *task)
{
    struct nu_ws *ws = nu_container(task, struct nu_ws, work);
    nu_lock(&ws->lock);
    ws->posted = false;
    ws_work(ws);
}

static void ws_received(void *arg)
{
    struct nu_ws *ws = arg;
    int err = nng_aio_result(&ws->rd);
    nu_lock(&ws->lock);
    ws->reading = false;
    ws->carrier_end = ws->recalled && err == NNG_ECANCELED ? 0 : err;
    if (err == 0) {
        ws->heard = nu_loop_now(ws->loop);
        if (ws->pinged != 0 && ws->state == NU_WS_OPEN && !ws->verdict) {
            ws->pinged = 0;
            nu_ws_watch(ws);
        } else if (ws->state == NU_WS_CLOSING && !ws->closed) {
            (void) nu_ws_close_wait(ws);
        }
    }
    if (ws->direct != NULL) {
        nu_ws_read_aimed(ws, nng_aio_count(&ws->rd));
    }
    ws_work(ws);
}

static void ws_wrote(void *arg)
{
    struct nu_ws *ws = arg;
    nu_lock(&ws->lock);
    nng_aio *aio = &ws->flight->aio;
    int err = nu_ws_written(ws, nng_aio_count(aio), nng_aio_result(aio));
    if (err != 0) {
        ws->send_end = ws->send_end != 0 ? ws->send_end : err;
        if (ws->state != NU_WS_GONE && ws->state != NU_WS_ENDING) {
            nu_ws_close_lost(ws, err);
        }
    }
    ws_work(ws);
}

/* Messages that came, or were taken, have not moved the timer. */
static void ws_fired_finished(struct nu_ws *ws)
{
    if (nu_ws_is_behind(ws)) {
        ws->heard = nu_loop_now(ws->loop); /* it is our user who does not listen */
    }
    if (!nu_ws_close_wait(ws)) {
        nu_ws_close_lost(ws, NNG_ECLOSED);
    }
}

static void ws_fired(struct nu_timer *timer)
{
    struct nu_ws *ws = nu_container(timer, struct nu_ws, timer);
    nu_lock(&ws->lock);
    if (ws->state == NU_WS_OPEN) {
        nu_ws_watch_fired(ws);
    } else if (nu_ws_listens(ws)) {
        ws_fired_finished(ws);
    } else if (ws->state != NU_WS_GONE) {
        nu_ws_close_lost(ws, NNG_ECONNRESET);
    }
    ws_work(ws);
}

/* nng_fini(): the connection goes now, the memory when its user asks. */
static void ws_on_stop(struct nu_loop_hook *hook)
{
    struct nu_ws *ws = nu_container(hook, struct nu_ws, hook);
    nu_lock(&ws->lock);
    ws->stopped = true;
    ws->rd.local = false; /* who frees it from now on does so himself */
    if (ws->flight != NULL) {
        ws->flight->aio.local = false;
    }
    ws->recv_end = ws->send_end = NNG_ECLOSED;
    nng_http_conn *conn = NULL;
    if (ws->state != NU_WS_GONE) {
        nu_ws_close_lost(ws, NNG_ECLOSED);
        conn = ws_let_go(ws);
    }
    nu_ws_read_drop(ws);
    nu_ws_read_end(ws);
    ws_unlock(ws);
    if (conn != NULL) {
        nu_stream_close(conn->stream, true);
    }
}

/* ---- From any thread ---------------------------------------------------------------------- */

/* The aios' cancel function. */
static void ws_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_ws *ws = arg;
    nu_lock(&ws->lock);
    if (aio == ws->direct) {
        ws->direct_err = ws->direct_err != 0 ? ws->direct_err : err;
        ws_post(ws);
    } else if (aio->io.own[1].p == &ws->recvs) {
        nu_list_remove(&aio->link);
        nu_aio_end(aio, err, aio->io.done);
    } else {
        nu_ws_write_end(ws, aio, err);
        ws_post(ws); /* what is owed of it may be all there is to do */
    }
    ws_unlock(ws);
}

static void ws_start(struct nu_ws *ws, nng_aio *aio, struct nu_list *list, int kind)
{
    aio->loop = ws->loop;
    aio->io.kind = kind;
    aio->io.own[0].n = 0;
    aio->io.own[1].p = list;
    nu_lock(&ws->lock);
    bool sends = list == &ws->sends;
    int err = ws->closed || ws->stopped || (sends && ws->finished) ? NNG_ECLOSED
              : sends                                              ? ws->send_end
                                                                   : 0;
    if (err == 0 && nu_aio_expired(aio)) {
        err = NNG_ETIMEDOUT;
    }
    if (err == 0) {
        err = nu_aio_schedule(aio, ws->loop, ws_cancel, ws);
    }
    if (err != 0) {
        ws_unlock(ws);
        nu_aio_finish(aio, err, 0);
        return;
    }
    nu_aio_timer_start(aio);
    nu_list_append(list, &aio->link);
    ws->unasked = ws->unasked && list != &ws->recvs;
    /* A verdict waits until the callback that calls us is over: it may send yet. */
    if (nu_loop_self() == ws->loop && !ws->posted && !ws->verdict) {
        ws_work(ws);
    } else {
        ws_post(ws);
        ws_unlock(ws);
    }
}

void nu_ws_recv(struct nu_ws *ws, nng_aio *aio, enum nu_ws_recv kind)
{
    ws_start(ws, aio, &ws->recvs, (int) kind);
}

void nu_ws_send(struct nu_ws *ws, nng_aio *aio, enum nu_ws_opcode type, bool more)
{
    ws_start(ws, aio, &ws->sends, (int) type | (more ? NU_WS_MORE_TO_COME : 0));
}

/* With the lock held. The first who gives a code is heard. */
static void ws_close_wanted(struct nu_ws *ws, uint16_t code, const char *reason)
{
    if (!ws->closed && !ws->finished) {
        ws->close_code = code;
        ws->close_reason = reason != NULL ? strdup(reason) : NULL;
    }
    ws_post(ws);
}

void nu_ws_close(struct nu_ws *ws, uint16_t code, const char *reason)
{
    nu_lock(&ws->lock);
    ws_close_wanted(ws, code, reason);
    ws->closed = true;
    ws_unlock(ws);
}

void nu_ws_finish(struct nu_ws *ws, uint16_t code, const char *reason)
{
    nu_lock(&ws->lock);
    ws_close_wanted(ws, code, reason);
    ws->finished = true;
    ws_unlock(ws);
}

/* ---- The stream --------------------------------------------------------------------------- */

static bool ws_begin(nng_aio *aio)
{
    if (!nng_aio_begin(aio)) {
        return false;
    }
    int err = nu_aio_take_vec(aio);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
    }
    return err == 0;
}

static void ws_stream_recv(nng_stream *stream, nng_aio *aio)
{
    if (ws_begin(aio)) {
        nu_ws_recv(nu_ws_of(stream), aio, NU_WS_RECV_SOME);
    }
}

/* What one frame takes of it: no part of a character, where it is text. */
static size_t ws_frame_share(const struct nu_ws *ws, const struct nu_aio_io *io)
{
    size_t most = ws->settings.send_frame, n = most;
    if (most == 0 || io->total <= most) {
        return io->total;
    }
    while (ws->settings.send_text && n > 0 && most - n < 3 &&
           (nu_vec_byte(io->iov, n) & 0xc0) == 0x80) {
        n--;
    }
    return n > 0 ? n : most;
}

/* One whole message of one frame: what does not fit is not sent, and the count says so. */
static void ws_stream_send(nng_stream *stream, nng_aio *aio)
{
    struct nu_ws *ws = nu_ws_of(stream);
    if (ws_begin(aio)) {
        aio->io.total = ws_frame_share(ws, &aio->io);
        nu_ws_send(ws, aio, ws->settings.send_text ? NU_WS_TEXT : NU_WS_BINARY, false);
    }
}

static uint16_t ws_usual_code(const struct nu_ws *ws)
{
    return ws->client ? NU_WS_NORMAL : NU_WS_GOING_AWAY;
}

static void ws_stream_close(nng_stream *stream)
{
    struct nu_ws *ws = nu_ws_of(stream);
    nu_ws_close(ws, ws_usual_code(ws), NULL);
}

static void ws_stream_free(nng_stream *stream)
{
    struct nu_ws *ws = nu_ws_of(stream);
    nu_lock(&ws->lock);
    ws_close_wanted(ws, ws_usual_code(ws), NULL);
    ws->closed = ws->freed = true;
    ws_unlock(ws);
}

static const struct nu_stream_kind ws_kind = { nu_ws_options, ws_stream_send, ws_stream_recv,
                                               ws_stream_close, ws_stream_free };

struct nu_ws *nu_ws_of(nng_stream *stream)
{
    return stream->kind == &ws_kind ? nu_container(stream, struct nu_ws, base) : NULL;
}

int nu_ws_new(nng_stream **streamp, const struct nu_ws_params *params)
{
    struct nu_ws_heads *heads = nu_ws_heads_new(params->req, params->res);
    struct nu_ws *ws = calloc(1, sizeof *ws);
    if (ws == NULL || heads == NULL) {
        free(heads);
        free(ws);
        return NNG_ENOMEM;
    }
    ws->base.kind = &ws_kind;
    ws->loop = params->conn->stream->loop;
    ws->client = params->client;
    ws->settings = *params->settings;
    ws->conn = params->conn;
    ws->heads = heads;
    ws->deflate = *params->deflate;
    ws->reader = (struct nu_ws_reader){ .masked = !params->client,
                                        .deflate = params->deflate->on,
                                        .max_frame = params->settings->recv_frame };
    nu_list_init(&ws->recvs);
    nu_list_init(&ws->sends);
    nu_list_init(&ws->sent);
    ws->last = &ws->first;
    nu_aio_init(&ws->rd, ws_received, ws);
    ws->rd.dispose = ws_dispose;
    ws->rd.local = true;
    ws->wrote = ws_wrote;
    nu_task_init(&ws->work, ws_worked);
    ws->timer.fire = ws_fired;
    ws->hook.on_stop = ws_on_stop;
    nu_list_append(&ws->loop->hooks, &ws->hook.link);
    ws->heard = ws->used = nu_loop_now(ws->loop);
    nu_ws_watch(ws);
    nu_lock(&ws->lock);
    ws_work(ws);
    *streamp = &ws->base;
    return 0;
}
