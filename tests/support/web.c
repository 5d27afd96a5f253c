/* SPDX-License-Identifier: MIT */
#include "support/web.h"

#include "support/proc.h"
#include "support/tls_relay.h"
#include "support/unix_place.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120 /* seconds */

/* ---- Server ------------------------------------------------------------------------------- */

void t_web_open(struct t_web *web)
{
    nng_url *url;
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0); /* starts the library */
    nng_aio_free(aio);
    web->fds = t_proc_fds();
    if (t_unix_wanted()) {
        web->port = t_unix_port();
        url = t_unix_url(web->port);
    } else {
        const char *text = t_tls_wanted() ? "https://127.0.0.1:0" : "http://127.0.0.1:0";
        cr_assert_eq(nng_url_parse(&url, text), 0);
        web->port = 0;
    }
    cr_assert_eq(nng_http_server_hold(&web->server, url), 0);
    if (t_tls_wanted()) {
        nng_tls_config *config = t_tls_server_config();
        cr_assert_eq(nng_http_server_set_tls(web->server, config), 0);
        nng_tls_config_free(config);
    }
    nng_url_free(url);
}

void t_web_add(struct t_web *web, nng_http_handler *handler)
{
    cr_assert_eq(nng_http_server_add_handler(web->server, handler), 0);
}

void t_web_static(struct t_web *web, const char *uri, const char *text)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc_static(&h, uri, text, strlen(text), "text/plain"), 0);
    t_web_add(web, h);
}

nng_http_handler *t_web_callback(struct t_web *web, const char *uri, void (*cb)(nng_aio *))
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, cb), 0);
    cr_assert_eq(nng_http_handler_set_method(h, NULL), 0);
    t_web_add(web, h);
    return h;
}

void t_web_directory(struct t_web *web, const char *uri, const char *path)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc_directory(&h, uri, path), 0);
    cr_assert_eq(nng_http_handler_set_tree(h), 0); /* others may be there, too */
    t_web_add(web, h);
}

void t_web_start(struct t_web *web)
{
    nng_sockaddr addr;
    int err = nng_http_server_start(web->server);
    cr_assert_eq(err, 0, "start: %s", nng_strerror(err));
    cr_assert_eq(nng_http_server_get_addr(web->server, &addr), 0);
    if (addr.s_family == NNG_AF_IPC) {
        cr_assert_str_eq(addr.s_ipc.sa_path, t_unix_address(web->port).sun_path);
        return;
    }
    cr_assert(addr.s_family == NNG_AF_INET || addr.s_family == NNG_AF_INET6); /* a name's first */
    web->port = ntohs(addr.s_in.sa_port);
    cr_assert_neq(web->port, 0);
}

void t_web_close(struct t_web *web)
{
    nng_http_server_release(web->server);
    web->server = NULL;
    t_proc_await_fds(web->fds);
}

/* ---- Browsers ----------------------------------------------------------------------------- */

