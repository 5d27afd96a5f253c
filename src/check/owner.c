/* SPDX-License-Identifier: MIT */
#include "check/owner.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SINGLE IORING_SETUP_SINGLE_ISSUER
#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static void owner_on_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    int err = pthread_create(&thread, NULL, run, arg);
    nu_require(err == 0, "a thread: %s", nu_res(-err));
    pthread_join(thread, NULL);
}

/* ---- Who may enter ------------------------------------------------------------------------- */

struct foreign {
    struct nu_uring *u;
    int submit, wait;
};

static void *owner_enter_foreign(void *arg)
{
    struct foreign *f = arg;
    f->wait = nu_uring_enter(f->u, 0, 0, 0);
    nu_nop(f->u, 1);
    f->submit = nu_uring_enter(f->u, 0, 0, 0);
    return NULL;
}

void nu_owner_only(void)
{
    struct nu_uring u;
    struct foreign f = { .u = &u };
    int err = nu_open_with(&u, 8, 16, DEFER);
    if (err != 0) {
        nu_missing("the flags are refused (%s): anybody may enter", nu_res(err));
    }
    owner_on_thread(owner_enter_foreign, &f);
    nu_expect(f.submit == -EEXIST, "another thread's submission: %s", nu_res(f.submit));
    nu_expect(f.wait == -EEXIST, "another thread's wait: %s", nu_res(f.wait));
    nu_expect(nu_await(&u, 1) == 0, "what the other thread prepared does not come off afterwards");
    nu_nop(&u, 2);
    nu_expect(nu_await(&u, 2) == 0, "the owner's no-op fails");
    nu_ok("-EEXIST for another thread; the owner goes on");
}

