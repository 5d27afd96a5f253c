/* SPDX-License-Identifier: MIT */
/*
 * A session: one connection of a server, from accept to close. It reads requests, has them answered
 * (request.h, answer.h) and writes the answers, one step after the other; pipelined requests that
 * can be answered at once are answered together. Everything happens on the owner of the
 * connection's loop.
 *
 * A session is the memory of its connection, so a handler may hijack the connection and keep it.
 */
#ifndef NU_HTTP_SESSION_H
#define NU_HTTP_SESSION_H

#include "base/list.h"
#include "http/body_reader.h"
#include "http/conn.h"
#include "http/response_batch.h"
#include "io/aio.h"

#include <nng/uring.h>
#include <stdbool.h>

struct nu_server_shard;
struct nu_exchange;
struct nu_file_job;
struct nu_stream_file;

enum nu_session_state {
    NU_SESSION_READING,    /* waits for (more of) a request */
    NU_SESSION_COLLECTING, /* reads the body that a handler wants to have */
    NU_SESSION_DEFERRED,   /* waits for callbacks that wait: too many are nested */
    NU_SESSION_HANDLING,   /* a handler's callback, or opening and reading a file, is under way */
    NU_SESSION_WRITING,    /* the gathered responses are being written */
    NU_SESSION_SENDING,    /* a part of a file is being written */
    NU_SESSION_DRAINING,   /* it is answered; throws away what is left of the body */
    NU_SESSION_LINGERING,  /* all is said; waits for the peer to notice */
    NU_SESSION_CLOSED,     /* the connection is being closed, or is no longer ours */
};

struct nu_session {
    nng_http_conn conn;
    struct nu_server_shard *shard;
    struct nu_list link; /* in the shard's sessions */
    enum nu_session_state state;
    bool begun;                    /* a part of a head is here, and its time runs */
    bool last;                     /* close the connection after the response in hand */
    bool http10;                   /* the request in hand is HTTP/1.0 */
    bool bodiless;                 /* it is a HEAD: the answer has no body */
    bool expects;                  /* its body comes after a 100 (Continue), which was not sent */
    struct nu_body_reader body;    /* its body, as far as it is not read */
    size_t thrown;                 /* bytes thrown away while draining or lingering */
    struct nu_response_batch *out; /* responses gathered so far, or NULL */
    struct nu_exchange *exchange;  /* what a handler's callback works on, or NULL */
    struct nu_exchange *lender;    /* one that is answered: the response may borrow from it */
    struct nu_file_job *file;      /* a file on its way out, or NULL */
    struct nu_task unpark;
    struct nu_timer timer; /* may be early: `deadline` counts */
    uint64_t deadline;     /* of the step in hand */
    size_t moved;          /* bytes of it when somebody last looked */
    nng_aio aio;           /* the session's one read or write */
};

/* Starts serving an accepted socket, which it owns. NNG_ENOMEM: the socket is still the caller's.
 */
int nu_session_start(struct nu_server_shard *shard, int fd);

/* Closes the connection now. What a handler works on is finished into the void. */
void nu_session_stop(struct nu_session *session);

/* Closes it as soon as the request in hand is answered. */
void nu_session_drain(struct nu_session *session);

/* The one place where the state changes. */
void nu_session_set_state(struct nu_session *session, enum nu_session_state state);

/* Whether the connection is to be closed, so that an answer has nowhere to go. It waits for the
 * answer all the same. */
bool nu_session_gone(const struct nu_session *session);

/* ---- Steps, for request.c and answer.c ---------------------------------------------------- */

/* Receives more of what is to come, in this state. */
void nu_session_receive(struct nu_session *session, enum nu_session_state state);

/* Reads exactly into the vector: a body that is collected. */
void nu_session_collect(struct nu_session *session, const struct iovec *iov);

/* Writes what is gathered in session->out, then goes on. */
void nu_session_flush(struct nu_session *session);

/* Writes a part of an answer, session->out (sealed) with the first; nu_file_written() is called
 * afterwards. */
void nu_session_send_part(struct nu_session *session, const struct iovec *iov, unsigned niov,
                          size_t total);

/* The same for a part of a file that is in the page cache, after what is in session->out. */
void nu_session_send_file(struct nu_session *session, const struct nu_stream_file *file);

/* Tells a client that waits for it to send its body: 100 (Continue), RFC 9110 10.1.1. */
void nu_session_continue(struct nu_session *session);

/* The answer is written, by whomever: goes on with what the client sent behind it. */
void nu_session_answered(struct nu_session *session);

/* Nothing of ours is under way, and no answer can be given: breaks the connection. */
void nu_session_give_up(struct nu_session *session);

/* An answer has come for a connection that is gone. */
void nu_session_close_late(struct nu_session *session);

/* Closes an idle connection. */
void nu_session_close_idle(struct nu_session *session);

#endif
