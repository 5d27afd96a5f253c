/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses, on threads of their own: getaddrinfo() blocks, a loop must not. At most
 * NU_RESOLVE_THREADS run, each started when needed and gone after a while without work. A lookup
 * that was dropped cannot be broken off; its thread does not count, so that those who wait do not
 * wait for it, unless there are NU_RESOLVE_MOST in all.
 */
#ifndef NU_NET_RESOLVE_H
#define NU_NET_RESOLVE_H

#include "io/loop.h"

#include <netdb.h>
#include <stdbool.h>

#define NU_RESOLVE_THREADS 4
#define NU_RESOLVE_MOST 64

struct nu_lookup;

/* Called on the owner of the lookup's loop, once, unless it was dropped before, and never inside
 * nu_resolve(). `list` is valid during the call; NULL with an NNG error. The lookup is gone. */
typedef void (*nu_resolved)(void *arg, int err, const struct addrinfo *list);

/*
 * Starts looking up host and port (both copied) for SOCK_STREAM. `family` is AF_UNSPEC, AF_INET or
 * AF_INET6. Errors: NNG_EADDRINVAL for a name that does not exist or a bad port, NNG_ENOMEM,
 * NNG_ETIMEDOUT or NNG_EAGAIN where the resolver has no answer now, NNG_ECLOSED when the loop
 * stops first. Returns 0, or NNG_ENOMEM when it could not be started: then `done` is not called.
 * Owner of `loop` only.
 */
int nu_resolve(struct nu_lookup **lookupp, struct nu_loop *loop, const char *host, const char *port,
               int family, nu_resolved done, void *arg);

/* The address that `host` is in the shorter forms for IPv4 ("127.1"), without asking anybody. 0, an
 * error, or NNG_ENOENT when it is none; the port has been found good before. Any thread. */
int nu_resolve_numeric(const char *host, const char *port, int family, struct sockaddr_storage *ss,
                       socklen_t *len);

/* `done` will not be called any more; the lookup frees itself, at the latest when its thread comes
 * back. Does not wait. Owner of its loop, and only before `done` was called. */
void nu_resolve_drop(struct nu_lookup *lookup);

#endif