void t_http_client_open_later(struct t_http_client *b)
{
    int on = 1;
    memset(b, 0, sizeof *b);
    b->fd = socket(t_unix_wanted() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(b->fd, 0);
    setsockopt(b->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void connect_unix(int fd, unsigned port)
{
    struct sockaddr_un un = t_unix_address(port);
    cr_assert_eq(connect(fd, (struct sockaddr *) &un, sizeof un), 0, "%s", strerror(errno));
}

static void connect_tcp(int fd, unsigned port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons((uint16_t) port) };
    cr_assert_eq(connect(fd, (struct sockaddr *) &sin, sizeof sin), 0, "%s", strerror(errno));
}

void t_http_client_connect(struct t_http_client *b, unsigned port)
{
    struct timeval patience = { PATIENCE, 0 };
    int size = 0;
    socklen_t len = sizeof size;
    (t_unix_wanted() ? connect_unix : connect_tcp)(b->fd, port);
    if (t_tls_wanted()) {
        cr_assert_eq(getsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &size, &len), 0);
        b->fd = t_tls_relay(b->fd, false, size < 65536 ? 8192 : 0);
    }
    setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(b->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void t_http_client_open(struct t_http_client *b, unsigned port)
{
    t_http_client_open_later(b);
    t_http_client_connect(b, port);
}

void t_http_client_open_small(struct t_http_client *b, unsigned port)
{
    int size = 8192;
    t_http_client_open_later(b);
    setsockopt(b->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    t_http_client_connect(b, port);
}

void t_http_client_close(struct t_http_client *b)
{
    close(b->fd);
    free(b->buf);
    b->fd = -1;
    b->buf = NULL;
}

void t_http_client_reset(struct t_http_client *b)
{
    struct linger linger = { 1, 0 };
    setsockopt(b->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    t_http_client_close(b);
}

void t_http_client_send(struct t_http_client *b, const void *data, size_t size)
{
    for (const char *p = data; size > 0;) {
        ssize_t n = send(b->fd, p, size, MSG_NOSIGNAL);
        cr_assert(n > 0 || errno == EINTR, "send: %s", strerror(errno));
        p += n > 0 ? n : 0;
        size -= n > 0 ? (size_t) n : 0;
    }
}

void t_http_client_say(struct t_http_client *b, const char *text)
{
    t_http_client_send(b, text, strlen(text));
}

void t_http_client_get(struct t_http_client *b, const char *target)
{
    char *text;
    cr_assert_gt(asprintf(&text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target), 0);
    t_http_client_say(b, text);
    free(text);
}

/* recv(); a ring that this thread made and closed before can interrupt it once. */
static ssize_t receive(int fd, void *p, size_t size, int flags)
{
    ssize_t n;
    do {
        n = recv(fd, p, size, flags);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Receives something; 0 at the end. */
static size_t more(struct t_http_client *b)
{
    if (b->len == b->cap) {
        b->cap = b->cap > 0 ? b->cap * 2 : 65536;
        b->buf = realloc(b->buf, b->cap);
        cr_assert_not_null(b->buf);
    }
    ssize_t n = receive(b->fd, b->buf + b->len, b->cap - b->len, 0);
    cr_assert_geq(n, 0, "recv: %s", strerror(errno));
    b->len += (size_t) n;
    return (size_t) n;
}

void t_http_client_head(struct t_http_client *b)
{
    char *end;
    if (b->used > 0) {
        memmove(b->buf, b->buf + b->used, b->len - b->used);
        b->len -= b->used;
    }
    b->used = 0;
    while (b->len == 0 || (end = memmem(b->buf, b->len, "\r\n\r\n", 4)) == NULL) {
        cr_assert_gt(more(b), 0, "the end, where a response was to come: %.*s", (int) b->len,
                     b->buf);
    }
    size_t n = (size_t) (end - b->buf) + 2;
    cr_assert_lt(n, sizeof b->head);
    memcpy(b->head, b->buf, n);
    b->head[n] = '\0';
    b->used = n + 2;
    b->body = NULL;
    b->size = 0;
    cr_assert_eq(sscanf(b->head, "HTTP/1.1 %3u ", &b->status), 1, "%s", b->head);
}

void t_http_client_hear(struct t_http_client *b)
{
    t_http_client_head(b);
    const char *length = strcasestr(b->head, "\r\nContent-Length: ");
    b->size = length != NULL ? strtoull(length + 18, NULL, 10) : 0;
    size_t head = b->used;
    while (b->len < head + b->size) {
        cr_assert_gt(more(b), 0, "the end, after %zu of %zu bytes", b->len - head, b->size);
    }
    b->body = b->buf + head;
    b->used = head + b->size;
}

void t_http_client_assert(struct t_http_client *b, unsigned status, const char *body)
{
    t_http_client_hear(b);
    cr_assert_eq(b->status, status, "%u: %.*s", b->status, (int) b->size, b->body);
    if (body != NULL) {
        cr_assert_eq(b->size, strlen(body), "%.*s", (int) b->size, b->body);
        cr_assert_arr_eq(b->body, body, b->size);
    }
}

bool t_http_client_line(const struct t_http_client *b, const char *line)
{
    char *text;
    cr_assert_gt(asprintf(&text, "\r\n%s\r\n", line), 0);
    bool there = strcasestr(b->head, text) != NULL;
    free(text);
    return there;
}

void t_http_client_assert_end(struct t_http_client *b)
{
    cr_assert_eq(b->len, b->used, "%.*s", (int) (b->len - b->used), b->buf + b->used);
    cr_assert_eq(more(b), 0, "%.*s", (int) (b->len - b->used), b->buf + b->used);
}

size_t t_http_client_await_end(struct t_http_client *b)
{
    size_t sum = b->len - b->used;
    char bytes[65536];
    ssize_t n;
    while ((n = receive(b->fd, bytes, sizeof bytes, 0)) > 0) {
        sum += (size_t) n;
    }
    cr_assert(n == 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
    return sum;
}

void t_http_client_assert_silent(struct t_http_client *b)
{
    char byte;
    struct timeval moment = { 0, 100000 }, patience = { PATIENCE, 0 };
    cr_assert_eq(b->len, b->used, "%.*s", (int) (b->len - b->used), b->buf + b->used);
    setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
    cr_assert_eq(receive(b->fd, &byte, 1, MSG_PEEK), -1);
    cr_assert_eq(errno, EAGAIN, "%s", strerror(errno));
    setsockopt(b->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void t_web_assert(const struct t_web *web, const char *target, unsigned status, const char *body)
{
    struct t_http_client b;
    t_http_client_open(&b, web->port);
    t_http_client_get(&b, target);
    t_http_client_assert(&b, status, body);
    t_http_client_close(&b);
}

/* ---- Requests that wait ------------------------------------------------------------------- */

void t_pending_queue_put(struct t_pending_queue *desk, nng_aio *aio)
{
    pthread_mutex_lock(&desk->lock);
    cr_assert_lt(desk->put - desk->taken, NU_DESK_PLACES, "the desk is full");
    desk->aios[desk->put++ % NU_DESK_PLACES] = aio;
    pthread_cond_signal(&desk->came);
    pthread_mutex_unlock(&desk->lock);
}

unsigned t_pending_queue_count(struct t_pending_queue *desk)
{
    pthread_mutex_lock(&desk->lock);
    unsigned n = desk->put - desk->taken;
    pthread_mutex_unlock(&desk->lock);
    return n;
}

nng_aio *t_pending_queue_take(struct t_pending_queue *desk)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE;
    int err = 0;
    pthread_mutex_lock(&desk->lock);
    while (desk->taken == desk->put && err == 0) {
        err = pthread_cond_timedwait(&desk->came, &desk->lock, &until);
    }
    nng_aio *aio = err == 0 ? desk->aios[desk->taken++ % NU_DESK_PLACES] : NULL;
    pthread_mutex_unlock(&desk->lock);
    cr_assert_eq(err, 0, "no request has come");
    return aio;
}

void t_answer(nng_aio *aio, const void *text, size_t size)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_copy_data(res, text, size), 0);
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}
