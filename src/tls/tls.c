/* SPDX-License-Identifier: MIT */
#include "tls/tls.h"

#include "base/clock.h"
#include "net/aio_queue.h"
#include "tls/context.h"
#include "tls/handshake.h"
#include "tls/info.h"
#include "tls/tls_read.h"
#include "tls/tls_write.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define LINGER_LOOK (5 * NU_MS) /* to the first look at what the peer has acknowledged */

/* ---- The memory --------------------------------------------------------------------------- */

static void tls_dispose(nng_aio *aio)
{
    nu_tls_drop_aio(aio->arg);
}

/* Everything but that which the aios may still be using. */
static void tls_free(struct nu_tls *tls)
{
    if (tls->state == NU_TLS_OPEN) { /* or OpenSSL takes the session for a bad one */
        SSL_set_shutdown(tls->ssl, SSL_get_shutdown(tls->ssl) | SSL_SENT_SHUTDOWN);
    }
    SSL_free(tls->ssl);
    nu_resume_end(tls->resume);
    nu_tls_free_out(tls);
    nu_tls_facts_free(&tls->facts);
    nng_tls_config_free(tls->config);
    nng_aio_reap(&tls->rx_aio);
}

static void tls_gone(struct nu_tls *tls)
{
    tls->stream.gone(&tls->stream); /* the carrier's memory goes, too */
    tls_free(tls);
}

/* ---- Closing ------------------------------------------------------------------------------ */

static void tls_note_sent(struct nu_tls *tls)
{
    if (tls->sending) {
        nu_tls_sent(tls);
        nu_tls_write_sent(tls);
    }
}

static void tls_lower_gone(struct nu_stream *lower)
{
    struct nu_tls *tls = lower->user;
    nu_lock(&tls->stream.lock);
    tls_note_sent(tls); /* the callback comes later */
    nu_tls_write_end_all(tls, NNG_ECLOSED, true);
    nu_rx_clear(&tls->stream.rx, &tls->stream.loop->buffers);
    nu_list_remove(&tls->hook.link);
    tls->stream.life = NU_STREAM_DEAD;
    bool last = tls->released && !tls->wake_posted;
    nu_unlock(&tls->stream.lock);
    if (last) {
        tls_gone(tls);
    }
}

/* What is owed goes out first, as it would from a socket that is closed; but not for ever. Nor is
 * an alert held back that says why the handshake failed. Whether there is something to wait for. */
static bool tls_say_goodbye(struct nu_tls *tls)
{
    struct nu_timers *timers = &tls->stream.loop->timers;
    if (tls->lower_closed || (tls->abortive && tls->state != NU_TLS_FAILED)) {
        return false;
    }
    bool said = tls->state != NU_TLS_OPEN || nu_tls_write_close_notify(tls);
    if (said && nu_tls_owed(tls) == 0 && !tls->sending) {
        return false;
    }
    nu_tls_flush(tls);
    if (!tls->timer.armed) {
        nu_timer_arm(timers, &tls->timer, nu_now() + nu_tls_handshake_timeout() * NU_MS);
    }
    return true;
}

/* A server's tickets that come when the socket is closed would turn the end into a reset, which
 * throws away what we have written. So a client that has not heard anything yet stays until the
 * peer has all of it, or goes. Whether there is something to wait for. */
static bool tls_linger(struct nu_tls *tls)
{
    struct nu_timers *timers = &tls->stream.loop->timers;
    if (tls->abortive || tls->lower_closed || tls->lower_end != 0 || tls->write_end != 0 ||
        !tls->expects_tickets || nu_stream_unacked(tls->lower) == 0) {
        return false;
    }
    size_t heard = nu_rx_len(&tls->lower->rx);
    if (heard > 0) { /* else what is being received into must stay */
        nu_stream_consume(tls->lower, heard);
    }
    nu_tls_receive(tls);
    uint64_t now = nu_now();
    if (!tls->lingering) {
        tls->lingering = true;
        tls->linger_until = now + nu_tls_handshake_timeout() * NU_MS;
        tls->linger_look = LINGER_LOOK;
        nu_timer_disarm(timers, &tls->timer);
    }
    if (!tls->timer.armed) {
        uint64_t look = now + tls->linger_look;
        nu_timer_arm(timers, &tls->timer, look < tls->linger_until ? look : tls->linger_until);
        tls->linger_look *= 2;
    }
    return now < tls->linger_until;
}

