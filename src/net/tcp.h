/* SPDX-License-Identifier: MIT */
/*
 * A connected TCP socket as a stream (net/stream.h), and the state its reads (tcp_read.h) and
 * writes (tcp_write.h) share. A socket of another family (AF_UNIX) works as well; what is TCP's
 * alone does nothing there.
 *
 * The stream's lock is held in a system call where an application thread tries a write, where the
 * owner sends a file, looks at the peer, closes or submits, and for an address or an option.
 */
#ifndef NU_NET_TCP_H
#define NU_NET_TCP_H

#include "io/op.h"
#include "net/stream.h"

#include <sys/socket.h>

/* What the kernel has of the reads, or who has them. */
enum nu_tcp_reading {
    NU_TCP_READ_NONE,
    NU_TCP_READ_AHEAD,  /* a receive that is nobody's: it fills rx, then the reads are served */
    NU_TCP_READ_FILL,   /* the first read's: it fills rx from one of the loop's buffers */
    NU_TCP_READ_OWN,    /* the first read's: it fills rx, whose memory is our own */
    NU_TCP_READ_VECTOR, /* the first read's: it fills its vector */
    NU_TCP_READ_DIRECT, /* nothing: the thread that waits for the first read does it itself */
};

/* What the kernel has of the first write. */
enum nu_tcp_writing {
    NU_TCP_WRITE_NONE,
    NU_TCP_WRITE_TRY,  /* an attempt that does not wait, where the kernel can do that */
    NU_TCP_WRITE_WAIT, /* it waits for room, until its deadline or the next look at the peer */
    NU_TCP_WRITE_ROOM, /* not the write, but a poll waits for room: the peer has sent its last */
    NU_TCP_WRITE_BACK, /* there is room, and the poll is being ended */
    NU_TCP_WRITE_ANEW, /* as TRY, when that poll has said that there is room */
};

struct nu_tcp {
    struct nu_stream stream;
    int fd;               /* constant; the kernel's from the moment we are gone */
    bool read_ahead;      /* constant: reads end on any thread, receives go before (tcp_read.h) */
    nng_sockaddr *client; /* whom the peer speaks for, and whose address is told in place of its
                           * own; NULL: itself. The user's, and set before anybody asks */

    /* under the stream's lock */
    enum nu_tcp_reading reading : 8;
    enum nu_tcp_writing writing : 8;
    bool reset;       /* the kernel has said so, which it does once: no read ends well any more */
    bool abortive;    /* what the peer has not received is thrown away (RST) */
    bool released;    /* it was closed by its user: the memory may go */
    bool wake_posted; /* `wake` is posted */
    struct nu_task wake; /* has the owner look at all of this */

    /* the owner's alone */
    struct nu_op write_op;
    struct nu_op read_op;
    bool half_closed;   /* the peer was seen to have sent its last, by who had to wait for room */
    uint8_t waited_for; /* reads in a row for which a thread slept */
    int write_abort;    /* why the write in the kernel is to end; 0: it is not */
    int read_abort;
    struct nu_loop_hook hook;
    struct nu_tcp_direct *direct; /* reads are their threads' (tcp_direct.h); or NULL. Set by the
                                   * owner, under the stream's lock */
    struct nu_tcp_hangup *hangup; /* the kernel watches for a reset (tcp_hangup.h); or NULL */
};

/* Takes a connected socket over, TCP_NODELAY on. Owner of `loop` only. */
void nu_tcp_init(struct nu_tcp *tcp, struct nu_loop *loop, int fd,
                 void (*gone)(struct nu_stream *stream), void *user);

/* The connection whose stream this is. */
static inline struct nu_tcp *nu_tcp_of(const struct nu_stream *stream)
{
    return nu_container(stream, struct nu_tcp, stream);
}

/* Has the owner look at the queues. With the lock held; any thread. */
void nu_tcp_wake(struct nu_tcp *tcp);

/* The NNG error for what the kernel said of a read or write; remembers a reset. With the lock held;
 * any thread. */
int nu_tcp_failure(struct nu_tcp *tcp, int error);

/* A socket option of an open connection; NNG_ECLOSED when it is not. Any thread. */
int nu_tcp_get_option(struct nu_tcp *tcp, int level, int name, void *value, socklen_t *len);
int nu_tcp_set_option(struct nu_tcp *tcp, int level, int name, const void *value, socklen_t len);

/* After an operation has ended on a closed connection. Owner; with the lock, which it releases. */
void nu_tcp_closing(struct nu_tcp *tcp);

#endif
