/* SPDX-License-Identifier: MIT */
/* What the fuzzers of servers share: a connection, and an end with a reason. */
#ifndef NU_FUZZ_VISIT_H
#define NU_FUZZ_VISIT_H

#include "base/buf.h"
#include "io/runtime.h"
#include "net/listener.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PATIENCE 20 /* seconds */

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
        abort();
    }
}

struct visit {
    struct nu_task task;
    struct nu_listener *listener;
    int fd;
    sem_t done;
};

static void visit(struct nu_task *task)
{
    struct visit *v = nu_container(task, struct visit, task);
    v->listener->accepted(v->listener, v->fd);
    sem_post(&v->done);
}

/* To a listener of loop 0. Without TCP there are no ports to run out of, and inputs go twice as
 * fast. */
static int open_connection(struct nu_listener *listener)
{
    struct visit v = { .task = { .run = visit }, .listener = listener };
    struct timeval tv = { .tv_sec = PATIENCE };
    int fds[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
    sem_init(&v.done, 0, 0);
    v.fd = fds[1];
    nu_loop_post(nu_runtime_loop(0), &v.task);
    while (sem_wait(&v.done) != 0) {
    }
    sem_destroy(&v.done);
    return fds[0];
}

/* All that comes, until the end. */
static void hear(int fd, struct nu_buf *heard)
{
    ssize_t n = 1;
    while (n > 0) {
        require(nu_buf_reserve(heard, 65536) == 0, "memory");
        do {
            n = recv(fd, heard->data + heard->len, 65536, 0);
        } while (n < 0 && errno == EINTR); /* libFuzzer's alarm */
        require(n >= 0 || errno == ECONNRESET, "no end");
        heard->len += n > 0 ? (size_t) n : 0;
    }
}

#endif
