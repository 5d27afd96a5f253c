/* SPDX-License-Identifier: MIT */
/*
 * What the programs here share: checks, and plain sockets that see what really goes over the wire.
 * They are built against NNG and against nng-uring (scripts/check-dropin) and do the same with
 * both. Where nng-uring differs on purpose, they ask `uring`, and a comment says why.
 */
#ifndef NU_TESTS_DROPIN_CHECK_H
#define NU_TESTS_DROPIN_CHECK_H

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef DROPIN_URING
static const bool uring = true;
#else
static const bool uring = false;
#endif

#define SECONDS 100 /* for a whole program */
#define TEXT 8192

static inline void fail(const char *file, int line, const char *what, const char *why)
{
    printf("not ok %s:%d: %s: %s\n", file, line, what, why);
    fflush(stdout);
    _exit(1);
}

#define check(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail(__FILE__, __LINE__, #condition, "is false");                                      \
        }                                                                                          \
    } while (0)

/* A call that is to return the given error, or 0. */
#define check_err(call, want)                                                                      \
    do {                                                                                           \
        int got_ = (call);                                                                         \
        if (got_ != (want)) {                                                                      \
            fail(__FILE__, __LINE__, #call, nng_strerror(got_));                                   \
        }                                                                                          \
    } while (0)

#define check_ok(call) check_err(call, 0)

#define check_str(got, want)                                                                       \
    do {                                                                                           \
        const char *text_ = (got);                                                                 \
        if (text_ == NULL || strcmp(text_, want) != 0) {                                           \
            fail(__FILE__, __LINE__, #got, text_ == NULL ? "NULL" : text_);                        \
        }                                                                                          \
    } while (0)

/* At the start of a program. A hang ends in SIGALRM. */
static inline void begin(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(SECONDS);
}

/* At its end. NNG 1.5 may end in a panic here, while it still takes connections apart. */
static inline void end(void)
{
    if (uring) {
        nng_fini();
    }
}

static inline void ok(const char *name)
{
    printf("ok %s\n", name);
}

/* ---- aios --------------------------------------------------------------------------------- */

static inline nng_aio *new_aio(void)
{
    nng_aio *aio;
    check_ok(nng_aio_alloc(&aio, NULL, NULL));
    nng_aio_set_timeout(aio, SECONDS * 1000);
    return aio;
}

static inline void set_buffer(nng_aio *aio, const void *data, size_t size)
{
    nng_iov iov = { .iov_buf = (void *) data, .iov_len = size };
    check_ok(nng_aio_set_iov(aio, 1, &iov));
}

static inline int result(nng_aio *aio)
{
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

static inline nng_url *url_to(unsigned port, const char *path)
{
    nng_url *url;
    char text[512];
    snprintf(text, sizeof text, "http://127.0.0.1:%u%s", port, path);
    check_ok(nng_url_parse(&url, text));
    return url;
}

/* ---- Servers ------------------------------------------------------------------------------ */

/* A server on a port that the system chooses; it still has to be started. */
static inline nng_http_server *new_server(void)
{
    nng_http_server *server;
    nng_url *url = url_to(0, "");
    check_ok(nng_http_server_hold(&server, url));
    nng_url_free(url);
    return server;
}

static inline unsigned port_of(nng_http_server *server)
{
    nng_sockaddr addr;
    check_ok(nng_http_server_get_addr(server, &addr));
    check(addr.s_family == NNG_AF_INET);
    return ntohs(addr.s_in.sa_port);
}

/* ---- Plain sockets ------------------------------------------------------------------------ */

static inline struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sa;
}

/* A listening socket, and its port. */
static inline int plain_listen(unsigned *port)
{
    struct sockaddr_in sa = loopback(0);
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && bind(fd, (struct sockaddr *) &sa, sizeof sa) == 0 && listen(fd, 16) == 0);
    check(getsockname(fd, (struct sockaddr *) &sa, &len) == 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

static inline int plain_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    check(fd >= 0);
    return fd;
}

/* -1 when nobody listens. */
static inline int plain_connect(unsigned port)
{
    struct sockaddr_in sa = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0);
    if (connect(fd, (struct sockaddr *) &sa, sizeof sa) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline void plain_send(int fd, const char *text)
{
    check(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t) strlen(text));
}

/* Reads until `end` has come, `size` bytes are there, or the peer has closed; a string. */
static inline size_t plain_read(int fd, char *text, size_t size, const char *end)
{
    size_t n = 0;
    text[0] = '\0';
    while (n < size - 1 && (end == NULL || strstr(text, end) == NULL)) {
        ssize_t got = read(fd, text + n, size - 1 - n);
        if (got <= 0) {
            break;
        }
        n += (size_t) got;
        text[n] = '\0';
    }
    return n;
}

/* ---- What a server says ------------------------------------------------------------------- */

struct answer {
    int status; /* 0: the connection was closed without one */
    char *body; /* in text */
    char text[TEXT];
};

/* The value of a field, or "". A copy that lives until the next call. */
static inline const char *field(const struct answer *answer, const char *name)
{
    static char value[256];
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strstr(answer->text, start);
    value[0] = '\0';
    if (at != NULL) {
        at += strlen(start);
        snprintf(value, sizeof value, "%.*s", (int) strcspn(at, "\r"), at);
    }
    return value;
}

/* Sends `request` on a connection of its own and reads all there is until the end. */
static inline void ask(struct answer *answer, unsigned port, const char *request)
{
    int fd = plain_connect(port);
    check(fd >= 0);
    plain_send(fd, request);
    plain_read(fd, answer->text, sizeof answer->text, NULL);
    close(fd);
    answer->status = 0;
    sscanf(answer->text, "HTTP/1.1 %d", &answer->status);
    char *end = strstr(answer->text, "\r\n\r\n");
    answer->body = end == NULL ? answer->text + strlen(answer->text) : end + 4;
}

/* The same for a request without a body, with this Host. */
static inline void ask_for(struct answer *answer, unsigned port, const char *method,
                           const char *path, const char *host)
{
    char request[512];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             method, path, host);
    ask(answer, port, request);
}

static inline void get(struct answer *answer, unsigned port, const char *path)
{
    ask_for(answer, port, "GET", path, "localhost");
}

#endif
