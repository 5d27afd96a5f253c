/* SPDX-License-Identifier: MIT */
#include "cmd/admin.h"

#include "cmd/admin_events.h"
#include "cmd/complain.h"
#include "cmd/metrics.h"
#include "cmd/site.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 64 /* of its own: it is asked when the others are all taken */
#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

static nng_http_server *server; /* NULL: it does not run */
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

static int admin_add_handlers(nng_http_server *to)
{
    static const struct {
        const char *uri;
        void (*answer)(nng_aio *aio);
    } table[] = {
        { "/healthz", admin_health },
        { "/readyz", admin_readiness },
        { "/metrics", admin_metrics },
        { "/events", admin_events },
    };
    nng_http_handler *handler;
    int err = nng_http_handler_alloc_static(&handler, "/", site_status.begin,
                                            (size_t) (site_status.end - site_status.begin),
                                            site_status.type);
    err = err == 0 ? admin_add(to, handler) : err;
    for (size_t i = 0; i < sizeof table / sizeof *table && err == 0; i++) {
        err = nng_http_handler_alloc(&handler, table[i].uri, table[i].answer);
        err = err == 0 ? admin_add(to, handler) : err;
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

int admin_start(const char *where, bool check)
{
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
        err = admin_add_handlers(made);
        err = err == 0 && !check ? nng_http_server_start(made) : err;
        if (err != 0 || check) {
            nng_http_server_release(made);
        } else {
            server = made;
        }
    }
    if (err != 0) {
        complain("--admin %s: %s", where, nng_strerror(err));
        return err == NNG_EADDRINUSE || err == NNG_EADDRINVAL || err == NNG_EPERM ? SERVE_UNBOUND
                                                                                  : SERVE_FAILED;
    }
    return SERVE_OK;
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

void admin_set_unready(void)
{
    atomic_store(&unready, true);
}

void admin_stop(void)
{
    if (server != NULL) {
        admin_events_end();
        nng_http_server_release(server);
        server = NULL;
    }
}
