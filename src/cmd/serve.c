/* SPDX-License-Identifier: MIT */
#include "cmd/serve.h"

#include "cmd/output.h"
#include "cmd/signals.h"
#include "cmd/site.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRAIN_MS 30000 /* how long a download may still take after SIGTERM */

struct options {
    const char *dir; /* NULL: the site */
    const char *listen;
    uint64_t limits[NNG_URING_CONNECTIONS + 1];
    bool limited[NNG_URING_CONNECTIONS + 1]; /* those that were given */
};

/* What getopt_long() returns for a limit is OPT_LIMIT and its number. */
enum { OPT_LISTEN = 1000, OPT_LOOPS, OPT_LIMIT };

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

static const struct option longs[] = {
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "loops", required_argument, NULL, OPT_LOOPS },
    { "head-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_TIMEOUT },
    { "idle-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_IDLE_TIMEOUT },
    { "body-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_BODY_TIMEOUT },
    { "write-timeout", required_argument, NULL, OPT_LIMIT + NNG_URING_WRITE_TIMEOUT },
    { "head-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_BYTES },
    { "head-fields", required_argument, NULL, OPT_LIMIT + NNG_URING_HEAD_FIELDS },
    { "drain-bytes", required_argument, NULL, OPT_LIMIT + NNG_URING_DRAIN_BYTES },
    { "connections", required_argument, NULL, OPT_LIMIT + NNG_URING_CONNECTIONS },
    { 0 },
};

static int serve_parse(int argc, char **argv, struct options *options)
{
    int c, at = 1, err = 0, index = 0;
    opterr = 0;
    while (err == 0 && (c = getopt_long(argc, argv, "-:", longs, &index)) != -1) {
        if (optarg == NULL) {
            err = serve_misused(
                c == ':' ? "%s needs a value" : "there is no option '%s'; see --help", argv[at]);
        } else if (c == OPT_LISTEN) {
            options->listen = optarg;
        } else if (c == OPT_LOOPS) {
            err = serve_set_loops(optarg);
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
    return err;
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
    for (int i = 0; i <= NNG_URING_CONNECTIONS; i++) {
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

static int serve_parse_listen(const char *where, nng_url **urlp)
{
    char text[300];
    int n = snprintf(text, sizeof text, "http://%s", where);
    const char *port = strrchr(where, ':');
    if (n >= (int) sizeof text || strpbrk(where, "/?#@") != NULL || port == NULL || !port[1] ||
        nng_url_parse(urlp, text) != 0) {
        return serve_misused("--listen takes ADDRESS:PORT or [ADDRESS]:PORT, not '%s'", where);
    }
    return 0;
}

/* A server that runs, for what the options say. */
static int serve_start(const struct options *options, nng_http_server **serverp)
{
    nng_url *url;
    int status = serve_parse_listen(options->listen, &url);
    if (status != 0) {
        return status;
    }
    int err = nng_http_server_hold(serverp, url);
    nng_url_free(url);
    if (err != 0) {
        return serve_explain(err, options->listen);
    }
    status = serve_set_limits(*serverp, options);
    if (status != 0) {
        nng_http_server_release(*serverp);
        return status;
    }
    err = serve_add_handlers(*serverp, options->dir);
    if (err == 0) {
        err = nng_http_server_start(*serverp);
    }
    if (err != 0) {
        nng_http_server_release(*serverp);
        return serve_explain(err, options->listen);
    }
    return 0;
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
static void serve_print_url(FILE *to, nng_http_server *server, const char *where)
{
    nng_sockaddr addr;
    nng_url *url;
    if (nng_http_server_get_addr(server, &addr) != 0 || serve_parse_listen(where, &url) != 0) {
        return;
    }
    const char *host = url->u_hostname;
    int n = (int) strcspn(host, "%");
    unsigned port = ntohs(addr.s_in.sa_port); /* which is where s_in6 has it, too */
    if (serve_is_wildcard(&addr)) {
        fprintf(to, "http://localhost:%u/ and at every address of this machine\n", port);
    } else if (strchr(host, ':') == NULL) {
        fprintf(to, "http://%s:%u/\n", host, port);
    } else if (host[n] == '%') {
        fprintf(to, "http://[%.*s%%25%s]:%u/\n", n, host, host + n + 1, port);
    } else {
        fprintf(to, "http://[%s]:%u/\n", host, port);
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
    nng_http_server *server;
};

static void serve_print_facts(FILE *to, void *arg)
{
    struct serving *serving = arg;
    const char *dir = serving->options.dir;
    serve_print_url(to, serving->server, serving->options.listen);
    fprintf(to, "%-9s%s\n", "serving", dir != NULL ? dir : "the site of nng-uring");
    fprintf(to, "%-9s%u, set up with %s\n", "loops", nng_uring_loops(), nng_uring_setup_flags());
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

/* Directories and files are looked up anew anyway; what is read once is to be read again here. */
static void serve_reload(void)
{
    output_print(OUTPUT_ERR, "nng-uring: reloaded\n");
}

static void serve_finish(void)
{
    output_print(OUTPUT_ERR,
                 "nng-uring: finishing what is in hand; another signal ends it at once\n");
}

static int serve(struct serving *serving)
{
    int status = serve_start(&serving->options, &serving->server);
    if (status != 0) {
        return status;
    }
    serve_print(serve_print_facts, serving);
    signals_await_end();
    if (nng_uring_server_drain(serving->server, DRAIN_MS) != 0) {
        status = complain("gave up on connections that did not end");
    }
    nng_http_server_release(serving->server);
    return status;
}

int cmd_serve(int argc, char **argv)
{
    static const struct signals_actions actions = { serve_count, serve_reload, serve_finish };
    struct serving serving = { .options = { .listen = "127.0.0.1:8080" } };
    int status = serve_parse(argc, argv, &serving.options);
    if (status == 0 && serving.options.dir != NULL) {
        status = serve_check_dir(serving.options.dir);
    }
    if (status == 0 && signals_start(&actions) != 0) { /* before there is another thread */
        status = complain("no thread for signals: %m");
    }
    if (status == 0) {
        status = serve(&serving);
        signals_stop();
        nng_fini();
    }
    output_end();
    return status;
}
