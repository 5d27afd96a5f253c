/* SPDX-License-Identifier: MIT */
/*
 * nng-uring: NNG 1.x's asynchronous API on io_uring. The common part: errors, memory, time,
 * threads, logs, URLs and asynchronous operations (aio). Names, values and layouts are NNG 1.x's;
 * the sections say where nng-uring promises more. "Any thread" includes completion callbacks.
 *
 * nng-uring needs an io_uring: where the kernel, a sysctl, a seccomp filter or a memory limit
 * refuses one, functions that need it return (or finish their aio with) NNG_ENOTSUP at once.
 * `nng-uring probe` and nng_uring_reason() in <nng/uring.h> say why.
 */
#ifndef NNG_NNG_H
#define NNG_NNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_DECL
#define NNG_DECL __attribute__((visibility("default"))) extern
#endif

/* The NNG release whose API this follows; nng_version() reports the same. */
#define NNG_MAJOR_VERSION 1
#define NNG_MINOR_VERSION 12
#define NNG_PATCH_VERSION 0
#define NNG_RELEASE_SUFFIX ""

#define NNG_MAXADDRLEN (128)

/* ---- Types -------------------------------------------------------------------------------- */

typedef int32_t nng_duration; /* milliseconds, or one of NNG_DURATION_* */
typedef uint64_t nng_time;    /* milliseconds on nng_clock()'s clock */

typedef struct nng_aio nng_aio;
typedef struct nng_msg nng_msg; /* carried by an aio, never looked into */

#define NNG_DURATION_INFINITE (-1)
#define NNG_DURATION_DEFAULT (-2)
#define NNG_DURATION_ZERO (0)

/* One entry of a scatter/gather vector. */
typedef struct nng_iov {
    void *iov_buf;
    size_t iov_len;
} nng_iov;

struct nng_sockaddr_inproc {
    uint16_t sa_family;
    char sa_name[NNG_MAXADDRLEN];
};

struct nng_sockaddr_path {
    uint16_t sa_family;
    char sa_path[NNG_MAXADDRLEN];
};

struct nng_sockaddr_in6 {
    uint16_t sa_family;
    uint16_t sa_port; /* network byte order */
    uint8_t sa_addr[16];
    uint32_t sa_scope;
};

struct nng_sockaddr_in {
    uint16_t sa_family;
    uint16_t sa_port; /* network byte order */
    uint32_t sa_addr; /* network byte order */
};

struct nng_sockaddr_zt {
    uint16_t sa_family;
    uint64_t sa_nwid;
    uint64_t sa_nodeid;
    uint32_t sa_port;
};

struct nng_sockaddr_abstract {
    uint16_t sa_family;
    uint16_t sa_len;
    uint8_t sa_name[107];
};

struct nng_sockaddr_storage {
    uint16_t sa_family;
    uint64_t sa_pad[16];
};

typedef struct nng_sockaddr_inproc nng_sockaddr_inproc;
typedef struct nng_sockaddr_path nng_sockaddr_path;
typedef struct nng_sockaddr_path nng_sockaddr_ipc;
typedef struct nng_sockaddr_in nng_sockaddr_in;
typedef struct nng_sockaddr_in6 nng_sockaddr_in6;
typedef struct nng_sockaddr_zt nng_sockaddr_zt;
typedef struct nng_sockaddr_abstract nng_sockaddr_abstract;
typedef struct nng_sockaddr_storage nng_sockaddr_storage;

typedef union nng_sockaddr {
    uint16_t s_family; /* which member is set: an nng_sockaddr_family */
    nng_sockaddr_ipc s_ipc;
    nng_sockaddr_inproc s_inproc;
    nng_sockaddr_in6 s_in6;
    nng_sockaddr_in s_in;
    nng_sockaddr_zt s_zt;
    nng_sockaddr_abstract s_abstract;
    nng_sockaddr_storage s_storage;
} nng_sockaddr;

enum nng_sockaddr_family {
    NNG_AF_UNSPEC = 0,
    NNG_AF_INPROC = 1,
    NNG_AF_IPC = 2,
    NNG_AF_INET = 3,
    NNG_AF_INET6 = 4,
    NNG_AF_ZT = 5,
    NNG_AF_ABSTRACT = 6,
};

/* Room for what nng_str_sockaddr() writes, of every address. */
#define NNG_MAXADDRSTRLEN (NNG_MAXADDRLEN + 16)

