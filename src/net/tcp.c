/* SPDX-License-Identifier: MIT */
#include "net/tcp.h"

#include "base/error.h"
#include "io/counters.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/tcp_direct.h"
#include "net/tcp_hangup.h"
#include "net/tcp_read.h"
#include "net/tcp_write.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISCARD ((size_t) 16 * 1024 * 1024)

/* ---- Life --------------------------------------------------------------------------------- */

static void tcp_woken(struct nu_task *task)
{
    struct nu_tcp *tcp = nu_container(task, struct nu_tcp, wake);
    nu_lock(&tcp->stream.lock);
    tcp->wake_posted = false;
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_tcp_write_next(tcp);
    nu_tcp_read_woken(tcp);
    nu_unlock(&tcp->stream.lock);
}

void nu_tcp_wake(struct nu_tcp *tcp)
{
    if (!tcp->wake_posted) {
        tcp->wake_posted = true;
        nu_loop_post(tcp->stream.loop, &tcp->wake);
    }
}

/* Nothing new is begun from here on. */
static void tcp_begin_close(struct nu_tcp *tcp)
{
    if (tcp->stream.life == NU_STREAM_OPEN) {
        tcp->stream.life = NU_STREAM_CLOSING;
    }
}

/* nng_fini(): the socket goes now, the memory when its owner asks. */
static void tcp_on_stop(struct nu_loop_hook *hook)
{
    struct nu_tcp *tcp = nu_container(hook, struct nu_tcp, hook);
    nu_lock(&tcp->stream.lock);
    tcp_begin_close(tcp);
    nu_tcp_closing(tcp);
}

static void tcp_shut(struct nu_stream *stream)
{
    struct nu_tcp *tcp = nu_tcp_of(stream);
    nu_lock(&stream->lock);
    tcp_begin_close(tcp);
    tcp->abortive = true;
    if (stream->life != NU_STREAM_DEAD) {
        nu_tcp_wake(tcp);
    }
    nu_unlock(&stream->lock);
}

static void tcp_close(struct nu_stream *stream, bool abortive)
{
    struct nu_tcp *tcp = nu_tcp_of(stream);
    nu_lock(&stream->lock);
    tcp_begin_close(tcp);
    tcp->released = true;
    tcp->abortive = tcp->abortive || abortive;
    bool dead = stream->life == NU_STREAM_DEAD;
    bool last = dead && !tcp->wake_posted; /* else the owner is still to look at it */
    if (!dead) {
        nu_tcp_wake(tcp);
    }
    nu_unlock(&stream->lock);
    if (last) {
        stream->gone(stream);
    }
}

/* Unread bytes would turn the close into a reset, which throws away what we have written. With
 * MSG_TRUNC TCP drops them without a copy; recv() itself is checked by sanitizers that do not know.
 * Other families refuse that, and there what was written is not thrown away. */
static void tcp_discard_unread(int fd)
{
    (void) syscall(SYS_recvfrom, fd, NULL, DISCARD, MSG_DONTWAIT | MSG_TRUNC, NULL, NULL);
}

static void tcp_close_fd(struct nu_tcp *tcp)
{
    if (tcp->abortive) {
        struct linger linger = { .l_onoff = 1, .l_linger = 0 };
        (void) setsockopt(tcp->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    } else {
        tcp_discard_unread(tcp->fd);
    }
    close(tcp->fd);
    nu_rx_clear(&tcp->stream.rx, &tcp->stream.loop->buffers);
    nu_list_remove(&tcp->hook.link);
    tcp->stream.life = NU_STREAM_DEAD;
    nu_count(NU_COUNT_CLOSED, 1);
}

void nu_tcp_closing(struct nu_tcp *tcp)
{
    struct nu_stream *stream = &tcp->stream;
    nu_tcp_write_close(tcp);
    nu_tcp_read_close(tcp);
    nu_tcp_hangup_close(tcp);
    /* The kernel may still have our buffers, or a thread our descriptor; what ends that brings us
     * back here. */
    if (tcp->writing == NU_TCP_WRITE_NONE && tcp->reading == NU_TCP_READ_NONE &&
        tcp->hangup == NULL && nu_tcp_direct_free(tcp) && stream->life != NU_STREAM_DEAD) {
        tcp_close_fd(tcp);
    }
    bool last = stream->life == NU_STREAM_DEAD && tcp->released && !tcp->wake_posted;
    nu_unlock(&stream->lock);
    if (last) {
        stream->gone(stream);
    }
}

int nu_tcp_failure(struct nu_tcp *tcp, int error)
{
    if (error == ECONNRESET) {
        tcp->reset = true;
        tcp->stream.end = tcp->stream.end == NNG_ECONNSHUT ? NNG_ECONNRESET : tcp->stream.end;
    }
    tcp->stream.gone_known = tcp->stream.gone_known || (error == EPIPE && !tcp->reset);
    /* NNG_ETIMEDOUT is the aio's own; this is TCP giving up on a peer that does not answer. */
    return error == ETIMEDOUT ? NNG_ECONNRESET : nu_error_from_errno(error);
}

static void tcp_shutdown_write(struct nu_stream *stream)
{
    shutdown(nu_tcp_of(stream)->fd, SHUT_WR);
}

/* A part of them would tear the stream, so then it ends. But a poll says that there is room only
 * when a third of the socket's buffer is free, and so few bytes go whole. */
static void tcp_send_now(struct nu_stream *stream, const void *data, size_t n)
{
    struct pollfd pfd = { .fd = nu_tcp_of(stream)->fd, .events = POLLOUT };
    bool room = poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT) != 0;
    ssize_t sent = room ? send(pfd.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent > 0 && (size_t) sent < n) {
        shutdown(pfd.fd, SHUT_RDWR);
    }
}

