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

struct nu_web {
    nng_http_server *server;
    unsigned         port; /* 0 before nu_web_start() */
    unsigned         fds;  /* open descriptors, before there was a server */
};

/* Holds the server for 127.0.0.1 and port 0. */
void nu_web_open(struct nu_web *web);

/* Adds a handler of either kind, for GET; or one that was made elsewhere. */
void              nu_web_add(struct nu_web *web, nng_http_handler *handler);
void              nu_web_static(struct nu_web *web, const char *uri, const char *text);
nng_http_handler *nu_web_callback(struct nu_web *web, const char *uri, void (*cb)(nng_aio *));
void              nu_web_directory(struct nu_web *web, const char *uri, const char *path);

/* Starts it, and finds out its port. */
void nu_web_start(struct nu_web *web);

/* Gives it up, and waits until no descriptor of it is left open. */
void nu_web_close(struct nu_web *web);

/* ---- Browsers ----------------------------------------------------------------------------- */

struct nu_browser {
    int    fd;
    char  *buf; /* received, beginning with the last response */
    size_t len, cap;
    size_t used; /* bytes of the last response */

    /* the last response; text and body are valid until the next one */
    unsigned status;
    char     head[4096]; /* its lines, each with its CRLF */
    char    *body;
    size_t   size;
};

/* Connects, with a receive buffer of the kernel's choice, or a small one. */
void nu_browser_open(struct nu_browser *b, unsigned port);
void nu_browser_open_small(struct nu_browser *b, unsigned port);

/* Opens a socket now and connects it later. */
void nu_browser_open_later(struct nu_browser *b);
void nu_browser_connect(struct nu_browser *b, unsigned port);

void nu_browser_close(struct nu_browser *b);
void nu_browser_reset(struct nu_browser *b); /* closes with a RST */

/* Sends. */
void nu_browser_say(struct nu_browser *b, const char *text);
void nu_browser_send(struct nu_browser *b, const void *data, size_t size);

/* Sends a GET with nothing but a Host field. */
void nu_browser_get(struct nu_browser *b, const char *target);

/* Receives the head of a response; then, if not for a HEAD, its body. */
void nu_browser_head(struct nu_browser *b);
void nu_browser_hear(struct nu_browser *b);

/* The same, and what it must be. */
void nu_browser_assert(struct nu_browser *b, unsigned status, const char *body);

/* A line of the head, name and value with nothing behind it, is or is not there. */
bool nu_browser_line(const struct nu_browser *b, const char *line);

/* The server has sent its last byte, and has not reset the connection. */
void nu_browser_assert_end(struct nu_browser *b);

/* The connection is over, one way or the other; throws away what comes before. Returns the bytes.
 */
size_t nu_browser_await_end(struct nu_browser *b);

/* Nothing is to be heard for a moment. */
void nu_browser_assert_silent(struct nu_browser *b);

/* A browser of its own asks for `target` and gets that. */
void nu_web_assert(const struct nu_web *web, const char *target, unsigned status, const char *body);

/* ---- Requests that wait ------------------------------------------------------------------- */

/* Where a handler's callback leaves its aios for the test to finish. */
#define NU_DESK_PLACES 1024

struct nu_desk {
    pthread_mutex_t lock;
    pthread_cond_t  came;
    nng_aio        *aios[NU_DESK_PLACES];
    unsigned        put, taken;
};

#define NU_DESK                                                                                    \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, { NULL }, 0, 0                        \
    }

void     nu_desk_put(struct nu_desk *desk, nng_aio *aio);
nng_aio *nu_desk_take(struct nu_desk *desk); /* waits for the next one */

/* Finishes a handler's aio with a response of that text, which is copied. */
void nu_answer(nng_aio *aio, const void *text, size_t size);

#endif
