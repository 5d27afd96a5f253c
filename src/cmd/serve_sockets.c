/* SPDX-License-Identifier: MIT */
#include "cmd/serve_sockets.h"

#include "cmd/complain.h"
#include "cmd/notify.h"
#include "cmd/serve_site.h"

#include <netdb.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_PASSED 256 /* of LISTEN_FDS */

static struct serve_socket {
    int fd;
    unsigned listen; /* its index in the options */
} * sockets;

static unsigned nsockets;

/* ---- Those of LISTEN_FDS ------------------------------------------------------------------ */

/* "unix:PATH", or "unix:@NAME" of an abstract one. It is plain HTTP: --listen knows no
 * https://unix:PATH, and says so. */
static char *serve_sockets_unix(const struct sockaddr_un *un, socklen_t len, const char *name)
{
    char text[32 + sizeof un->sun_path] = "";
    int n = len > offsetof(struct sockaddr_un, sun_path)
                ? (int) (len - offsetof(struct sockaddr_un, sun_path))
                : 0;
    bool abstract = n > 0 && un->sun_path[0] == '\0';
    snprintf(text, sizeof text, "%sunix:%s%.*s", strcmp(name, "https") == 0 ? "https://" : "",
             abstract ? "@" : "", n - abstract, un->sun_path + abstract);
    return strdup(text);
}

