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
 * Tells what this kernel's io_uring offers.
 *
 * It is tried out once; later calls return the same findings. `*list` is static and holds `*count`
 * entries. It is set on error, too.
 *
 * Errors: NNG_ENOTSUP: no ring can be had: nng_uring_reason() and nng_uring_remedy() say why, and
 * what to do.
 * Threads: any.
 * Example:
 *   void print_missing(void)
 *   {
 *       const nng_uring_feature *list;
 *       size_t count;
 *       if (nng_uring_probe(&list, &count) != 0) {
 *           printf("%s\n%s\n", nng_uring_reason(), nng_uring_remedy());
 *       }
 *       for (size_t i = 0; i < count; i++) {
 *           if (!list[i].present) {
 *               printf("%s: %s\n", list[i].name, list[i].purpose);
 *           }
 *       }
 *   }
 * See: nng_uring_reason(), nng-uring-probe(1).
 */
NNG_DECL int nng_uring_probe(const nng_uring_feature **list, size_t *count);

/*
 * Say why the library answers NNG_ENOTSUP, and what to change.
 *
 * It may be a sysctl, a seccomp profile, a limit, or the kernel, and is English text.
 *
 * Returns: a text, "" when there is nothing to say. Static or thread-local storage.
 * Threads: any.
 * See: nng_uring_probe(), nng-uring-probe(1).
 */
NNG_DECL const char *nng_uring_reason(void);
NNG_DECL const char *nng_uring_remedy(void);

/*
 * Returns how many loops are running.
 *
 * A loop is a ring and its thread. The environment variable NNG_URING_LOOPS (1 to 256) sets how
 * many are started; without it there is one for each CPU that affinity and cgroup limits leave to
 * the process.
 *
 * Returns: the number; 0 before the first use of the library.
 * Threads: any.
 */
NNG_DECL unsigned nng_uring_loops(void);

/*
 * Returns the set-up flags that the loops' rings were given.
 *
 * io_uring_setup(2) explains them.
 *
 * Returns: a text; "" before the first use of the library.
 * Threads: any.
 */
NNG_DECL const char *nng_uring_setup_flags(void);

/* What the library has counted since the process started, over all threads. */
typedef struct nng_uring_counter {
    const char *name;
    const char *what; /* in words */
    uint64_t value;
} nng_uring_counter;

/*
 * Fills a list with what the library has counted.
 *
 * It is counted over all threads, since the process started: the calls of io_uring_enter(2),
 * submission and completion entries, short writes resubmitted, deadlines armed and fired,
 * cancellations, wake-ups, receives without a buffer, connections accepted, and connections open
 * now. As many as there is `room` for are filled in. The counters are always on, and read while
 * they move.
 *
 * Returns: how many counters there are.
 * Threads: any.
 */
NNG_DECL size_t nng_uring_counters(nng_uring_counter *list, size_t room);

/*
 * Tell the addresses of both ends of a connection.
 *
 * The connection may also be one that is lent to a handler (input 2 of its aio).
 *
 * Errors: NNG_ECLOSED: the connection is closed.
 * Threads: any.
 * See: nng_str_sockaddr().
 */
NNG_DECL int nng_uring_conn_local_addr(struct nng_http_conn *conn, nng_sockaddr *addr);
NNG_DECL int nng_uring_conn_remote_addr(struct nng_http_conn *conn, nng_sockaddr *addr);

/*
 * Switches TCP keep-alive probes on or off.
 *
 * They are off at first.
 *
 * Errors: NNG_ECLOSED: the connection is closed.
 * Threads: any.
 * See: tcp(7).
 */
NNG_DECL int nng_uring_conn_set_keepalive(struct nng_http_conn *conn, bool on);