/*
 * Writes an address as text to be read by people: "127.0.0.1:80", "[fe80::1%2]:80", the path of an
 * NNG_AF_IPC, "inproc[name]", "unknown" for NNG_AF_UNSPEC. At most `bufsz` bytes with the NUL: it
 * is cut to fit. Returns `buf`. Any thread. nng_str_sockaddr(3).
 */
NNG_DECL const char *nng_str_sockaddr(const nng_sockaddr *sa, char *buf, size_t bufsz);

/* ---- Errors ------------------------------------------------------------------------------- */

/* Every function that returns int returns 0 or one of these; so does nng_aio_result(). */
enum nng_errno_enum {
    NNG_EINTR = 1,
    NNG_ENOMEM = 2,
    NNG_EINVAL = 3,
    NNG_EBUSY = 4,
    NNG_ETIMEDOUT = 5,
    NNG_ECONNREFUSED = 6,
    NNG_ECLOSED = 7,
    NNG_EAGAIN = 8,
    NNG_ENOTSUP = 9,
    NNG_EADDRINUSE = 10,
    NNG_ESTATE = 11,
    NNG_ENOENT = 12,
    NNG_EPROTO = 13,
    NNG_EUNREACHABLE = 14,
    NNG_EADDRINVAL = 15,
    NNG_EPERM = 16,
    NNG_EMSGSIZE = 17,
    NNG_ECONNABORTED = 18,
    NNG_ECONNRESET = 19,
    NNG_ECANCELED = 20,
    NNG_ENOFILES = 21,
    NNG_ENOSPC = 22,
    NNG_EEXIST = 23,
    NNG_EREADONLY = 24,
    NNG_EWRITEONLY = 25,
    NNG_ECRYPTO = 26,
    NNG_EPEERAUTH = 27,
    NNG_ENOARG = 28,
    NNG_EAMBIGUOUS = 29,
    NNG_EBADTYPE = 30,
    NNG_ECONNSHUT = 31,
    NNG_EINTERNAL = 1000,
    NNG_ESYSERR = 0x10000000,  /* plus the system's errno */
    NNG_ETRANERR = 0x20000000, /* plus a transport's own code */
};

/*
 * The English text for an error code, never NULL. Static or thread-local storage, not to be
 * freed; a text for an unknown code stays valid until the same thread asks for another one.
 * Any thread. Follows nng_strerror(3).
 */
NNG_DECL const char *nng_strerror(int err);

/* "1.12.0": the NNG release whose API this follows. Static storage, any thread. nng_version(3). */
NNG_DECL const char *nng_version(void);

/*
 * Stops the library's loops. Whatever is still pending finishes with NNG_ECLOSED first, and so does
 * what callbacks start meanwhile; operations that others provide, and HTTP handlers at work, are
 * waited for. Not from a callback; after it, objects that were left alive may only be freed. A
 * later call into the library starts it afresh. Follows nng_fini(3).
 */
NNG_DECL void nng_fini(void);

/*
 * Settings, to be made before the library is first used; nng_fini() forgets them. The number of
 * pollers is that of loops (see nng_uring_loops() in <nng/uring.h>; NNG_URING_LOOPS overrides it),
 * 0 and unknown settings change nothing. The others are NNG's (libnng-uring-nng). Any thread.
 * NNG does not document them either.
 */
typedef int nng_init_parameter;

enum {
    NNG_INIT_PARAMETER_NONE = 0,
    NNG_INIT_NUM_TASK_THREADS,
    NNG_INIT_NUM_EXPIRE_THREADS,
    NNG_INIT_NUM_POLLER_THREADS,
    NNG_INIT_NUM_RESOLVER_THREADS,
    NNG_INIT_MAX_TASK_THREADS,
    NNG_INIT_MAX_EXPIRE_THREADS,
    NNG_INIT_MAX_POLLER_THREADS,
};

NNG_DECL void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value);

/* ---- Memory ------------------------------------------------------------------------------- */

/* `size` zeroed bytes, or NULL when there is no memory or size is 0. Any thread. nng_alloc(3). */
NNG_DECL void *nng_alloc(size_t size);

/* Returns what nng_alloc() gave; `size` is the size asked for. NULL is allowed. nng_free(3). */
NNG_DECL void nng_free(void *ptr, size_t size);

