/* SPDX-License-Identifier: MIT */
#include "check/receive.h"

#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE = 1, CANCEL }; /* tags */

static void receive_say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);
    nu_require(n == (ssize_t) strlen(text), "send: %s", nu_res(n < 0 ? -errno : n));
}

/* ---- Into memory of one's own -------------------------------------------------------------- */

void nu_receive_waits(void)
{
    struct nu_uring u;
    char bytes[8] = "";
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    nu_recv(&u, RECEIVE, fd[0], bytes, sizeof bytes);
    nu_expect(!nu_came(&u, RECEIVE), "without data it does not wait");
    receive_say(fd[1], "abc");
    int n = nu_await(&u, RECEIVE);
    nu_expect(n == 3 && memcmp(bytes, "abc", 3) == 0, "of 3 bytes: %s", nu_res(n));
    receive_say(fd[1], "de");
    shutdown(fd[1], SHUT_WR);
    nu_recv(&u, RECEIVE, fd[0], bytes, sizeof bytes);
    n = nu_await(&u, RECEIVE);
    nu_expect(n == 2 && memcmp(bytes, "de", 2) == 0, "of 2 bytes before the end: %s", nu_res(n));
    nu_recv(&u, RECEIVE, fd[0], bytes, sizeof bytes);
    n = nu_await(&u, RECEIVE);
    nu_expect(n == 0, "at the end: %s", nu_res(n));
    nu_ok("it waits, takes what there is, and says 0 at the end");
}

void nu_receive_vector(void)
{
    struct nu_uring u;
    char a[2], b[3], c[8];
    struct iovec iov[3] = { { a, sizeof a }, { b, sizeof b }, { c, sizeof c } };
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    struct io_uring_sqe *sqe = nu_sqe(&u, RECEIVE);
    io_uring_prep_readv(sqe, fd[0], iov, 3, 0);
    sqe->user_data = RECEIVE;
    nu_expect(!nu_came(&u, RECEIVE), "without data it does not wait");
    memset(iov, 0xa5, sizeof iov);
    receive_say(fd[1], "abcdefg");
    int n = nu_await(&u, RECEIVE);
    nu_expect(n == 7 && memcmp(a, "ab", 2) == 0 && memcmp(b, "cde", 3) == 0 &&
                  memcmp(c, "fg", 2) == 0,
              "7 bytes into three places: %s", nu_res(n));
    nu_ok("7 bytes into three places");
}

void nu_receive_reset(void)
{
    struct nu_uring u;
    char byte;
    int fd[2];
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    nu_recv(&u, RECEIVE, fd[0], &byte, 1);
    nu_expect(!nu_came(&u, RECEIVE), "without data it does not wait");
    nu_reset(fd[1]);
    int res = nu_await(&u, RECEIVE);
    nu_expect(res == -ECONNRESET, "when the peer resets: %s", nu_res(res));
    nu_ok("-ECONNRESET");
}

/* ---- Into provided buffers ----------------------------------------------------------------- */

#define GROUP 7
#define COUNT 4U
#define SIZE 64U

static struct io_uring_buf_ring *ring;
static char buffers[COUNT][SIZE];

static void receive_give(unsigned id)
{
    memset(buffers[id], 0, SIZE);
    io_uring_buf_ring_add(ring, buffers[id], SIZE, (unsigned short) id,
                          io_uring_buf_ring_mask(COUNT), 0);
    io_uring_buf_ring_advance(ring, 1);
}

/* With `n` buffers in it. */
static void receive_open_buffers(struct nu_uring *u, unsigned n)
{
    ring = mmap(NULL, COUNT * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    nu_require(ring != MAP_FAILED, "mmap: %s", nu_res(-errno));
    struct io_uring_buf_reg reg = { .ring_addr = (uintptr_t) ring,
                                    .ring_entries = COUNT,
                                    .bgid = GROUP };
    int err = io_uring_register_buf_ring(&u->uring, &reg, 0);
    if (err != 0) {
        nu_missing("a ring of buffers is refused: %s", nu_res(err));
    }
    io_uring_buf_ring_init(ring);
    for (unsigned id = 0; id < n; id++) {
        receive_give(id);
    }
}

static void receive_select_into(struct nu_uring *u, int fd, bool multishot)
{
    struct io_uring_sqe *sqe = nu_sqe(u, RECEIVE);
    if (multishot) {
        io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    } else {
        io_uring_prep_recv(sqe, fd, NULL, 0, 0);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = GROUP;
    sqe->user_data = RECEIVE;
}

/* The completion brings this text, in the buffer whose number is returned. */
static unsigned receive_expect_text(const struct nu_event *event, const char *text)
{
    unsigned id = event->flags >> IORING_CQE_BUFFER_SHIFT;
    nu_expect(event->res == (int) strlen(text), "of %zu bytes: %s", strlen(text),
              nu_res(event->res));
    nu_expect((event->flags & IORING_CQE_F_BUFFER) != 0 && id < COUNT,
              "the completion names no buffer of ours");
    nu_expect(memcmp(buffers[id], text, strlen(text)) == 0, "buffer %u holds something else", id);
    return id;
}

/* More receives than there are buffers, and each buffer is used again. */
void nu_file_bufpool_ring(void)
{
    enum { ROUNDS = 20 };
    struct nu_uring u;
    char text[16];
    int fd[2];
    nu_open(&u, 8, 16);
    receive_open_buffers(&u, COUNT);
    nu_tcp_pair(fd);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "message %d", i);
        receive_select_into(&u, fd[0], false);
        nu_submit(&u);
        receive_say(fd[1], text);
        struct nu_event event = nu_await_event(&u, RECEIVE);
        receive_give(receive_expect_text(&event, text));
    }
    shutdown(fd[1], SHUT_WR);
    receive_select_into(&u, fd[0], false);
    int end = nu_await(&u, RECEIVE);
    nu_expect(end == 0, "at the end: %s", nu_res(end));
    nu_ok("%d receives through %u buffers", ROUNDS, COUNT);
}

