/* SPDX-License-Identifier: MIT */
/*
 * The sessions that a client keeps, to resume them: by the host and port of the server they were
 * begun with, the newest first. One of TLS 1.3 is offered once only (RFC 8446 appendix C.4), so
 * that nobody can tell two connections to be the same client's.
 */
#ifndef NU_TLS_RESUME_H
#define NU_TLS_RESUME_H

#include <openssl/ssl.h>
#include <pthread.h>

#define NU_RESUME_MOST 64U /* sessions that are kept; then the oldest goes */

struct nu_kept_session {
    struct nu_kept_session *next;
    SSL_SESSION *session;
    char place[]; /* "host:port" */
};

struct nu_resume {
    pthread_mutex_t lock;
    struct nu_kept_session *kept; /* under lock */
};

void nu_resume_init(struct nu_resume *resume);
void nu_resume_free(struct nu_resume *resume);

/* Has a client's connections hand out their sessions. */
void nu_resume_enable(SSL_CTX *ctx);

struct nu_resume_place;

/* Offers the session that there is for the server, and keeps those that it gives; `resume` stays as
 * long as the connection. What is returned is for nu_resume_end(), after SSL_free(). One that
 * cannot (no memory: NULL) makes a full handshake. Any thread. */
struct nu_resume_place *nu_resume_begin(SSL *ssl, struct nu_resume *resume, const char *host,
                                        unsigned port);
void nu_resume_end(struct nu_resume_place *place);

#endif
