/* SPDX-License-Identifier: MIT */
/* nng-uring's own additions to NNG's API: what does the work and what it counts, limits, and facts
 * about connections. */
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
struct nng_stream;
struct nng_stream_listener;
struct nng_tls_config;

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
 * Returns what does the library's operations.
 *
 * That is io_uring; where it cannot be had, system calls that do not wait, and epoll. The
 * environment variable NNG_URING_BACKEND asks for "io_uring" or "epoll" and for no other: with
 * "io_uring", what needs it ends with NNG_ENOTSUP where there is none. A word that is neither has
 * that effect everywhere. It is read when the loops are started, at the first use.
 *
 * Returns: "io_uring" or "epoll"; "" before the first use. Static storage.
 * Threads: any.
 * See: nng_uring_reason(), nng-uring-probe(1).
 */
NNG_DECL const char *nng_uring_backend(void);

/*
 * Say why there is no io_uring, and what to change.
 *
 * It may be a sysctl, a seccomp profile, a limit, or the kernel, and is English text. Where epoll
 * stands in for io_uring, it is also said once, as a warning, through the logger of
 * nng_log_set_logger().
 *
 * Returns: a text, "" when there is nothing to say. Static or thread-local storage.
 * Threads: any.
 * See: nng_uring_backend(), nng_uring_probe(), nng-uring-probe(1).
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
 * Returns: a text, "epoll" where there are no such rings; "" before the first use of the library.
 * Threads: any.
 */
NNG_DECL const char *nng_uring_setup_flags(void);

/*
 * Where a user's function is called that the library calls: the callback of a handler or an aio.
 * Called on a loop, it costs least, but everything else of that loop waits until it returns. Called
 * on one of the worker threads beside the loops (as many as are needed, up to the environment
 * variable NNG_URING_WORKERS, 64; idle ones end after 10 seconds), it may take its time. The
 * environment variable NNG_URING_CALLBACKS (auto, inline or workers) says it for the whole process.
 */
enum nng_uring_placement {
    /* By what it was seen to do: its first calls are made on workers, and so are all of a function
     * that takes more than a millisecond, or waits. Others are called on their loop, and go back
     * to the workers when they do so there.
     *
     * What waits for another one's call by nng_cv_wait(), nng_aio_wait() or nng_msleep() may do so
     * on a loop, which goes on meanwhile. By other means (pthread_cond_wait(), sem_wait(), read())
     * only a worker may wait, and nobody can tell that a function which has never done so is about
     * to: the first time it holds its loop until it returns (after more than 50 ms nng_log_warn()
     * says so then), and for ever, if what it waits for needs that loop. One that waits seldom and
     * so is for NNG_URING_PLACE_WORKERS, or the process for NNG_URING_CALLBACKS=workers. */
    NNG_URING_PLACE_AUTO,
    NNG_URING_PLACE_INLINE,  /* always on its loop: it never waits */
    NNG_URING_PLACE_WORKERS, /* always on a worker */
};

/*
 * Says where a handler's callback is called: one for which NNG_URING_PLACE_AUTO, with which it
 * begins, is not right.
 *
 * Errors: NNG_EBUSY: it was added to a server; NNG_EINVAL: no such placement.
 * Threads: one at a time while it is set up.
 */
NNG_DECL int nng_uring_handler_set_placement(struct nng_http_handler *handler,
                                             enum nng_uring_placement how);

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
 * cancellations, wake-ups, receives without a buffer, connections accepted, TLS handshakes; and
 * connections open now, and servers' connections by what they are at. As many as there is `room`
 * for are filled in. The counters are always on, and read while they move.
 *
 * Returns: how many counters there are.
 * Threads: any.
 */
NNG_DECL size_t nng_uring_counters(nng_uring_counter *list, size_t room);

/*
 * Tell the addresses of both ends of a connection.
 *
 * The connection may also be one that is lent to a handler (input 2 of its aio). Both ends of a
 * UNIX socket's have its path, NNG_AF_IPC. The remote one is the client's where a balancer has told
 * it by the PROXY protocol.
 *
 * Errors: NNG_ECLOSED: the connection is closed.
 * Threads: any.
 * See: nng_str_sockaddr(), nng_uring_server_set_trusted().
 */
NNG_DECL int nng_uring_conn_local_addr(struct nng_http_conn *conn, nng_sockaddr *addr);
NNG_DECL int nng_uring_conn_remote_addr(struct nng_http_conn *conn, nng_sockaddr *addr);

/*
 * Switches TCP keep-alive probes on or off.
 *
 * They are off at first.
 *
 * Errors: NNG_ECLOSED: the connection is closed; NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: tcp(7).
 */
NNG_DECL int nng_uring_conn_set_keepalive(struct nng_http_conn *conn, bool on);

/* ---- TLS ---------------------------------------------------------------------------------- */

