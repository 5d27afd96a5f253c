/* SPDX-License-Identifier: MIT */
/* nng-uring's own additions to NNG's API: what the kernel offers, and facts about connections. */
#ifndef NNG_URING_H
#define NNG_URING_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest body of a response, in bytes, that nng_http_conn_transact() and
 * nng_http_client_transact() take; a larger one ends them with NNG_EMSGSIZE. */
#define NNG_URING_MAX_BODY ((size_t) 256 * 1024 * 1024)

struct nng_http_conn;
struct nng_http_handler;
struct nng_http_req;
struct nng_http_res;
struct nng_http_server;

/* One thing of io_uring that the library can use. */
typedef struct nng_uring_feature {
    const char *name;     /* the kernel's name for it */
    const char *purpose;  /* what the library uses it for */
    const char *fallback; /* what happens without it; NULL: the library cannot work */
    bool full;            /* part of the full path, which Linux 6.1 and later have */
    bool present;
    int err; /* the errno that said no; 0 when present, or when it was not tried */
} nng_uring_feature;

/*
 * Tries out what this kernel offers (once; later calls return the same findings). *list is static
 * and holds *count entries. 0, or NNG_ENOTSUP when no ring can be had: the list is set all the
 * same, and nng_uring_reason() and nng_uring_remedy() say why and what to do. Any thread.
 */
NNG_DECL int nng_uring_probe(const nng_uring_feature **list, size_t *count);

/*
 * Why the library answers NNG_ENOTSUP, and what to change (a sysctl, a seccomp profile, a limit,
 * the kernel), as English text; "" when it does not. Static or thread-local storage. Any thread.
 */
NNG_DECL const char *nng_uring_reason(void);
NNG_DECL const char *nng_uring_remedy(void);

/*
 * The number of loops (a ring and its thread) that are running; 0 before the first use of the
 * library. The environment variable NNG_URING_LOOPS (1 to 256) sets how many are started; without
 * it there is one for each CPU that affinity and cgroup limits leave to the process. Any thread.
 */
NNG_DECL unsigned nng_uring_loops(void);

/* The set-up flags that the loops' rings were given, as text; "" before the first use. */
NNG_DECL const char *nng_uring_setup_flags(void);

/* What the library has counted since the process started, over all threads. */
typedef struct nng_uring_counter {
    const char *name;
    const char *what; /* in words */
    uint64_t value;
} nng_uring_counter;

/*
 * Fills the list with as many counters as there is `room` for, and returns how many there are: the
 * calls of io_uring_enter, submission and completion entries, short writes resubmitted, deadlines
 * armed and fired, cancellations, wake-ups, receives without a buffer, connections accepted, and
 * connections open now. They are always on, and read while they move. Any thread.
 */
NNG_DECL size_t nng_uring_counters(nng_uring_counter *list, size_t room);

/*
 * Both ends of a connection's TCP socket, also of one that is lent to a handler (input 2 of its
 * aio). NNG_ECLOSED when it is closed. Any thread.
 */
NNG_DECL int nng_uring_conn_local_addr(struct nng_http_conn *conn, nng_sockaddr *addr);
NNG_DECL int nng_uring_conn_remote_addr(struct nng_http_conn *conn, nng_sockaddr *addr);

/* Switches TCP keep-alive probes on or off (off by default). NNG_ECLOSED. Any thread. */
NNG_DECL int nng_uring_conn_set_keepalive(struct nng_http_conn *conn, bool on);

/*
 * Stops a server gently: no new connections, idle ones are closed, requests in hand are answered
 * and their connections closed. Waits until all is over, or for `ms` milliseconds; then the rest is
 * closed hard and the result is NNG_ETIMEDOUT. 0 otherwise. It counts as the last
 * nng_http_server_stop(). NNG_ESTATE in a callback. Any other thread.
 */
NNG_DECL int nng_uring_server_drain(struct nng_http_server *server, nng_duration ms);