/* Owner; with the lock, which it releases. */
static void tls_closing(struct nu_tls *tls)
{
    bool hard = tls->abortive && tls->state != NU_TLS_FAILED, lost = hard || tls->lower_closed;
    nu_aio_queue_end_all(&tls->stream.reads, NULL, NNG_ECLOSED);
    if (!lost || !tls->sending) { /* else once the carrier has said what the kernel has taken */
        nu_tls_write_end_all(tls, NNG_ECLOSED, lost);
    }
    if (tls->state == NU_TLS_HANDSHAKE) {
        nu_timer_disarm(&tls->stream.loop->timers, &tls->timer);
    }
    bool waits = tls_say_goodbye(tls) || tls_linger(tls), close = !waits && !tls->lower_closed;
    if (close) {
        tls->lower_closed = true;
        nu_timer_disarm(&tls->stream.loop->timers, &tls->timer);
    }
    nu_unlock(&tls->stream.lock);
    if (close) {
        nu_stream_close(tls->lower, hard);
    }
}

static void tls_begin_close(struct nu_tls *tls, bool abortive)
{
    if (tls->stream.life == NU_STREAM_OPEN) {
        tls->stream.life = NU_STREAM_CLOSING;
    }
    tls->abortive = tls->abortive || abortive;
    if (tls->stream.life != NU_STREAM_DEAD) {
        nu_tls_wake(tls);
    }
}

static void tls_close(struct nu_stream *stream, bool abortive)
{
    struct nu_tls *tls = nu_tls_of(stream);
    nu_lock(&stream->lock);
    tls->released = true;
    tls_begin_close(tls, abortive);
    bool last = stream->life == NU_STREAM_DEAD && !tls->wake_posted;
    nu_unlock(&stream->lock);
    if (last) {
        tls_gone(tls);
    }
}

static void tls_shut(struct nu_stream *stream)
{
    nu_lock(&stream->lock);
    tls_begin_close(nu_tls_of(stream), true);
    nu_unlock(&stream->lock);
}

/* nng_fini(): the carrier goes now, the memory when its owner asks. What the kernel has taken goes
 * out and counts; how much that is the carrier still has to say, if it is at work. */
static void tls_on_stop(struct nu_loop_hook *hook)
{
    struct nu_tls *tls = nu_container(hook, struct nu_tls, hook);
    nu_lock(&tls->stream.lock);
    tls->stream.life = tls->stream.life == NU_STREAM_OPEN ? NU_STREAM_CLOSING : tls->stream.life;
    tls->abortive = true;
    tls->state = NU_TLS_FAILED;
    tls->rx_aio.local = false; /* who closes it from now on frees it himself */
    if (tls->out != NULL) {
        tls->out->aio.local = false;
        nu_buf_reset(&tls->out->next); /* nothing is owed any more */
    }
    tls->lower_end = NNG_ECLOSED;
    tls->write_end = NNG_ECLOSED;
    nu_aio_queue_end_all(&tls->stream.reads, NULL, NNG_ECLOSED);
    if (!tls->sending) {
        nu_tls_write_end_all(tls, NNG_ECLOSED, true);
    }
    nu_timer_disarm(&tls->stream.loop->timers, &tls->timer);
    bool close = !tls->lower_closed;
    tls->lower_closed = true;
    nu_unlock(&tls->stream.lock);
    if (close) {
        nu_stream_close(tls->lower, false);
    }
}

/* ---- What happens ------------------------------------------------------------------------- */

/* Not in the midst of the handshake, nor of what was written before. */
static void tls_end_writing(struct nu_tls *tls)
{
    if (tls->ending && tls->state != NU_TLS_HANDSHAKE && nu_list_empty(&tls->stream.writes)) {
        (void) nu_tls_write_close_notify(tls); /* else when more has come */
    }
}