/* A copy of `str` for nng_strfree(), or NULL when there is no memory. nng_strdup(3). */
NNG_DECL char *nng_strdup(const char *str);

/* Returns what nng_strdup() gave. NULL is allowed. nng_strfree(3). */
NNG_DECL void nng_strfree(char *str);

/* ---- Time --------------------------------------------------------------------------------- */

/* Milliseconds since an arbitrary start; never goes back. Any thread. nng_clock(3). */
NNG_DECL nng_time nng_clock(void);

/* Blocks the calling thread for `ms` milliseconds; 0 or less returns at once. nng_msleep(3). */
NNG_DECL void nng_msleep(nng_duration ms);

/*
 * Finishes `aio` with 0 after `ms` milliseconds, or with NNG_ETIMEDOUT if the aio's own timeout is
 * the shorter one. Can be cancelled like any operation. Any thread. nng_sleep_aio(3).
 */
NNG_DECL void nng_sleep_aio(nng_duration ms, nng_aio *aio);

/* ---- Random numbers ----------------------------------------------------------------------- */

/*
 * A random number that nobody can predict, from the kernel (getrandom(2)). Blocks until the kernel
 * has gathered enough, which only happens while it boots; ends the process when it refuses, for
 * there is no error to return. Any thread. nng_random(3supp).
 */
NNG_DECL uint32_t nng_random(void);

/* ---- Pairs of sockets --------------------------------------------------------------------- */

/*
 * Two connected UNIX sockets, byte streams, which the caller closes; close-on-exec. NNG_ENOFILES,
 * NNG_ENOMEM. Any thread. nng_socket_pair(3).
 */
NNG_DECL int nng_socket_pair(int fds[2]);

/* ---- Threads ------------------------------------------------------------------------------ */

/*
 * For programs that want no other threads than NNG's. They need no io_uring, and are no part of the
 * library: nng_fini() leaves them alone. The library's own threads run callbacks; see below.
 */
typedef struct nng_thread nng_thread;

/*
 * Starts a thread that runs fn(arg). SIGPIPE is blocked in it; other signals, name and CPUs are as
 * in the calling thread (in a callback: every signal blocked). *threadp is set before fn runs.
 * Every thread has to be destroyed. NNG_ENOMEM, also at a limit of threads: *threadp is then NULL.
 * Any thread. nng_thread_create(3supp).
 */
NNG_DECL int nng_thread_create(nng_thread **threadp, void (*fn)(void *), void *arg);

/*
 * What debuggers and ps(1) call the thread (NULL: the calling one): the first 15 bytes of `name`.
 * Any thread.
 */
NNG_DECL void nng_thread_set_name(nng_thread *thread, const char *name);

/*
 * Waits until fn has returned, and frees the thread. NULL is allowed. Once for each thread, not by
 * the thread itself. nng_thread_destroy(3supp).
 */
NNG_DECL void nng_thread_destroy(nng_thread *thread);

/* A lock. It is not recursive. */
typedef struct nng_mtx nng_mtx;

/* An unlocked one, which the caller owns. NNG_ENOMEM. nng_mtx_alloc(3supp). */
NNG_DECL int nng_mtx_alloc(nng_mtx **mtxp);

/* It must not be locked. NULL is allowed. nng_mtx_free(3supp). */
NNG_DECL void nng_mtx_free(nng_mtx *mtx);

/*
 * Locking twice, or unlocking what another thread has locked, ends the process.
 * nng_mtx_lock(3supp), nng_mtx_unlock(3supp).
 */
NNG_DECL void nng_mtx_lock(nng_mtx *mtx);
NNG_DECL void nng_mtx_unlock(nng_mtx *mtx);

/* A place to wait, with a lock, for something that another thread does. */
typedef struct nng_cv nng_cv;

/* The caller owns it; `mtx` must outlive it. NNG_ENOMEM. nng_cv_alloc(3supp). */
NNG_DECL int nng_cv_alloc(nng_cv **cvp, nng_mtx *mtx);

/* Nobody may be waiting. NULL is allowed. nng_cv_free(3supp). */
NNG_DECL void nng_cv_free(nng_cv *cv);

/*
 * Unlocks the lock, which the caller holds, waits to be woken, and locks again. It may wake up for
 * no reason: wait in a loop that checks what is waited for. Not in a callback, whose thread would
 * do nothing else meanwhile. nng_cv_wait(3supp).
 */
