/* SPDX-License-Identifier: MIT */
#include "cmd/serve_print.h"

#include "cmd/admin.h"
#include "cmd/output.h"
#include "cmd/serve_site.h"

#include <arpa/inet.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool serve_print_is_wildcard(const nng_sockaddr *addr)
{
    static const uint8_t any[16];
    return addr->s_family == NNG_AF_INET ? addr->s_in.sa_addr == 0
                                         : memcmp(addr->s_in6.sa_addr, any, sizeof any) == 0;
}

/* As it was given, a name for instance, but with the port that was chosen where that is 0, and an
 * interface as RFC 6874 has it. The wildcard address is nothing to type into a browser. */
static void serve_print_url(FILE *to, const struct serve_options *options, nng_http_server *server,
                            const char *where)
{
    nng_sockaddr addr;
    nng_url *url = NULL;
    if (nng_http_server_get_addr(server, &addr) != 0 || serve_site_url(options, where, &url) != 0) {
        return;
    }
    if (strncmp(where, "unix:", 5) == 0) {
        fprintf(to, "%s\n", where);
        nng_url_free(url);
        return;
    }
    const char *host = url->u_hostname, *scheme = url->u_scheme;
    int n = (int) strcspn(host, "%");
    unsigned port = ntohs(addr.s_in.sa_port); /* which is where s_in6 has it, too */
    if (serve_print_is_wildcard(&addr)) {
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

struct serve_facts {
    const struct serve_options *options;
    nng_http_server *const *servers;
    unsigned n;
};

static void serve_print_facts(FILE *to, void *arg)
{
    const struct serve_facts *facts = arg;
    const char *dir = facts->options->dir;
    for (unsigned i = 0; i < facts->n; i++) {
        serve_print_url(to, facts->options, facts->servers[i], facts->options->listen[i]);
        serve_print_fingerprint(to, facts->servers[i]);
    }
    char admin[64];
    admin_print_url(admin, sizeof admin);
    if (*admin != '\0') {
        fprintf(to, "%-9s%s\n", "admin", admin);
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
    for (size_t i = 0; i < n && i < sizeof list / sizeof list[0]; i++) {
        fprintf(to, "%-16s %12ju  %s\n", list[i].name, (uintmax_t) list[i].value, list[i].what);
    }
}

void serve_print_start(const struct serve_options *options, nng_http_server *const *servers,
                       unsigned n)
{
    struct serve_facts facts = { options, servers, n };
    serve_print(serve_print_facts, &facts);
}

void serve_print_counts(void)
{
    serve_print(serve_print_counters, NULL);
}