/* What --listen would call it: FileDescriptorName= may be http or https. */
static char *serve_sockets_where(int fd, const char *name)
{
    struct sockaddr_storage ss = { 0 };
    socklen_t len = sizeof ss;
    char host[100], port[8], text[128];
    const char *scheme = strcmp(name, "http") == 0    ? "http://"
                         : strcmp(name, "https") == 0 ? "https://"
                                                      : "";
    if (getsockname(fd, (struct sockaddr *) &ss, &len) != 0) {
        return NULL;
    }
    if (ss.ss_family == AF_UNIX) {
        return serve_sockets_unix((struct sockaddr_un *) &ss, len, name);
    }
    if ((ss.ss_family != AF_INET && ss.ss_family != AF_INET6) ||
        getnameinfo((struct sockaddr *) &ss, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return NULL;
    }
    bool v6 = ss.ss_family == AF_INET6;
    char *zone = strchr(host, '%'); /* fe80::1%eth0; in a URL the '%' is escaped (RFC 6874) */
    if (zone != NULL) {
        *zone++ = '\0';
    }
    snprintf(text, sizeof text, "%s%s%s%s%s%s:%s", scheme, v6 ? "[" : "", host,
             zone != NULL ? "%25" : "", zone != NULL ? zone : "", v6 ? "]" : "", port);
    return strdup(text);
}

/* False: there is no memory, which has been said, and it is closed. */
static bool serve_sockets_keep(int fd, unsigned listen)
{
    struct serve_socket *more = realloc(sockets, (nsockets + 1) * sizeof *more);
    if (more == NULL) {
        complain("no memory for the sockets that were passed");
        close(fd);
        return false;
    }
    sockets = more;
    sockets[nsockets++] = (struct serve_socket){ fd, listen };
    return true;
}

/* Several sockets may have one address (SO_REUSEPORT). Both are the callee's. */
static int serve_sockets_add(struct serve_options *options, int fd, char *where)
{
    unsigned i = 0;
    while (i < options->nlisten && strcmp(options->listen[i], where) != 0) {
        i++;
    }
    if (i == SERVE_MAX_LISTEN) {
        free(where);
        close(fd);
        return complain_of_usage("more sockets were passed than can be served");
    }
    if (i < options->nlisten) {
        free(where);
    } else {
        options->listen[options->nlisten++] = where;
    }
    return serve_sockets_keep(fd, i) ? 0 : SERVE_FAILED;
}

/* ---- Where they are bound ----------------------------------------------------------------- */

/* The address of a number, or the wildcard, as the library binds it: IPv6 with IPv4 inside, where
 * there is IPv6. A name stands for whatever it stands for today. */
static bool serve_sockets_address(const nng_url *url, struct sockaddr_storage *ss)
{
    struct addrinfo *list, hints = { .ai_family = AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    const char *host = url->u_hostname;
    bool any = *host == '\0' || strcmp(host, "*") == 0 || strcmp(host, "::") == 0;
    if (any) {
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        host = fd >= 0 ? "::" : "0.0.0.0";
        if (fd >= 0) {
            close(fd);
        }
    }
    if (getaddrinfo(host, url->u_port, &hints, &list) != 0) {
        return false;
    }
    memcpy(ss, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return true;
}

static bool serve_sockets_print(const struct sockaddr_storage *ss, char text[128])
{
    char host[100], port[8];
    socklen_t len =
        ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (getnameinfo((const struct sockaddr *) ss, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    snprintf(text, 128, "%s %s", host, port);
    return true;
}

static bool serve_sockets_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    char x[128], y[128];
    return serve_sockets_print(a, x) && serve_sockets_print(b, y) && strcmp(x, y) == 0;
}

/* Paths, however they are spelled. */
static bool serve_sockets_same_file(const char *a, const char *b)
{
    char *x = realpath(a, NULL), *y = realpath(b, NULL);
    bool same = x != NULL && y != NULL && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

/* Whether a socket is bound where a --listen, or --admin, wants one. */
static bool serve_sockets_is_at(const struct serve_options *options, int fd, const char *where)
{
    struct sockaddr_storage bound = { 0 }, wanted = { 0 };
    struct sockaddr_un *un = (struct sockaddr_un *) &bound;
    socklen_t len = sizeof bound - 1; /* a path may have no NUL */
    nng_url *url;
    if (getsockname(fd, (struct sockaddr *) &bound, &len) != 0) {
        return false;
    }
    if (strncmp(where, "unix:", 5) == 0) {
        return bound.ss_family == AF_UNIX && serve_sockets_same_file(where + 5, un->sun_path);
    }
    if (bound.ss_family == AF_UNIX || serve_site_url(options, where, &url) != 0) {
        return false;
    }
    bool same = serve_sockets_address(url, &wanted) && serve_sockets_same(&bound, &wanted);
    nng_url_free(url);
    return same;
}

/* ---- Those of another process ------------------------------------------------------------- */

static bool serve_sockets_keep_passed(struct serve_options *options, int fd, const char *name)
{
    char *where = strdup(name);
    if (!options->passed) {
        options->passed = true;
        options->nlisten = 0;
    }
    if (where == NULL) {
        complain("no memory for the sockets that were passed");
        close(fd);
        return false;
    }
    return serve_sockets_add(options, fd, where) == 0;
}

/* A --listen that is not there any more is not listened on; one that is new is bound. They may be
 * called otherwise by now, or speak TLS. */
static bool serve_sockets_keep_listen(const struct serve_options *options, int fd, const char *name)
{
    for (int by_name = 1; by_name >= 0 && !options->passed; by_name--) {
        for (unsigned i = 0; i < options->nlisten; i++) {
            const char *where = options->listen[i];
            if (by_name ? strcmp(where, name) == 0 : serve_sockets_is_at(options, fd, where)) {
                return serve_sockets_keep(fd, i);
            }
        }
    }
    close(fd);
    return true;
}

static bool serve_sockets_came(void *arg, enum upgrade_kind kind, const char *name, int fd)
{
    struct serve_options *options = arg;
    if (kind == UPGRADE_NONE) {
        while (nsockets > 0) {
            close(sockets[--nsockets].fd);
        }
    } else if (kind == UPGRADE_PASSED) {
        return serve_sockets_keep_passed(options, fd, name);
    } else if (kind == UPGRADE_LISTEN) {
        return serve_sockets_keep_listen(options, fd, name);
    } else if (kind == UPGRADE_ADMIN && options->admin != NULL &&
               (strcmp(options->admin, name) == 0 ||
                serve_sockets_is_at(options, fd, options->admin))) {
        return serve_sockets_keep(fd, SERVE_ADMIN);
    } else {
        close(fd);
    }
    return true;
}

/* ---- All of them -------------------------------------------------------------------------- */

int serve_sockets_take(struct serve_options *options)
{
    unsigned n = notify_sockets(MAX_PASSED + 1);
    int status =
        n > MAX_PASSED ? complain_of_usage("more than %d sockets were passed", MAX_PASSED) : 0;
    if (n > 0) {
        options->nlisten = 0;
        options->passed = true;
    }
    for (unsigned i = 0; i < n && status == 0; i++) {
        int fd = NOTIFY_FIRST_SOCKET + (int) i;
        char *where = serve_sockets_where(fd, notify_socket_name(i));
        status = where != NULL
                     ? serve_sockets_add(options, fd, where)
                     : complain_of_usage("descriptor %d, which was to be passed, is no TCP or UNIX "
                                         "socket",
                                         fd);
    }
    if (n == 0 && status == 0 && options->upgrade != NULL && !options->check) {
        status = upgrade_take(options->upgrade, serve_sockets_came, options);
    }
    return status;
}

int serve_sockets_give(const struct serve_options *options, unsigned index, nng_http_server *server)
{
    for (unsigned i = 0; i < nsockets; i++) {
        if (sockets[i].listen == index) {
            int err = nng_uring_server_add_socket(server, sockets[i].fd);
            if (err != 0) {
                return complain("the socket for %s that was passed cannot be used: %s",
                                index == SERVE_ADMIN ? options->admin : options->listen[index],
                                nng_strerror(err));
            }
        }
    }
    return 0;
}

void serve_sockets_own(const struct serve_options *options, nng_http_server *server)
{
    if (!options->passed) {
        (void) nng_uring_server_take_file(server); /* where there is one */
    }
}

/* As many as there are, for the caller to free. */
static int serve_sockets_copy(nng_http_server *server, int **fdsp, size_t *n)
{
    *fdsp = NULL;
    *n = 0;
    int err = nng_uring_server_get_sockets(server, NULL, n);
    if (err == NNG_EMSGSIZE) {
        *fdsp = calloc(*n, sizeof **fdsp);
        err = *fdsp != NULL ? nng_uring_server_get_sockets(server, *fdsp, n) : NNG_ENOMEM;
    }
    *n = err == 0 && *fdsp != NULL ? *n : 0;
    return err;
}

bool serve_sockets_hand(const struct serve_options *options, unsigned index,
                        nng_http_server *server, int to)
{
    int *fds;
    size_t n;
    enum upgrade_kind kind = index == SERVE_ADMIN ? UPGRADE_ADMIN
                             : options->passed    ? UPGRADE_PASSED
                                                  : UPGRADE_LISTEN;
    const char *name = index == SERVE_ADMIN ? options->admin : options->listen[index];
    int err = serve_sockets_copy(server, &fds, &n);
    bool ok = err == 0 || err == NNG_ESTATE; /* it is over: who takes over binds them */
    if (!ok) {
        complain("the sockets for %s cannot be handed over: %s", name, nng_strerror(err));
    }
    for (size_t i = 0; i < n && ok; i += UPGRADE_FDS) {
        ok = upgrade_send(to, kind, name, fds + i, n - i < UPGRADE_FDS ? n - i : UPGRADE_FDS);
        if (!ok) {
            complain("the sockets for %s cannot be handed over: %m", name);
        }
    }
    while (n > 0) {
        close(fds[--n]);
    }
    free(fds);
    return ok;
}