/* For nng_tls_config_ca_file(), in place of a path: the CAs that this system trusts. */
#define NNG_URING_TLS_SYSTEM_CA "nng-uring:system-ca"

/*
 * Sets the protocols that are offered or taken (ALPN).
 *
 * Best first, with commas between them: "h2,http/1.1". Without it HTTP speaks of "http/1.1" alone,
 * everything else of none. A server and a client that have none in common go on without.
 *
 * Errors: NNG_EINVAL: an empty name, or more than 256 bytes; NNG_EBUSY: it is in use.
 * Threads: any.
 * See: RFC 7301.
 */
NNG_DECL int nng_uring_tls_config_alpn(struct nng_tls_config *config, const char *protocols);

/*
 * Sets whether sessions are resumed.
 *
 * They are at first, which spares both sides the certificates and the signature; never with
 * nng_tls_config_psk().
 *
 * A server gives its clients tickets. One counts at all servers of the process that ask the same of
 * their clients: mode, CAs, and lists of revoked certificates.
 *
 * A client keeps the 64 newest sessions that servers have given to connections with this
 * configuration, and offers the next connection to the same host and port one of them: those of TLS
 * 1.3 once only (RFC 8446 appendix C.4). What was verified of a certificate then counts until the
 * session ends, which is when its server says so, after seven days at most.
 *
 * Errors: NNG_EBUSY: it is in use.
 * Threads: any.
 */
NNG_DECL int nng_uring_tls_config_resumption(struct nng_tls_config *config, bool on);

/*
 * Sets the OCSP response that a server sends.
 *
 * The file holds it in DER. It is read now, and sent to clients that ask for it.
 *
 * Errors: NNG_ECRYPTO: it is empty; NNG_ENOENT, NNG_EPERM: it cannot be read; NNG_EMSGSIZE: it has
 * more than 16 MiB; NNG_EBUSY: it is in use; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: RFC 6066 section 8.
 */
NNG_DECL int nng_uring_tls_config_ocsp_file(struct nng_tls_config *config, const char *path);

/*
 * Gives a server a certificate that it has signed itself.
 *
 * For trying things out: an ECDSA P-256 key pair that is made now and never leaves memory, for the
 * names and addresses in `hosts`, with commas between them, for 90 days. No client trusts it unless
 * it is told to.
 *
 * Errors: NNG_EINVAL: no host, or one that cannot be; NNG_EBUSY: it is in use; NNG_ECRYPTO: OpenSSL
 * cannot make it; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_uring_tls_config_fingerprint().
 */
NNG_DECL int nng_uring_tls_config_self_signed(struct nng_tls_config *config, const char *hosts);

#define NNG_URING_FINGERPRINT 65 /* room for a SHA-256 in hexadecimal digits, and the NUL */

/*
 * Tells the SHA-256 fingerprint of the first certificate of our own.
 *
 * Errors: NNG_ENOENT: there is none; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_uring_tls_config_fingerprint(struct nng_tls_config *config,
                                              char text[NNG_URING_FINGERPRINT]);

/* What is known of a connection. */
typedef struct nng_uring_tls_info {
    const char *version;                          /* "TLSv1.3"; static */
    const char *cipher;                           /* "TLS_AES_256_GCM_SHA384"; static */
    char *alpn;                                   /* the protocol; NULL: none was agreed on */
    char *server_name;                            /* that the client asked for; NULL: none */
    bool verified;                                /* the peer's certificate was, and is good */
    bool resumed;                                 /* the session is one from before */
    char *peer_cn;                                /* its certificate's subject; NULL: none */
    char **peer_alt_names;                        /* its names and addresses; NULL at the end; or
                                                   * NULL: the peer has shown no certificate */
    char peer_fingerprint[NNG_URING_FINGERPRINT]; /* SHA-256, or "" */
} nng_uring_tls_info;

/*
 * Tell what is known of a connection that is secured by TLS, and free that.
 *
 * Errors: NNG_ENOTSUP: it is not; NNG_EAGAIN: the handshake is not over (it is when something has
 * been read, and for a server's handler), or else what it failed with; NNG_ECLOSED: the connection
 * is closed; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_uring_conn_tls_info(struct nng_http_conn *conn, nng_uring_tls_info **infop);
NNG_DECL void nng_uring_tls_info_free(nng_uring_tls_info *info);

/* ---- WebSocket ---------------------------------------------------------------------------- */

/* Options of dialers and listeners of WebSockets, beside those of <nng/nng.h>. Times are in
 * milliseconds, and 0 stands for no limit. */

/* size, of a message: 131,072 */
#define NNG_URING_OPT_WS_MAX_FRAGMENTS "ws:fragments-max"

/* size: bytes that wait to be received, after which the peer has to wait: 256 KiB */
#define NNG_URING_OPT_WS_MAX_QUEUED "ws:queued-max"