/*
 * Stops a server gently.
 *
 * No new connections, idle ones are closed, requests in hand are answered and their connections
 * closed. It waits until all is over, or for `ms` milliseconds; then the rest is closed hard. It
 * counts as the last nng_http_server_stop().
 *
 * Errors: NNG_ETIMEDOUT: the time was over before the requests; NNG_ESTATE: it was called in a
 * callback.
 * Threads: any but the library's own.
 * See: nng_http_server_stop().
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
 * Sets what a server puts up with.
 *
 * It counts from the next nng_http_server_start() on. Clients that are slow, silent or many then do
 * no harm. Times are in milliseconds, and 0 stands for no limit.
 *
 * Errors: NNG_EBUSY: the server runs; NNG_EINVAL: there is no such limit, or the value is not
 * allowed.
 * Threads: any.
 * See: nng_uring_server_get_limit(), nng-uring-serve(1).
 */
NNG_DECL int nng_uring_server_set_limit(struct nng_http_server *server, enum nng_uring_limit limit,
                                        uint64_t value);

/*
 * Returns a limit of a server.
 *
 * Errors: NNG_EINVAL: there is no such limit.
 * Threads: any.
 * See: nng_uring_server_set_limit().
 */
NNG_DECL int nng_uring_server_get_limit(struct nng_http_server *server, enum nng_uring_limit limit,
                                        uint64_t *value);

/*
 * Tell the next header field of a message, in the order they are sent.
 *
 * `*name` and `*value` are set to it. `*cursor` is NULL at first, and the message must not change
 * meanwhile. Fields of one name are one, joined with ", ", but Set-Cookie is one for each. They are
 * valid as long as what nng_http_req_get_header() gives. In NNG 2 the function is
 * nng_http_next_header.
 *
 * Returns: false at the end.
 * Threads: any, one at a time for each message.
 * See: nng_http_req_get_header(), nng_http_res_get_header().
 */
NNG_DECL bool nng_uring_req_next_header(struct nng_http_req *req, const char **name,
                                        const char **value, void **cursor);
NNG_DECL bool nng_uring_res_next_header(struct nng_http_res *res, const char **name,
                                        const char **value, void **cursor);

/*
 * Writes the path of a request's URI, decoded.
 *
 * It is without dot segments, and ends with a NUL: what handlers are found by. It begins with "/",
 * and holds no ".." and no encoded "/".
 *
 * Errors: NNG_EINVAL: the URI is not a path (or "http://host/path"), or is malformed, which a
 * server has refused already; NNG_EMSGSIZE: `room` is too small (the URI's length and 2 is enough).
 * Threads: any, one at a time for each request.
 * See: nng_http_req_get_uri(), nng_uring_req_get_query().
 */
NNG_DECL int nng_uring_req_get_path(struct nng_http_req *req, char *path, size_t room);

/*
 * Writes the value of a parameter in the query of a request's URI.
 *
 * It is the first of that name in "?a=1&b=x%20y", decoded as forms send it ("+" is a space), with a
 * NUL; "" when it has no value.
 *
 * Errors: NNG_ENOENT: there is no such parameter; NNG_EINVAL: a malformed escape, or %00;
 * NNG_EMSGSIZE: `room` is too small.
 * Threads: any, one at a time for each request.
 * See: nng_http_req_get_uri(), nng_uring_req_get_path().
 */
NNG_DECL int nng_uring_req_get_query(struct nng_http_req *req, const char *name, char *value,
                                     size_t room);

/*
 * Makes a handler of files use today's content types.
 *
 * It is for a handler of a file or of a directory. They are those of IANA's registry, with
 * "charset=utf-8" for text, instead of NNG's, which are the default.
 *
 * Errors: NNG_EBUSY: the handler is a server's already; NNG_EINVAL: it is another kind of handler.
 * Threads: any, one at a time for each handler.
 * See: nng_http_handler_alloc_file(), nng_http_handler_alloc_directory().
 */
NNG_DECL int nng_uring_handler_set_current_types(struct nng_http_handler *handler, bool on);

#ifdef __cplusplus
}
#endif

#endif
