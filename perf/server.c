/* SPDX-License-Identifier: MIT */
/*
 * The server that `make bench` measures, on the functions that NNG and this library share: built
 * against both. "/" is static and "/call" a callback that builds the same 13 bytes; with a
 * directory there are "/files", from it, and "/big", 1 MiB from memory; with a certificate and its
 * key in a file it is all over TLS.
 */
#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/tls/tls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIG ((size_t) 1 << 20)

static const char hello[] = "Hello, world!";

static void check(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "server: %s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

static void call(nng_aio *aio)
{
    nng_http_res *res;
    int err = nng_http_res_alloc(&res);
    if (err == 0) {
        if ((err = nng_http_res_set_header(res, "Content-Type", "text/plain")) == 0 &&
            (err = nng_http_res_copy_data(res, hello, sizeof hello - 1)) == 0) {
            nng_aio_set_output(aio, 0, res);
        } else {
            nng_http_res_free(res);
        }
    }
    nng_aio_finish(aio, err);
}

static void add(nng_http_server *server, nng_http_handler *handler)
{
    check(nng_http_server_add_handler(server, handler), "cannot add a handler");
}

static void add_small(nng_http_server *server)
{
    nng_http_handler *handler;
    check(nng_http_handler_alloc_static(&handler, "/", hello, sizeof hello - 1, "text/plain"), "/");
    add(server, handler);
    check(nng_http_handler_alloc(&handler, "/call", call), "/call");
    add(server, handler);
}

static void add_large(nng_http_server *server, const char *dir)
{
    nng_http_handler *handler;
    char *big = malloc(BIG);
    check(big == NULL ? NNG_ENOMEM : 0, "/big");
    memset(big, 'x', BIG);
    check(nng_http_handler_alloc_static(&handler, "/big", big, BIG, "text/plain"), "/big");
    add(server, handler);
    free(big); /* the handler has a copy */
    check(nng_http_handler_alloc_directory(&handler, "/files", dir), dir);
    add(server, handler);
}

static void secure(nng_http_server *server, const char *path)
{
    nng_tls_config *config;
    check(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), "no TLS");
    check(nng_tls_config_cert_key_file(config, path, NULL), path);
    check(nng_http_server_set_tls(server, config), "no TLS");
    nng_tls_config_free(config);
}

int main(int argc, char **argv)
{
    nng_http_server *server;
    nng_url *url;
    nng_sockaddr addr;
    sigset_t set;
    char text[64];
    int sig;
    if (argc < 2 || argc > 4) {
        fputs("usage: server PORT [DIR [CERT]]\n", stderr);
        return 2;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL); /* for the library's threads, too */
    snprintf(text, sizeof text, "%s://127.0.0.1:%s", argc > 3 ? "https" : "http", argv[1]);
    check(nng_url_parse(&url, text), text);
    check(nng_http_server_hold(&server, url), "cannot start");
    nng_url_free(url);
    add_small(server);
    if (argc > 2) {
        add_large(server, argv[2]);
    }
    if (argc > 3) {
        secure(server, argv[3]);
    }
    check(nng_http_server_start(server), text);
    check(nng_http_server_get_addr(server, &addr), "no address");
    printf("%u\n", ntohs(addr.s_in.sa_port));
    fflush(stdout);
    sigwait(&set, &sig);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    nng_fini();
    return 0;
}
