/* SPDX-License-Identifier: MIT */
#include "io/bufring.h"

#include "base/clock.h"
#include "io/uring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(bufring, .timeout = 10);

struct place {
    struct nu_uring ring;
    struct nu_bufring bufs;
    int fds[2];
};

static void set_up(struct place *p)
{
    cr_assert_eq(nu_uring_open(&p->ring, 8, 16), 0);
    int err = nu_bufring_open(&p->bufs, &p->ring.uring);
    if (err == -EINVAL) {
        cr_skip_test("this kernel has no buffer rings");
    }
    cr_assert_eq(err, 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fds), 0);
}

static void tear_down(struct place *p)
{
    nu_bufring_close(&p->bufs, &p->ring.uring);
    cr_assert_null(p->bufs.ring);
    nu_uring_close(&p->ring);
    close(p->fds[0]);
    close(p->fds[1]);
}

/* Receives into a buffer that the kernel picks; its result and flags. */
static int receive(struct place *p, uint32_t *flags)
{
    struct io_uring_cqe *cqe;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&p->ring.uring);
    io_uring_prep_recv(sqe, p->fds[0], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = NU_BUFRING_GROUP;
    cr_assert_eq(nu_uring_enter(&p->ring, 1, nu_now() + 5 * NU_SECOND), 0);
    cr_assert_eq(io_uring_peek_cqe(&p->ring.uring, &cqe), 0);
    int res = cqe->res;
    *flags = cqe->flags;
    io_uring_cqe_seen(&p->ring.uring, cqe);
    return res;
}

/* More often than there are buffers, each given back: what is received is in the one named. */
Test(bufring, give_and_take)
{
    struct place p;
    uint32_t flags;
    set_up(&p);
    for (unsigned i = 0; i < 4 * NU_BUFRING_COUNT; i++) {
        cr_assert_eq(send(p.fds[1], &i, sizeof i, 0), sizeof i);
        cr_assert_eq(receive(&p, &flags), sizeof i);
        uint8_t *buffer = nu_bufring_take(&p.bufs, flags);
        cr_assert_eq(memcmp(buffer, &i, sizeof i), 0);
        nu_bufring_give(&p.bufs, buffer);
    }
    tear_down(&p);
}

/* All of them in use at once, no two the same; then there are none, until one comes back. */
Test(bufring, runs_out)
{
    struct place p;
    uint8_t *taken[NU_BUFRING_COUNT];
    uint32_t flags;
    char byte = 'x';
    set_up(&p);
    for (unsigned i = 0; i < NU_BUFRING_COUNT; i++) {
        cr_assert_eq(send(p.fds[1], &byte, 1, 0), 1);
        cr_assert_eq(receive(&p, &flags), 1);
        taken[i] = nu_bufring_take(&p.bufs, flags);
        for (unsigned j = 0; j < i; j++) {
            cr_assert_neq(taken[i], taken[j]);
        }
    }
    cr_assert_eq(send(p.fds[1], &byte, 1, 0), 1);
    cr_assert_eq(receive(&p, &flags), -ENOBUFS);
    nu_bufring_give(&p.bufs, taken[17]);
    cr_assert_eq(receive(&p, &flags), 1);
    cr_assert_eq(nu_bufring_take(&p.bufs, flags), taken[17]);
    tear_down(&p);
}
