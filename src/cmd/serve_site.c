/* SPDX-License-Identifier: MIT */
#include "cmd/serve_site.h"

#include "cmd/complain.h"
#include "cmd/serve_files.h"
#include "cmd/site.h"

#include <ctype.h>
#include <nng/uring.h>
#include <stdio.h>
#include <string.h>

static int serve_site_add(nng_http_server *server, nng_http_handler *handler)
{
    int err = nng_http_server_add_handler(server, handler);
    if (err != 0) {
        nng_http_handler_free(handler);
    }
    return err;
}

static int serve_site_add_pages(nng_http_server *server)
{
    nng_http_handler *handler;
    int err = 0;
    for (const struct site_page *page = site_pages; page->uri != NULL && err == 0; page++) {
        err = nng_http_handler_alloc_static(&handler, page->uri, page->begin,
                                            (size_t) (page->end - page->begin), page->type);
        err = err == 0 ? serve_site_add(server, handler) : err;
    }
    return err;
}

static int serve_site_set_limits(nng_http_server *server, const struct serve_options *options,
                                 const char *where)
{
    for (int i = 0; i < SERVE_LIMITS; i++) {
        int err = options->limited[i] ? nng_uring_server_set_limit(server, (enum nng_uring_limit) i,
                                                                   options->limits[i])
                                      : 0;
        if (err == NNG_EBUSY) {
            return serve_site_explain(NNG_EADDRINUSE, where); /* it is a server that runs already */
        }
        if (err != 0) {
            return complain_of_usage("%ju is out of range for --%s; see --help",
                                     (uintmax_t) options->limits[i],
                                     serve_options_name((enum nng_uring_limit) i));
        }
    }
    return 0;
}

/* Of a UNIX socket. */
static int serve_site_explain_unix(int err, const char *where)
{
    switch (err) {
    case NNG_EADDRINUSE:
        complain("%s is in use already, or a file that is no socket; choose another path with "
                 "--listen",
                 where);
        return SERVE_UNBOUND;
    case NNG_ENOENT:
        complain("%s is in no directory that is there; make it, or choose another with --listen",
                 where);
        return SERVE_UNBOUND;
    case NNG_EPERM:
        complain("%s cannot be made there; choose a directory that may be written to with --listen",
                 where);
        return SERVE_UNBOUND;
    default:
        return complain("cannot serve on %s: %s", where, nng_strerror(err));
    }
}

int serve_site_explain(int err, const char *where)
{
    if (strncmp(where, "unix:", 5) == 0 && err != NNG_ENOTSUP) {
        return serve_site_explain_unix(err, where);
    }
    switch (err) {
    case NNG_EADDRINUSE:
        complain("%s is in use already; choose another port with --listen", where);
        return SERVE_UNBOUND;
    case NNG_EADDRINVAL:
        complain("%s is not an address of this machine; choose one with --listen", where);
        return SERVE_UNBOUND;
    case NNG_EPERM:
        complain("%s needs privileges; choose a port from 1024 with --listen", where);
        return SERVE_UNBOUND;
    case NNG_ENOTSUP:
        return complain("no io_uring: %s\n  remedy: %s\n  details: nng-uring probe",
                        nng_uring_reason(), nng_uring_remedy());
    default:
        return complain("cannot serve on %s: %s", where, nng_strerror(err));
    }
}

/* What follows "unix:" is escaped as RFC 3986 wants it of a host. */
static int serve_site_unix_url(const char *path, nng_url **urlp)
{
    char text[16 + 3 * SERVE_MAX_PATH] = "http+unix://";
    size_t n = strlen(text);
    if (*path == '\0' || strlen(path) > SERVE_MAX_PATH) {
        (void) complain_of_usage("--listen unix:PATH takes a path of 1 to %d bytes, and not '%s'",
                                 SERVE_MAX_PATH, path);
        return SERVE_MISUSED;
    }
    for (const char *p = path; *p != '\0'; p++) {
        bool plain = isalnum((unsigned char) *p) || strchr("-._~", *p) != NULL;
        n += (size_t) snprintf(text + n, sizeof text - n, plain ? "%c" : "%%%02X",
                               (unsigned char) *p);
    }
    if (nng_url_parse(urlp, text) != 0) { /* there is no memory for it */
        complain("cannot serve on unix:%s: %m", path);
        return SERVE_FAILED;
    }
    return 0;
}

