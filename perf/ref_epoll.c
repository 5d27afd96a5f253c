/* SPDX-License-Identifier: MIT */
/* The reference server on epoll: one thread, level-triggered, one read and one send per event. */
#include "ref.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define READ 16384

struct conn {
    uint32_t tail;
    bool waits;  /* for room, and does not read meanwhile */
    size_t owed; /* bytes of responses */
};

struct server {
    int epoll;
    int listener;
    struct ref_response response;
    struct conn conns[REF_CONNS]; /* by descriptor */
    uint8_t bytes[READ];
};

static void watch(struct server *server, int op, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    if (epoll_ctl(server->epoll, op, fd, &event) != 0) {
        ref_die("epoll_ctl", errno);
    }
}

static void accept_all(struct server *server)
{
    int fd;
    while ((fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= REF_CONNS) {
            close(fd);
            continue;
        }
        server->conns[fd] = (struct conn){ 0 };
        watch(server, EPOLL_CTL_ADD, fd, EPOLLIN);
    }
}

/* Sends what is owed, as far as there is room. False: the connection is lost. */
static bool answer(struct server *server, int fd)
{
    struct conn *conn = &server->conns[fd];
    while (conn->owed > 0) {
        struct iovec piece = ref_piece(&server->response, conn->owed);
        ssize_t n = send(fd, piece.iov_base, piece.iov_len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            return false;
        }
        if (n < 0) {
            break;
        }
        conn->owed -= (size_t) n;
    }
    if (conn->waits != (conn->owed > 0)) {
        conn->waits = !conn->waits;
        watch(server, EPOLL_CTL_MOD, fd, conn->waits ? EPOLLOUT : EPOLLIN);
    }
    return true;
}

static bool receive(struct server *server, int fd)
{
    struct conn *conn = &server->conns[fd];
    ssize_t n = recv(fd, server->bytes, READ, 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    conn->owed += ref_requests(&conn->tail, server->bytes, (size_t) n) * server->response.len;
    return answer(server, fd);
}

int main(int argc, char **argv)
{
    static struct server all;
    struct server *server = &all;
    struct ref_options options;
    struct epoll_event events[EVENTS];
    ref_parse(argc, argv, &options);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll < 0) {
        ref_die("epoll_create", errno);
    }
    ref_prepare(&server->response, options.body);
    server->listener = ref_listen(options.port, SOCK_NONBLOCK);
    watch(server, EPOLL_CTL_ADD, server->listener, EPOLLIN);
    for (;;) { /* until a signal */
        int n = epoll_wait(server->epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == server->listener) {
                accept_all(server);
            } else if (!(events[i].events & EPOLLOUT ? answer(server, fd) : receive(server, fd))) {
                close(fd);
            }
        }
    }
}