/* ms, for the upgrade: 10 s */
#define NNG_URING_OPT_WS_HANDSHAKE_TIMEOUT "ws:handshake-timeout"

/* ms, for the peer's answer to a close, and then for the end of its connection; and, when the peer
 * has closed, for the program to receive what came before and to have sent what it is sending:
 * 2 s */
#define NNG_URING_OPT_WS_CLOSE_TIMEOUT "ws:close-timeout"

/* ms without a message, after which it is closed with 1001: 0 */
#define NNG_URING_OPT_WS_IDLE_TIMEOUT "ws:idle-timeout"

/* ms of silence before a ping is sent; 0, as it is at first: none is */
#define NNG_URING_OPT_WS_PING_INTERVAL "ws:ping-interval"

/* ms for its answer, then the connection is given up (NNG_ETIMEDOUT): 10 s */
#define NNG_URING_OPT_WS_PONG_TIMEOUT "ws:pong-timeout"

/* Compression (permessage-deflate, RFC 7692): a bool, false: whether a dialer offers it, and a
 * listener agrees to it. What a receive is given, and NNG_OPT_RECVMAXSZ, which bounds what a
 * message expands to, are about messages as they were before; NNG_OPT_WS_RECVMAXFRAME is about
 * frames as they come. The stream's NNG_OPT_WS_RESPONSE_HEADER for "Sec-WebSocket-Extensions" says
 * what was agreed. */
#define NNG_URING_OPT_WS_DEFLATE "ws:deflate"

/* bool, true: what was sent before helps with the next message, for which each end keeps its
 * windows. With false that is agreed on for both, and between messages there are none. */
#define NNG_URING_OPT_WS_DEFLATE_CONTEXT "ws:deflate-context"

/* int, 9 to 15: log2 of the largest windows: 15, which is 32 KiB */
#define NNG_URING_OPT_WS_DEFLATE_WINDOW "ws:deflate-window"

/* size: bytes of memory for the compression of a WebSocket, both ways; with less, smaller windows
 * are agreed on, or (16 KiB) it is done without: 384 KiB, which is enough for the largest */
#define NNG_URING_OPT_WS_DEFLATE_MEMORY "ws:deflate-memory"

/* string, a listener's: the only Origins that are upgraded, commas between
 * ("https://example.org"); requests without one, no browser's, are, too */
#define NNG_URING_OPT_WS_ORIGINS "ws:origins"

/* Options of a WebSocket that say how the peer has ended it, NNG_ESTATE before: its code, an int
 * (1005: it gave none; 1006: it did not close but has gone), and its reason, a string, or
 * NNG_ENOENT. */
#define NNG_URING_OPT_WS_CLOSE_CODE "ws:close-code"
#define NNG_URING_OPT_WS_CLOSE_REASON "ws:close-reason"

/* What a frame is about (RFC 6455 11.8). */
enum nng_uring_ws_type {
    NNG_URING_WS_TEXT = 1,
    NNG_URING_WS_BINARY = 2,
    NNG_URING_WS_PING = 9,
};

/*
 * Receives a WebSocket's message into the aio's vector.
 *
 * It is done when the message has ended, or the vector is full: nng_uring_ws_ended() says which.
 * Then the next receive goes on with the rest. The message may be empty. Mixed with
 * nng_stream_recv(), each takes what follows on the one before.
 *
 * Errors: those of nng_stream_recv(); NNG_ENOTSUP: it is no WebSocket; NNG_ECLOSED: it was closed,
 * by either; NNG_EPROTO: the peer has broken the protocol; NNG_EMSGSIZE: it has sent more than a
 * limit allows.
 * Threads: any.
 * See: nng_uring_ws_type(), nng_uring_ws_ended(), nng_uring_ws_send().
 */
NNG_DECL void nng_uring_ws_recv(struct nng_stream *stream, nng_aio *aio);

/*
 * Tell about the message that a receive's bytes are of.
 *
 * They are for an aio of nng_uring_ws_recv() or, on a WebSocket, nng_stream_recv() that has ended
 * well, before it is used again: the type of the message, and whether these bytes are its last.
 *
 * Returns: the type; whether the message has ended.
 * Errors: none.
 * Threads: any, as for nng_aio_get_output().
 */
NNG_DECL enum nng_uring_ws_type nng_uring_ws_type(nng_aio *aio);
NNG_DECL bool nng_uring_ws_ended(nng_aio *aio);

/*
 * Sends the aio's vector as a message, or as a part of one.
 *
 * It may be empty, and is sent whole, in frames of at most NNG_OPT_WS_SENDMAXFRAME bytes. With
 * `ended` false the next send goes on with the message; pings may come in between. It is done when
 * all is written. When it ends before, for a timeout for instance, with a part of it framed, the
 * rest is still written and counts: the count is what the peer may receive. With more than 1 MiB of
 * rest it is not, for that would have to be copied, and the WebSocket ends behind what counts. A
 * ping holds 125 bytes at most; its answer is no event, but counts as a sign of life.
 *
 * Errors: those of nng_stream_send(); NNG_ENOTSUP: it is no WebSocket; NNG_EINVAL: text that is not
 * UTF-8, or no such type; NNG_ESTATE: a message of another type has not ended; NNG_EMSGSIZE: a ping
 * that is too long.
 * Threads: any.
 * See: nng_uring_ws_recv().
 */
