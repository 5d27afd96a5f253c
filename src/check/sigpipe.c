/* SPDX-License-Identifier: MIT */
#include "check/sigpipe.h"

#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define RWF_NOSIGNAL_ 0x100U /* RWF_NOSIGNAL, newer than Debian 12's headers */

static char byte = 'x';
static struct iovec iov = { &byte, 1 };

/* As a loop of the library does with all signals. */
static void sigpipe_block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool sigpipe_is_dead(int res)
{
    return res == -EPIPE || res == -ECONNRESET;
}

/* Tried at once, and while it waits for room. An unblocked signal would end us. */
void nu_write_dead_peer(void)
{
    static void (*const pairs[])(int *) = { nu_pair, nu_tcp_pair };
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2], res = 0;
    sigpipe_block_sigpipe();
    nu_open(&u, 8, 16);
    for (unsigned i = 0; i < 2; i++) {
        pairs[i](fd);
        nu_reset(fd[1]);
        for (int tries = 0; tries < 3; tries++) { /* the first one hears of the reset */
            nu_writev(&u, 1, fd[0], &iov, 1, 0);
            res = nu_await(&u, 1);
            nu_expect(sigpipe_is_dead(res), "to a peer that is gone: %s", nu_res(res));
        }
        nu_expect(res == -EPIPE, "to a peer that is long gone: %s", nu_res(res));
    }
    nu_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_stream_fill(&s);
    nu_writev(&u, 2, fd[0], &iov, 1, 0);
    nu_expect(!nu_came(&u, 2), "on a full socket it does not wait");
    nu_reset(fd[1]);
    res = nu_await(&u, 2);
    nu_expect(sigpipe_is_dead(res), "when the peer went while it waited: %s", nu_res(res));
    nu_ok("-EPIPE at once; %s after waiting; a blocked SIGPIPE does not kill", nu_res(res));
}

/* The reset comes while 1 MiB is on its way. */
void nu_write_reset(void)
{
    struct nu_uring u;
    struct nu_stream s = { .sent = 0 };
    int fd[2];
    sigpipe_block_sigpipe();
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    s.out = fd[0];
    s.in = fd[1];
    nu_stream_fill(&s);
    struct iovec more = nu_stream_next(&s, NU_STREAM_PIECE);
    nu_writev(&u, 1, fd[0], &more, 1, 0);
    nu_submit(&u);
    nu_stream_drain(&s, 5000);
    nu_reset(fd[1]);
    int res = nu_await(&u, 1);
    nu_expect(res > 0 || sigpipe_is_dead(res), "a write that is reset: %s", nu_res(res));
    nu_writev(&u, 2, fd[0], &more, 1, 0);
    int next = nu_await(&u, 2);
    nu_expect(sigpipe_is_dead(next), "the next one: %s", nu_res(next));
    nu_ok("%s, and then %s", nu_res(res), nu_res(next));
}

static volatile sig_atomic_t pipes;

static void sigpipe_on_pipe(int sig)
{
    (void) sig;
    pipes++;
}

static void sigpipe_count_sigpipes(void)
{
    struct sigaction act = { .sa_handler = sigpipe_on_pipe };
    nu_require(sigaction(SIGPIPE, &act, NULL) == 0, "sigaction: %s", nu_res(-errno));
}

void nu_write_sigpipe(void)
{
    struct nu_uring u;
    int fd[2];
    sigpipe_count_sigpipes();
    nu_open(&u, 8, 16);
    nu_pair(fd);
    close(fd[1]);
    nu_writev(&u, 1, fd[0], &iov, 1, 0);
    int res = nu_await(&u, 1);
    nu_expect(res == -EPIPE, "to a peer that is gone: %s", nu_res(res));
    nu_ok("-EPIPE, and %s", pipes > 0 ? "SIGPIPE for the thread" : "no signal");
}

void nu_write_nosignal(void)
{
    struct nu_uring u;
    int fd[2];
    sigpipe_count_sigpipes();
    nu_open(&u, 8, 16);
    nu_pair(fd);
    nu_writev(&u, 1, fd[0], &iov, 1, RWF_NOSIGNAL_);
    int res = nu_await(&u, 1);
    if (res == -EOPNOTSUPP || res == -EINVAL) {
        nu_missing("the flag is refused: %s", nu_res(res));
    }
    nu_expect(res == 1, "where there is room: %s", nu_res(res));
    close(fd[1]);
    for (unsigned more = 0; more < 2; more++) { /* as attempts write, and alone */
        nu_writev(&u, 1, fd[0], &iov, 1, RWF_NOSIGNAL_ | (more ? RWF_NOWAIT : 0));
        res = nu_await(&u, 1);
        nu_expect(res == -EPIPE, "to a peer that is gone: %s", nu_res(res));
    }
    nu_expect(pipes == 0, "-EPIPE, and SIGPIPE all the same");
    nu_ok("-EPIPE, and no signal");
}

void nu_send_nosignal(void)
{
    struct nu_uring u;
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    int fd[2], res = 0;
    sigpipe_count_sigpipes();
    nu_open(&u, 8, 16);
    nu_tcp_pair(fd);
    nu_reset(fd[1]);
    for (int tries = 0; tries < 3; tries++) {
        nu_sendmsg(&u, 1, fd[0], &msg, MSG_DONTWAIT);
        res = nu_await(&u, 1);
        nu_expect(sigpipe_is_dead(res), "to a peer that is gone: %s", nu_res(res));
    }
    nu_expect(res == -EPIPE && pipes == 0, "%s and %d signals", nu_res(res), (int) pipes);
    nu_ok("-EPIPE, and no signal");
}
