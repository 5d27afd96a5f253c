/* SPDX-License-Identifier: MIT */
#include "cmd/serve.h"

#include "cmd/output.h"
#include "cmd/serve_tls.h"
#include "cmd/signals.h"
#include "cmd/site.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_MS 30000 /* how long a download may still take after SIGTERM */

#define MAX_LISTEN 16

struct options {
    const char *dir; /* NULL: the site */
    const char *listen[MAX_LISTEN];
    unsigned nlisten;
    struct serve_tls tls;
    uint64_t limits[NNG_URING_BODY_RATE + 1];
    bool limited[NNG_URING_BODY_RATE + 1]; /* those that were given */
};

/* What getopt_long() returns for a limit is OPT_LIMIT and its number. */
enum {
    OPT_LISTEN = 1000,
    OPT_LOOPS,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_TLS_CA,
    OPT_TLS_VERIFY,
    OPT_TLS_SELF_SIGNED,
    OPT_LIMIT,
};

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    output_print(OUTPUT_ERR, "nng-uring serve: ");
    output_vprint(OUTPUT_ERR, format, args);
    output_print(OUTPUT_ERR, "\n");
    va_end(args);
    return 1;
}

/* ---- What to do --------------------------------------------------------------------------- */

static int serve_misused(const char *format, const char *what)
{
    complain(format, what);
    return 2;
}

static int serve_set_loops(const char *value)
{
    char *end, text[8];
    long n = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || n < 1 || n > 256) {
        return serve_misused("--loops takes a number from 1 to 256, not '%s'", value);
    }
    snprintf(text, sizeof text, "%ld", n);
    return setenv("NNG_URING_LOOPS", text, 1) == 0 ? 0 : complain("%m");
}

static int serve_set_limit(struct options *options, const char *name, int limit, const char *value)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || n > INT64_MAX) {
        complain("--%s takes a number, not '%s'", name, value);
        return 2;
    }
    options->limits[limit] = n;
    options->limited[limit] = true;
    return 0;
}

static int serve_set_dir(struct options *options, const char *dir)
{
    if (options->dir != NULL) {
        return serve_misused("one directory is served; what is '%s'?", dir);
    }
    options->dir = dir;
    return 0;
}

static int serve_add_listen(struct options *options, const char *where)
{
    if (options->nlisten == MAX_LISTEN) {
        return serve_misused("that is one --listen too many: '%s'", where);
    }
    options->listen[options->nlisten++] = where;
    return 0;
}

static void serve_set_tls(struct serve_tls *tls, int option, const char *value)
{
    switch (option) {
    case OPT_TLS_CERT:
        tls->cert = value;
        break;
    case OPT_TLS_KEY:
        tls->key = value;
        break;
    case OPT_TLS_CA:
        tls->ca = value;
        break;
    case OPT_TLS_VERIFY:
        tls->verify = true;
        break;
    default:
        tls->self_signed = true;
        break;
    }
}

