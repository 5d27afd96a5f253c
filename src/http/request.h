/* SPDX-License-Identifier: MIT */
/* How a session deals with requests: finds out who answers, and has him do it. Owner thread only.
 */
#ifndef NU_HTTP_REQUEST_H
#define NU_HTTP_REQUEST_H

struct nu_session;
struct nu_task;

/* Answers what has arrived, as far as it goes, and then writes or reads on. */
void nu_request_process(struct nu_session *session);

/* More of a body that is collected has arrived. */
void nu_request_collect(struct nu_session *session);

/* Answers a request that cannot be understood, or did not come in time, and closes. */
void nu_request_refuse(struct nu_session *session, int status);

/* A parked session's task: its turn has come. */
void nu_request_undeferred(struct nu_task *task);

#endif
