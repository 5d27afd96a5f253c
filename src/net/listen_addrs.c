/* SPDX-License-Identifier: MIT */
#include "net/listen_addrs.h"

#include "base/error.h"
#include "net/address.h"
#include "net/listener.h"
#include "net/unix_bind.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PORT_TRIES 16 /* a port that one address has free may be taken on another */

/* Where both families have it. */
static in_port_t *listen_addrs_port(struct sockaddr_storage *ss)
{
    return &((struct sockaddr_in *) ss)->sin_port;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "one place for the port");

/* A hosts file may name an address twice. */
static void listen_addrs_add(struct nu_listen_addrs *addrs, const void *sa, socklen_t len)
{
    struct sockaddr_storage ss = { 0 };
    if (len > sizeof ss || addrs->n == NU_LISTEN_ADDRS) {
        return;
    }
    memcpy(&ss, sa, len);
    for (unsigned i = 0; i < addrs->n; i++) {
        if (memcmp(&addrs->ss[i], &ss, sizeof ss) == 0) {
            return;
        }
    }
    addrs->ss[addrs->n++] = ss;
}

/* All that the system says a name has. */
static int listen_addrs_look_up(struct nu_listen_addrs *addrs, const char *host, const char *port)
{
    struct addrinfo *list, hints = { .ai_family = addrs->family, .ai_socktype = SOCK_STREAM };
    int eai = getaddrinfo(host, port, &hints, &list);
    if (eai != 0) {
        return eai == EAI_MEMORY ? NNG_ENOMEM : NNG_EADDRINVAL;
    }
    for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
        listen_addrs_add(addrs, ai->ai_addr, ai->ai_addrlen);
    }
    freeaddrinfo(list);
    return addrs->n > 0 ? 0 : NNG_EADDRINVAL;
}

/* Both, whatever the hosts file leaves out (RFC 6761 6.3): clients know them without it. */
static void listen_addrs_add_loopback(struct nu_listen_addrs *addrs, const char *port)
{
    static const char *const hosts[] = { "127.0.0.1", "::1" };
    for (int i = 0; i < 2; i++) {
        struct sockaddr_storage ss;
        socklen_t len;
        if (nu_address_parse(hosts[i], port, addrs->family, &ss, &len) == 0) {
            listen_addrs_add(addrs, &ss, len);
        }
    }
}

int nu_listen_addrs_find(struct nu_listen_addrs *addrs, const char *host, const char *port,
                         int family)
{
    socklen_t len;
    *addrs = (struct nu_listen_addrs){ .family = family, .mode = -1 };
    if (family == AF_UNIX) {
        int err = nu_address_from_path(host, (struct sockaddr_un *) &addrs->ss[0], &len);
        addrs->n = err == 0;
        return err;
    }
    int err = nu_address_parse(host, port, family, &addrs->ss[0], &len);
    if (err != NNG_ENOENT) {
        addrs->n = err == 0;
        return err;
    }
    err = listen_addrs_look_up(addrs, host, port);
    if (strcasecmp(host, "localhost") == 0) {
        listen_addrs_add_loopback(addrs, port);
        err = err == NNG_EADDRINVAL && addrs->n > 0 ? 0 : err;
    }
    return err;
}

static void listen_addrs_close(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
            fds[i] = -1;
        }
    }
}

/* fds[0] once more for each of the others. */
static int listen_addrs_copy(int *fds, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0) {
            return nu_error_from_errno(errno);
        }
    }
    return 0;
}

static int listen_addrs_bind_one(const struct nu_listen_addrs *addrs, int *fds, unsigned n,
                                 struct sockaddr_storage *ss)
{
    bool only6 = addrs->family == AF_INET6 || addrs->n > 1;
    if (addrs->reuseport != NNG_URING_REUSEPORT_OFF) {
        return nu_listen_bind(fds, n, ss, only6, addrs->reuseport == NNG_URING_REUSEPORT_ON);
    }
    int err = nu_listen_bind(fds, 1, ss, only6, false);
    return err == 0 ? listen_addrs_copy(fds, n) : err;
}

/* All of them with the port of the first; 0 lets that choose one. */
static int listen_addrs_try(const struct nu_listen_addrs *addrs, int *fds, unsigned n)
{
    unsigned bound = 0;
    in_port_t port = 0;
    int err = 0;
    for (unsigned i = 0; i < addrs->n && err == 0; i++) {
        struct sockaddr_storage ss = addrs->ss[i];
        if (bound > 0) {
            *listen_addrs_port(&ss) = port;
        }
        err = listen_addrs_bind_one(addrs, fds + (size_t) i * n, n, &ss);
        if (err == 0) {
            port = *listen_addrs_port(&ss);
            bound++;
        } else if ((err == NNG_EADDRINVAL || err == NNG_ENOTSUP) &&
                   (i + 1 < addrs->n || bound > 0)) {
            err = 0; /* not here; the others will do */
        }
    }
    if (err != 0) {
        listen_addrs_close(fds, addrs->n * n);
    }
    return err;
}

/* Its file has to be removed by whoever has made it, and no one else. */
static int listen_addrs_bind_unix(struct nu_listen_addrs *addrs, int *fds, unsigned n)
{
    struct sockaddr_un *un = (struct sockaddr_un *) &addrs->ss[0];
    socklen_t len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1);
    int err = nu_unix_bind(&fds[0], un, &len, addrs->mode, &addrs->file);
    if (err != 0) {
        return err;
    }
    addrs->made = true;
    err = listen_addrs_copy(fds, n);
    if (err != 0) {
        nu_listen_addrs_leave(addrs);
        listen_addrs_close(fds, n);
    }
    return err;
}

int nu_listen_addrs_take(struct nu_listen_addrs *addrs)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *) &addrs->ss[0];
    struct stat st;
    if (un->sun_path[0] == '\0') {
        return 0; /* it has no file */
    }
    if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return NNG_ENOENT;
    }
    addrs->file = st;
    addrs->made = true;
    return 0;
}

void nu_listen_addrs_leave(struct nu_listen_addrs *addrs)
{
    if (addrs->made) {
        addrs->made = false;
        nu_unix_remove((const struct sockaddr_un *) &addrs->ss[0], &addrs->file);
    }
}

int nu_listen_addrs_bind(struct nu_listen_addrs *addrs, int *fds, unsigned n)
{
    struct sockaddr_storage first = addrs->ss[0];
    int err = NNG_EADDRINUSE;
    for (unsigned i = 0; i < addrs->n * n; i++) {
        fds[i] = -1;
    }
    if (addrs->family == AF_UNIX) {
        return listen_addrs_bind_unix(addrs, fds, n);
    }
    bool any = *listen_addrs_port(&first) == 0;
    for (int tries = any ? PORT_TRIES : 1; tries > 0 && err == NNG_EADDRINUSE; tries--) {
        err = listen_addrs_try(addrs, fds, n);
    }
    return err;
}
