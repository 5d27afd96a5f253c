/* SPDX-License-Identifier: MIT */
#include "http/session_state.h"

#include "base/clock.h"
#include "base/seldom.h"
#include "http/exchange.h"
#include "net/tcp_hangup.h"

#define WATCH_AFTER (20 * NU_MS) /* a handler that takes less answers before anybody has gone */

/* ---- States ------------------------------------------------------------------------------- */

#define TO(state) (1U << NU_SESSION_##state)
#define AN_EVENT (TO(RUNNING) | TO(CLOSED)) /* brings the driver back, or the end */

/* Where a session may go from each state. The driver leads into all that wait. */
static const struct {
    const char *name;
    unsigned next;
} states[NU_SESSION_STATES] = {
    [NU_SESSION_RUNNING] = { "running", TO(READING) | TO(COLLECTING) | TO(DEFERRED) | TO(HANDLING) |
                                            TO(LOADING) | TO(WRITING) | TO(SENDING) | TO(DRAINING) |
                                            TO(LINGERING) | TO(CLOSED) },
    [NU_SESSION_READING] = { "reading", AN_EVENT },
    [NU_SESSION_COLLECTING] = { "collecting", AN_EVENT },
    [NU_SESSION_DEFERRED] = { "deferred", AN_EVENT },
    [NU_SESSION_HANDLING] = { "handling", AN_EVENT },
    [NU_SESSION_LOADING] = { "loading", AN_EVENT },
    [NU_SESSION_WRITING] = { "writing", AN_EVENT },
    [NU_SESSION_SENDING] = { "sending", AN_EVENT },
    [NU_SESSION_DRAINING] = { "draining", AN_EVENT },
    [NU_SESSION_LINGERING] = { "lingering", AN_EVENT },
    [NU_SESSION_CLOSED] = { "closed", 0 },
};

void nu_session_watch_state(const struct nu_session *s, enum nu_session_state state)
{
    nu_trace("session %p: %s -> %s", (const void *) s, states[s->state].name, states[state].name);
    NU_CHECK((states[s->state].next >> state & 1U) != 0);
}

/* ---- The service's sessions --------------------------------------------------------------- */

void nu_session_unlist(struct nu_session *s)
{
    struct nu_list *all = &s->service->sessions;
    bool first = all->next == &s->link;
    nu_list_remove(&s->link);
    if (first) {
        uint64_t since = nu_list_empty(all)
                             ? NU_NEVER
                             : nu_container(all->next, struct nu_session, link)->idle_since;
        atomic_store_explicit(&s->service->idle_since, since, memory_order_relaxed);
    }
}

void nu_session_rank(struct nu_session *s)
{
    struct nu_list *all = &s->service->sessions;
    nu_session_unlist(s);
    s->idle_since = nu_loop_now(s->service->loop);
    nu_list_append(all, &s->link);
    if (all->next == &s->link) {
        atomic_store_explicit(&s->service->idle_since, s->idle_since, memory_order_relaxed);
    }
}

void nu_session_leave(struct nu_session *s)
{
    nu_session_set_state(s, NU_SESSION_CLOSED);
    nu_session_unlist(s);
    nu_timer_disarm(&s->service->loop->timers, &s->timer);
}

/* ---- Time --------------------------------------------------------------------------------- */

#define GRACE (100 * NU_MS)
#define FIRST_GRACE NU_SECOND
#define LOOKS 8 /* at a read or write, in the time in which it is to move something */

/*
 * Nearly every step ends long before its deadline, and a later deadline takes its place. So the
 * timer is not moved with it: when it fires too early, it is armed again.
 */
void nu_session_arm(struct nu_session *s)
{
    struct nu_timers *timers = &s->service->loop->timers;
    uint64_t when = s->deadline;
    if (when != NU_NEVER && s->still > 0) {
        uint64_t look = nu_loop_now(s->service->loop) + s->still / LOOKS;
        when = look < when ? look : when;
    }
    if (when == NU_NEVER || (s->timer.armed && s->timer.when <= when)) {
        return;
    }
    nu_timer_disarm(timers, &s->timer);
    nu_timer_arm(timers, &s->timer, when);
}

void nu_session_set_deadline(struct nu_session *s, uint64_t when)
{
    s->deadline = when;
    s->still = 0;
    nu_session_arm(s);
}

static uint64_t session_after(const struct nu_session *s, uint64_t time)
{
    return time > 0 ? nu_loop_now(s->service->loop) + time : NU_NEVER;
}

void nu_session_allow(struct nu_session *s, enum nng_uring_limit limit)
{
    nu_session_set_deadline(s, session_after(s, s->service->limits[limit] * NU_MS));
}

void nu_session_allow_still(struct nu_session *s, enum nng_uring_limit limit)
{
    s->still = s->service->limits[limit] * NU_MS;
    s->moved = 0;
    s->deadline = session_after(s, s->still);
    nu_session_arm(s);
}

/* Who has only just come is about to ask, from far away perhaps, and would hear nothing at all. */
void nu_session_allow_grace(struct nu_session *s)
{
    nu_session_set_deadline(s, nu_now() + (s->asked ? GRACE : FIRST_GRACE));
}

void nu_session_begin_body(struct nu_session *s)
{
    s->body_began = nu_loop_now(s->service->loop);
    s->body_bytes = 0;
}

/* A connection that is idle, or whose peer is to close it, is nothing to speak of. */
static void session_note_late(enum nu_count what)
{
    static struct nu_seldom heads, bodies, answers;
    nu_count(what, 1);
    if (what == NU_COUNT_LATE_HEADS) {
        nu_warn_seldom(&heads, "a request's head took too long (--head-timeout): 408");
    } else if (what == NU_COUNT_LATE_BODIES) {
        nu_warn_seldom(&bodies, "a request's body took too long (--body-timeout, --body-rate, "
                                "--body-total-timeout): its connection is closed");
    } else {
        nu_warn_seldom(&answers, "an answer was taken too slowly, or not at all (--write-timeout, "
                                 "--write-rate): its connection is closed");
    }
}

