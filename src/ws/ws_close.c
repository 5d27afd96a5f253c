/* SPDX-License-Identifier: MIT */
#include "ws/ws_close.h"

#include "base/clock.h"
#include "ws/ws_put.h"
#include "ws/ws_write.h"

#include <stdlib.h>

static uint64_t ws_close_after(uint64_t since, nng_duration ms)
{
    return ms > 0 ? since + (uint64_t) ms * NU_MS : NU_NEVER;
}

static void ws_close_arm(struct nu_ws *ws, uint64_t when)
{
    nu_timer_disarm(&ws->loop->timers, &ws->timer);
    if (when != NU_NEVER) {
        nu_timer_arm(&ws->loop->timers, &ws->timer, when);
    }
}

/* How long the peer has for its last words. */
static void ws_close_arm_last(struct nu_ws *ws)
{
    ws_close_arm(ws, ws_close_after(nu_loop_now(ws->loop), ws->settings.close));
}

static void ws_close_put(struct nu_ws *ws, unsigned code, const char *reason, size_t n)
{
    char payload[NU_WS_CONTROL_MAX];
    if (code == NU_WS_NO_CODE) {
        nu_ws_put_control(ws, NU_WS_CLOSE, NULL, 0);
        return;
    }
    n = n < sizeof payload - 2 ? n : sizeof payload - 2;
    payload[0] = (char) (code >> 8);
    payload[1] = (char) code;
    if (n > 0) {
        memcpy(payload + 2, reason, n);
    }
    nu_ws_put_control(ws, NU_WS_CLOSE, payload, n + 2);
}

/* Nothing is sent any more but what is owed, and a close frame behind it. */
static void ws_close_send(struct nu_ws *ws, unsigned code, const char *reason, size_t n)
{
    ws->send_end = NNG_ECLOSED;
    nu_ws_write_end_all(ws, NNG_ECLOSED, false);
    if (!ws->torn) {
        ws_close_put(ws, code, reason, n);
    }
}

static size_t ws_close_reason_length(const struct nu_ws *ws)
{
    return ws->close_reason != NULL ? strlen(ws->close_reason) : 0;
}

bool nu_ws_close_wait(struct nu_ws *ws)
{
    uint64_t quiet = ws_close_after(ws->heard, ws->settings.close);
    uint64_t idle = ws_close_after(ws->used, ws->settings.idle), end = quiet < idle ? quiet : idle;
    ws_close_arm(ws, end);
    return end > nu_loop_now(ws->loop);
}

void nu_ws_close_finish(struct nu_ws *ws)
{
    ws->heard = ws->used = nu_loop_now(ws->loop);
    ws->send_end = NNG_ECLOSED;
    ws_close_put(ws, ws->close_code, ws->close_reason, ws_close_reason_length(ws));
    nu_ws_set_state(ws, NU_WS_CLOSING);
    (void) nu_ws_close_wait(ws);
}

void nu_ws_close_begin(struct nu_ws *ws)
{
    ws->recv_end = NNG_ECLOSED;
    if (ws->state == NU_WS_OPEN) {
        ws_close_send(ws, ws->close_code, ws->close_reason, ws_close_reason_length(ws));
        nu_ws_set_state(ws, NU_WS_CLOSING);
        ws_close_arm_last(ws);
    }
}

/* ---- By the peer -------------------------------------------------------------------------- */

static void ws_close_set_verdict(struct nu_ws *ws)
{
    ws->verdict = true;
    if (ws->state == NU_WS_OPEN) {
        ws_close_arm_last(ws); /* our user, too, who has not taken what came before */
    }
    nu_ws_close_judge(ws, false);
}

void nu_ws_close_heard(struct nu_ws *ws, uint16_t code, struct nu_slice reason)
{
    ws->peer_code = code;
    ws->peer_reason = reason.n > 0 ? strndup(reason.p, reason.n) : NULL;
    ws_close_set_verdict(ws);
}

void nu_ws_close_refuse(struct nu_ws *ws, enum nu_ws_code code, const char *reason, int err)
{
    ws->refuse = code;
    ws->refuse_reason = reason;
    ws->refuse_err = err;
    ws_close_set_verdict(ws);
}