NNG_DECL void nng_uring_ws_send(struct nng_stream *stream, nng_aio *aio,
                                enum nng_uring_ws_type type, bool ended);

/*
 * Closes a WebSocket with a code and a reason for the peer.
 *
 * It is nng_stream_close() otherwise, which says 1000, or 1001 when it comes from a listener.
 * `reason` is text of at most 123 bytes, or NULL. A second close changes nothing.
 *
 * Errors: NNG_ENOTSUP: it is no WebSocket; NNG_EINVAL: a code that cannot be sent (RFC 6455 7.4),
 * or a reason that is too long or not UTF-8.
 * Threads: any.
 */
NNG_DECL int nng_uring_ws_close(struct nng_stream *stream, uint16_t code, const char *reason);

/*
 * Closes a WebSocket as far as sending goes.
 *
 * What is being sent is sent, and a close frame with this code and reason behind it; sends that
 * come later end with NNG_ECLOSED. What the peer sends until its own close frame is still received,
 * as long as it does not pause for longer than NNG_URING_OPT_WS_CLOSE_TIMEOUT, nor goes without a
 * message for longer than NNG_URING_OPT_WS_IDLE_TIMEOUT; then receives end with NNG_ECLOSED, too.
 *
 * Errors: those of nng_uring_ws_close().
 * Threads: any.
 * See: nng_uring_ws_close().
 */
NNG_DECL int nng_uring_ws_finish(struct nng_stream *stream, uint16_t code, const char *reason);

/*
 * Has a function look at each request before it becomes a WebSocket.
 *
 * It returns 0, or the status that the request is refused with. It is called on a loop, and must
 * not wait.
 *
 * Errors: NNG_ENOTSUP: it is no listener of WebSockets; NNG_EBUSY: it listens already.
 * Threads: any.
 */
NNG_DECL int nng_uring_ws_listener_set_check(struct nng_stream_listener *listener,
                                             uint16_t (*check)(void *arg, struct nng_http_req *req),
                                             void *arg);

/* ---- Servers ------------------------------------------------------------------------------ */

/*
 * Has a server listen, but accept nobody yet.
 *
 * It is for a process that gives up privileges in between: ports below 1024 and directories of UNIX
 * sockets may need them, and what comes after should not have them. Loops are not started by this,
 * so that their rings are made with the rights that are left. Who connects meanwhile waits for
 * nng_http_server_start(), which goes on with these sockets; nng_http_server_get_addr() tells the
 * address. Again, before that, it does nothing. The sockets go with the start's end, as always, or
 * with nng_uring_server_drain() or nng_http_server_release().
 *
 * Errors: those of nng_http_server_start(); NNG_EBUSY: the server runs, or is being drained;
 * NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_http_server_start(), setuid(2).
 */
NNG_DECL int nng_uring_server_bind(struct nng_http_server *server);

/*
 * Has a server listen on a socket that is there already.
 *
 * It is one that listens for streams, and that the process was started with (by systemd's socket
 * activation, sd_listen_fds(3)), or was handed by another one. The server then listens on the
 * sockets it was given, and not on what its URL says. It owns `fd` unless there is an error, and
 * leaves the socket listening when it stops: who is waiting in its queue then is accepted by those
 * who have it still.
 *
 * Errors: NNG_EINVAL: it does not listen for streams; NNG_EBUSY: the server runs, or is
 * bound; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_http_server_start(), nng_uring_server_drain().
 */
NNG_DECL int nng_uring_server_add_socket(struct nng_http_server *server, int fd);

/*
 * Hands out the sockets that a server listens on.
 *
 * They are for the process that takes over from this one: unix(7) says how to send them
 * (SCM_RIGHTS), and nng_uring_server_add_socket() has a server listen on them there. Until this one
 * stops, both accept. `fds` has room for `*count`, which becomes their number; they are duplicates,
 * the caller's to close. From now on the server leaves the sockets listening when it stops, and the
 * file of a UNIX socket where it is, for nng_uring_server_take_file() of the other process.
 *
 * Errors: NNG_ESTATE: the server does not run; NNG_EMSGSIZE: there are more, `*count` of them, and
 * none was handed out; NNG_ENOFILES: no more files can be opened; NNG_ENOTSUP: this is a forked
 * child.
 * Threads: any.
 * See: nng_uring_server_add_socket(), nng_uring_server_leave().
 */
