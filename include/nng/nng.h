/* SPDX-License-Identifier: MIT */
/*
 * nng-uring: NNG 1.x's asynchronous API on io_uring. The common part: errors, memory, time,
 * threads, logs, URLs and asynchronous operations (aio). Names, values and layouts are NNG 1.x's;
 * what a comment calls NNG's is where they differ. The comment above a function is its manual page.
 * "Any thread" includes completion callbacks.
 *
 * Where the kernel, a sysctl, a seccomp filter or a memory limit refuses an io_uring, epoll stands
 * in for it: `nng-uring probe` and nng_uring_reason() in <nng/uring.h> say why. With
 * NNG_URING_BACKEND=io_uring in the environment, functions that need it return (or finish their aio
 * with) NNG_ENOTSUP instead, at once, and so they do where there are no threads or descriptors for
 * epoll, either: that is what "there is no backend here" means below.
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
 * Writes an address as text for people to read.
 *
 * "127.0.0.1:80", "[fe80::1%2]:80", the path of an NNG_AF_IPC, "inproc[name]", "unknown" for
 * NNG_AF_UNSPEC. At most `bufsz` bytes are written, the NUL among them; what does not fit is cut
 * off. NNG_MAXADDRSTRLEN bytes are enough for every address.
 *
 * Returns: `buf`.
 * Threads: any.
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
 * Returns the English text for an error code.
 *
 * It is NNG's. A code that carries the system's errno (NNG_ESYSERR) gets the system's text. When a
 * function ends with a code stands on the function's page.
 *
 *     NNG_EINTR         Interrupted
 *     NNG_ENOMEM        Out of memory
 *     NNG_EINVAL        Invalid argument
 *     NNG_EBUSY         Resource busy
 *     NNG_ETIMEDOUT     Timed out
 *     NNG_ECONNREFUSED  Connection refused
 *     NNG_ECLOSED       Object closed
 *     NNG_EAGAIN        Try again
 *     NNG_ENOTSUP       Not supported
 *     NNG_EADDRINUSE    Address in use
 *     NNG_ESTATE        Incorrect state
 *     NNG_ENOENT        Entry not found
 *     NNG_EPROTO        Protocol error
 *     NNG_EUNREACHABLE  Destination unreachable
 *     NNG_EADDRINVAL    Address invalid
 *     NNG_EPERM         Permission denied
 *     NNG_EMSGSIZE      Message too large
 *     NNG_ECONNABORTED  Connection aborted
 *     NNG_ECONNRESET    Connection reset
 *     NNG_ECANCELED     Operation canceled
 *     NNG_ENOFILES      Out of files
 *     NNG_ENOSPC        Out of space
 *     NNG_EEXIST        Resource already exists
 *     NNG_EREADONLY     Read only resource
 *     NNG_EWRITEONLY    Write only resource
 *     NNG_ECRYPTO       Cryptographic error
 *     NNG_EPEERAUTH     Peer could not be authenticated
 *     NNG_ENOARG        Option requires argument
 *     NNG_EAMBIGUOUS    Ambiguous option
 *     NNG_EBADTYPE      Incorrect type
 *     NNG_ECONNSHUT     Connection shutdown
 *
 * Returns: a text, never NULL, in static or thread-local storage: it is not to be freed, and the
 * text for an unknown code stays valid until the same thread asks for another one.
 * Threads: any.
 */
NNG_DECL const char *nng_strerror(int err);

/*
 * Returns the NNG release whose API this library follows.
 *
 * It is "1.12.0", as in NNG_MAJOR_VERSION and its like, so that programs which ask NNG for its
 * version find one they know. nng-uring's own is what `pkg-config --modversion nng-uring` says.
 *
 * Returns: a text in static storage.
 * Threads: any.
 */
NNG_DECL const char *nng_version(void);

