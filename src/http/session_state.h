/* SPDX-License-Identifier: MIT */
/* What a session consists of: its states and the transitions between them, and its time. Owner of
 * its loop only. */
#ifndef NU_HTTP_SESSION_STATE_H
#define NU_HTTP_SESSION_STATE_H

#include "base/clock.h"
#include "base/list.h"
#include "base/trace.h"
#include "http/conn.h"
#include "http/gate.h"
#include "http/request.h"
#include "http/service.h"
#include "http/step.h"
#include "io/aio.h"
#include "io/counters.h"

#include <nng/uring.h>
#include <stdbool.h>

enum nu_session_state {
    NU_SESSION_RUNNING,    /* the driver is at work */
    NU_SESSION_READING,    /* waits for (more of) a request */
    NU_SESSION_COLLECTING, /* reads the body that a handler wants to have */
    NU_SESSION_DEFERRED,   /* waits for callbacks that wait: too many are nested */
    NU_SESSION_HANDLING,   /* a handler's callback is under way */
    NU_SESSION_LOADING,    /* a file is being opened or read */
    NU_SESSION_WRITING,    /* what is gathered is being written; then `after` */
    NU_SESSION_SENDING,    /* a part of a file is being written */
    NU_SESSION_DRAINING,   /* it is answered; throws away what is left of the body */
    NU_SESSION_LINGERING,  /* all is said; waits for the peer to notice */
    NU_SESSION_CLOSED,     /* the connection is being closed, or is no longer ours */
};

#define NU_SESSION_STATES (NU_SESSION_CLOSED + 1)

struct nu_session {
    nng_http_conn *conn; /* memory of its own, which can stay; NULL: it does (nu_hijack_shed()) */
    struct nu_service *service; /* NULL once the connection was hijacked */
    struct nu_list link;        /* in the service's sessions */
    uint64_t idle_since;        /* what its place among them goes by */
    enum nu_session_state state;
    enum nu_step after;                /* WRITING: how it goes on */
    struct nu_request request;         /* in hand */
    bool begun;                        /* a part of a head is here, and its time runs */
    bool asked;                        /* a whole head has come */
    bool proxy_due;                    /* a header of the PROXY protocol comes first, */
    bool proxy_waits;                  /* and its time runs */
    struct nu_head_progress progress;  /* of reading it */
    size_t thrown;                     /* bytes thrown away while draining or lingering */
    struct nu_response_batch *writing; /* what the write under way is of; NULL: of no batch */
    struct nu_task unpark;
    struct nu_task hijacked; /* the connection was, on another thread (hijack.h) */
    struct nu_timer timer;   /* may be early: `deadline` counts */
    uint64_t deadline;       /* of the step in hand */
    uint64_t still;          /* how long it may move nothing; 0: that does not count */
    size_t moved;            /* bytes of it when somebody last looked */
    uint64_t body_began;     /* the body that the session reads, */
    uint64_t body_bytes;     /* and what has come of it, but for what the read in hand has */
    uint64_t linger_until;   /* whatever it still sends */

    struct nu_gate gate;      /* shut while a handler is called and `batch` is not empty */
    struct nu_loop_hold hold; /* likewise */
    nng_aio aio;              /* the session's one read or write */
};

/* Where a session in that state is counted: enum nu_count, or 0, it is not. */
static inline enum nu_count nu_session_counted(enum nu_session_state state)
{
    static const uint8_t counts[NU_SESSION_STATES] = {
        [NU_SESSION_COLLECTING] = NU_COUNT_SESSIONS_COLLECTING,
        [NU_SESSION_HANDLING] = NU_COUNT_SESSIONS_HANDLING,
        [NU_SESSION_LOADING] = NU_COUNT_SESSIONS_LOADING,
        [NU_SESSION_WRITING] = NU_COUNT_SESSIONS_WRITING,
        [NU_SESSION_SENDING] = NU_COUNT_SESSIONS_WRITING,
        [NU_SESSION_DRAINING] = NU_COUNT_SESSIONS_ENDING,
        [NU_SESSION_LINGERING] = NU_COUNT_SESSIONS_ENDING,
        [NU_SESSION_CLOSED] = NU_COUNT_SESSIONS_CLOSED,
    };
    return (enum nu_count) counts[state];
}

/* Traces and checks a transition. */
void nu_session_watch_state(const struct nu_session *session, enum nu_session_state state);

/* The one place where the state changes. */
static inline void nu_session_set_state(struct nu_session *session, enum nu_session_state state)
{
    enum nu_count before = nu_session_counted(session->state), now = nu_session_counted(state);
    if (NU_WATCHED) {
        nu_session_watch_state(session, state);
    }
    if (before != 0) {
        nu_count(before, (uint64_t) -1);
    }
    if (now != 0) {
        nu_count(now, 1);
    }
    session->state = state;
}

/* From here on the session only waits for what it cannot interrupt. */
void nu_session_leave(struct nu_session *session);

/* Something that may take its time has the session: it is not to be taken from under it. */
static inline bool nu_session_is_lent(const struct nu_session *session)
{
    return session->state == NU_SESSION_HANDLING || session->state == NU_SESSION_LOADING ||
           session->state == NU_SESSION_DEFERRED;
}

/* No request has begun, nor is one in hand. */
static inline bool nu_session_is_idle(const struct nu_session *session)
{
    return session->state == NU_SESSION_READING && !session->begun;
}

/* It is idle from now on, or was seen not to be: to the end of the service's sessions. */
void nu_session_rank(struct nu_session *session);

/* It leaves them. */
void nu_session_unlist(struct nu_session *session);

/* Its aio writes. */
static inline bool nu_session_is_writing(const struct nu_session *session)
{
    return session->writing != NULL || session->state == NU_SESSION_SENDING;
}

/* The step in hand may take until then, or as long as the limit says; or it may take so long
 * without moving a byte. */
void nu_session_set_deadline(struct nu_session *session, uint64_t when);
void nu_session_allow(struct nu_session *session, enum nng_uring_limit limit);
void nu_session_allow_still(struct nu_session *session, enum nng_uring_limit limit);

/* Whether the time of the head is over, of which a part is here. */
bool nu_session_head_is_late(const struct nu_session *session);

/* Its server drains, and waits a moment for a request that may be on its way. */
void nu_session_allow_grace(struct nu_session *session);

/* The session begins to read a body; and the time for its next step: false, it is over. */
void nu_session_begin_body(struct nu_session *session);
bool nu_session_allow_body(struct nu_session *session);

/* Its time goes on: the timer may have fired and been beaten by bytes that came at that moment. */
void nu_session_arm(struct nu_session *session);

/* Its handler has not finished within its call: after a while the client is watched. */
void nu_session_await_handler(struct nu_session *session);

/* Its read or write (`wrote`) has ended by the time: counts and logs that. */
void nu_session_timed_out(const struct nu_session *session, bool wrote);

/* session->timer.fire: aborts the read or write under way when its time is over. */
void nu_session_fired(struct nu_timer *timer);

#endif