NNG_DECL int nng_uring_server_get_sockets(struct nng_http_server *server, int *fds, size_t *count);

/*
 * Has a server that runs remove the file of its UNIX socket when it stops.
 *
 * One that has made it does so anyway. It is for one that was given the socket by a process that
 * has made it (nng_uring_server_add_socket()), once that one has gone, and for that one if the
 * other does not take over after all. The file that is there when it stops is removed only if it is
 * the one that is there now. Again it does nothing; nor does it for an abstract socket.
 *
 * Errors: NNG_ESTATE: the server does not run; NNG_ENOENT: there is no socket of that name;
 * NNG_ENOTSUP: it has no UNIX socket, or this is a forked child.
 * Threads: any.
 * See: nng_uring_server_get_sockets(), unix(7).
 */
NNG_DECL int nng_uring_server_take_file(struct nng_http_server *server);

/*
 * Has a server accept nobody any more, and waits until its connections are over.
 *
 * That is for one whose sockets another one has, too (nng_uring_server_get_sockets()), so that no
 * request is lost. Who is connected by then is served: the next answer of each connection is its
 * last, and says so ("Connection: close"); one that is idle is left alone until its client asks, or
 * its idle timeout is over. When it returns nobody is accepted any more: for that it waits as long
 * as it takes, which is a moment, unless a callback holds a loop. For the connections it waits for
 * `ms` milliseconds at most, or as long as it takes with NNG_DURATION_INFINITE; it may be called
 * again to wait on. nng_uring_server_drain() or
 * nng_http_server_stop() is to follow.
 *
 * Errors: NNG_ETIMEDOUT: the time was over before the connections; NNG_ESTATE: it was called in a
 * callback; NNG_ENOTSUP: this is a forked child.
 * Threads: any but the library's own.
 * See: nng_uring_server_drain(), nng_uring_server_retire().
 */
NNG_DECL int nng_uring_server_leave(struct nng_http_server *server, nng_duration ms);

/*
 * Stops a server gently.
 *
 * Who has connected by then is still accepted, and then nobody; requests that have begun, or come
 * within a tenth of a second (the first of a connection, within a second), are answered and their
 * connections closed; idle ones are closed. It waits until all is over, or for `ms` milliseconds;
 * then the rest is closed hard. With NNG_DURATION_INFINITE (or _DEFAULT) it waits as long as it
 * takes, which the server's limits bound unless a handler does not finish. It counts as the last
 * nng_http_server_stop(). Of several at a time each waits for itself, and the first whose time is
 * over closes the rest.
 *
 * Errors: NNG_ETIMEDOUT: the time was over before the requests; NNG_ESTATE: it was called in a
 * callback; NNG_ENOTSUP: this is a forked child.
 * Threads: any but the library's own.
 * See: nng_uring_server_retire(), nng_http_server_stop().
 */
NNG_DECL int nng_uring_server_drain(struct nng_http_server *server, nng_duration ms);

/* A request that is over, for a log or for figures. What it points to, which is not NUL-terminated,
 * is valid as long as the hook is called. */
typedef struct nng_uring_request {
    const char *method; /* length 0, like the others: its head was refused, or did not come */
    size_t method_len;
    const char *target; /* as it was received: any bytes but spaces, controls and DEL */
    size_t target_len;
    const char *head; /* all of it, as it was received */
    size_t head_len;
    int minor_version; /* of HTTP/1 */
    uint16_t status;   /* of the answer; 0: a handler has written it itself, or hijacked the
                        * connection, or there was none */
    uint64_t bytes;    /* of the answer's body, as far as they are known: not with status 0 */
    uint64_t duration; /* us, from its head until it was answered: until that was ready to be
                        * written, or a file's last part was */
    uint64_t ended;    /* when that was, in ns of CLOCK_MONOTONIC: clock_gettime(2) */
    bool complete;     /* false: the connection was over before */
    bool secure;       /* it came over TLS */
    bool trusted;      /* `peer` is one that nng_uring_server_set_trusted() has named */
    nng_sockaddr peer; /* s_family NNG_AF_UNSPEC: it is not known */
    /* Whom a trusted peer says that it speaks for: the last address in X-Forwarded-For or else in
     * Forwarded (RFC 7239), with port 0; where it says nothing, and of others: the peer. */
    nng_sockaddr client;
} nng_uring_request;

/* It is called on a loop, so it must not wait, nor call what does. */
typedef void (*nng_uring_request_hook)(void *arg, const nng_uring_request *request);

/*
 * Has a function called once for each request of a server that is over.
 *
 * That is when it is answered, also by an error page for what was no request, or when its
 * connection is over before. It is in force from the next nng_http_server_start() on; NULL stands
 * for none. Calls are made on all loops at a time. A request that there is no memory for to be
 * remembered is served, and left out here.
 *
 * Errors: NNG_EBUSY: the server runs; NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_uring_request_header().
 */