static bool ws_close_is_quiet(const struct nu_ws *ws)
{
    return ws->first == NULL && !ws->unasked && nu_list_empty(&ws->sends) &&
           nu_list_empty(&ws->sent);
}

/* A client leaves it to the server to close the connection; a server ends its own direction and
 * waits for the client's end, or a peer that goes on sending would have a reset in place of our
 * last words (RFC 6455 7.1.1). */
void nu_ws_close_judge(struct nu_ws *ws, bool now)
{
    bool closed = ws->refuse == 0;
    if (!ws->verdict || (!now && ws->state == NU_WS_OPEN && !ws_close_is_quiet(ws))) {
        return;
    }
    ws->verdict = false;
    ws->recv_end = ws->recv_end != 0 ? ws->recv_end : closed ? NNG_ECLOSED : ws->refuse_err;
    if (ws->state == NU_WS_OPEN && closed) {
        ws_close_send(ws, ws->peer_code, NULL, 0);
    } else if (ws->state == NU_WS_OPEN) {
        ws_close_send(ws, ws->refuse, ws->refuse_reason, strlen(ws->refuse_reason));
    }
    nu_ws_set_state(ws, NU_WS_ENDING);
    ws->linger = true;
    ws->half_close = !ws->client || !closed;
    ws_close_arm_last(ws);
}

/* ---- By the end of the connection ---------------------------------------------------------- */

void nu_ws_close_lost(struct nu_ws *ws, int err)
{
    ws->recv_end = ws->recv_end != 0 ? ws->recv_end : err;
    ws->send_end = ws->send_end != 0 ? ws->send_end : err == NNG_ECONNSHUT ? NNG_ECONNRESET : err;
    ws->peer_code = ws->peer_code != 0 ? ws->peer_code : NU_WS_ABNORMAL;
    nu_ws_write_end_all(ws, ws->send_end, true);
    nu_buf_reset(&ws->next);
    nu_timer_disarm(&ws->loop->timers, &ws->timer);
    ws->verdict = false;
    if (ws->state != NU_WS_ENDING) {
        nu_ws_set_state(ws, NU_WS_ENDING);
    }
    ws->linger = false;
    ws->lost = true;
}

void nu_ws_close_ended(struct nu_ws *ws)
{
    if (ws->state == NU_WS_ENDING && !ws->lost && ws->refuse == 0 &&
        ws->carrier_end == NNG_ECONNSHUT) {
        ws->linger = false; /* it has said its last; what we owe still goes out */
        return;
    }
    nu_ws_close_lost(ws, ws->carrier_end);
}

bool nu_ws_close_due(const struct nu_ws *ws)
{
    return ws->state == NU_WS_ENDING && (ws->lost || (!ws->linger && nu_ws_write_idle(ws)));
}

/* ---- Pings and idleness ------------------------------------------------------------------- */

static uint64_t ws_close_ping_due(const struct nu_ws *ws)
{
    return ws->pinged != 0 && ws->pinged >= ws->heard
               ? ws_close_after(ws->pinged, ws->settings.pong)
               : ws_close_after(ws->heard, ws->settings.ping);
}

void nu_ws_watch(struct nu_ws *ws)
{
    uint64_t ping = ws_close_ping_due(ws), idle = ws_close_after(ws->used, ws->settings.idle);
    ws_close_arm(ws, ping < idle ? ping : idle);
}

void nu_ws_watch_fired(struct nu_ws *ws)
{
    uint64_t now = nu_loop_now(ws->loop);
    if (nu_ws_is_behind(ws)) {
        ws->heard = now; /* it is our user who does not listen */
    }
    if (ws->verdict) {
        nu_ws_close_judge(ws, true);
        return;
    }
    if (ws_close_after(ws->used, ws->settings.idle) <= now) {
        nu_ws_close_refuse(ws, NU_WS_GOING_AWAY, "idle for too long", NNG_ETIMEDOUT);
        return;
    }
    if (ws_close_ping_due(ws) <= now) {
        if (ws->pinged != 0 && ws->pinged >= ws->heard) {
            nu_ws_close_lost(ws, NNG_ETIMEDOUT);
            return;
        }
        ws->pinged = now;
        if (ws->frame_left == 0) { /* else a frame is under way, and is as good */
            nu_ws_put_control(ws, NU_WS_PING, NULL, 0);
        }
    }
    nu_ws_watch(ws);
}
