/* SPDX-License-Identifier: MIT */
/*
 * A connected TCP socket: its life, and the state its reads (tcp_read.h) and writes (tcp_write.h)
 * share. It lives on one loop. Starting a read or a write and closing may be done from any thread;
 * everything the kernel does for it, and the end of every operation that had to wait, happens on
 * the loop's owner.
 *
 * `lock` guards what is marked with it. It is taken before an aio's lock, never the other way
 * round, and no callback runs under it. It is held in a system call only where an application
 * thread tries a write, or the owner sends a file.
 */
#ifndef NU_NET_TCP_H
#define NU_NET_TCP_H

#include "base/list.h"
#include "io/aio.h"
#include "io/lock.h"
#include "io/loop.h"
#include "io/op.h"
#include "net/rx.h"

struct nu_tcp {
    struct nu_loop *loop; /* constant */
    int fd;               /* constant; the kernel's from the moment we are gone */
    bool read_ahead;      /* constant: reads end on any thread, receives go before (tcp_read.h) */
    struct nu_mutex lock;

    /* under lock */
    struct nu_list writes; /* aios in the order of their bytes; the first may be in the kernel */
    struct nu_list reads;  /* likewise; the first is, if a read is in the kernel and not `armed` */
    bool closed;           /* nothing new is begun, all that is pending ends NNG_ECLOSED */
    bool stream_truncated; /* the last bytes that were written are not the end of their write_all */
    bool reset;    /* the kernel has said so, which it does once: no read ends well any more */
    bool rx_lost;  /* bytes that came were lost for want of memory: nothing is read any more */
    bool armed;    /* the read in the kernel is nobody's: it fills rx, then the reads are served */
    int over;      /* what reads end with when rx is empty, for the peer has sent its last; or 0 */
    bool abortive; /* what the peer has not received is thrown away (RST) */
    bool released; /* nu_tcp_close() was called: the memory may go */
    bool dead;     /* the descriptor is closed, nothing is left but the memory */
    bool wake_posted;    /* `wake` is posted */
    struct nu_task wake; /* has the owner look at all of this */

    /* the owner's alone */
    struct nu_op write_op;
    struct nu_op read_op;
    int write_abort; /* why the write in the kernel is to end; 0: it is not */
    int read_abort;
    bool blocking;   /* the write in the kernel waits for room, and keeps its deadline */
    bool plain;      /* the read in the kernel goes into memory of our own */
    struct nu_rx rx; /* under lock instead, if `read_ahead`, and then lent only in between */
    struct nu_loop_hook hook;
    void (*gone)(
        struct nu_tcp *tcp); /* the last call: frees the memory. Any thread after nng_fini() */
};

/* Takes a connected socket over, TCP_NODELAY on. Owner of `loop` only. */
void nu_tcp_init(struct nu_tcp *tcp, struct nu_loop *loop, int fd, void (*gone)(struct nu_tcp *));

/*
 * Ends everything that is pending with NNG_ECLOSED, closes the socket when the kernel has let go of
 * all buffers, then calls `gone`. What was written before still reaches the peer, unless
 * `abortive`. Returns at once. Any thread; once.
 */
void nu_tcp_close(struct nu_tcp *tcp, bool abortive);

/*
 * The same, abortively, but for `gone`: that waits for nu_tcp_close(). Others may go on calling.
 * Owner only.
 */
void nu_tcp_shut(struct nu_tcp *tcp);

/* No more bytes will follow to the peer (FIN); reading goes on. Owner only. */
void nu_tcp_shutdown_write(struct nu_tcp *tcp);

/* Sends a few bytes if there is room for them, when no write is pending. Owner only. */
void nu_tcp_send_now(struct nu_tcp *tcp, const void *data, size_t n);

/* Bytes that were written and that the peer has not acknowledged. Owner only. */
size_t nu_tcp_unacked(const struct nu_tcp *tcp);

/* Both ends' addresses; NNG_ECLOSED when closed. Any thread. */
int nu_tcp_local_addr(struct nu_tcp *tcp, nng_sockaddr *addr);
int nu_tcp_remote_addr(struct nu_tcp *tcp, nng_sockaddr *addr);

/* Keep-alive probes of TCP. NNG_ECLOSED when closed. Any thread. */
int nu_tcp_set_keepalive(struct nu_tcp *tcp, bool on);

/* Has the owner look at the queues. With the lock held; any thread. */
void nu_tcp_wake(struct nu_tcp *tcp);

/* The NNG error for what the kernel said of a read or write; remembers a reset. With the lock held;
 * any thread. */
int nu_tcp_failure(struct nu_tcp *tcp, int error);

/* After an operation has ended on a closed connection. Owner; with the lock, which it releases. */
void nu_tcp_closing(struct nu_tcp *tcp);

#endif
