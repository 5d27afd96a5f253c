/* SPDX-License-Identifier: MIT */
/*
 * An op is what the kernel holds: one operation, embedded in its owner, reused and never allocated
 * per call. From submission until its last completion its memory, and every buffer it names, belong
 * to the kernel. Owner thread only, all of it.
 *
 * Submitting never fails: where the ring is full the op waits in the loop's backlog. Its `done` is
 * called with the completion's result, once (again and again for a multishot op, until the flags
 * lack NU_OP_F_MORE), and may submit the op anew.
 */
#ifndef NU_IO_OP_H
#define NU_IO_OP_H

#include "base/list.h"

#include <assert.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct nu_loop;
struct nu_op;

typedef void (*nu_op_done)(struct nu_op *op, int res, uint32_t flags);

/* What the flags of a completion say. */
#define NU_OP_F_BUFFER (1U << 0)   /* a buffer of the loop's was taken: nu_bufring_take() */
#define NU_OP_F_MORE (1U << 1)     /* this was not the last completion */
#define NU_OP_F_NONEMPTY (1U << 2) /* the socket held more than was received */
#define NU_OP_F_BUFFER_SHIFT 16

/* IDLE -> (BACKLOG ->) KERNEL -> IDLE; what is cancelled in the backlog goes back from there. */
enum nu_op_state {
    NU_OP_IDLE,    /* ours: may be submitted */
    NU_OP_BACKLOG, /* submitted, waits for room in the ring */
    NU_OP_KERNEL,  /* prepared or with the kernel: hands off until the last completion */
};

enum nu_op_kind {
    NU_OP_WRITEV,
    NU_OP_READV,
    NU_OP_RECV,          /* into the op's own buffer */
    NU_OP_RECV_PROVIDED, /* receive into a buffer the kernel takes from the loop's buffer ring */
    NU_OP_RECVMSG,       /* a datagram, as the op's own msghdr says */
    NU_OP_SENDMSG,       /* likewise */
    NU_OP_ACCEPT,        /* multishot, unless it is to take turns */
    NU_OP_CONNECT,
    NU_OP_READ, /* a file, at an offset */
    NU_OP_OPEN,
    NU_OP_POLL,  /* until a socket has room for more, has failed, or its peer has sent its last */
    NU_OP_POLLS, /* multishot: what there is of these at first, and again when there is more */
    /* Until a socket has failed, or neither side sends any more: POLLERR, POLLHUP. The result may
     * be POLLRDHUP alone, with NU_OP_F_MORE. */
    NU_OP_HANGUP,
};

/* Part of a scatter/gather vector: what is left after `skip` bytes. The array is copied on submit.
 */
struct nu_op_vec {
    const struct iovec *iov;
    unsigned niov;
    size_t skip;
};

struct nu_op {
    struct nu_loop *loop;
    nu_op_done done;
    struct nu_list link; /* in the backlog */
    uint32_t slot;       /* index into the loop's slots while NU_OP_KERNEL */
    enum nu_op_kind kind : 8;
    enum nu_op_state state : 8;
    bool cancel;       /* to be cancelled as soon as the ring has room */
    uint32_t watch;    /* the ring's own */
    int fd;            /* what it works on; an op that receives, writes, polls or accepts keeps to
                        * one open socket from one nu_op_init() to the next */
    uint32_t rw_flags; /* NU_OP_WRITEV: RWF_*; NU_OP_ACCEPT: SOCK_* */
    uint64_t deadline; /* NU_OP_WRITEV, NU_OP_POLL: links a timeout; NU_NEVER for none */
    union {
        struct nu_op_vec vec;
        struct msghdr *msg; /* the kernel's, with all that it names, until the op has ended */
        struct {
            void *base;
            size_t len;
            uint64_t offset;
        } buf;
        struct {
            const struct sockaddr *sa;
            socklen_t len;
        } addr;
        struct {
            const char *path;
            struct open_how how;
        } open;
        struct {
            /* Ends with each connection: submitted anew, it is behind others that wait at the same
             * socket. A multishot one keeps its place, the first one, and gets them all. */
            bool turns;
        } accept;
    } arg;
};

void nu_op_init(struct nu_op *op, struct nu_loop *loop, nu_op_done done);

/* Submits `op`, whose kind, fd and arguments are set and which is idle. */
void nu_op_submit(struct nu_op *op);

/* Asks for the op's early end. `done` tells how it went, as always; idle ops are left alone. */
void nu_op_cancel(struct nu_op *op);

/* The only way from one state to the next; one that is not allowed ends the program. */
static inline void nu_op_set_state(struct nu_op *op, enum nu_op_state state)
{
    static const unsigned char next[] = {
        [NU_OP_IDLE] = 1 << NU_OP_BACKLOG | 1 << NU_OP_KERNEL,
        [NU_OP_BACKLOG] = 1 << NU_OP_KERNEL | 1 << NU_OP_IDLE,
        [NU_OP_KERNEL] = 1 << NU_OP_IDLE,
    };
    assert((next[op->state] & 1 << state) != 0);
    op->state = state;
}

/* For the loop: how something went that the ring was asked for. */
void nu_op_complete(struct nu_loop *loop, uint64_t user_data, int res, uint32_t flags);

/* Submits what had to wait for room, and cancellations again that found nothing. The loop calls it
 * each turn. */
void nu_op_retry(struct nu_loop *loop);

#endif