/*
 * Stops the library's threads.
 *
 * Whatever is still pending finishes with NNG_ECLOSED first, and so does what callbacks start
 * meanwhile; operations that others provide, and HTTP handlers at work, are waited for. Callbacks
 * that start something whenever it has ended do not keep it going: after a second nothing begins
 * any more, as with an aio that is stopped, but for the result, which is NNG_ECLOSED. Objects that
 * were left alive may only be freed afterwards. A later call into the library starts it afresh.
 *
 * A program that is about to exit need not call it; under a leak checker it makes for a clean
 * report.
 *
 * A child that was forked while the library ran has none of its threads. Whatever it calls, this
 * function included, returns at once, with NNG_ENOTSUP where there is an error to return, and
 * changes nothing of its parent's; one that returns from a callback ends there, as by _exit(0).
 *
 * Threads: any but the library's own: not from a callback.
 */
NNG_DECL void nng_fini(void);

/* Settings of NNG's; the names say of which threads. */
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

/*
 * Sets how many threads the library is to start.
 *
 * It is to be called before the library is first used; nng_fini() forgets it. The number of pollers
 * is that of loops (see nng_uring_loops(); the environment variable NNG_URING_LOOPS overrides it).
 * 0 and unknown settings change nothing; the others count for the NNG behind libnng-uring-nng.
 *
 * Threads: any.
 * See: nng_uring_loops().
 */
NNG_DECL void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value);

/* ---- Memory ------------------------------------------------------------------------------- */

/*
 * Allocates `size` zeroed bytes.
 *
 * Returns: the memory, for nng_free(), or NULL when there is none or `size` is 0.
 * Threads: any.
 */
NNG_DECL void *nng_alloc(size_t size);

/*
 * Frees what nng_alloc() gave.
 *
 * `size` is the size that was asked for. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_free(void *ptr, size_t size);

/*
 * Copies a string.
 *
 * Returns: the copy, for nng_strfree(), or NULL when there is no memory.
 * Threads: any.
 */
NNG_DECL char *nng_strdup(const char *str);

/*
 * Frees what nng_strdup() gave.
 *
 * NULL is allowed. Strings that other functions say are the caller's are freed with it, too.
 *
 * Threads: any.
 */
NNG_DECL void nng_strfree(char *str);

/* ---- Time --------------------------------------------------------------------------------- */

/*
 * Returns the time on a clock that never goes back.
 *
 * Returns: milliseconds since an arbitrary start. Two of them can be compared or subtracted; the
 * system's date does not touch them.
 * Threads: any.
 */
NNG_DECL nng_time nng_clock(void);

/*
 * Blocks the calling thread for a while.
 *
 * It sleeps for `ms` milliseconds; 0 or less returns at once.
 *
 * Threads: any. In a callback it keeps its thread's other work going.
 * See: nng_sleep_aio().
 */
NNG_DECL void nng_msleep(nng_duration ms);

/*
 * Finishes an aio after a while.
 *
 * The operation succeeds after `ms` milliseconds. It can be cancelled like any other, and ends with
 * NNG_ETIMEDOUT if the aio's own time limit is shorter.
 *
 * Errors: NNG_ETIMEDOUT: the aio's time limit came first; NNG_ECANCELED: it was cancelled, see
 * nng_aio_cancel() (nng_aio_abort() gives a code of the caller's); NNG_ECLOSED: the aio was freed,
 * or nng_fini() called, meanwhile; NNG_ENOTSUP: there is no backend here, or this is a forked
 * child.
 * Threads: any.
 */
NNG_DECL void nng_sleep_aio(nng_duration ms, nng_aio *aio);

/* ---- Random numbers ----------------------------------------------------------------------- */

/*
 * Returns a random number that nobody can predict.
 *
 * It comes from the kernel, getrandom(2). The call blocks until the kernel has gathered enough,
 * which only happens while it boots, and ends the process when the kernel refuses, for there is no
 * error to return.
 *
 * Returns: 32 random bits.
 * Threads: any.
 */
NNG_DECL uint32_t nng_random(void);

/* ---- Pairs of sockets --------------------------------------------------------------------- */

/*
 * Makes two connected UNIX sockets.
 *
 * They are byte streams, close-on-exec, and the caller closes them.
 *
 * Errors: NNG_ENOFILES: no descriptors are left; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: socketpair(2).
 */
