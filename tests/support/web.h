/* SPDX-License-Identifier: MIT */
/*
 * A server on 127.0.0.1, and browsers: plain sockets that a test speaks HTTP by hand with. All of
 * these fail the test where something does not work that is not what is tested.
 */
#ifndef NU_TESTS_SUPPORT_WEB_H
#define NU_TESTS_SUPPORT_WEB_H

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct t_web {
    nng_http_server *server;
    unsigned port; /* 0 before t_web_start() */
    unsigned fds;  /* open descriptors, before there was a server */
};

/* Holds the server for 127.0.0.1 and port 0; or for a UNIX socket (unix_place.h). */
void t_web_open(struct t_web *web);

/* Adds a handler of either kind, for GET; or one that was made elsewhere. */
void t_web_add(struct t_web *web, nng_http_handler *handler);
void t_web_static(struct t_web *web, const char *uri, const char *text);
nng_http_handler *t_web_callback(struct t_web *web, const char *uri, void (*cb)(nng_aio *));
void t_web_directory(struct t_web *web, const char *uri, const char *path);

/* Starts it, and finds out its port. */
void t_web_start(struct t_web *web);

/* Gives it up, and waits until no descriptor of it is left open. */
void t_web_close(struct t_web *web);

/* ---- Browsers ----------------------------------------------------------------------------- */

struct t_http_client {
    int fd;
    char *buf; /* received, beginning with the last response */
    size_t len, cap;
    size_t used; /* bytes of the last response */

    /* the last response; text and body are valid until the next one */
    unsigned status;
    char head[4096]; /* its lines, each with its CRLF */
    char *body;
    size_t size;
};

/* Connects, with a receive buffer of the kernel's choice, or a small one. */
void t_http_client_open(struct t_http_client *b, unsigned port);
void t_http_client_open_small(struct t_http_client *b, unsigned port);

/* Opens a socket now and connects it later. */
void t_http_client_open_later(struct t_http_client *b);
void t_http_client_connect(struct t_http_client *b, unsigned port);

void t_http_client_close(struct t_http_client *b);
void t_http_client_reset(struct t_http_client *b); /* closes with a RST */

/* Sends. */
void t_http_client_say(struct t_http_client *b, const char *text);
void t_http_client_send(struct t_http_client *b, const void *data, size_t size);

/* Sends a GET with nothing but a Host field. */
void t_http_client_get(struct t_http_client *b, const char *target);

/* Receives the head of a response; then, if not for a HEAD, its body. */
void t_http_client_head(struct t_http_client *b);
void t_http_client_hear(struct t_http_client *b);

/* The same, and what it must be. */
void t_http_client_assert(struct t_http_client *b, unsigned status, const char *body);

/* A line of the head, name and value with nothing behind it, is or is not there. */
bool t_http_client_line(const struct t_http_client *b, const char *line);

/* The server has sent its last byte, and has not reset the connection. */
void t_http_client_assert_end(struct t_http_client *b);

/* The connection is over, one way or the other; throws away what comes before. Returns the bytes.
 */
size_t t_http_client_await_end(struct t_http_client *b);

/* Nothing is to be heard for a moment. */
void t_http_client_assert_silent(struct t_http_client *b);

/* A browser of its own asks for `target` and gets that. */
void t_web_assert(const struct t_web *web, const char *target, unsigned status, const char *body);

/* ---- Requests that wait ------------------------------------------------------------------- */

/* Where a handler's callback leaves its aios for the test to finish. */
#define NU_DESK_PLACES 1024

struct t_pending_queue {
    pthread_mutex_t lock;
    pthread_cond_t came;
    nng_aio *aios[NU_DESK_PLACES];
    unsigned put, taken;
};

#define NU_DESK                                                                                    \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { NULL }, 0, 0                        \
    }

void t_pending_queue_put(struct t_pending_queue *desk, nng_aio *aio);
nng_aio *t_pending_queue_take(struct t_pending_queue *desk); /* waits for the next one */
unsigned t_pending_queue_count(struct t_pending_queue *desk);

/* Finishes a handler's aio with a response of that text, which is copied. */
void t_answer(nng_aio *aio, const void *text, size_t size);

#endif