static const struct option longs[] = {
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "loops", required_argument, NULL, OPT_LOOPS },
    { "tls-cert", required_argument, NULL, OPT_TLS_CERT },
    { "tls-key", required_argument, NULL, OPT_TLS_KEY },
    { "tls-ca", required_argument, NULL, OPT_TLS_CA },
    { "tls-verify", no_argument, NULL, OPT_TLS_VERIFY },
    { "tls-self-signed", no_argument, NULL, OPT_TLS_SELF_SIGNED },
    { "head-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_TIMEOUT },
    { "idle-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_IDLE_TIMEOUT },
    { "body-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_BODY_TIMEOUT },
    { "write-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_WRITE_TIMEOUT },
    { "head-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_BYTES },
    { "head-fields", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_FIELDS },
    { "drain-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_DRAIN_BYTES },
    { "connections", required_argument, NULL, OPT_LIMIT + NNG_URING_CONNECTIONS },
    { "linger-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_LINGER_TIMEOUT },
    { "linger-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_LINGER_BYTES },
    { "collect-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_COLLECT_BYTES },
    { "body-total-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_BODY_TOTAL_TIMEOUT },
    { "body-rate", required_argument, NULL, OPT_LIMIT + NNG_URING_BODY_RATE },
    { 0 },
};

static int serve_parse(int argc, char **argv, struct options *options)
{
    int c, at = 1, err = 0, index = 0;
    opterr = 0;
    while (err == 0 && (c = getopt_long(argc, argv, "-:", longs, &index)) != -1) {
        if (c == ':' || c == '?') {
            err = serve_misused(
                c == ':' ? "%s needs a value" : "there is no option '%s'; see --help", argv[at]);
        } else if (c == OPT_LISTEN) {
            err = serve_add_listen(options, optarg);
        } else if (c == OPT_LOOPS) {
            err = serve_set_loops(optarg);
        } else if (c >= OPT_TLS_CERT && c < OPT_LIMIT) {
            serve_set_tls(&options->tls, c, optarg);
        } else if (c >= OPT_LIMIT) {
            err = serve_set_limit(options, longs[index].name, c - OPT_LIMIT, optarg);
        } else {
            err = serve_set_dir(options, optarg);
        }
        at = optind;
    }
    for (; err == 0 && optind < argc; optind++) { /* behind a "--" */
        err = serve_set_dir(options, argv[optind]);
    }
    const char *wrong = err == 0 ? serve_tls_misused(&options->tls) : NULL;
    if (options->nlisten == 0) {
        options->listen[options->nlisten++] = "127.0.0.1:8080";
    }
    return wrong != NULL ? serve_misused("%s", wrong) : err;
}

static int serve_check_dir(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return complain("%s cannot be served: %m", dir);
    }
    if (!S_ISDIR(st.st_mode)) {
        return complain("%s is not a directory; name the one that holds the files", dir);
    }
    return access(dir, R_OK | X_OK) == 0 ? 0 : complain("%s cannot be read: %m", dir);
}

/* ---- The server --------------------------------------------------------------------------- */

static int serve_add(nng_http_server *server, nng_http_handler *handler)
{
    int err = nng_http_server_add_handler(server, handler);
    if (err != 0) {
        nng_http_handler_free(handler);
    }
    return err;
}

static int serve_add_handlers(nng_http_server *server, const char *dir)
{
    nng_http_handler *handler;
    int err;
    if (dir != NULL) {
        err = nng_http_handler_alloc_directory(&handler, "/", dir);
        if (err != 0) {
            return err;
        }
        (void) nng_uring_handler_set_current_types(handler, true); /* it is of that kind, and new */
        (void) nng_uring_handler_set_slash_redirects(handler, true);
        return serve_add(server, handler);
    }
    for (const struct site_page *page = site_pages; page->uri != NULL; page++) {
        err = nng_http_handler_alloc_static(&handler, page->uri, page->begin,
                                            (size_t) (page->end - page->begin), page->type);
        if (err != 0 || (err = serve_add(server, handler)) != 0) {
            return err;
        }
    }
    return 0;
}

static int serve_set_limits(nng_http_server *server, const struct options *options)
{
    for (int i = 0; i <= NNG_URING_BODY_RATE; i++) {
        if (options->limited[i] &&
            nng_uring_server_set_limit(server, (enum nng_uring_limit) i, options->limits[i]) != 0) {
            int at = 0;
            while (longs[at].val != OPT_LIMIT + i) {
                at++;
            }
            complain("%ju is out of range for --%s; see --help", (uintmax_t) options->limits[i],
                     longs[at].name);
            return 2;
        }
    }
    return 0;
}

static int serve_explain(int err, const char *where)
{
    switch (err) {
    case NNG_EADDRINUSE:
        return complain("%s is in use already; choose another port with --listen", where);
    case NNG_EADDRINVAL:
        return complain("%s is not an address of this machine; choose one with --listen", where);
    case NNG_EPERM:
        return complain("%s needs privileges; choose a port from 1024 with --listen", where);
    case NNG_ENOTSUP:
        return complain("no io_uring: %s\n  remedy: %s\n  details: nng-uring probe",
                        nng_uring_reason(), nng_uring_remedy());
    default:
        return complain("cannot serve on %s: %s", where, nng_strerror(err));
    }
}

/* Without a scheme it is https if there is a certificate. */
static int serve_parse_listen(const struct options *options, const char *where, nng_url **urlp)
{
    bool tls = serve_tls_wanted(&options->tls), secure = strncmp(where, "https://", 8) == 0;
    bool plain = strncmp(where, "http://", 7) == 0;
    const char *rest = where + (secure ? 8 : plain ? 7 : 0), *port = strrchr(rest, ':');
    char text[300];
    int n =
        snprintf(text, sizeof text, "%s://%s", secure || (tls && !plain) ? "https" : "http", rest);
    if (n >= (int) sizeof text || strpbrk(rest, "/?#@") != NULL || port == NULL || !port[1] ||
        nng_url_parse(urlp, text) != 0) {
        return serve_misused("--listen takes ADDRESS:PORT or [ADDRESS]:PORT, with https:// or "
                             "http:// before it or not, and not '%s'",
                             where);
    }
    if (secure && !tls) {
        nng_url_free(*urlp);
        return serve_misused("--listen %s needs --tls-cert and --tls-key, or --tls-self-signed",
                             where);
    }
    return 0;
}

static bool serve_is_secure(const nng_url *url)
{
    return strcmp(url->u_scheme, "https") == 0;
}

static int serve_secure(const struct options *options, const nng_url *url, nng_http_server *server)
{
    nng_tls_config *config;
    if (!serve_is_secure(url)) {
        return 0;
    }
    if (serve_tls_load(&options->tls, url->u_hostname, &config, complain) != 0) {
        return 1;
    }
    (void) nng_http_server_set_tls(server, config); /* it is of the right kind */
    nng_tls_config_free(config);
    return 0;
}

/* With a server that was made: a status. */
static int serve_set_up(const struct options *options, const nng_url *url, const char *where,
                        nng_http_server *server)
{
    int status = serve_set_limits(server, options);
    if (status == 0) {
        status = serve_secure(options, url, server);
    }
    if (status != 0) {
        return status;
    }
    int err = serve_add_handlers(server, options->dir);
    if (err == 0) {
        err = nng_http_server_start(server);
    }
    return err != 0 ? serve_explain(err, where) : 0;
}

/* A server that runs, for one --listen. */
static int serve_start(const struct options *options, const char *where, nng_http_server **serverp)
{
    nng_url *url;
    int status = serve_parse_listen(options, where, &url);
    if (status != 0) {
        return status;
    }
    int err = nng_http_server_hold(serverp, url);
    if (err != 0) {
        nng_url_free(url);
        return serve_explain(err, where);
    }
    status = serve_set_up(options, url, where, *serverp);
    nng_url_free(url);
    if (status != 0) {
        nng_http_server_release(*serverp);
    }
    return status;
}

/* ---- Running ------------------------------------------------------------------------------ */

static bool serve_is_wildcard(const nng_sockaddr *addr)
{
    static const uint8_t any[16];
    return addr->s_family == NNG_AF_INET ? addr->s_in.sa_addr == 0
                                         : memcmp(addr->s_in6.sa_addr, any, sizeof any) == 0;
}

/* As it was given, a name for instance, but with the port that was chosen where that is 0, and an
 * interface as RFC 6874 has it. The wildcard address is nothing to type into a browser. */
static void serve_print_url(FILE *to, const struct options *options, nng_http_server *server,
                            const char *where)
{
    nng_sockaddr addr;
    nng_url *url;
    if (nng_http_server_get_addr(server, &addr) != 0 ||
        serve_parse_listen(options, where, &url) != 0) {
        return;
    }
    const char *host = url->u_hostname, *scheme = url->u_scheme;
    int n = (int) strcspn(host, "%");
    unsigned port = ntohs(addr.s_in.sa_port); /* which is where s_in6 has it, too */
    if (serve_is_wildcard(&addr)) {
        fprintf(to, "%s://localhost:%u/ and at every address of this machine\n", scheme, port);
    } else if (strchr(host, ':') == NULL) {
        fprintf(to, "%s://%s:%u/\n", scheme, host, port);
    } else if (host[n] == '%') {
        fprintf(to, "%s://[%.*s%%25%s]:%u/\n", scheme, n, host, host + n + 1, port);
    } else {
        fprintf(to, "%s://[%s]:%u/\n", scheme, host, port);
    }
    nng_url_free(url);
}

/* Prints the features that are there (or are not), in lines of moderate length. */
static void serve_print_features(FILE *to, const char *label, bool present)
{
    const nng_uring_feature *list;
    size_t count;
    int column = 0;
    nng_uring_probe(&list, &count);
    for (size_t i = 0; i < count; i++) {
        if (list[i].present != present) {
            continue;
        }
        int n = (int) strlen(list[i].name) + 2;
        if (column == 0) {
            column = fprintf(to, "%-9s%s", label, list[i].name);
        } else if (column + n > 90) {
            column = fprintf(to, ",\n%-9s%s", "", list[i].name) - 2;
        } else {
            column += fprintf(to, ", %s", list[i].name);
        }
    }
    if (column > 0) {
        putc('\n', to);
    }
}

/* What is printed waits for nobody (output.h), so it is put together first. */
static void serve_print(void (*print)(FILE *to, void *arg), void *arg)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    if (to == NULL) {
        return;
    }
    print(to, arg);
    if (fclose(to) == 0) {
        output_write(OUTPUT_OUT, text, len);
    }
    free(text);
}

struct serving {
    struct options options;
    pthread_mutex_t lock;                 /* for those who may be told to reload them */
    nng_http_server *servers[MAX_LISTEN]; /* one for each --listen; those that run */
    unsigned nservers;
};

static struct serving serving_all = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void serve_print_fingerprint(FILE *to, nng_http_server *server)
{
    nng_tls_config *config;
    char text[NNG_URING_FINGERPRINT];
    if (nng_http_server_get_tls(server, &config) == 0) {
        if (nng_uring_tls_config_fingerprint(config, text) == 0) {
            fprintf(to, "%-9sSHA-256 fingerprint %s\n", "", text);
        }
        nng_tls_config_free(config);
    }
}

static void serve_print_facts(FILE *to, void *arg)
{
    struct serving *serving = arg;
    const char *dir = serving->options.dir;
    for (unsigned i = 0; i < serving->nservers; i++) {
        serve_print_url(to, &serving->options, serving->servers[i], serving->options.listen[i]);
        serve_print_fingerprint(to, serving->servers[i]);
    }
    fprintf(to, "%-9s%s\n", "serving", dir != NULL ? dir : "the site of nng-uring");
    fprintf(to, "%-9s%s\n", "backend", nng_uring_backend());
    fprintf(to, "%-9s%u, set up with %s\n", "loops", nng_uring_loops(), nng_uring_setup_flags());
    if (strcmp(nng_uring_backend(), "epoll") == 0) {
        fprintf(to, "%-9s%s\n%-9s%s\n", "reason", nng_uring_reason(), "remedy", nng_uring_remedy());
        return;
    }
    serve_print_features(to, "uses", true);
    serve_print_features(to, "lacks", false);
}

static void serve_print_counters(FILE *to, void *arg)
{
    (void) arg;
    nng_uring_counter list[32];
    size_t n = nng_uring_counters(list, sizeof list / sizeof list[0]);
    for (size_t i = 0; i < n; i++) {
        fprintf(to, "%-16s %12ju  %s\n", list[i].name, (uintmax_t) list[i].value, list[i].what);
    }
}

/* ---- Signals: on a thread of their own, from the first to the last ------------------------- */

static void serve_count(void)
{
    serve_print(serve_print_counters, NULL);
}

/* The next connections have the new certificate; with one that is not good all stays as it is. */
static bool serve_reload_tls(struct serving *serving)
{
    nng_tls_config *config, *old;
    if (serving->options.tls.cert == NULL || serving->nservers == 0) {
        return true;
    }
    if (serve_tls_load(&serving->options.tls, NULL, &config, complain) != 0) {
        return false;
    }
    for (unsigned i = 0; i < serving->nservers; i++) {
        if (nng_http_server_get_tls(serving->servers[i], &old) == 0) {
            nng_tls_config_free(old);
            (void) nng_http_server_set_tls(serving->servers[i], config); /* it has one */
        }
    }
    nng_tls_config_free(config);
    return true;
}

/* Directories and files are looked up anew anyway; what is read once is read again here. */
static void serve_reload(void)
{
    pthread_mutex_lock(&serving_all.lock);
    bool ok = serve_reload_tls(&serving_all);
    pthread_mutex_unlock(&serving_all.lock);
    output_print(OUTPUT_ERR, ok ? "nng-uring: reloaded\n"
                                : "nng-uring: not reloaded, the certificate from before stays\n");
}

static void serve_finish(void)
{
    output_print(OUTPUT_ERR,
                 "nng-uring: finishing what is in hand; another signal ends it at once\n");
}

static int serve_drain(struct serving *serving)
{
    int status = 0;
    for (unsigned i = 0; i < serving->nservers; i++) {
        if (nng_uring_server_drain(serving->servers[i], DRAIN_MS) != 0) {
            status = complain("gave up on connections that did not end");
        }
    }
    return status;
}

static void serve_release(struct serving *serving)
{
    pthread_mutex_lock(&serving->lock);
    while (serving->nservers > 0) {
        nng_http_server_release(serving->servers[--serving->nservers]);
    }
    pthread_mutex_unlock(&serving->lock);
}

static int serve(struct serving *serving)
{
    int status = 0;
    for (unsigned i = 0; status == 0 && i < serving->options.nlisten; i++) {
        nng_http_server *server;
        status = serve_start(&serving->options, serving->options.listen[i], &server);
        if (status == 0) {
            pthread_mutex_lock(&serving->lock);
            serving->servers[serving->nservers++] = server;
            pthread_mutex_unlock(&serving->lock);
        }
    }
    if (status == 0) {
        serve_print(serve_print_facts, serving);
        signals_await_end();
        status = serve_drain(serving);
    }
    serve_release(serving);
    return status;
}

int cmd_serve(int argc, char **argv)
{
    static const struct signals_actions actions = { serve_count, serve_reload, serve_finish };
    struct serving *serving = &serving_all;
    int status = serve_parse(argc, argv, &serving->options);
    if (status == 0 && serving->options.dir != NULL) {
        status = serve_check_dir(serving->options.dir);
    }
    if (status == 0 && signals_start(&actions) != 0) { /* before there is another thread */
        status = complain("no thread for signals: %m");
    }
    if (status == 0) {
        status = serve(serving);
        signals_stop();
        nng_fini();
    }
    output_end();
    return status;
}
