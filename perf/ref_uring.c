/* SPDX-License-Identifier: MIT */
/*
 * The reference server on io_uring: one thread, one ring, one enter per turn; multishot accept and
 * receive, provided buffers, responses by WRITEV or (-s) SEND, sockets as (-d) direct descriptors.
 */
#include "ref.h"

#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENTRIES 4096U
#define BUFS 512U
#define BUF_SIZE 4096U

enum kind { ACCEPT, RECV, WRITE, CLOSE };

struct conn {
    uint32_t tail;
    bool writing;
    unsigned phase;    /* of the mix */
    unsigned answered; /* requests that were seen */
    bool over;         /* nothing more comes; closed when nothing is being written */
    size_t owed;       /* bytes of responses */
    struct iovec piece;
};

struct server {
    struct io_uring ring;
    struct io_uring_buf_ring *bufs;
    uint8_t *bytes;
    int listener;
    struct ref_options options;
    struct ref_response response;
    struct conn conns[REF_CONNS]; /* by descriptor */
};

static struct io_uring_sqe *next_sqe(struct server *server)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);
    if (sqe == NULL) {
        io_uring_submit(&server->ring);
        sqe = io_uring_get_sqe(&server->ring);
    }
    if (sqe == NULL) {
        ref_die("no room for another SQE", EBUSY);
    }
    return sqe;
}

static void mark(struct server *server, struct io_uring_sqe *sqe, enum kind kind, unsigned index)
{
    sqe->user_data = (uint64_t) kind << 32 | index;
    if (server->options.direct && kind != ACCEPT && kind != CLOSE) {
        sqe->flags |= IOSQE_FIXED_FILE;
    }
}

static void start_accept(struct server *server)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    if (server->options.direct) {
        io_uring_prep_multishot_accept_direct(sqe, server->listener, NULL, NULL, 0);
    } else {
        io_uring_prep_multishot_accept(sqe, server->listener, NULL, NULL, SOCK_CLOEXEC);
    }
    mark(server, sqe, ACCEPT, 0);
}

static void start_recv(struct server *server, unsigned index)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    io_uring_prep_recv_multishot(sqe, (int) index, NULL, 0, 0);
    mark(server, sqe, RECV, index);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
}

static void start_write(struct server *server, unsigned index)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    struct conn *conn = &server->conns[index];
    if (server->options.send) {
        struct iovec piece = ref_piece(&server->response, conn->owed);
        io_uring_prep_send(sqe, (int) index, piece.iov_base, piece.iov_len, MSG_NOSIGNAL);
    } else {
        const struct iovec *iov;
        unsigned n = ref_vector(&server->response, conn->owed, &conn->piece, &iov);
        io_uring_prep_writev(sqe, (int) index, iov, n, 0);
    }
    mark(server, sqe, WRITE, index);
    conn->writing = true;
}

static void start_close(struct server *server, unsigned index)
{
    struct io_uring_sqe *sqe = next_sqe(server);
    if (server->options.direct) {
        io_uring_prep_close_direct(sqe, index);
    } else {
        io_uring_prep_close(sqe, (int) index);
    }
    mark(server, sqe, CLOSE, index);
}

static void end(struct server *server, unsigned index)
{
    struct conn *conn = &server->conns[index];
    conn->over = true;
    if (!conn->writing) {
        start_close(server, index);
    }
}

/* ---- Completions -------------------------------------------------------------------------- */