NNG_DECL int nng_uring_server_set_request_hook(struct nng_http_server *server,
                                               nng_uring_request_hook hook, void *arg);

/*
 * Returns a header field's value in a request that a hook is told of.
 *
 * It is the first of that name, `*len` bytes of it; there is no NUL behind them.
 *
 * Returns: the value, in the request's head; NULL: there is no such field.
 * Threads: the one that calls the hook, during its call; others have NULL.
 * See: nng_uring_server_set_request_hook().
 */
NNG_DECL const char *nng_uring_request_header(const nng_uring_request *request, const char *name,
                                              size_t *len);

/*
 * Has a server send its clients elsewhere.
 *
 * From now on each answer is the last of its connection, and says so ("Connection: close"). It goes
 * on accepting, so that whoever sends it requests (a balancer that asks for its health) has time to
 * learn that it is going away, before nng_uring_server_drain(). A new start undoes it.
 *
 * Errors: NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_uring_server_drain().
 */
NNG_DECL int nng_uring_server_retire(struct nng_http_server *server);

/*
 * Says which peers of a server are believed what they say of their clients.
 *
 * Those are balancers: addresses and networks with commas between them ("10.0.0.0/8,::1"), and
 * "unix" for all who come by a UNIX socket; NULL, as at first: none. With `proxy` a connection from
 * one of them has to begin with a header of the PROXY protocol, version 1 or 2, before TLS if that
 * follows; without one within NNG_URING_HEAD_TIMEOUT it is closed. The client's address in it is
 * then the connection's remote one, and what its requests say is believed only if that is among
 * `peers`, too. Who is not among them has no such header: one is answered as a bad request. It
 * counts from the next nng_http_server_start() on.
 *
 * Errors: NNG_EINVAL: it is no such list, or of more than 32; NNG_EBUSY: the server runs;
 * NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_uring_conn_remote_addr(), nng_uring_server_set_request_hook().
 */
NNG_DECL int nng_uring_server_set_trusted(struct nng_http_server *server, const char *peers,
                                          bool proxy);

/* Who shares the port of a server's TCP addresses (SO_REUSEPORT of socket(7)). */
enum nng_uring_reuseport {
    /* Its loops alone. Each has a socket, and the kernel spreads connections among them. While
     * somebody else listens there a start fails with NNG_EADDRINUSE. */
    NNG_URING_REUSEPORT_LOOPS,
    /* Others, too, that say so as well: servers of this process or of others that run as the same
     * user. The kernel spreads connections among the sockets of them all, so one with more loops
     * has more. When one stops, who was in its queue is answered or, in the middle of a TCP
     * handshake, refused: nng_uring_server_get_sockets() is the way to lose nobody. */
    NNG_URING_REUSEPORT_ON,
    /* Nobody. All loops accept from one socket for each address: whoever is free. None waits in
     * the queue of a loop that is busy, but loops are woken for nothing now and then. */
    NNG_URING_REUSEPORT_OFF,
};

/*
 * Says who shares the port of a server.
 *
 * It counts from when the server is bound next; it is NNG_URING_REUSEPORT_LOOPS at first. Sockets
 * that it is given are as they are.
 *
 * Errors: NNG_EBUSY: the server runs, or is bound; NNG_EINVAL: `how` is none of them; NNG_ENOTSUP:
 * it has a UNIX socket, which its loops share.
 * Threads: any.
 * See: nng_http_server_start(), nng_uring_server_bind(), nng_uring_server_add_socket().
 */
NNG_DECL int nng_uring_server_set_reuseport(struct nng_http_server *server,
                                            enum nng_uring_reuseport how);

/*
 * Sets the permissions of a server's UNIX socket.
 *
 * They count from the next nng_http_server_start() on, before anybody can connect; to connect takes
 * the permission to write. By default they are what the umask leaves of 0777.
 *
 * Errors: NNG_EBUSY: the server runs, or is bound; NNG_EINVAL: `mode` is none; NNG_ENOTSUP: its
 * URL's scheme is not http+unix.
 * Threads: any.
 * See: nng_http_server_hold(), unix(7).
 */
NNG_DECL int nng_uring_server_set_permissions(struct nng_http_server *server, int mode);

/*
 * What a server puts up with, so that clients that are slow, silent or many do no harm. Times are
 * in milliseconds, and 0 stands for no limit. For all servers of a process that is not to be
 * changed the environment sets them: NNG_URING_LIMITS="idle-timeout=0,head-fields=512", in small
 * letters and with hyphens, as `nng-uring serve` has them as options. What is no such list makes
 * nng_http_server_hold() fail with NNG_EINVAL, and nng_uring_reason() say so.
 */