static size_t tcp_unacked(const struct nu_stream *stream)
{
    int n = 0;
    return ioctl(nu_tcp_of(stream)->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t) n : 0;
}

static size_t tcp_unread(const struct nu_stream *stream)
{
    int n = 0;
    return ioctl(nu_tcp_of(stream)->fd, FIONREAD, &n) == 0 && n > 0 ? (size_t) n : 0;
}

/* ---- Facts and options -------------------------------------------------------------------- */

static int tcp_addr_of(struct nu_stream *stream, bool peer, nng_sockaddr *addr)
{
    struct nu_tcp *tcp = nu_tcp_of(stream);
    int err = NNG_ECLOSED;
    nu_lock(&stream->lock);
    if (stream->life == NU_STREAM_OPEN && peer && tcp->client != NULL) {
        *addr = *tcp->client;
        err = 0;
    } else if (stream->life == NU_STREAM_OPEN) {
        err = nu_address_of_socket(tcp->fd, peer, addr);
    }
    nu_unlock(&stream->lock);
    return err;
}

static int tcp_local_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return tcp_addr_of(stream, false, addr);
}

static int tcp_remote_addr(struct nu_stream *stream, nng_sockaddr *addr)
{
    return tcp_addr_of(stream, true, addr);
}

int nu_tcp_get_option(struct nu_tcp *tcp, int level, int name, void *value, socklen_t *len)
{
    int err = NNG_ECLOSED;
    nu_lock(&tcp->stream.lock);
    if (tcp->stream.life == NU_STREAM_OPEN) {
        err = getsockopt(tcp->fd, level, name, value, len) == 0 ? 0 : nu_error_from_errno(errno);
    }
    nu_unlock(&tcp->stream.lock);
    return err;
}

int nu_tcp_set_option(struct nu_tcp *tcp, int level, int name, const void *value, socklen_t len)
{
    int err = NNG_ECLOSED;
    nu_lock(&tcp->stream.lock);
    if (tcp->stream.life == NU_STREAM_OPEN) {
        err = setsockopt(tcp->fd, level, name, value, len) == 0 ? 0 : nu_error_from_errno(errno);
    }
    nu_unlock(&tcp->stream.lock);
    return err;
}

static int tcp_set_keepalive(struct nu_stream *stream, bool on)
{
    int value = on;
    return nu_tcp_set_option(nu_tcp_of(stream), SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value);
}

/* ---- The stream --------------------------------------------------------------------------- */

static const struct nu_stream_ops tcp_ops = {
    .read = nu_tcp_read,
    .write = nu_tcp_write,
    .close = tcp_close,
    .shut = tcp_shut,
    .shutdown_write = tcp_shutdown_write,
    .send_now = tcp_send_now,
    .unacked = tcp_unacked,
    .unread = tcp_unread,
    .local_addr = tcp_local_addr,
    .remote_addr = tcp_remote_addr,
    .set_keepalive = tcp_set_keepalive,
};

void nu_tcp_init(struct nu_tcp *tcp, struct nu_loop *loop, int fd,
                 void (*gone)(struct nu_stream *stream), void *user)
{
    int on = 1;
    memset(tcp, 0, sizeof *tcp);
    nu_stream_init(&tcp->stream, &tcp_ops, loop, gone, user);
    tcp->fd = fd;
    nu_op_init(&tcp->write_op, loop, nu_tcp_write_done);
    tcp->write_op.fd = fd;
    nu_op_init(&tcp->read_op, loop, nu_tcp_read_done);
    nu_task_init(&tcp->wake, tcp_woken);
    tcp->hook.on_stop = tcp_on_stop;
    nu_list_append(&loop->hooks, &tcp->hook.link);
    nu_count(NU_COUNT_OPENED, 1);
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* not vital */
}