NNG_DECL void nng_cv_wait(nng_cv *cv);

/*
 * The same, at the longest until `when` on nng_clock()'s clock: then it returns NNG_ETIMEDOUT, else
 * 0. UINT64_MAX never comes; 0 returns NNG_EAGAIN without waiting. nng_cv_until(3supp).
 */
NNG_DECL int nng_cv_until(nng_cv *cv, nng_time when);

/*
 * Wakes all who wait, or one of them. Whoever changes what is waited for holds the lock meanwhile.
 * nng_cv_wake(3supp), nng_cv_wake1(3supp).
 */
NNG_DECL void nng_cv_wake(nng_cv *cv);
NNG_DECL void nng_cv_wake1(nng_cv *cv);

/* ---- Log ---------------------------------------------------------------------------------- */

/* How grave a message is: syslog's and RFC 5424's severities. */
typedef enum nng_log_level {
    NNG_LOG_NONE = 0, /* to be set, so that nothing is logged */
    NNG_LOG_ERR = 3,
    NNG_LOG_WARN = 4,
    NNG_LOG_NOTICE = 5,
    NNG_LOG_INFO = 6,
    NNG_LOG_DEBUG = 7,
} nng_log_level;

/* Where it comes from: syslog's and RFC 5424's facilities. */
typedef enum nng_log_facility {
    NNG_LOG_USER = 1,
    NNG_LOG_DAEMON = 3,
    NNG_LOG_AUTH = 10, /* syslog's AUTHPRIV */
    NNG_LOG_LOCAL0 = 16,
    NNG_LOG_LOCAL1 = 17,
    NNG_LOG_LOCAL2 = 18,
    NNG_LOG_LOCAL3 = 19,
    NNG_LOG_LOCAL4 = 20,
    NNG_LOG_LOCAL5 = 21,
    NNG_LOG_LOCAL6 = 22,
    NNG_LOG_LOCAL7 = 23,
} nng_log_facility;

/*
 * What messages are given to, on the thread that logs them. `msgid` may be NULL; both texts are
 * gone when it returns.
 */
typedef void (*nng_logger)(nng_log_level level, nng_log_facility facility, const char *msgid,
                           const char *msg);

/* Loggers: throws messages away (the one in use at first); writes a line with the local time to
 * standard error, in colour on a terminal unless NO_COLOR or NNG_LOG_NO_COLOR is set; syslog(3). */
NNG_DECL void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                              const char *msg);
NNG_DECL void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                                const char *msg);
NNG_DECL void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                                const char *msg);

/*
 * For the whole process: the logger (NULL: nng_null_logger()); the least grave level that still
 * gets to it (NNG_LOG_NOTICE at first); the facility of what nng_log_err() and so on log
 * (NNG_LOG_USER at first). Any thread; on another, a logger that was replaced may still be at work.
 * nng_log_set_level(3), nng_log_get_level(3), nng_log_set_facility(3).
 */
NNG_DECL void nng_log_set_logger(nng_logger logger);
NNG_DECL void nng_log_set_level(nng_log_level level);
NNG_DECL nng_log_level nng_log_get_level(void);
NNG_DECL void nng_log_set_facility(nng_log_facility facility);

/*
 * Log a message, made from `msg` and what follows like printf(3)'s, and cut to 511 bytes. `msgid`
 * names the kind of message for programs that read logs; NULL for none. The library logs nothing by
 * itself. Any thread. nng_log(3).
 */
