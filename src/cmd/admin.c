/* SPDX-License-Identifier: MIT */
#include "cmd/admin.h"

#include "cmd/admin_events.h"
#include "cmd/complain.h"
#include "cmd/metrics.h"
#include "cmd/serve_sockets.h"
#include "cmd/site.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECTIONS 64 /* of its own: it is asked when the others are all taken */
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

#define DRAIN_MS 3000   /* less than a server takes to end */
#define MISDIRECTED 421 /* RFC 9110 15.5.20 */

struct admin_place {
    const char *uri;
    void (*answer)(nng_aio *aio);
};

static nng_http_server *server; /* NULL: there is none */
static atomic_bool unready;

/* ---- Answers ------------------------------------------------------------------------------ */

static bool admin_is_ready(void)
{
    return !atomic_load(&unready);
}

static void admin_answer(nng_aio *aio, uint16_t status, const char *type, const void *text,
                         size_t len)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err != 0) {
        nng_aio_finish(aio, err);
        return;
    }
    err = nng_http_res_set_status(res, status);
    err = err == 0 ? nng_http_res_set_header(res, "Content-Type", type) : err;
    err = err == 0 ? nng_http_res_set_header(res, "Cache-Control", "no-store") : err;
    err = err == 0 ? nng_http_res_copy_data(res, text, len) : err;
    if (err != 0) {
        nng_http_res_free(res);
    } else {
        nng_aio_set_output(aio, 0, res);
    }
    nng_aio_finish(aio, err);
}

static void admin_status_page(nng_aio *aio)
{
    admin_answer(aio, NNG_HTTP_STATUS_OK, site_status.type, site_status.begin,
                 (size_t) (site_status.end - site_status.begin));
}

static void admin_health(nng_aio *aio)
{
    admin_answer(aio, NNG_HTTP_STATUS_OK, "text/plain", "ok\n", 3);
}

static void admin_readiness(nng_aio *aio)
{
    if (admin_is_ready()) {
        admin_answer(aio, NNG_HTTP_STATUS_OK, "text/plain", "ready\n", 6);
    } else {
        admin_answer(aio, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE, "text/plain", "draining\n", 9);
    }
}

static void admin_metrics(nng_aio *aio)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL) {
        nng_aio_finish(aio, NNG_ENOMEM);
        return;
    }
    metrics_print(to, admin_is_ready());
    if (fclose(to) == 0) {
        admin_answer(aio, NNG_HTTP_STATUS_OK, OPENMETRICS, text, len);
    } else {
        nng_aio_finish(aio, NNG_ENOMEM);
    }
    free(text);
}

static void admin_print_event(FILE *to)
{
    metrics_print_event(to, admin_is_ready());
}

static void admin_events(nng_aio *aio)
{
    admin_events_begin(aio, admin_print_event);
}

/* ---- The server --------------------------------------------------------------------------- */

static int admin_add(nng_http_server *to, nng_http_handler *handler)
{
    int err = nng_http_server_add_handler(to, handler);
    if (err != 0) {
        nng_http_handler_free(handler);
    }
    return err;
}

/* "localhost" or an address, with a port or not: nothing else is ours. */
static bool admin_is_name_of_ours(const char *host)
{
    char name[INET6_ADDRSTRLEN + 2];
    struct in6_addr in;
    size_t n = *host == '[' ? strcspn(host, "]") : strcspn(host, ":");
    if (n >= sizeof name) {
        return false;
    }
    memcpy(name, host, n);
    name[n] = '\0';
    return *name == '[' ? inet_pton(AF_INET6, name + 1, &in) == 1
                        : strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &in) == 1;
}

/*
 * A page of anybody's that this machine's browser has open may not read what is said here; it could
 * where it has its own name lead to this machine (DNS rebinding). Then that name is what the
 * browser asks for.
 */
static void admin_serve(nng_aio *aio)
{
    nng_http_handler *handler = nng_aio_get_input(aio, 1);
    const struct admin_place *place = nng_http_handler_get_data(handler);
    const char *host = nng_http_req_get_header(nng_aio_get_input(aio, 0), "Host");
    if (host != NULL && !admin_is_name_of_ours(host)) {
        static const char text[] = "ask for localhost, or for an address\n";
        admin_answer(aio, MISDIRECTED, "text/plain", text, sizeof text - 1);
        return;
    }
    place->answer(aio);
}

