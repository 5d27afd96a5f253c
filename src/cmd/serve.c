#include "cmd/serve.h"

#include "cmd/site.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DRAIN_MS 30000 /* how long a download may still take after SIGTERM */

struct options {
    const char *dir; /* NULL: the site */
    const char *listen;
};

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("nng-uring serve: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

/* ---- What to do --------------------------------------------------------------------------- */

static int set_loops(const char *value)
{
    char *end;
    long  n = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || n < 1 || n > 256) {
        complain("--loops takes a number from 1 to 256, not '%s'", value);
        return 2;
    }
    setenv("NNG_URING_LOOPS", value, 1);
    return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
    for (int i = 0; i < argc; i++) {
        bool listen = strcmp(argv[i], "--listen") == 0;
        if (listen || strcmp(argv[i], "--loops") == 0) {
            if (++i == argc) {
                complain("%s needs a value", argv[i - 1]);
                return 2;
            }
            if (listen) {
                options->listen = argv[i];
            } else if (set_loops(argv[i]) != 0) {
                return 2;
            }
        } else if (argv[i][0] == '-' || options->dir != NULL) {
            complain("'%s' is not understood; see nng-uring --help", argv[i]);
            return 2;
        } else {
            options->dir = argv[i];
        }
    }
    return 0;
}

static int check_dir(const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0) {
        return complain("%s cannot be served: %m", dir);
    }
    return S_ISDIR(st.st_mode) ? 0 : complain("%s is not a directory", dir);
}

/* ---- The server --------------------------------------------------------------------------- */

static int add(nng_http_server *server, nng_http_handler *handler)
{
    int err = nng_http_server_add_handler(server, handler);
    if (err != 0) {
        nng_http_handler_free(handler);
    }
    return err;
}

static int add_handlers(nng_http_server *server, const char *dir)
{
    nng_http_handler *handler;
    int               err;
    if (dir != NULL) {
        err = nng_http_handler_alloc_directory(&handler, "/", dir);
        return err != 0 ? err : add(server, handler);
    }
    for (const struct site_page *page = site_pages; page->uri != NULL; page++) {
        err = nng_http_handler_alloc_static(&handler, page->uri, page->begin,
                                            (size_t) (page->end - page->begin), page->type);
        if (err != 0 || (err = add(server, handler)) != 0) {
            return err;
        }
    }
    return 0;
}

/* A server for what --listen says, with its handlers. NULL: it has been complained about. */
static nng_http_server *make_server(const struct options *options)
{
    char             text[256];
    nng_url         *url;
    nng_http_server *server;
    int              n = snprintf(text, sizeof text, "http://%s", options->listen);
    if (n >= (int) sizeof text || strrchr(options->listen, ':') == NULL ||
        nng_url_parse(&url, text) != 0) {
        complain("--listen takes ADDRESS:PORT or [ADDRESS]:PORT, not '%s'", options->listen);
        return NULL;
    }
    int err = nng_http_server_hold(&server, url);
    nng_url_free(url);
    if (err != 0) {
        complain("'%s' is no address to listen on: %s", options->listen, nng_strerror(err));
        return NULL;
    }
    err = add_handlers(server, options->dir);
    if (err != 0) {
        complain("%s", nng_strerror(err));
        nng_http_server_release(server);
        return NULL;
    }
    return server;
}

static int explain(int err, const char *where)
{
    switch (err) {
    case NNG_EADDRINUSE:
        return complain("%s is in use by another program; choose another port with --listen",
                        where);
    case NNG_EADDRINVAL:
        return complain("%s is not an address of this machine", where);
    case NNG_EPERM:
        return complain("%s needs privileges; choose a port from 1024 with --listen", where);
    case NNG_ENOTSUP:
        return complain("no io_uring: %s\n  remedy: %s", nng_uring_reason(), nng_uring_remedy());
    default:
        return complain("cannot listen on %s: %s", where, nng_strerror(err));
    }
}

/* ---- Running ------------------------------------------------------------------------------ */

static void print_url(nng_http_server *server)
{
    nng_sockaddr addr;
    char         host[INET6_ADDRSTRLEN];
    if (nng_http_server_get_addr(server, &addr) != 0) {
        return;
    }
    if (addr.s_family == NNG_AF_INET) {
        inet_ntop(AF_INET, &addr.s_in.sa_addr, host, sizeof host);
        printf("http://%s:%u/\n", host, ntohs(addr.s_in.sa_port));
    } else {
        inet_ntop(AF_INET6, addr.s_in6.sa_addr, host, sizeof host);
        printf("http://[%s]:%u/\n", host, ntohs(addr.s_in6.sa_port));
    }
}

static void print_facts(const char *dir)
{
    const nng_uring_feature *list;
    size_t                   count;
    nng_uring_probe(&list, &count);
    printf("serving  %s\n", dir != NULL ? dir : "the site of nng-uring");
    printf("loops    %u, set up with %s\n", nng_uring_loops(), nng_uring_setup_flags());
    printf("features");
    for (size_t i = 0; i < count; i++) {
        if (list[i].present) {
            printf(" %s%s", list[i].name, i + 1 < count ? "," : "");
        }
    }
    printf("\n");
    fflush(stdout);
}

int cmd_serve(int argc, char **argv)
{
    struct options options = { .listen = "127.0.0.1:8080" };
    int            sig, err = parse(argc, argv, &options);
    if (err != 0) {
        return err;
    }
    if (options.dir != NULL && check_dir(options.dir) != 0) {
        return 1;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* before there is another thread */

    nng_http_server *server = make_server(&options);
    if (server == NULL) {
        return 1;
    }
    err = nng_http_server_start(server);
    if (err != 0) {
        nng_http_server_release(server);
        return explain(err, options.listen);
    }
    print_url(server);
    print_facts(options.dir);
    sigwait(&ends, &sig);
    err = nng_uring_server_drain(server, DRAIN_MS);
    nng_http_server_release(server);
    nng_fini();
    return err != 0 ? complain("gave up on connections that did not end") : 0;
}
