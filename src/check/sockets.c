/* SPDX-License-Identifier: MIT */
#include "check/sockets.h"

#include "check/clock.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PERIOD 4093U /* a prime, so that no buffer size is a multiple of it */
#define BUFFER 65536
#define PATIENCE_MS 20000
#define LATE_MS 60 /* more than a delayed acknowledgement takes, which makes room */

static void sockets_limit(int fd, int size)
{
    nu_require(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0 &&
                   setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0,
               "setsockopt: %s", nu_res(-errno));
}

static void sockets_open_pair(int fd[2], int size)
{
    nu_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0, "socketpair: %s",
               nu_res(-errno));
    sockets_limit(fd[0], size);
    sockets_limit(fd[1], size);
}

void nu_pair(int fd[2])
{
    sockets_open_pair(fd, BUFFER);
}

void nu_tight_pair(int fd[2])
{
    sockets_open_pair(fd, 1);
}

static struct sockaddr_in sockets_address(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

int nu_connect(uint16_t port)
{
    struct sockaddr_in to = sockets_address(port);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    nu_require(fd >= 0, "socket: %s", nu_res(-errno));
    sockets_limit(fd, BUFFER);
    nu_require(connect(fd, (struct sockaddr *) &to, sizeof to) == 0 &&
                   setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0,
               "connecting to 127.0.0.1: %s; bring lo up (ip link set lo up)", nu_res(-errno));
    return fd;
}

int nu_listen(uint16_t *port)
{
    struct sockaddr_in at = sockets_address(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    nu_require(fd >= 0, "socket: %s", nu_res(-errno));
    sockets_limit(fd, BUFFER);
    nu_require(bind(fd, (struct sockaddr *) &at, len) == 0 && listen(fd, 64) == 0 &&
                   getsockname(fd, (struct sockaddr *) &at, &len) == 0,
               "listening on 127.0.0.1: %s", nu_res(-errno));
    *port = ntohs(at.sin_port);
    close(nu_connect(*port)); /* where lo is down, this says so and not the check */
    int first = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    nu_require(first >= 0, "accept: %s", nu_res(-errno));
    close(first);
    return fd;
}

void nu_tcp_pair(int fd[2])
{
    uint16_t port;
    int listener = nu_listen(&port);
    fd[0] = nu_connect(port);
    fd[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    nu_require(fd[1] >= 0, "accept: %s", nu_res(-errno));
    close(listener);
}

void nu_reset(int fd)
{
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* ---- Bytes --------------------------------------------------------------------------------- */

/* What the stream looks like from `offset` on, for NU_STREAM_PIECE bytes. */
static uint8_t *sockets_pattern(uint64_t offset)
{
    static uint8_t bytes[NU_STREAM_PIECE + PERIOD];
    static bool made;
    for (size_t i = 0; !made && i < sizeof bytes; i++) {
        size_t at = i % PERIOD;
        bytes[i] = (uint8_t) (at * 167 + (at >> 8) * 31);
    }
    made = true;
    return bytes + offset % PERIOD;
}

struct iovec nu_stream_next(const struct nu_stream *s, size_t n)
{
    return (struct iovec){ sockets_pattern(s->sent), n };
}

void nu_stream_fill(struct nu_stream *s)
{
    ssize_t n;
    uint64_t before;
    do {
        before = s->sent;
        while ((n = send(s->out, sockets_pattern(s->sent), BUFFER, MSG_DONTWAIT | MSG_NOSIGNAL)) >
               0) {
            s->sent += (uint64_t) n;
        }
        nu_require(n < 0 && errno == EAGAIN, "send: %s", nu_res(n < 0 ? -errno : n));
        struct sockaddr_storage sa = { .ss_family = AF_UNSPEC };
        socklen_t len = sizeof sa;
        getsockname(s->out, (struct sockaddr *) &sa, &len);
        if (sa.ss_family == AF_INET) {
            nu_sleep(LATE_MS * NU_MS);
        } else {
            break;
        }
    } while (s->sent != before);
}

size_t nu_stream_drain(struct nu_stream *s, size_t n)
{
    static uint8_t got[BUFFER];
    size_t sum = 0;
    while (sum < n) {
        size_t want = n - sum < sizeof got ? n - sum : sizeof got;
        ssize_t m = recv(s->in, got, want, MSG_DONTWAIT);
        if (m <= 0) {
            nu_expect(m == 0 || errno == EAGAIN, "the peer's recv: %s", nu_res(-errno));
            break;
        }
        nu_expect(memcmp(got, sockets_pattern(s->received), (size_t) m) == 0,
                  "the peer received other bytes than were sent, after %llu good ones",
                  (unsigned long long) s->received);
        s->received += (uint64_t) m;
        sum += (size_t) m;
    }
    return sum;
}

int nu_stream_await(struct nu_stream *s, struct nu_uring *u, uint64_t tag)
{
    uint64_t until = nu_now() + PATIENCE_MS * NU_MS;
    while (!nu_came(u, tag)) {
        nu_expect(nu_now() < until, "a write does not end although its peer reads");
        nu_stream_drain(s, SIZE_MAX);
    }
    return nu_await(u, tag);
}

void nu_stream_balance(struct nu_stream *s)
{
    struct pollfd in = { .fd = s->in, .events = POLLIN };
    while (s->received < s->sent && poll(&in, 1, PATIENCE_MS) > 0 &&
           nu_stream_drain(s, SIZE_MAX) > 0) {
    }
    nu_stream_drain(s, SIZE_MAX);
    nu_expect(s->received == s->sent, "the peer received %llu bytes, the sender was told of %llu",
              (unsigned long long) s->received, (unsigned long long) s->sent);
}