/* Does all there is to do. Owner; with the lock, which it releases. */
static void tls_work(struct nu_tls *tls)
{
    if (tls->stream.life != NU_STREAM_OPEN) {
        tls_closing(tls);
        return;
    }
    if (tls->state == NU_TLS_HANDSHAKE) {
        nu_tls_handshake_step(tls);
    }
    if (tls->state != NU_TLS_HANDSHAKE) {
        nu_tls_write_next(tls);
        nu_tls_read_next(tls);
    }
    if (tls->write_end != 0 && tls->state == NU_TLS_FAILED) {
        nu_tls_write_next(tls); /* reading has found that it is over */
    }
    tls_end_writing(tls);
    nu_unlock(&tls->stream.lock);
}

static void tls_woken(struct nu_task *task)
{
    struct nu_tls *tls = nu_container(task, struct nu_tls, wake);
    nu_lock(&tls->stream.lock);
    tls->wake_posted = false;
    if (tls->stream.life != NU_STREAM_DEAD) {
        tls_work(tls);
        return;
    }
    bool last = tls->released;
    nu_unlock(&tls->stream.lock);
    if (last) {
        tls_gone(tls);
    }
}

/* The carrier has received something. */
static void tls_received(void *arg)
{
    struct nu_tls *tls = arg;
    int err = nng_aio_result(&tls->rx_aio);
    nu_lock(&tls->stream.lock);
    tls->receiving = false;
    if (err != 0) {
        tls->lower_end = err;
    }
    if (tls->stream.life == NU_STREAM_DEAD) {
        nu_unlock(&tls->stream.lock);
        return;
    }
    tls_work(tls);
}

/* The carrier has sent something. */
static void tls_sent(void *arg)
{
    struct nu_tls *tls = arg;
    nu_lock(&tls->stream.lock);
    if (tls->stream.life == NU_STREAM_DEAD) {
        nu_unlock(&tls->stream.lock);
        return;
    }
    tls_note_sent(tls);
    tls_work(tls);
}

/* The handshake takes too long, or our last words do; or it is time to look at them again. */
static void tls_fired(struct nu_timer *timer)
{
    struct nu_tls *tls = nu_container(timer, struct nu_tls, timer);
    nu_lock(&tls->stream.lock);
    if (tls->stream.life == NU_STREAM_OPEN && tls->state == NU_TLS_HANDSHAKE) {
        nu_tls_fail(tls, NNG_ETIMEDOUT);
        tls_work(tls);
        return;
    }
    if (tls->stream.life == NU_STREAM_CLOSING && tls->lingering) {
        tls_closing(tls);
        return;
    }
    bool close = tls->stream.life == NU_STREAM_CLOSING && !tls->lower_closed;
    tls->lower_closed = tls->lower_closed || close;
    nu_unlock(&tls->stream.lock);
    if (close) {
        nu_stream_close(tls->lower, true);
    }
}

/* ---- The stream --------------------------------------------------------------------------- */

static void tls_shutdown_write(struct nu_stream *stream)
{
    struct nu_tls *tls = nu_tls_of(stream);
    nu_lock(&stream->lock);
    tls->ending = true;
    tls_end_writing(tls);
    nu_unlock(&stream->lock);
}

static void tls_send_now(struct nu_stream *stream, const void *data, size_t n)
{
    nu_tls_write_now(nu_tls_of(stream), data, n);
}

static size_t tls_unacked(const struct nu_stream *stream)
{
    const struct nu_tls *tls = nu_tls_of(stream);
    return nu_tls_owed(tls) + nu_stream_unacked(tls->lower);
}

static size_t tls_unread(const struct nu_stream *stream)
{
    return nu_stream_unread(nu_tls_of(stream)->lower);
}

static int tls_local_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return nu_stream_local_addr(nu_tls_of(stream)->lower, addr);
}

static int tls_remote_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return nu_stream_remote_addr(nu_tls_of(stream)->lower, addr);
}

static int tls_set_keepalive(struct nu_stream *stream, bool on)
{
    return nu_stream_set_keepalive(nu_tls_of(stream)->lower, on);
}