/* Its abort would be beaten again by the next byte, if one comes in every turn. */
bool nu_session_head_is_late(const struct nu_session *s)
{
    bool late = s->deadline <= nu_loop_now(s->service->loop);
    if (late) {
        session_note_late(NU_COUNT_LATE_HEADS);
    }
    return late;
}

#define MAX_BODY_SECONDS (UINT64_C(1) << 30)

/* By when the body is to be complete, or more than so much of it is to have come. */
static uint64_t session_body_until(const struct nu_session *s, uint64_t bytes)
{
    const uint64_t *limits = s->service->limits;
    uint64_t total = limits[NNG_URING_BODY_TOTAL_TIMEOUT], rate = limits[NNG_URING_BODY_RATE];
    uint64_t begin = limits[NNG_URING_BODY_TIMEOUT];
    uint64_t until = total > 0 ? s->body_began + total * NU_MS : NU_NEVER;
    if (rate > 0 && begin > 0) {
        uint64_t by_rate =
            s->body_began + begin * NU_MS +
            (bytes / rate < MAX_BODY_SECONDS ? bytes / rate : MAX_BODY_SECONDS) * NU_SECOND +
            bytes % rate * NU_SECOND / rate;
        until = by_rate < until ? by_rate : until;
    }
    return until;
}

/* A body that comes too slowly ends before it is silent for too long. */
static void session_bound_body(struct nu_session *s, uint64_t bytes)
{
    uint64_t until = session_body_until(s, bytes);
    s->deadline = until < s->deadline ? until : s->deadline;
}

bool nu_session_allow_body(struct nu_session *s)
{
    nu_session_allow_still(s, NNG_URING_BODY_TIMEOUT);
    session_bound_body(s, s->body_bytes);
    nu_session_arm(s);
    bool late = s->deadline <= nu_loop_now(s->service->loop);
    if (late) {
        session_note_late(NU_COUNT_LATE_BODIES);
    }
    return !late;
}

/* The bytes that a write has to move in the time in which a read has to move any. */
static size_t session_least(const struct nu_session *s, bool reads)
{
    uint64_t rate = reads ? 0 : s->service->limits[NNG_URING_WRITE_RATE];
    uint64_t least = rate * (s->still / NU_MS) / 1000;
    return least > 0 ? (size_t) least : 1;
}

/* A read or write that has moved enough since it had its time has time anew. For a write that is
 * what the peer has taken: the kernel asks for more only when much of its buffer is free. Before it
 * has taken what was sent earlier that is below 0, which is as good as much. */
static void session_look(struct nu_session *s)
{
    bool reads = s->state == NU_SESSION_COLLECTING;
    size_t moved = s->aio.io.done;
    if (!reads && !nu_session_is_writing(s)) {
        return;
    }
    if (!reads) {
        moved -= nu_stream_unacked(s->conn->stream);
    }
    if (moved - s->moved >= session_least(s, reads)) {
        s->moved = moved;
        s->deadline = session_after(s, s->still);
        if (reads) {
            session_bound_body(s, s->body_bytes + moved);
        }
    }
}

/* Nothing else would notice that the client has gone, and its handler works for nobody. */
static void session_hung_up(struct nu_tcp *tcp)
{
    nng_http_conn *conn = nu_container(tcp, nng_http_conn, tcp);
    struct nu_session *s = conn->session;
    if (s != NULL && s->service != NULL && s->request.exchange != NULL &&
        atomic_load(&s->request.lease) < NU_LEASE_HIJACKED) {
        nng_aio_abort(&s->request.exchange->aio, NNG_ECONNRESET);
    }
}

void nu_session_await_handler(struct nu_session *s)
{
    if (s->state == NU_SESSION_HANDLING && !nu_session_is_writing(s) &&
        s->conn->tcp.hangup == NULL) {
        nu_session_set_deadline(s, nu_loop_now(s->service->loop) + WATCH_AFTER);
    }
}

void nu_session_timed_out(const struct nu_session *s, bool wrote)
{
    if (wrote) {
        session_note_late(NU_COUNT_LATE_ANSWERS);
    } else if (s->state == NU_SESSION_READING && s->begun) {
        session_note_late(NU_COUNT_LATE_HEADS);
    } else if (s->state == NU_SESSION_COLLECTING || s->state == NU_SESSION_DRAINING) {
        session_note_late(NU_COUNT_LATE_BODIES);
    }
}

void nu_session_fired(struct nu_timer *timer)
{
    struct nu_session *s = nu_container(timer, struct nu_session, timer);
    bool waits = nu_session_is_lent(s) && !nu_session_is_writing(s);
    if ((waits && s->state != NU_SESSION_HANDLING) || s->service->loop->stopping) {
        return; /* the next step arms it again */
    }
    session_look(s);
    if (s->deadline > nu_now()) {
        nu_session_arm(s);
    } else if (waits && !nu_request_restrain(&s->request, NU_EARLY_SOON)) {
        nu_session_await_handler(s); /* its answer is on its way here */
    } else if (waits) {
        struct nu_stream *stream = s->conn->stream;
        /* What the client has sent meanwhile does not keep one of the loop's buffers. */
        (void) nu_rx_settle(&stream->rx, &stream->loop->buffers);
        nu_tcp_watch_hangup(&s->conn->tcp, session_hung_up);
    } else {
        nng_aio_abort(&s->aio, NNG_ETIMEDOUT);
    }
}
