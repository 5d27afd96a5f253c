/* SPDX-License-Identifier: MIT */
/*
 * How a session answers: the heads of responses, and what comes with an error. Owner thread only.
 */
#ifndef NU_HTTP_ANSWER_H
#define NU_HTTP_ANSWER_H

#include "base/buf.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>

struct nu_session;

/* Answers with `res`, which it then owns, and goes on. NULL: somebody else has answered. */
void nu_session_answer(struct nu_session *session, nng_http_res *res);

/* Answers with an error page and goes on. */
void nu_session_answer_error(struct nu_session *session, unsigned status);

/* Gathers the answer of a STATIC handler in session->out. False: no memory, and the session is
 * closed. */
bool nu_session_answer_static(struct nu_session *session, nng_http_handler *handler);

/* The response of a REDIRECT handler to a request for that path, decoded, and query (p is NULL
 * where there is none). NULL: no memory. */
nng_http_res *nu_redirect_res(const nng_http_handler *handler, const char *path,
                              struct nu_slice query);

/* Begins an answer whose body is written in parts: takes `res`, which it then owns, adds the head
 * to session->out. False: no memory, and the session is closed. */
bool nu_session_begin_answer(struct nu_session *session, nng_http_res *res);

/* The answer in parts is complete. */
void nu_session_end_answer(struct nu_session *session);

/* It cannot be completed: the only way to say so is to break the connection. */
void nu_session_abandon(struct nu_session *session);

#endif