static const struct nu_stream_ops tls_ops = {
    .read = nu_tls_read,
    .write = nu_tls_write,
    .close = tls_close,
    .shut = tls_shut,
    .shutdown_write = tls_shutdown_write,
    .send_now = tls_send_now,
    .unacked = tls_unacked,
    .unread = tls_unread,
    .local_addr = tls_local_addr,
    .remote_addr = tls_remote_addr,
    .set_keepalive = tls_set_keepalive,
};

nng_tls_mode nu_tls_mode(const nng_tls_config *config)
{
    return config->mode;
}

int nu_tls_info(struct nu_stream *stream, nng_uring_tls_info **infop)
{
    if (stream->ops != &tls_ops) {
        return NNG_ENOTSUP;
    }
    const struct nu_tls *tls = nu_tls_of(stream);
    int err = NNG_EAGAIN;
    nu_lock(&stream->lock);
    if (stream->life != NU_STREAM_OPEN) {
        err = NNG_ECLOSED;
    } else if (tls->facts.version != NULL) {
        err = nu_tls_info_new(infop, &tls->facts);
    } else if (tls->state == NU_TLS_FAILED) {
        err = stream->end;
    }
    nu_unlock(&stream->lock);
    return err;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static void tls_note_message(int write, int version, int type, const void *buf, size_t len,
                             SSL *ssl, void *arg)
{
    struct nu_tls *tls = arg;
    (void) version;
    (void) buf;
    (void) len;
    (void) ssl;
    tls->chatter += !write && type == SSL3_RT_HANDSHAKE;
}

static void tls_start(struct nu_tls *tls)
{
    struct nu_loop *loop = tls->stream.loop;
    nu_list_append(&loop->hooks, &tls->hook.link);
    nu_timer_arm(&loop->timers, &tls->timer, nu_now() + nu_tls_handshake_timeout() * NU_MS);
    nu_lock(&tls->stream.lock);
    if (tls->config->mode == NNG_TLS_MODE_SERVER && nu_rx_len(&tls->lower->rx) == 0) {
        nu_tls_receive(tls);
    } else {
        nu_tls_handshake_step(tls);
    }
    nu_unlock(&tls->stream.lock);
}

/* The peer's. */
static unsigned tls_port(struct nu_stream *lower)
{
    nng_sockaddr addr = { 0 };
    (void) nu_stream_remote_addr(lower, &addr); /* else 0: who has none has no other either */
    return addr.s_family == NNG_AF_INET    ? ntohs(addr.s_in.sa_port)
           : addr.s_family == NNG_AF_INET6 ? ntohs(addr.s_in6.sa_port)
                                           : 0;
}

int nu_tls_open(struct nu_stream **streamp, struct nu_stream *lower,
                const struct nu_tls_params *params)
{
    struct nu_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        return NNG_ENOMEM;
    }
    nu_stream_init(&tls->stream, &tls_ops, lower->loop, lower->gone, lower->user);
    int err = nu_tls_context_open(&tls->ssl, params->config, params->host, params->alpn);
    if (err != 0) {
        free(tls);
        return err;
    }
    tls->resume = nu_tls_context_resume(tls->ssl, params->config, params->host, tls_port(lower));
    tls->lower = lower;
    lower->gone = tls_lower_gone;
    lower->user = tls;
    nng_tls_config_hold(params->config);
    tls->config = params->config;
    tls->plain_reply = params->plain_reply;
    tls->alpn = params->alpn;
    tls->read_ahead = params->read_ahead;
    SSL_set_msg_callback(tls->ssl, tls_note_message);
    SSL_set_msg_callback_arg(tls->ssl, tls);
    nu_aio_init(&tls->rx_aio, tls_received, tls);
    tls->rx_aio.dispose = tls_dispose;
    tls->rx_aio.local = true;
    tls->aios = 1;
    tls->wrote = tls_sent;
    nu_task_init(&tls->wake, tls_woken);
    tls->timer.fire = tls_fired;
    tls->hook.on_stop = tls_on_stop;
    tls_start(tls);
    *streamp = &tls->stream;
    return 0;
}
