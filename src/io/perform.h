/* SPDX-License-Identifier: MIT */
/* Does an op by system calls that do not wait: what the kernel does for a ring of its own. */
#ifndef NU_IO_PERFORM_H
#define NU_IO_PERFORM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct nu_bufring;
struct nu_op;

struct nu_outcome {
    int res;        /* as a completion has it */
    uint32_t flags; /* NU_OP_F_* */
    bool wait;      /* not over: `res` is nothing, it is to be done again when its fd is ready */
    bool drained;   /* a receive has taken all there was */
};

/*
 * `again`: it has waited. An accept takes one connection, and there may be more. Owner thread only.
 */
struct nu_outcome nu_perform(struct nu_op *op, struct nu_bufring *buffers, bool again);

/* A write alone, by any thread: bytes or -errno. */
ssize_t nu_perform_writev(int fd, const struct iovec *iov, unsigned niov);

/* It is given up after it had to wait. */
void nu_perform_give_up(struct nu_op *op);

#endif