static int admin_add_handlers(nng_http_server *to)
{
    static struct admin_place table[] = {
        { "/", admin_status_page },    { "/healthz", admin_health }, { "/readyz", admin_readiness },
        { "/metrics", admin_metrics }, { "/events", admin_events },
    };
    nng_http_handler *handler;
    int err = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table && err == 0; i++) {
        err = nng_http_handler_alloc(&handler, table[i].uri, admin_serve);
        if (err == 0) {
            (void) nng_http_handler_set_data(handler, &table[i], NULL); /* it is new */
            err = admin_add(to, handler);
        }
    }
    return err;
}

/* Nobody else is to read it; it has no password. */
static bool admin_is_local(const nng_url *url)
{
    const char *host = url->u_hostname;
    struct in_addr in;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127);
}

static int admin_misused(const char *where)
{
    complain_of_usage("--admin takes ADDRESS:PORT of this machine alone, like 127.0.0.1:9090, and "
                      "not '%s'",
                      where);
    return SERVE_MISUSED;
}

static int admin_explain(int err, const char *where)
{
    complain("--admin %s: %s", where, nng_strerror(err));
    return err == NNG_EADDRINUSE || err == NNG_EADDRINVAL || err == NNG_EPERM ? SERVE_UNBOUND
                                                                              : SERVE_FAILED;
}

int admin_bind(const struct serve_options *options)
{
    const char *where = options->admin;
    bool check = options->check;
    nng_url *url = NULL;
    nng_http_server *made;
    char text[300];
    int n = snprintf(text, sizeof text, "http://%s", where);
    if (n >= (int) sizeof text || strpbrk(where, "/?#@") != NULL || strrchr(where, ':') == NULL ||
        nng_url_parse(&url, text) != 0 || url == NULL) {
        return admin_misused(where);
    }
    if (!admin_is_local(url)) {
        nng_url_free(url);
        return admin_misused(where);
    }
    int err = nng_http_server_hold(&made, url);
    nng_url_free(url);
    if (err == 0) {
        (void) nng_uring_server_set_limit(made, NNG_URING_CONNECTIONS, CONNECTIONS); /* it is new */
        err = serve_sockets_give(options, SERVE_ADMIN, made) != 0 ? NNG_EINVAL
                                                                  : admin_add_handlers(made);
        err = err == 0 && !check ? nng_uring_server_bind(made) : err;
        if (err != 0 || check) {
            nng_http_server_release(made);
        } else {
            server = made;
        }
    }
    return err != 0 ? admin_explain(err, where) : SERVE_OK;
}

int admin_start(const struct serve_options *options)
{
    int err = nng_http_server_start(server);
    return err != 0 ? admin_explain(err, options->admin) : SERVE_OK;
}

void admin_print_url(char *text, size_t room)
{
    nng_sockaddr addr;
    *text = '\0';
    if (server != NULL && nng_http_server_get_addr(server, &addr) == 0) {
        char host[INET_ADDRSTRLEN] = "localhost";
        if (addr.s_family == NNG_AF_INET) {
            (void) inet_ntop(AF_INET, &addr.s_in.sa_addr, host, sizeof host);
        }
        snprintf(text, room, "http://%s:%u/", host, ntohs(addr.s_in.sa_port));
    }
}

bool admin_hand(const struct serve_options *options, int to)
{
    return server == NULL || serve_sockets_hand(options, SERVE_ADMIN, server, to);
}

void admin_leave(void)
{
    if (server != NULL) {
        (void) nng_uring_server_leave(server, 0);
    }
}

void admin_set_unready(void)
{
    atomic_store(&unready, true);
}

void admin_stop(void)
{
    if (server != NULL) {
        admin_events_end();
        (void) nng_uring_server_drain(server, DRAIN_MS); /* who has begun to ask is answered */
        nng_http_server_release(server);
        server = NULL;
    }
}