/*
 * What a server puts up with, so that clients that are slow, silent or many do no harm. Times are
 * in milliseconds, and 0 stands for no limit.
 */
enum nng_uring_limit {
    /* For a whole request head, from its first byte: 10 s. Then 408, and the connection is closed.
     */
    NNG_URING_HEAD_TIMEOUT,
    /* For a connection on which no request has begun: 60 s. Then it is closed. */
    NNG_URING_IDLE_TIMEOUT,
    /* For a body that the server reads, without a byte of it: 30 s. Then 408, and closed. */
    NNG_URING_BODY_TIMEOUT,
    /* For a response, without the client taking a byte of it: 60 s (it may become twice as long).
     * Then the connection is reset. */
    NNG_URING_WRITE_TIMEOUT,
    /* Bytes of a request head (64 to 1 MiB): 16,384. More is answered with 431. A target of more
     * than 8,192 bytes is answered with 414. */
    NNG_URING_HEAD_BYTES,
    /* Header fields (1 to 4,096): 128. More is answered with 431. */
    NNG_URING_HEAD_FIELDS,
    /* Bytes of a body that nobody reads, which are read and thrown away to get at the next request:
     * 262,144. With more the connection is closed after the response. */
    NNG_URING_DRAIN_BYTES,
    /* Connections at once: seven eighths of the descriptors the process may have (RLIMIT_NOFILE)
     * when the server is started, which 0 stands for. At the limit new ones wait to be accepted, or
     * are closed at once. */
    NNG_URING_CONNECTIONS,
};

/*
 * Sets a limit, for the next nng_http_server_start(). NNG_EBUSY while the server runs; NNG_EINVAL:
 * no such limit, or a value that is not allowed. Any thread.
 */
NNG_DECL int nng_uring_server_set_limit(struct nng_http_server *server, enum nng_uring_limit limit,
                                        uint64_t value);

/* The value that is set. NNG_EINVAL: no such limit. Any thread. */
NNG_DECL int nng_uring_server_get_limit(struct nng_http_server *server, enum nng_uring_limit limit,
                                        uint64_t *value);

/*
 * The next header field of a message, in the order it is sent: true and its name and value, or
 * false at the end. *cursor is NULL at first, and the message must not change meanwhile. Fields of
 * one name are one, joined with ", ", but Set-Cookie is one for each. Valid as long as what
 * nng_http_req_get_header() gives. NNG 2: nng_http_next_header().
 */
NNG_DECL bool nng_uring_req_next_header(struct nng_http_req *req, const char **name,
                                        const char **value, void **cursor);
NNG_DECL bool nng_uring_res_next_header(struct nng_http_res *res, const char **name,
                                        const char **value, void **cursor);

/*
 * Writes the path of the request's URI, decoded and without dot segments, and a NUL: what handlers
 * are found by. It begins with '/', and holds no ".." and no encoded '/'. NNG_EINVAL: the URI is
 * not a path (or "http://host/path"), or is malformed, which a server has refused already;
 * NNG_EMSGSIZE: `room` is too small (the URI's length and 2 is enough).
 */
NNG_DECL int nng_uring_req_get_path(struct nng_http_req *req, char *path, size_t room);

/*
 * Writes the decoded value of the first parameter of that name in the URI's query ("?a=1&b=x%20y",
 * as forms send it: '+' is a space), and a NUL; "" when it has none. NNG_ENOENT: there is no such
 * parameter; NNG_EINVAL: a malformed escape, or %00; NNG_EMSGSIZE: `room` is too small.
 */
NNG_DECL int nng_uring_req_get_query(struct nng_http_req *req, const char *name, char *value,
                                     size_t room);

/*
 * For a handler of files or of a directory: today's content types, those of IANA's registry, with
 * "charset=utf-8" for text, instead of NNG's, which are the default. NNG_EBUSY once it was added;
 * NNG_EINVAL: another kind of handler.
 */
NNG_DECL int nng_uring_handler_set_current_types(struct nng_http_handler *handler, bool on);

#ifdef __cplusplus
}
#endif

#endif
