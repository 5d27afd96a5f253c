/* SPDX-License-Identifier: MIT */
/* How a session reads and writes, and how its handlers do while they have its connection. For its
 * driver. Owner of its loop only. */
#ifndef NU_HTTP_SESSION_IO_H
#define NU_HTTP_SESSION_IO_H

#include "http/session_state.h"

/* Whether responses are gathered that are not written yet. */
static inline bool nu_session_gathers(const struct nu_session *session)
{
    return session->request.batch != NULL || session->writing != NULL;
}

/* Writes what is gathered, in whatever state, unless a write is under way. */
void nu_session_write_gathered(struct nu_session *session);

/* Writes it, then goes on with `after`. NU_STEP_WAIT, as all below. */
enum nu_step nu_session_flush(struct nu_session *session, enum nu_step after);

/* Writes a part of an answer behind what is gathered: these pages or, if NULL, these bytes. */
enum nu_step nu_session_send(struct nu_session *session, const struct nu_stream_file *pages,
                             const struct iovec *piece);

/* Receives more, or reads exactly into the vector, in that state. */
enum nu_step nu_session_receive(struct nu_session *session, enum nu_session_state state);
enum nu_step nu_session_read_all(struct nu_session *session, enum nu_session_state state,
                                 const struct iovec *iov);

/* The connection's while a session serves it. */
extern const struct nu_conn_ops nu_session_conn_ops;

/* session->hold.let_go */
void nu_session_let_go(struct nu_loop_hold *hold);

/* Before a handler is called that is to come behind what is gathered: its writes, too, do. */
void nu_session_shut_gate(struct nu_session *session);

/* What is gathered is queued, and then come the handler's own bytes. */
void nu_session_open_gate(struct nu_session *session);

/* The handler has returned; what is gathered goes on gathering if it has finished. */
void nu_session_leave_gate(struct nu_session *session, bool finished);

/* Whoever finishes the handler's aio may answer, if nothing is before that; after a while the
 * client is watched. Where a handler has not finished within its call, or what was gathered before
 * is written. */
void nu_session_leave_to_handler(struct nu_session *session);

/* Has all end with NNG_ECLOSED that the handler reads and writes. */
void nu_session_abort_lent(struct nu_session *session);

#endif