enum nng_uring_limit {
    /* For a whole request head, from its first byte: 10 s. Then 408, and the connection is closed.
     */
    NNG_URING_HEAD_TIMEOUT,
    /* For a connection on which no request has begun: 60 s. Then it is closed. */
    NNG_URING_IDLE_TIMEOUT,
    /* For a body that the server reads, without a byte of it: 30 s (it may become an eighth
     * longer). Then 408, and closed. */
    NNG_URING_BODY_TIMEOUT,
    /* For a response, without the client taking a byte of it: 60 s (it may become an eighth
     * longer). Then the connection is reset. What a client has taken is what its kernel has
     * acknowledged: one that reads slowly from a large buffer takes nothing for a while, and then
     * much. */
    NNG_URING_WRITE_TIMEOUT,
    /* Bytes of a request head (64 to 1 MiB): 16,384. More is answered with 431. A target of more
     * than 8,192 bytes is answered with 414. */
    NNG_URING_HEAD_BYTES,
    /* Header fields (1 to 4,096): 128. More is answered with 431. */
    NNG_URING_HEAD_FIELDS,
    /* Bytes of a body that nobody reads, which are read and thrown away to get at the next request:
     * 262,144. With more the connection is closed after the response. */
    NNG_URING_DRAIN_BYTES,
    /* Connections at once. 0 stands for what the process's descriptors allow, when the first server
     * is started: RLIMIT_NOFILE without an eighth and without those that are open, or half of that
     * once there is a handler for files, of which each connection may have one open. All servers
     * with 0 share these. At the limit a new one waits until one that has no request in hand, the
     * one that has been idle for longest, is closed for it, or one ends; of more than a few that
     * wait some are closed at once. */
    NNG_URING_CONNECTIONS,
    /* For what a client still sends when it has its last answer and the connection is to be closed,
     * as after a 413: 30 s, and no more than 2 s without a byte of it. It is thrown away, for a
     * close would make the client's system lose the answer (RFC 9112 9.6). */
    NNG_URING_LINGER_TIMEOUT,
    /* And bytes of that: 16 MiB. */
    NNG_URING_LINGER_BYTES,
    /* Bytes of all bodies at a time that handlers have collected for them and that did not come in
     * one piece with their head, from the head until the answer: a quarter of the memory that the
     * cgroup or else the machine allows, which 0 stands for. What would be beyond is answered with
     * 503 and Retry-After, and with 413 where it alone is. */
    NNG_URING_COLLECT_BYTES,
    /* For a whole body that the server reads: an hour. Then 408, and closed. */
    NNG_URING_BODY_TOTAL_TIMEOUT,
    /* Bytes a second of such a body, on average from its first moment on, when BODY_TIMEOUT has
     * passed (without that, never): 500. With fewer 408, and closed. */
    NNG_URING_BODY_RATE,
    /* Connections at once from one client's address, to all servers of the process that have this
     * limit: 0, any number. More are closed at once; what a connection was upgraded to counts for
     * it. The addresses of a /64 of IPv6 are one client's. Balancers, which
     * nng_uring_server_set_trusted() names, have as many as they like, and in their place whoever
     * they speak for by the PROXY protocol is counted; what requests say of that
     * (X-Forwarded-For) is not looked at. Who comes by a UNIX socket has no address. */
    NNG_URING_CLIENT_CONNECTIONS,
    /* Likewise requests a second (up to 1,000,000): 0, any number. Here a balancer that is trusted
     * counts as the client whom each request is forwarded for, if that says so. Who has been silent
     * may ask at once for a second's; beyond that they are answered with 429 and Retry-After. Both
     * limits count for connections that began when one of them was set. */
    NNG_URING_CLIENT_REQUESTS,
    /* Bytes a second of an answer that the client has to take, on average over each WRITE_TIMEOUT
     * (without that, never): 500. With fewer the connection is reset; but it has to take no more in
     * such a time than is written at once, of a file 256 KiB. For heads there is no such limit, as
     * HEAD_TIMEOUT is for all of one. */
    NNG_URING_WRITE_RATE,
};

/*
 * Sets what a server puts up with.
 *
 * It counts from the next nng_http_server_start() on. Clients that are slow, silent or many then do
 * no harm. Times are in milliseconds, and 0 stands for no limit.
 *
 * Errors: NNG_EINVAL: there is no such limit, or the value is not allowed, whether it runs or not;
 * NNG_EBUSY: the server runs; NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_uring_server_get_limit(), nng-uring-serve(1).
 */
NNG_DECL int nng_uring_server_set_limit(struct nng_http_server *server, enum nng_uring_limit limit,
                                        uint64_t value);

/*
 * Changes a limit of a server that may run.
 *
 * For one that does it counts for what begins from now on: a wait that is under way keeps its time.
 *
 * Errors: NNG_EINVAL: there is no such limit, or the value is not allowed; NNG_EBUSY: the server
 * runs, and it is one that cannot be changed then (NNG_URING_HEAD_FIELDS, NNG_URING_CONNECTIONS);
 * NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_uring_server_set_limit().
 */