static void *owner_enable(void *arg)
{
    struct foreign *f = arg;
    f->wait = (int) syscall(__NR_io_uring_register, f->u->uring.ring_fd,
                            IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (f->wait != 0) {
        nu_missing("enabling it is refused: %s", nu_res(-errno));
    }
    nu_nop(f->u, 1);
    f->submit = nu_uring_enter(f->u, 0, 0, 0);
    return NULL;
}

/* One thread opens the ring, another one enables it, and owns it from then on. */
void nu_owner_expired(void)
{
    struct nu_uring u;
    struct foreign f = { .u = &u };
    int err = nu_open_with(&u, 8, 16, SINGLE | IORING_SETUP_R_DISABLED);
    if (err != 0) {
        nu_missing("the flags are refused: %s", nu_res(err));
    }
    nu_nop(&u, 2);
    int early = nu_uring_enter(&u, 0, 0, 0);
    nu_expect(early == -EBADFD, "a ring that is disabled takes a submission: %s", nu_res(early));
    u.uring.sq.sqe_tail = u.uring.sq.sqe_head = *u.uring.sq.ktail = *u.uring.sq.khead;
    owner_on_thread(owner_enable, &f);
    nu_expect(f.submit == 1, "a submission by who enabled it: %s", nu_res(f.submit));
    nu_nop(&u, 3);
    int late = nu_uring_enter(&u, 0, 0, 0);
    nu_expect(late == -EEXIST, "a submission by who opened it: %s", nu_res(late));
    nu_ok("it belongs to the thread that enabled it");
}

/* ---- The end of a thread or process -------------------------------------------------------- */

enum { RECEIVE = 1, SEND, ACCEPT, EVENT }; /* tags */

struct leaver {
    struct nu_uring *u;
    int fd;
    char byte;
    struct msghdr msg;
};

static void *owner_submit_and_leave(void *arg)
{
    struct leaver *l = arg;
    nu_recv(l->u, RECEIVE, l->fd, &l->byte, 1);
    nu_sendmsg(l->u, SEND, l->fd, &l->msg, MSG_WAITALL);
    nu_submit(l->u);
    return NULL;
}

/* On a ring that others may enter, as the library's is not. */
void nu_owner_exits(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    struct leaver l = { .u = &u };
    int fd[2], err = nu_open_with(&u, 8, 16, 0);
    nu_expect(err == 0, "a ring without flags: %s", nu_res(err));
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    struct iovec iov = nu_stream_next(&s, NU_STREAM_PIECE);
    l.fd = fd[0];
    l.msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
    owner_on_thread(owner_submit_and_leave, &l);
    nu_require(send(fd[1], "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    int received = nu_await(&u, RECEIVE);
    nu_expect(received == 1 || received == -ECANCELED || received == -EINTR, "its receive: %s",
              nu_res(received));
    int sent = nu_stream_await(&s, &u, SEND);
    nu_expect(sent > 0 || sent == -ECANCELED || sent == -EINTR, "its send: %s", nu_res(sent));
    s.sent += sent > 0 ? (uint64_t) sent : 0;
    nu_stream_balance(&s);
    nu_expect_quiet(&u);
    nu_ok("its receive says %s, its send of %zu bytes %s", nu_res(received), iov.iov_len,
          nu_res(sent));
}

/* The child tries the parent's ring; the parent goes on. */
void nu_owner_forks(void)
{
    struct nu_uring u;
    char byte = 0;
    int fd[2];
    unsigned flags;
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_recv(&u, RECEIVE, fd[0], &byte, 1);
    nu_submit(&u);
    int *said = mmap(NULL, sizeof *said, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    nu_require(said != MAP_FAILED, "mmap: %s", nu_res(-errno));
    pid_t pid = fork();
    if (pid == 0) {
        nu_nop(&u, SEND);
        *said = nu_uring_enter(&u, 0, 0, 0);
        _exit(0);
    }
    nu_require(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork: %s", nu_res(-errno));
    nu_rung(0, &flags);
    nu_expect(u.flags != flags || *said == -EEXIST,
              "a ring with SINGLE_ISSUER lets a child submit: %s", nu_res(*said));
    nu_expect(!nu_came(&u, RECEIVE), "the parent's receive ends with its child: %s",
              nu_res(nu_await(&u, RECEIVE)));
    nu_require(send(fd[1], "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    int n = nu_await(&u, RECEIVE);
    nu_expect(n == 1 && byte == 'x', "the parent's receive: %s", nu_res(n));
    nu_ok("the child is told %s; the parent goes on", nu_res(*said));
}

/* A process that waits on its ring until it is killed. */
static void owner_wait_for_death(int ready, int receiving, int sending)
{
    struct nu_uring u;
    struct nu_stream s = { .out = sending };
    char byte = 'r';
    uint16_t port;
    nu_open(&u, 8, 16);
    nu_stream_fill(&s);
    struct iovec iov = nu_stream_next(&s, 100);
    nu_recv(&u, RECEIVE, receiving, &byte, 1);
    nu_writev(&u, SEND, sending, &iov, 1, 0);
    nu_accept(&u, ACCEPT, nu_listen(&port));
    nu_submit(&u);
    nu_require(write(ready, "r", 1) == 1, "write: %s", nu_res(-errno));
    for (;;) {
        (void) nu_uring_enter(&u, 4, 60000, 0);
    }
}

void nu_owner_killed(void)
{
    int receiving[2], sending[2], ready[2], status = 0;
    char byte;
    nu_tcp_pair(receiving);
    nu_pair(sending);
    nu_require(pipe(ready) == 0, "pipe: %s", nu_res(-errno));
    pid_t pid = fork();
    if (pid == 0) {
        owner_wait_for_death(ready[1], receiving[0], sending[0]);
    }
    nu_require(pid > 0, "fork: %s", nu_res(-errno));
    close(receiving[0]);
    close(sending[0]);
    close(ready[1]);
    nu_require(read(ready[0], &byte, 1) == 1, "the process does not get ready");
    uint64_t start = nu_now();
    kill(pid, SIGKILL);
    nu_expect(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "it does not die");
    ssize_t n = recv(receiving[1], &byte, 1, 0); /* waits for the kernel to let go of the socket */
    nu_expect(n == 0, "its peer: %s", nu_res(n < 0 ? -errno : n));
    nu_ok("gone, and its sockets closed, after %llu ms",
          (unsigned long long) ((nu_now() - start) / NU_MS));
}