/* With no buffer left: first while data waits, then while none does. */
void nu_file_bufpool_empty(void)
{
    struct nu_uring u;
    int fd[2];
    nu_open(&u, 8, 16);
    receive_open_buffers(&u, 1);
    nu_tcp_pair(fd);
    receive_say(fd[1], "one");
    receive_select_into(&u, fd[0], false);
    struct nu_event event = nu_await_event(&u, RECEIVE);
    unsigned id = receive_expect_text(&event, "one");
    receive_say(fd[1], "two");
    receive_select_into(&u, fd[0], false);
    int none = nu_await(&u, RECEIVE);
    nu_expect(none == -ENOBUFS, "with no buffer left: %s", nu_res(none));
    receive_give(id);
    receive_select_into(&u, fd[0], false);
    event = nu_await_event(&u, RECEIVE);
    receive_expect_text(&event, "two");
    receive_select_into(&u, fd[0], false);
    bool at_once = nu_came(&u, RECEIVE);
    nu_expect(!at_once || nu_await(&u, RECEIVE) == -ENOBUFS,
              "with no buffer left and no data it ends otherwise");
    nu_ok("-ENOBUFS, nothing is lost; without data %s", at_once ? "the same, at once" : "it waits");
}

static bool receive_has_more(const struct nu_event *event)
{
    return (event->flags & IORING_CQE_F_MORE) != 0;
}

void nu_receive_multishot(void)
{
    static const char *const texts[] = { "one", "two", "three", "four", "five", "six" };
    struct nu_uring u;
    int fd[2];
    nu_open(&u, 8, 16);
    receive_open_buffers(&u, COUNT);
    nu_tcp_pair(fd);
    receive_select_into(&u, fd[0], true);
    nu_submit(&u);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        receive_say(fd[1], texts[i]);
        struct nu_event event = nu_await_event(&u, RECEIVE);
        if (i == 0 && event.res == -EINVAL) {
            nu_missing("it is refused");
        }
        receive_give(receive_expect_text(&event, texts[i]));
        nu_expect(receive_has_more(&event), "it ends after message %u", i);
    }
    shutdown(fd[1], SHUT_WR);
    struct nu_event end = nu_await_event(&u, RECEIVE);
    nu_expect(end.res == 0 && !receive_has_more(&end), "at the end: %s", nu_res(end.res));
    nu_expect_quiet(&u);
    nu_ok("six messages by one submission, and 0 at the end");
}

/* It ends for want of buffers, and by a cancellation. */
void nu_receive_multishot_ends(void)
{
    struct nu_uring u;
    int fd[2];
    nu_open(&u, 8, 16);
    receive_open_buffers(&u, 1);
    nu_tcp_pair(fd);
    receive_select_into(&u, fd[0], true);
    nu_submit(&u);
    receive_say(fd[1], "one");
    struct nu_event event = nu_await_event(&u, RECEIVE);
    if (event.res == -EINVAL) {
        nu_missing("it is refused");
    }
    unsigned id = receive_expect_text(&event, "one");
    if (receive_has_more(&event)) {
        receive_say(fd[1], "two");
        event = nu_await_event(&u, RECEIVE);
        nu_expect(event.res == -ENOBUFS && !receive_has_more(&event), "with no buffer left: %s",
                  nu_res(event.res));
    } else {
        receive_say(fd[1], "two");
    }
    receive_give(id);
    receive_give(id + 1);
    receive_select_into(&u, fd[0], true);
    event = nu_await_event(&u, RECEIVE);
    receive_expect_text(&event, "two");
    nu_expect(receive_has_more(&event), "it ends with a buffer to spare");
    nu_cancel(&u, CANCEL, RECEIVE);
    nu_await(&u, CANCEL);
    event = nu_await_event(&u, RECEIVE);
    nu_expect(event.res == -ECANCELED && !receive_has_more(&event), "cancelled: %s",
              nu_res(event.res));
    nu_expect_quiet(&u);
    nu_ok("it ends with -ENOBUFS and -ECANCELED, and nothing is lost");
}