int serve_site_url(const struct serve_options *options, const char *where, nng_url **urlp)
{
    if (strncmp(where, "unix:", 5) == 0) {
        return serve_site_unix_url(where + 5, urlp);
    }
    bool tls = serve_tls_wanted(&options->tls), secure = strncmp(where, "https://", 8) == 0;
    bool plain = strncmp(where, "http://", 7) == 0;
    const char *rest = where + (secure ? 8 : plain ? 7 : 0), *port = strrchr(rest, ':');
    char text[300];
    int n =
        snprintf(text, sizeof text, "%s://%s", secure || (tls && !plain) ? "https" : "http", rest);
    if (n >= (int) sizeof text || strpbrk(rest, "/?#@") != NULL || port == NULL || !port[1] ||
        nng_url_parse(urlp, text) != 0) {
        (void) complain_of_usage("--listen takes ADDRESS:PORT or [ADDRESS]:PORT, with https:// or "
                                 "http:// before it or not, or unix:PATH, and not '%s'",
                                 where);
        return SERVE_MISUSED;
    }
    if (secure && !tls) {
        nng_url_free(*urlp);
        return complain_of_usage("--listen %s needs --tls-cert and --tls-key, or --tls-self-signed",
                                 where);
    }
    return 0;
}

static bool serve_site_is_secure(const nng_url *url)
{
    return strcmp(url->u_scheme, "https") == 0;
}

static int serve_site_secure(const struct serve_options *options, const nng_url *url,
                             nng_http_server *server)
{
    nng_tls_config *config = NULL;
    if (!serve_site_is_secure(url)) {
        return 0;
    }
    if (serve_tls_load(&options->tls, url->u_hostname, &config, complain) != 0) {
        return SERVE_FAILED;
    }
    (void) nng_http_server_set_tls(server, config); /* it is of the right kind */
    nng_tls_config_free(config);
    return 0;
}

static int serve_site_set_trusted(nng_http_server *server, const struct serve_options *options,
                                  const char *where)
{
    if (options->trusted == NULL) {
        return 0;
    }
    int err = nng_uring_server_set_trusted(server, options->trusted, options->proxy);
    if (err == NNG_EINVAL) {
        return complain_of_usage("--trusted takes addresses and networks, such as 10.0.0.0/8,::1, "
                                 "and unix, but not '%s'",
                                 options->trusted);
    }
    return err != 0 ? serve_site_explain(err == NNG_EBUSY ? NNG_EADDRINUSE : err, where) : 0;
}

/* With a server that was made: a status. */
static int serve_site_set_up(const struct serve_options *options, const nng_url *url,
                             const char *where, nng_http_server *server, nng_http_handler **files)
{
    int status = serve_site_set_limits(server, options, where);
    (void) nng_uring_server_set_reuseport(server, options->reuseport); /* where there are ports */
    if (options->socket_mode >= 0) {
        (void) nng_uring_server_set_permissions(server, options->socket_mode); /* of a socket */
    }
    if (status == 0) {
        status = serve_site_set_trusted(server, options, where);
    }
    if (status == 0) {
        status = serve_site_secure(options, url, server);
    }
    if (status != 0) {
        return status;
    }
    int err = 0;
    *files = NULL;
    if (options->dir == NULL) {
        err = serve_site_add_pages(server);
    } else if ((status = serve_files_make(options, files)) == 0) {
        err = serve_site_add(server, *files);
    }
    status = status == 0 ? serve_files_set_error_pages(options, server) : status;
    return err != 0 ? serve_site_explain(err, where) : status;
}

int serve_site_make(const struct serve_options *options, const char *where,
                    nng_http_server **serverp, nng_http_handler **files)
{
    nng_url *url = NULL;
    int status = serve_site_url(options, where, &url);
    if (status != 0) {
        return status;
    }
    int err = nng_http_server_hold(serverp, url);
    if (err != 0) {
        nng_url_free(url);
        return serve_site_explain(err, where);
    }
    status = serve_site_set_up(options, url, where, *serverp, files);
    nng_url_free(url);
    if (status != 0) {
        nng_http_server_release(*serverp);
    }
    return status;
}

int serve_site_bind(nng_http_server *server, const char *where)
{
    int err = nng_uring_server_bind(server);
    return err != 0 ? serve_site_explain(err, where) : 0;
}

int serve_site_start(nng_http_server *server, const char *where)
{
    int err = nng_http_server_start(server);
    return err != 0 ? serve_site_explain(err, where) : 0;
}
