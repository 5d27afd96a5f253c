/* SPDX-License-Identifier: MIT */
/* The limit for an echo on io_uring: what was received is sent, and nobody looks at it. */
#include "ref.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ENTRIES 1024U
#define SIZE 16384

enum { ACCEPT, RECEIVED, SENT };

static struct io_uring ring;
static char *buffers[REF_CONNS];

static struct io_uring_sqe *next_sqe(int what, int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (sqe == NULL) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    if (sqe == NULL) {
        ref_die("no room for another SQE", 0);
    }
    sqe->user_data = (uint64_t) what << 32 | (unsigned) fd;
    return sqe;
}

static void receive(int fd)
{
    struct io_uring_sqe *sqe = next_sqe(RECEIVED, fd);
    uint64_t data = sqe->user_data;
    io_uring_prep_recv(sqe, fd, buffers[fd], SIZE, 0);
    sqe->user_data = data;
}

static void give_back(int fd, size_t n)
{
    struct io_uring_sqe *sqe = next_sqe(SENT, fd);
    uint64_t data = sqe->user_data;
    io_uring_prep_send(sqe, fd, buffers[fd], n, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->user_data = data;
}

static void came(int fd)
{
    if (fd >= REF_CONNS) {
        ref_die("too many connections", 0);
    }
    if (buffers[fd] == NULL && (buffers[fd] = malloc(SIZE)) == NULL) {
        ref_die("no memory", ENOMEM);
    }
    receive(fd);
}

static void done(const struct io_uring_cqe *cqe)
{
    int fd = (int) (uint32_t) cqe->user_data, res = cqe->res;
    switch (cqe->user_data >> 32) {
    case ACCEPT:
        if (res < 0) {
            ref_die("accept", -res);
        }
        came(res);
        break;
    case RECEIVED:
        if (res > 0) {
            give_back(fd, (size_t) res);
        } else {
            close(fd);
        }
        break;
    default:
        receive(fd); /* which says how it ended, if it has */
        break;
    }
}

int main(int argc, char **argv)
{
    struct ref_options options;
    struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
                                               IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                      .cq_entries = 16 * ENTRIES };
    ref_parse(argc, argv, &options);
    int err = io_uring_queue_init_params(ENTRIES, &ring, &params);
    if (err != 0) {
        ref_die("io_uring_setup", -err);
    }
    (void) io_uring_register_ring_fd(&ring); /* only quicker */
    struct io_uring_sqe *sqe = next_sqe(ACCEPT, 0);
    io_uring_prep_multishot_accept(sqe, ref_listen(options.port, SOCK_CLOEXEC), NULL, NULL, 0);
    sqe->user_data = (uint64_t) ACCEPT << 32;
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, n = 0;
        err = io_uring_submit_and_wait(&ring, 1);
        if (err < 0 && err != -EINTR) {
            ref_die("io_uring_enter", -err);
        }
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            done(cqe);
            n++;
        }
        io_uring_cq_advance(&ring, n);
    }
}