NNG_DECL int nng_socket_pair(int fds[2]);

/* ---- Threads ------------------------------------------------------------------------------ */

/*
 * For programs that want no other threads than NNG's. They need no io_uring, and are no part of the
 * library: nng_fini() leaves them alone. The library's own threads run callbacks; see below.
 */
typedef struct nng_thread nng_thread;

/*
 * Starts a thread that runs `fn`(`arg`).
 *
 * SIGPIPE is blocked in it; other signals, name and CPUs are as in the calling thread (in a
 * callback every signal is blocked). `*threadp` is set before `fn` runs. Every thread has to be
 * destroyed.
 *
 * Errors: NNG_ENOMEM: no memory, or a limit of threads is reached; `*threadp` is then NULL.
 * Threads: any.
 */
NNG_DECL int nng_thread_create(nng_thread **threadp, void (*fn)(void *), void *arg);

/*
 * Names a thread for debuggers and ps(1).
 *
 * They show the first 15 bytes of `name`. A NULL thread stands for the calling one.
 *
 * Threads: any.
 */
NNG_DECL void nng_thread_set_name(nng_thread *thread, const char *name);

/*
 * Wait until a thread's function has returned, and free the thread.
 *
 * Once for each thread. NULL is allowed.
 *
 * Threads: any but the thread itself.
 */
NNG_DECL void nng_thread_destroy(nng_thread *thread);

/* A lock. It is not recursive. */
typedef struct nng_mtx nng_mtx;

/*
 * Makes a lock, not locked.
 *
 * The caller owns it, and frees it with nng_mtx_free(). It is not recursive.
 *
 * Errors: NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_mtx_alloc(nng_mtx **mtxp);

/*
 * Frees a lock.
 *
 * It must not be locked. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_mtx_free(nng_mtx *mtx);

/*
 * Lock and unlock.
 *
 * nng_mtx_lock() waits until nobody else holds the lock. Locking twice, or unlocking what another
 * thread has locked, ends the process.
 *
 * Threads: any. In a callback a wait that is not short keeps its thread's other work going.
 */
NNG_DECL void nng_mtx_lock(nng_mtx *mtx);
NNG_DECL void nng_mtx_unlock(nng_mtx *mtx);

/* A place to wait, with a lock, for something that another thread does. */
typedef struct nng_cv nng_cv;

/*
 * Makes a condition variable for a lock.
 *
 * The caller owns it, and frees it with nng_cv_free(); `mtx` must outlive it.
 *
 * Errors: NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_cv_alloc(nng_cv **cvp, nng_mtx *mtx);

/*
 * Frees a condition variable.
 *
 * Nobody may be waiting on it. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_cv_free(nng_cv *cv);

/*
 * Waits to be woken.
 *
 * It unlocks the lock, which the caller holds, waits, and locks again. It may wake up for no
 * reason: wait in a loop that checks what is waited for.
 *
 * Threads: any. In a callback it keeps its thread's other work going.
 * See: nng_cv_wake(), nng_aio_wait().
 */
NNG_DECL void nng_cv_wait(nng_cv *cv);

/*
 * Waits to be woken, or until a time.
 *
 * The same as nng_cv_wait(), at the longest until `when` on nng_clock()'s clock. UINT64_MAX never
 * comes; 0 does not wait.
 *
 * Errors: NNG_ETIMEDOUT: the time has come; NNG_EAGAIN: `when` is 0.
 * Threads: as nng_cv_wait().
 */
NNG_DECL int nng_cv_until(nng_cv *cv, nng_time when);

/*
 * Wakes those who wait.
 *
 * nng_cv_wake() wakes all of them, nng_cv_wake1() one. Whoever changes what is waited for holds the
 * lock meanwhile.
 *
 * Threads: any.
 * See: nng_cv_wait().
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

/*
 * The loggers to choose from.
 *
 * nng_null_logger() throws messages away; it is the one in use at first. nng_stderr_logger() writes
 * a line with the local time to standard error, in colour on a terminal unless NO_COLOR or
 * NNG_LOG_NO_COLOR is set. nng_system_logger() calls syslog(3).
 *
 * Threads: any.
 * See: nng_log_set_logger().
 */
