/* SPDX-License-Identifier: MIT */
/*
 * A session: one connection of a server, from accept to close. It reads requests, has them answered
 * and writes the responses. It alone changes its state and starts its reads and writes: a driver
 * that takes one step after the other (step.h) until one has to wait for an event, which brings it
 * back. Responses that are ready at once are gathered, in order, and written together; what is
 * gathered when a handler or a file takes its time is written meanwhile.
 *
 * Everything happens on the owner of the connection's loop, but for the reads and writes of a
 * handler that has the connection, and for an answer that comes later than in a handler's call: the
 * thread that finishes its aio prints and writes it, where nothing is before it (exchange.c). A
 * session goes with its connection, also where a handler has hijacked that and keeps it, unless it
 * is shed (hijack.h).
 */
#ifndef NU_HTTP_SESSION_H
#define NU_HTTP_SESSION_H

#include "http/service.h"

struct nu_session;
struct nu_source;

/* Starts serving an accepted socket, which it owns, and its place among those from its source.
 * NNG_ENOMEM: both are still the caller's. */
int nu_session_start(struct nu_service *service, int fd, struct nu_source *source);

/* Closes the connection, which is idle, unless a request has just come: false. */
bool nu_session_evict(struct nu_session *session);

/* Closes the connection now. What a handler works on is finished into the void. */
void nu_session_stop(struct nu_session *session);

/* Closes it as soon as the request in hand is answered, or one that comes within a moment. */
void nu_session_drain(struct nu_session *session);

#endif