NNG_DECL void nng_log_err(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_warn(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_notice(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_info(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_debug(const char *msgid, const char *msg, ...);

/* The same as NNG_LOG_AUTH, for what concerns who may do what. */
NNG_DECL void nng_log_auth(nng_log_level level, const char *msgid, const char *msg, ...);

/* ---- Asynchronous operations -------------------------------------------------------------- */

/*
 * An aio is one place for one operation at a time, used over and over. The life of an operation:
 *
 *   start     a function that takes an aio returns at once and never runs the callback itself;
 *   pending   the aio's buffers belong to the operation (to the kernel, even): leave them alone;
 *   finished  the kernel has let go of them. Result, count and outputs are set, then the callback
 *             runs exactly once, on a thread of the library, with no lock held. Callbacks of one
 *             connection run one after the other, in the order their operations finished.
 *
 * An aio without a callback is finished in place and is waited for with nng_aio_wait().
 * Inside a callback everything is allowed: starting the next operation, on the same aio too,
 * waiting, stopping, closing the connection, freeing the aio. A callback that blocks holds up
 * the other work of its thread. Starting a second operation on an aio whose first has not finished
 * is a caller's error; it is ignored and the first goes on.
 */

/*
 * Makes an aio that calls cb(arg) when an operation finishes; cb may be NULL. The caller owns it.
 * Starts the library's threads if they do not run yet.
 * NNG_ENOMEM; NNG_ENOTSUP when there is no io_uring here. Any thread. nng_aio_alloc(3).
 */
NNG_DECL int nng_aio_alloc(nng_aio **aiop, void (*cb)(void *), void *arg);

/*
 * Cancels what is pending (NNG_ECLOSED), waits until its callback has returned, and frees the aio.
 * In the aio's own callback it does not wait: the aio is freed when the callback returns.
 * NULL is allowed. Any thread. nng_aio_free(3).
 */
NNG_DECL void nng_aio_free(nng_aio *aio);

/* nng_aio_free() that never waits: the aio is freed when its last callback has returned. */
NNG_DECL void nng_aio_reap(nng_aio *aio);

/*
 * Cancels what is pending (NNG_ECANCELED), for good: later operations on this aio do nothing, run
 * no callback, and leave the result NNG_ECANCELED. Waits until the callback has returned, except
 * for a callback of this aio that itself calls nng_aio_stop(). Any thread. nng_aio_stop(3).
 */
NNG_DECL void nng_aio_stop(nng_aio *aio);

/*
 * Returns when no operation is pending and no callback of this aio runs (the caller's own
 * excepted). On a thread of the library it keeps that thread's other work going. Any thread.
 * nng_aio_wait(3).
 */
NNG_DECL void nng_aio_wait(nng_aio *aio);

/* Whether an operation is pending or its callback is running. Any thread. nng_aio_busy(3). */
NNG_DECL bool nng_aio_busy(nng_aio *aio);

/* 0 or the error of the last finished operation. Any thread. nng_aio_result(3). */
NNG_DECL int nng_aio_result(nng_aio *aio);

/*
 * Bytes the last finished operation really moved, whether it succeeded or failed: after a write,
 * what the peer can receive. (NNG reports 0 on failure.) Any thread. nng_aio_count(3).
 */
NNG_DECL size_t nng_aio_count(nng_aio *aio);

/* nng_aio_abort() with NNG_ECANCELED. nng_aio_cancel(3). */
NNG_DECL void nng_aio_cancel(nng_aio *aio);

/*
 * Asks for the pending operation to finish with `err`. Returns at once; the operation finishes when
 * the kernel has let go of its buffers, and may still succeed if it was faster. Does nothing when
 * no operation is pending. Any thread. nng_aio_abort(3).
 */
NNG_DECL void nng_aio_abort(nng_aio *aio, int err);

/*
 * The time limit of every following operation, in milliseconds from its start. It covers the whole
 * operation. NNG_DURATION_INFINITE and NNG_DURATION_DEFAULT mean none; NNG_DURATION_ZERO and other
 * negative values finish it with NNG_ETIMEDOUT without trying. Replaces nng_aio_set_expire().
 * Not while an operation is pending. nng_aio_set_timeout(3).
 */
NNG_DECL void nng_aio_set_timeout(nng_aio *aio, nng_duration ms);

/* The same for the next operation alone, as a time on nng_clock()'s clock. nng_aio_set_expire(3).
 */
NNG_DECL void nng_aio_set_expire(nng_aio *aio, nng_time when);

/*
 * The vector for the following reads and writes: up to 8 entries. The array is copied, the buffers
 * are not: they stay the caller's and must stay alive while an operation is pending.
 * NNG_EINVAL for more than 8 entries, a NULL array, or lengths that sum past SIZE_MAX.
 * nng_aio_set_iov(3).
 */
NNG_DECL int nng_aio_set_iov(nng_aio *aio, unsigned niov, const nng_iov *iov);

/* Inputs and outputs 0 to 3, as each operation documents them. NNG_EINVAL for a higher index;
 * NULL when there is none. nng_aio_set_input(3), nng_aio_get_output(3). */
NNG_DECL int nng_aio_set_input(nng_aio *aio, unsigned index, void *arg);
NNG_DECL void *nng_aio_get_input(nng_aio *aio, unsigned index);
NNG_DECL int nng_aio_set_output(nng_aio *aio, unsigned index, void *arg);
NNG_DECL void *nng_aio_get_output(nng_aio *aio, unsigned index);

/* A message pointer carried along; the aio never looks at it or frees it. nng_aio_set_msg(3). */
NNG_DECL void nng_aio_set_msg(nng_aio *aio, nng_msg *msg);
NNG_DECL nng_msg *nng_aio_get_msg(nng_aio *aio);

/* For those who provide an operation of their own: begin, perhaps defer, finish exactly once. */

/*
 * Starts an operation: clears result, count and outputs. False when the aio is stopped (no
 * callback will run) or an operation is still pending: then leave it alone. Any thread.
 * nng_aio_begin(3).
 */
NNG_DECL bool nng_aio_begin(nng_aio *aio);

/* Called on a thread of the library when a deferred operation is to end early with `err`. */
typedef void (*nng_aio_cancelfn)(nng_aio *aio, void *arg, int err);

/*
 * Says that the operation will be finished later and how to cancel it. From here on the aio's
 * timeout runs; an abort since nng_aio_begin(), or a timeout already past, calls `cancel` too.
 * `cancel` is called at most once; it must arrange for nng_aio_finish() to be called (by itself, or
 * by whoever works on it). It may be under way while another thread calls nng_aio_finish(), so
 * `arg` must stay valid until the callback runs, or without one until the aio is freed. Any thread.
 * nng_aio_defer(3).
 */
NNG_DECL void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *arg);

/*
 * Ends the operation with 0 or an error, keeps count and outputs. On an aio on which nothing runs
 * it sets the result and lets the callback run, unless the aio is stopped (NNG runs it then, too).
 * Any thread. nng_aio_finish(3).
 */
NNG_DECL void nng_aio_finish(nng_aio *aio, int err);

/* ---- URLs --------------------------------------------------------------------------------- */

/* A parsed URL. Members are the caller's to read, not to change. nng_url(5). */
typedef struct nng_url {
    char *u_rawurl;   /* never NULL */
    char *u_scheme;   /* never NULL */
    char *u_userinfo; /* NULL when not given */
    char *u_host;     /* "host:port", as given */
    char *u_hostname; /* "" when not given */
    char *u_port;     /* the scheme's default when not given */
    char *u_path;     /* "" when not given */
    char *u_query;    /* NULL when not given; without the '?' */
    char *u_fragment; /* NULL when not given; without the '#' */
    char *u_requri;   /* path, query and fragment */
} nng_url;

/*
 * Takes a URL apart into a new nng_url, which the caller frees. Scheme and host become lower case,
 * a host of "*" (any address) becomes "", an empty port is the scheme's. Path, query and fragment
 * become comparable: escapes of unreserved characters and of bytes above 127 are decoded, others
 * are written in upper case, and empty, "." and ".." segments of the path are resolved. An IPv6
 * address may have a zone, an interface's name or number, behind "%25" (RFC 6874) or '%':
 * "[fe80::1%25eth0]", whose u_hostname is "fe80::1%eth0". Schemes ipc, unix, abstract and inproc
 * have only a path, taken as it is; all members but u_rawurl and u_scheme are then NULL.
 *
 * NNG_EINVAL: no "://", a scheme, user, host or port (0 to 65535) against RFC 3986, a malformed
 * escape, a control character, or text that is not UTF-8. (NNG takes any scheme, user, host and
 * port, and control characters; an empty port it refuses.) NNG_ENOMEM. Any thread.
 * nng_url_parse(3).
 */
NNG_DECL int nng_url_parse(nng_url **urlp, const char *str);

/* A copy of the URL, from its u_rawurl. NNG_EINVAL, NNG_ENOMEM. Any thread. nng_url_clone(3). */
NNG_DECL int nng_url_clone(nng_url **urlp, const nng_url *url);

/* Frees a URL with all its members. NULL is allowed. Any thread. nng_url_free(3). */
NNG_DECL void nng_url_free(nng_url *url);

#ifdef __cplusplus
}
#endif

#ifdef NNG_URING_NNG
#include <nng/sockets.h>
#endif

#endif