NNG_DECL void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                              const char *msg);
NNG_DECL void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                                const char *msg);
NNG_DECL void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                                const char *msg);

/*
 * Choose what is logged, and where it goes.
 *
 * For the whole process: the logger (NULL: nng_null_logger()); the least grave level that still
 * gets to it (NNG_LOG_NOTICE at first); the facility of what nng_log_err() and so on log
 * (NNG_LOG_USER at first).
 *
 * Threads: any; on another, a logger that was replaced may still be at work.
 * See: nng_stderr_logger(), nng_log_err().
 */
NNG_DECL void nng_log_set_logger(nng_logger logger);
NNG_DECL void nng_log_set_level(nng_log_level level);
NNG_DECL nng_log_level nng_log_get_level(void);
NNG_DECL void nng_log_set_facility(nng_log_facility facility);

/*
 * Log a message.
 *
 * It is made from `msg` and what follows like printf(3)'s, and cut to 511 bytes. `msgid` names the
 * kind of message for programs that read logs; NULL for none. The library itself warns, once, of a
 * callback that has held up a thread of its own: "NNG-URING-HELD".
 *
 * Threads: any.
 * See: nng_log_set_logger(), nng_log_auth().
 */
NNG_DECL void nng_log_err(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_warn(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_notice(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_info(const char *msgid, const char *msg, ...);
NNG_DECL void nng_log_debug(const char *msgid, const char *msg, ...);

/*
 * Logs what concerns who may do what.
 *
 * The same as nng_log_err() and its like, with a level of the caller's and the facility
 * NNG_LOG_AUTH.
 *
 * Threads: any.
 */
NNG_DECL void nng_log_auth(nng_log_level level, const char *msgid, const char *msg, ...);

/* ---- Asynchronous operations -------------------------------------------------------------- */

/*
 * An aio is one place for one operation at a time, used over and over. The life of an operation:
 *
 *   start     a function that takes an aio returns at once and never runs the callback itself;
 *   pending   the aio's buffers belong to the operation (to the kernel, even): leave them alone;
 *   finished  the kernel has let go of them. Result, count and outputs are set, then the callback
 *             runs exactly once, on a thread of the library, with no lock held.
 *
 * The callbacks of one aio never overlap. Those of different aios may, and have no order (as in
 * NNG), also where their operations finish in one: the bytes of two writes go out in the order in
 * which they were started, but their callbacks may run on two threads. Where all callbacks are made
 * inline (see enum nng_uring_placement in <nng/uring.h>), those of one connection run one after the
 * other, in the order their operations finished.
 *
 * An aio without a callback is finished in place and is waited for with nng_aio_wait().
 * Inside a callback everything is allowed: starting the next operation, on the same aio too,
 * waiting, stopping, closing the connection, freeing the aio. A callback may take its time: the
 * library finds out which do, and calls those on threads apart, up to 64 at once (as above).
 * Starting a second operation on an aio whose first has not finished is a caller's error; it is
 * ignored and the first goes on.
 */

/*
 * Makes an aio: a place for one asynchronous operation at a time.
 *
 * When an operation on it finishes, `cb`(`arg`) is called on a thread of the library, once and with
 * no lock held. `cb` may be NULL: then wait with nng_aio_wait(). The caller owns the aio, uses it
 * for any number of operations, one after the other, and frees it with nng_aio_free() or
 * nng_aio_reap(). The first call starts the library's threads.
 *
 * In the callback everything is allowed: starting the next operation, also on the same aio,
 * waiting, stopping, closing the connection, freeing the aio.
 *
 * Errors: NNG_ENOMEM: no memory, or the library's threads could not be started; NNG_ENOTSUP: there
 * is no backend here, nng_uring_reason() says why and nng_uring_remedy() what to change.
 * Threads: any.
 * Example:
 *   static void sent(void *arg)
 *   {
 *       nng_aio *aio = *(nng_aio **) arg;
 *       printf("%zu bytes, %s\n", nng_aio_count(aio),
 *              nng_strerror(nng_aio_result(aio)));
 *   }
 *
 *   int prepare(nng_aio **aiop)
 *   {
 *       return nng_aio_alloc(aiop, sent, aiop);
 *   }
 * See: nng_aio_set_iov(), nng_aio_set_timeout(), nng_aio_result(), nng_aio_count(), nng_aio_wait().
 */
NNG_DECL int nng_aio_alloc(nng_aio **aiop, void (*cb)(void *), void *arg);

/*
 * Cancel what is pending, wait for its callback, and free an aio.
 *
 * What is pending ends with NNG_ECLOSED. In the aio's own callback nng_aio_free() does not wait:
 * the aio is freed when the callback returns. NULL is allowed.
 *
 * Threads: any.
 * See: nng_aio_reap(), nng_aio_stop().
 */
NNG_DECL void nng_aio_free(nng_aio *aio);

/*
 * Frees an aio without waiting.
 *
 * As nng_aio_free(), but the aio is freed when its last callback has returned, later if need be.
 * NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_aio_reap(nng_aio *aio);

/*
 * Cancel what is pending, for good, and wait for its callback.
 *
 * What is pending ends with NNG_ECANCELED. Later operations on this aio do nothing, run no
 * callback, and leave the result NNG_ECANCELED. It returns when the callback has, except for a
 * callback of this aio that itself calls nng_aio_stop().
 *
 * Threads: any.
 * See: nng_aio_cancel(), nng_aio_free().
 */
NNG_DECL void nng_aio_stop(nng_aio *aio);

/*
 * Waits until no operation is pending and no callback of an aio runs.
 *
 * The caller's own callback is excepted. On a thread of the library it keeps that thread's other
 * work going, so that waiting in a callback is allowed and does not deadlock.
 *
 * Threads: any.
 * See: nng_aio_busy(), nng_aio_result().
 */
NNG_DECL void nng_aio_wait(nng_aio *aio);

/*
 * Tells whether an operation is pending or its callback is running.
 *
 * Returns: true while one is.
 * Threads: any.
 * See: nng_aio_wait().
 */
NNG_DECL bool nng_aio_busy(nng_aio *aio);

/*
 * Returns how the last finished operation ended.
 *
 * Returns: 0 if it succeeded, otherwise the error: each operation's page lists its own. Before the
 * first operation it is 0.
 * Errors: none of its own.
 * Threads: any. While an operation is pending the value says nothing.
 * See: nng_aio_count(), nng_strerror().
 */
NNG_DECL int nng_aio_result(nng_aio *aio);

/*
 * Returns the number of bytes that the last operation really moved.
 *
 * It is exact whether the operation succeeded or failed. After a write, of whatever result, this
 * many bytes of the vector, from its beginning, are on their way to the peer, who can receive them;
 * none of the others was sent. After a read this many bytes are in the vector. So a write_all that
 * timed out in the middle can be taken up where it stopped, or the rest be accounted for as lost.
 *
 * Over TLS a byte counts once it is encrypted: its record is owed to the peer, and goes out before
 * anything else, whatever becomes of the operation.
 *
 * For operations that move messages the count is the bytes of the message, as their pages say. It
 * stays as it is until the next operation on the aio begins, which sets it to 0.
 *
 * Returns: the number of bytes.
 * Threads: any. While an operation is pending the value says nothing.
 * NNG: on failure NNG says 0, whatever was sent.
 * Example:
 *   // What is still to be sent of `size` bytes after a write_all.
 *   size_t unsent(nng_aio *aio, size_t size)
 *   {
 *       if (nng_aio_result(aio) != 0) {
 *           fprintf(stderr, "only %zu bytes sent: %s\n",
 *                   nng_aio_count(aio), nng_strerror(nng_aio_result(aio)));
 *       }
 *       return size - nng_aio_count(aio);
 *   }
 * See: nng_aio_result(), nng_aio_set_iov(), nng_http_conn_write(), nng_http_conn_write_all(),
 * nng_http_conn_read().
 */
NNG_DECL size_t nng_aio_count(nng_aio *aio);

/*
 * Asks for what is pending to be cancelled.
 *
 * The same as nng_aio_abort() with NNG_ECANCELED.
 *
 * Threads: any.
 * See: nng_aio_stop().
 */
NNG_DECL void nng_aio_cancel(nng_aio *aio);

/*
 * Asks for what is pending to finish with an error of the caller's choice.
 *
 * It returns at once. The operation finishes when the kernel has let go of its buffers, with `err`
 * as its result and the bytes moved until then as its count; it may still succeed if it was faster.
 * Nothing happens when no operation is pending.
 *
 * Threads: any.
 * See: nng_aio_stop(), nng_aio_set_timeout().
 */
NNG_DECL void nng_aio_abort(nng_aio *aio, int err);

/*
 * Sets the time limit of the following operations.
 *
 * It is in milliseconds from the start of each. It covers the whole operation, however many steps
 * that takes, and replaces nng_aio_set_expire(). NNG_DURATION_INFINITE and NNG_DURATION_DEFAULT
 * mean none, as at first. NNG_DURATION_ZERO and other negative values finish an operation with
 * NNG_ETIMEDOUT without trying. Not while an operation is pending.
 *
 * Threads: any.
 * See: nng_aio_set_expire(), nng_aio_cancel().
 */
NNG_DECL void nng_aio_set_timeout(nng_aio *aio, nng_duration ms);

/*
 * Sets the time limit of the next operation, as a time.
 *
 * It is a time on nng_clock()'s clock, and counts for that operation alone. Not while an operation
 * is pending.
 *
 * Threads: any.
 * See: nng_aio_set_timeout(), nng_clock().
 */
NNG_DECL void nng_aio_set_expire(nng_aio *aio, nng_time when);

/*
 * Sets the vector that the following reads and writes use.
 *
 * It has up to 8 entries, which are written, or filled, one after the other. The array is copied,
 * the buffers are not: they stay the caller's, and must stay alive and be left alone while an
 * operation is pending. An operation does not change the vector: starting a write again sends the
 * same bytes again.
 *
 * Errors: NNG_EINVAL: more than 8 entries, a NULL array, or lengths that add up to more than
 * SIZE_MAX.
 * Threads: any, while no operation is pending.
 * Example:
 *   int write_two(nng_http_conn *conn, nng_aio *aio,
 *                 char *head, char *body)
 *   {
 *       nng_iov iov[] = { { head, strlen(head) }, { body, strlen(body) } };
 *       int err = nng_aio_set_iov(aio, 2, iov);
 *       if (err == 0) {
 *           nng_http_conn_write_all(conn, aio);
 *       }
 *       return err;
 *   }
 * See: nng_http_conn_write(), nng_http_conn_read().
 */
NNG_DECL int nng_aio_set_iov(nng_aio *aio, unsigned niov, const nng_iov *iov);

/*
 * The inputs and outputs of an operation, numbered 0 to 3.
 *
 * What each is, the operations say: nng_http_client_connect() leaves the connection as output 0, a
 * handler gets the request as input 0. Outputs are cleared when an operation begins, inputs are
 * not.
 *
 * Returns: the setters 0 or an error; the getters what was set, NULL if nothing was, or for an
 * index above 3.
 * Errors: NNG_EINVAL: an index above 3.
 * Threads: any, while no operation is pending.
 * See: nng_http_client_connect(), nng_http_handler_alloc().
 */
NNG_DECL int nng_aio_set_input(nng_aio *aio, unsigned index, void *arg);
NNG_DECL void *nng_aio_get_input(nng_aio *aio, unsigned index);
NNG_DECL int nng_aio_set_output(nng_aio *aio, unsigned index, void *arg);
NNG_DECL void *nng_aio_get_output(nng_aio *aio, unsigned index);

/*
 * A message pointer that an aio carries along.
 *
 * The aio never looks at it, and never frees it.
 *
 * Returns: what was set, NULL if nothing was.
 * Threads: any, while no operation is pending.
 */
NNG_DECL void nng_aio_set_msg(nng_aio *aio, nng_msg *msg);
NNG_DECL nng_msg *nng_aio_get_msg(nng_aio *aio);

/* For those who provide an operation of their own: begin, perhaps defer, finish exactly once. */

/*
 * Starts an operation that the caller provides.
 *
 * It clears result, count and outputs of the aio. Whoever provides the operation then finishes it
 * with nng_aio_finish(), exactly once, now or later; in the latter case it calls nng_aio_defer()
 * first.
 *
 * Returns: false when the aio is stopped, or nng_fini() has waited for a second (no callback will
 * run), or an operation is still pending: then leave it alone.
 * Threads: any.
 * See: nng_aio_defer(), nng_aio_finish().
 */
NNG_DECL bool nng_aio_begin(nng_aio *aio);

/* Called on a thread of the library when a deferred operation is to end early with `err`. */
typedef void (*nng_aio_cancelfn)(nng_aio *aio, void *arg, int err);

/*
 * Says that an operation will be finished later.
 *
 * Whoever cancels it calls `cancel` with the aio, `arg` and an error. From here on the aio's time
 * limit runs; an abort since nng_aio_begin(), or a limit already past, calls `cancel`, too. It is
 * called at most once, on a thread of the library, and must arrange for nng_aio_finish() to be
 * called (by itself, or by whoever works on it). It may be under way while another thread calls
 * nng_aio_finish(), so `arg` must stay valid until the callback runs, or without one until the aio
 * is freed.
 *
 * Threads: any.
 * See: nng_aio_begin(), nng_aio_finish().
 */
NNG_DECL void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *arg);

/*
 * Ends an operation that the caller provides.
 *
 * `err`, 0 or an error, becomes its result; count and outputs stay as they were set. On an aio on
 * which nothing runs it sets the result and lets the callback run, unless the aio is stopped.
 *
 * Threads: any.
 * NNG: it runs the callback then, too.
 * See: nng_aio_begin(), nng_aio_defer().
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
 * Takes a URL apart into a new nng_url.
 *
 * The caller frees it with nng_url_free(). Scheme and host become lower case, a host of "*" (any
 * address) becomes "", an empty port is the scheme's. Path, query and fragment become comparable:
 * escapes of unreserved characters and of bytes above 127 are decoded, others are written in upper
 * case, and empty, "." and ".." segments of the path are resolved. An IPv6 address may have a zone,
 * an interface's name or number, after "%25" (RFC 6874) or "%": "[fe80::1%25eth0]", whose
 * `u_hostname` is "fe80::1%eth0". In place of a host and port http+unix has the path of a socket,
 * with '/' and the like escaped: the `u_hostname` of "http+unix://%2Frun%2Fx.sock/status" is
 * "/run/x.sock", its `u_port` is "". Schemes ipc, unix, abstract and inproc have only a path, taken
 * as it is; all members but `u_rawurl` and `u_scheme` are then NULL.
 *
 * Errors: NNG_EINVAL: no "://", a scheme, user, host or port (0 to 65535) against RFC 3986, a
 * malformed escape, a control character, or text that is not UTF-8; NNG_ENOMEM: no memory.
 * Threads: any.
 * NNG: it takes any scheme, user, host and port, and control characters; an empty port it refuses.
 * See: nng_url_free(), RFC 3986.
 */
NNG_DECL int nng_url_parse(nng_url **urlp, const char *str);

/*
 * Copies a URL.
 *
 * The copy is made from its `u_rawurl`, and freed with nng_url_free().
 *
 * Errors: those of nng_url_parse().
 * Threads: any.
 */
NNG_DECL int nng_url_clone(nng_url **urlp, const nng_url *url);

/*
 * Frees a URL with all its members.
 *
 * NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_url_free(nng_url *url);

/* ---- UDP ---------------------------------------------------------------------------------- */

/* A UDP socket. NNG calls this part somewhat experimental. */
typedef struct nng_udp nng_udp;

/*
 * Opens a UDP socket and binds it to an address.
 *
 * `sa` is an IPv4 or IPv6 address; its port may be 0, then the system chooses one. The caller ends
 * the socket by nng_udp_close().
 *
 * Errors: NNG_EADDRINVAL: `sa` is NULL, of another family, or no address of this machine;
 * NNG_EADDRINUSE: somebody has it; NNG_EPERM: the port is a privileged one; NNG_ENOFILES: no
 * descriptors are left; NNG_ENOMEM: no memory; NNG_ENOTSUP: there is no backend here, this is a
 * forked child, or the machine has no such family.
 * Threads: any.
 * See: nng_udp_sockname(), udp(7).
 */
NNG_DECL int nng_udp_open(nng_udp **udpp, nng_sockaddr *sa);

/*
 * Closes a UDP socket, and frees it.
 *
 * What is pending ends with NNG_ECLOSED. Returns at once; when the last of these operations has
 * ended, or at once if there were none, the port is free again. NULL is allowed.
 *
 * Threads: any; nobody uses the socket any more.
 */
NNG_DECL void nng_udp_close(nng_udp *udp);

/*
 * Gives the address that a socket is bound to.
 *
 * Errors: NNG_ECLOSED: nng_fini() was called.
 * Threads: any.
 */
NNG_DECL int nng_udp_sockname(nng_udp *udp, nng_sockaddr *sa);

/*
 * Sends the bytes of the aio's vector as one datagram.
 *
 * Input 0 of the aio is the nng_sockaddr that it goes to, and stays until the end. The vector may
 * be empty, and so is the datagram then. Datagrams leave in the order of the calls.
 *
 * Errors: NNG_EADDRINVAL: input 0 is NULL, or no IPv4 or IPv6 address; NNG_ENOTSUP: it is of
 * another family than the socket, there is no backend here, or this is a forked child; NNG_EINVAL:
 * a part of the vector is NULL, or the system does not send there; NNG_EMSGSIZE: too long for a
 * datagram; NNG_EUNREACHABLE: no way leads there; NNG_EPERM: the system forbids it (a broadcast, or
 * a firewall); NNG_ECLOSED: the socket was closed; NNG_ETIMEDOUT: the aio's time is up;
 * NNG_ECANCELED: the aio was cancelled; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_udp_recv(), nng_aio_set_input().
 */
NNG_DECL void nng_udp_send(nng_udp *udp, nng_aio *aio);

/*
 * Receives one datagram into the aio's vector.
 *
 * The count is its length. Where input 0 of the aio is not NULL, it is an nng_sockaddr for the
 * address that the datagram came from. Receives are served in the order of the calls.
 *
 * Errors: NNG_EMSGSIZE: the datagram did not fit, its beginning is in the vector, and the rest is
 * lost; NNG_EINVAL: a part of the vector is NULL; NNG_ECLOSED: the socket was closed;
 * NNG_ETIMEDOUT: the aio's time is up; NNG_ECANCELED: the aio was cancelled; NNG_ENOMEM: no memory;
 * NNG_ENOTSUP: there is no backend here, or this is a forked child.
 * Threads: any.
 * NNG: what did not fit is cut off without a word, though its header promises NNG_EMSGSIZE.
 * See: nng_udp_send().
 */
NNG_DECL void nng_udp_recv(nng_udp *udp, nng_aio *aio);

/*
 * Joins or leaves a multicast group.
 *
 * `sa` is the group's address, its port does not matter. IPv4: on the interface that has the
 * address which the socket is bound to (the wildcard: the one that the system chooses). IPv6: on
 * the interface of `sa`'s scope, or else of the scope which the socket is bound to.
 *
 * Errors: NNG_EADDRINVAL: `sa` is NULL or of another family than the socket, or the socket leaves a
 * group that it is not in; NNG_EINVAL: no multicast address, or no such interface; NNG_ENOMEM: too
 * many groups; NNG_ECLOSED: nng_fini() was called.
 * Threads: any.
 * NNG: it takes no notice of the scope of `sa`.
 * See: ip(7), ipv6(7).
 */
NNG_DECL int nng_udp_multicast_membership(nng_udp *udp, nng_sockaddr *sa, bool join);

#ifdef __cplusplus
}
#endif

#include <nng/stream.h>

#ifdef NNG_URING_NNG
#include <nng/sockets.h>
#endif

#endif
