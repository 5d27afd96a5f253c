/* SPDX-License-Identifier: MIT */
/*
 * A handler takes its connection away from the server: nng_http_hijack(). Whoever calls it has the
 * connection from then on; what the owner of its loop has to do about that is left to a task, for
 * the caller may hold a lock that a callback there waits for. Until the task has run, the
 * connection's writes queue behind the answers that are gathered, and its close is the task's.
 */
#ifndef NU_HTTP_HIJACK_H
#define NU_HTTP_HIJACK_H

#include "http/session_state.h"

/* session->hijacked.run */
void nu_hijack_run(struct nu_task *task);

/* Does now what is left to do, if the connection was hijacked: then the session has left its
 * service, and its exchange has no request any more. Whether it has. Owner only. */
bool nu_hijack_settle(struct nu_session *session);

/* What was HTTP's alone of a hijacked connection is freed, as soon as the answers before are
 * written. For one that was hijacked on its owner and that nobody else has been given, or it does
 * nothing. Owner only. */
void nu_hijack_shed(nng_http_conn *conn);

/* They are: the rest of it, where that was to be. */
void nu_hijack_shed_written(struct nu_session *session);

#endif