static void accepted(struct server *server, const struct io_uring_cqe *cqe)
{
    if (cqe->res >= REF_CONNS) {
        ref_die("too many connections", EMFILE);
    } else if (cqe->res >= 0) {
        server->conns[cqe->res] = (struct conn){ 0 };
        start_recv(server, (unsigned) cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) {
        start_accept(server);
    }
}

static void received(struct server *server, const struct io_uring_cqe *cqe, unsigned index)
{
    struct conn *conn = &server->conns[index];
    if (cqe->res > 0) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        uint8_t *data = server->bytes + (size_t) id * BUF_SIZE;
        unsigned n = ref_requests(&conn->tail, data, (size_t) cqe->res);
        n = server->options.mix ? ref_mixed(&conn->phase, n) : n;
        conn->answered += n;
        conn->owed += n * server->response.len;
        io_uring_buf_ring_add(server->bufs, data, BUF_SIZE, (unsigned short) id,
                              io_uring_buf_ring_mask(BUFS), 0);
        io_uring_buf_ring_advance(server->bufs, 1);
        if (conn->owed > 0 && !conn->writing && !conn->over) {
            start_write(server, index);
        }
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) {
        if (cqe->res > 0 || cqe->res == -ENOBUFS) {
            start_recv(server, index);
        } else {
            end(server, index);
        }
    }
}

static void written(struct server *server, const struct io_uring_cqe *cqe, unsigned index)
{
    struct conn *conn = &server->conns[index];
    conn->writing = false;
    if (cqe->res <= 0) {
        conn->owed = 0; /* the receive says that it is lost, too */
    } else {
        conn->owed -= (size_t) cqe->res;
    }
    if (conn->over) {
        start_close(server, index);
    } else if (conn->owed > 0) {
        start_write(server, index);
    } else if (conn->answered == server->options.per_conn) {
        shutdown((int) index, SHUT_RDWR); /* ends the receive; then it is closed */
    }
}

static void turn(struct server *server)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    int err = io_uring_submit_and_wait(&server->ring, 1);
    if (err < 0 && err != -EINTR && err != -EBUSY) {
        ref_die("io_uring_enter", -err);
    }
    io_uring_for_each_cqe(&server->ring, head, cqe)
    {
        unsigned index = (unsigned) (cqe->user_data & UINT32_MAX);
        switch (cqe->user_data >> 32) {
        case ACCEPT:
            accepted(server, cqe);
            break;
        case RECV:
            received(server, cqe, index);
            break;
        case WRITE:
            written(server, cqe, index);
            break;
        default:
            break;
        }
        n++;
    }
    io_uring_cq_advance(&server->ring, n);
}

/* ---- Starting ----------------------------------------------------------------------------- */

static void open_ring(struct server *server)
{
    struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
                                               IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                      .cq_entries = 4 * ENTRIES };
    int err = io_uring_queue_init_params(ENTRIES, &server->ring, &params);
    if (err != 0) {
        ref_die("io_uring_setup", -err);
    }
    if (server->options.direct &&
        (err = io_uring_register_files_sparse(&server->ring, REF_CONNS)) != 0) {
        ref_die("no direct descriptors", -err);
    }
    (void) io_uring_register_ring_fd(&server->ring); /* only quicker */
    if (posix_memalign((void **) &server->bufs, 4096, BUFS * sizeof(struct io_uring_buf)) != 0 ||
        posix_memalign((void **) &server->bytes, 4096, (size_t) BUFS * BUF_SIZE) != 0) {
        ref_die("posix_memalign", ENOMEM);
    }
    struct io_uring_buf_reg reg = { .ring_addr = (uint64_t) (uintptr_t) server->bufs,
                                    .ring_entries = BUFS };
    if ((err = io_uring_register_buf_ring(&server->ring, &reg, 0)) != 0) {
        ref_die("no provided buffers", -err);
    }
    io_uring_buf_ring_init(server->bufs);
    for (unsigned id = 0; id < BUFS; id++) {
        io_uring_buf_ring_add(server->bufs, server->bytes + (size_t) id * BUF_SIZE, BUF_SIZE,
                              (unsigned short) id, io_uring_buf_ring_mask(BUFS), (int) id);
    }
    io_uring_buf_ring_advance(server->bufs, (int) BUFS);
}

int main(int argc, char **argv)
{
    static struct server all;
    struct server *server = &all;
    signal(SIGPIPE, SIG_IGN); /* WRITEV has no flag against it */
    ref_parse(argc, argv, &server->options);
    ref_prepare(&server->response, server->options.body);
    open_ring(server);
    server->listener = ref_listen(server->options.port, 0);
    start_accept(server);
    for (;;) { /* until a signal */
        turn(server);
    }
}
