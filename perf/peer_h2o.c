/* SPDX-License-Identifier: MIT */
/*
 * libh2o as a peer: an in-memory handler on its own event loop, one thread. "/" is 13 bytes,
 * "/big" 1 MiB, "/pipeline" two bytes, "/baseline11" the sum of the query's integers and the body.
 * With a file of a certificate and its key: over TLS, with a ticket for each handshake, as ours.
 */
#define H2O_USE_EPOLL 1
#include <arpa/inet.h>
#include <errno.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

#define BIG ((size_t) 1 << 20)

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accepting;
static char big[BIG];

static int answer(h2o_req_t *req, const char *body, size_t len)
{
    static h2o_generator_t generator;
    h2o_iovec_t part = h2o_iovec_init(body, len);
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("text/plain"));
    h2o_start_response(req, &generator);
    h2o_send(req, &part, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

static int answer_small(h2o_handler_t *self, h2o_req_t *req)
{
    (void) self;
    return answer(req, H2O_STRLIT("Hello, world!"));
}

static int answer_big(h2o_handler_t *self, h2o_req_t *req)
{
    (void) self;
    return answer(req, big, BIG);
}

static int answer_ok(h2o_handler_t *self, h2o_req_t *req)
{
    (void) self;
    return answer(req, H2O_STRLIT("ok"));
}

static long long number_of(const char *text, size_t len)
{
    char digits[24];
    size_t n = len < sizeof digits - 1 ? len : sizeof digits - 1;
    if (n > 0) {
        memcpy(digits, text, n);
    }
    digits[n] = '\0';
    return strtoll(digits, NULL, 10);
}

static int answer_sum(h2o_handler_t *self, h2o_req_t *req)
{
    const char *end = req->path.base + req->path.len, *p = req->path.base;
    long long sum = number_of(req->entity.base, req->entity.len);
    (void) self;
    while ((p = memchr(p, '=', (size_t) (end - p))) != NULL) {
        p++;
        sum += number_of(p, (size_t) (end - p));
    }
    char *text = h2o_mem_alloc_pool(&req->pool, 24);
    return answer(req, text, (size_t) snprintf(text, 24, "%lld", sum));
}

static void add(h2o_hostconf_t *host, const char *path, int (*on_req)(h2o_handler_t *, h2o_req_t *))
{
    h2o_pathconf_t *at = h2o_config_register_path(host, path, 0);
    h2o_handler_t *handler = h2o_create_handler(at, sizeof *handler);
    handler->on_req = on_req;
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    h2o_socket_t *sock;
    if (err == NULL) {
        while ((sock = h2o_evloop_socket_accept(listener)) != NULL) {
            h2o_accept(&accepting, sock);
        }
    }
}

static int listen_on(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t) port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *) &addr, sizeof addr) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *) &addr, &len) != 0) {
        perror("cannot listen");
        exit(1);
    }
    printf("%u\n", ntohs(addr.sin_port));
    fflush(stdout);
    return fd;
}

static void secure(const char *path)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || SSL_CTX_use_certificate_chain_file(ctx, path) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_num_tickets(ctx, 1) != 1) {
        fprintf(stderr, "%s: no certificate with its key\n", path);
        exit(1);
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    accepting.ssl_ctx = ctx;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    memset(big, 'x', BIG);
    h2o_config_init(&config);
    h2o_hostconf_t *host =
        h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    add(host, "/big", answer_big);
    add(host, "/pipeline", answer_ok);
    add(host, "/baseline11", answer_sum);
    add(host, "/", answer_small);
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accepting.ctx = &context;
    accepting.hosts = config.hosts;
    if (argc > 2) {
        secure(argv[2]);
    }
    int fd = listen_on(argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : 0);
    h2o_socket_t *listener = h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0) {
    }
    return 1;
}
