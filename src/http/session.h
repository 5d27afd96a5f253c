/*
 * A session: one connection of a server, from accept to close. It reads requests, has them answered
 * and writes the answers, one step after the other; pipelined requests that can be answered at once
 * are answered together. Everything happens on the owner of the connection's loop.
 *
 * A session is the memory of its connection, so a handler may hijack the connection and keep it.
 */
#ifndef NU_HTTP_SESSION_H
#define NU_HTTP_SESSION_H

#include "base/list.h"
#include "http/conn.h"
#include "http/out.h"
#include "io/aio.h"
#include "wire/parse.h"

#include <stdbool.h>

struct nu_port;
struct nu_exchange;
struct nu_file_job;

enum nu_session_state {
    NU_SESSION_READING,    /* waits for (more of) a request */
    NU_SESSION_COLLECTING, /* reads the body that a handler wants to have */
    NU_SESSION_PARKED,     /* waits for callbacks that wait: too many are nested */
    NU_SESSION_HANDLING,   /* a handler's callback, or opening and reading a file, is under way */
    NU_SESSION_WRITING,    /* the gathered responses are being written */
    NU_SESSION_SENDING,    /* a part of a file is being written */
    NU_SESSION_LINGERING,  /* all is said; waits for the peer to notice */
    NU_SESSION_CLOSED,     /* the connection is being closed, or is no longer ours */
};

struct nu_session {
    nng_http_conn         conn;
    struct nu_port       *port;
    struct nu_list        link; /* in the port's sessions */
    enum nu_session_state state;
    bool                  last;     /* close the connection after the response in hand */
    bool                  http10;   /* the request in hand is HTTP/1.0 */
    bool                  bodiless; /* it is a HEAD: the answer has no body */
    size_t                lingered; /* bytes thrown away while lingering */
    struct nu_out        *out;      /* responses gathered so far, or NULL */
    struct nu_exchange   *exchange; /* what a handler's callback works on, or NULL */
    struct nu_file_job   *file;     /* a file on its way out, or NULL */
    struct nu_task        unpark;
    nng_aio               aio; /* the session's one read or write */
};

/* Starts serving an accepted socket, which it owns. NNG_ENOMEM: the socket is still the caller's.
 */
int nu_session_start(struct nu_port *port, int fd);

/* Closes the connection now. What a handler works on is finished into the void. */
void nu_session_stop(struct nu_session *session);

/* Closes it as soon as the request in hand is answered. */
void nu_session_drain(struct nu_session *session);

/* For those who answer a request: */

/* Whether the connection is to be closed, so that an answer has nowhere to go. It waits for the
 * answer all the same. */
bool nu_session_gone(const struct nu_session *session);

/* Answers with `res`, which it then owns, and goes on. NULL: somebody else has answered. */
void nu_session_answer(struct nu_session *session, nng_http_res *res);

/* Answers with an error page and goes on. */
void nu_session_answer_error(struct nu_session *session, unsigned status);

/* Begins an answer whose body is written in parts: takes `res`, which it then owns, adds the head
 * to session->out. False: no memory, and the session is closed. */
bool nu_session_begin_answer(struct nu_session *session, nng_http_res *res);

/* Writes a part of it, session->out (sealed) with the first; nu_file_written() is called
 * afterwards. */
void nu_session_send_part(struct nu_session *session, const struct iovec *iov, unsigned niov,
                          size_t total);

/* The answer in parts is complete. */
void nu_session_end_answer(struct nu_session *session);

/* It cannot be completed: the only way to say so is to break the connection. */
void nu_session_abandon(struct nu_session *session);

#endif