NNG_DECL int nng_uring_server_change_limit(struct nng_http_server *server,
                                           enum nng_uring_limit limit, uint64_t value);

/*
 * Returns a limit of a server.
 *
 * Errors: NNG_EINVAL: there is no such limit; NNG_ENOTSUP: this is a forked child.
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
 * Puts a handler of a server in the place of another one, in one step.
 *
 * It is nng_http_server_del_handler() and nng_http_server_add_handler(), but no request comes in
 * between: each finds one of them. Requests that the old one has begun to answer are answered by
 * it. On success the old one is the caller's again, and may be freed at once; on error nothing has
 * changed.
 *
 * Errors: those of nng_http_server_add_handler(); NNG_ENOENT: the server does not have the old one.
 * Threads: any.
 * See: nng_http_server_del_handler(), nng_http_handler_free().
 */
NNG_DECL int nng_uring_server_replace_handler(struct nng_http_server *server,
                                              struct nng_http_handler *old,
                                              struct nng_http_handler *fresh);

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

/*
 * Has a directory handler redirect /docs to /docs/.
 *
 * That is, a path without a '/' at its end that leads to a directory with an index file is answered
 * with 301 and the query kept, so that relative links in the index are good. NNG's, and ours unless
 * this is called, answer with the index.
 *
 * Errors: NNG_EINVAL: it is no handler for files; NNG_EBUSY: it was added to a server.
 * Threads: as for nng_http_handler_set_host().
 */
NNG_DECL int nng_uring_handler_set_slash_redirects(struct nng_http_handler *handler, bool on);

/*
 * Has a directory handler send files that were compressed before.
 *
 * Beside style.css may lie style.css.br, style.css.zst and style.css.gz; of those that the client
 * takes (Accept-Encoding, with its weights) the best is sent, with its own entity tag and ranges,
 * and the content type of style.css. Answers say "Vary: Accept-Encoding". What is newer does not
 * matter: who changes a file makes the others anew. A client that takes none that is there, nor the
 * file as it is, is answered with 406.
 *
 * Errors: NNG_EINVAL: it is no handler for a directory; NNG_EBUSY: it was added to a server.
 * Threads: as for nng_http_handler_set_host().
 * See: RFC 9110 section 12.5.3.
 */
NNG_DECL int nng_uring_handler_set_precompressed(struct nng_http_handler *handler, bool on);

/*
 * Has a directory handler list directories without an index file.
 *
 * The page has names, times and sizes, but of nothing whose name begins with a dot. /docs is
 * redirected to /docs/, as nng_uring_handler_set_slash_redirects() has it.
 *
 * Errors: NNG_EINVAL: it is no handler for a directory; NNG_EBUSY: it was added to a server.
 * Threads: as for nng_http_handler_set_host().
 */
NNG_DECL int nng_uring_handler_set_listing(struct nng_http_handler *handler, bool on);

/*
 * Has a directory handler send one file for all paths that lead to none.
 *
 * It is sent with status 200: the page of an application that has paths of its own in the browser.
 * `name` is its path below the directory; NULL stands for none. Directories that are listed are
 * not replaced.
 *
 * Errors: NNG_EINVAL: it is no handler for a directory, or no name of a file; NNG_EBUSY: it was
 * added to a server; NNG_ENOMEM: no memory.
 * Threads: as for nng_http_handler_set_host().
 */
NNG_DECL int nng_uring_handler_set_fallback(struct nng_http_handler *handler, const char *name);

/*
 * Has a directory handler say for how long answers may be kept.
 *
 * `value` is for Cache-Control, such as "public, max-age=3600, immutable". `pattern` is a shell's:
 * "*.css" for names, or with a slash, "/assets/" and a star, for whole paths below the directory,
 * in which stars stand for slashes, too. The first one that fits counts.
 *
 * Errors: NNG_EINVAL: it is no handler for a directory, or the pattern or the value is none;
 * NNG_EBUSY: it was added to a server; NNG_ENOMEM: no memory.
 * Threads: as for nng_http_handler_set_host().
 * See: RFC 9111 section 5.2, fnmatch(3).
 */
NNG_DECL int nng_uring_handler_add_cache_rule(struct nng_http_handler *handler, const char *pattern,
                                              const char *value);

/*
 * Has a directory handler let pages of another origin read its files (CORS).
 *
 * `origin` is one as browsers send it, "https://example.org", or "*" for all. Several may be added.
 *
 * Errors: NNG_EINVAL: it is no handler for a directory, or no origin; NNG_EBUSY: it was added to a
 * server; NNG_ENOMEM: no memory.
 * Threads: as for nng_http_handler_set_host().
 */
NNG_DECL int nng_uring_handler_add_origin(struct nng_http_handler *handler, const char *origin);

#ifdef __cplusplus
}
#endif

#endif
