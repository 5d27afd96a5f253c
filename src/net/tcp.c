/* SPDX-License-Identifier: MIT */
#include "net/tcp.h"

#include "base/error.h"
#include "io/counters.h"
#include "io/runtime.h"
#include "net/address.h"
#include "net/tcp_read.h"
#include "net/tcp_write.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    nu_lock(&tcp->lock);
    tcp->wake_posted = false;
    if (tcp->closed) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_tcp_write_next(tcp);
    nu_tcp_read_next(tcp);
    nu_unlock(&tcp->lock);
}

void nu_tcp_wake(struct nu_tcp *tcp)
{
    if (!tcp->wake_posted) {
        tcp->wake_posted = true;
        nu_loop_post(tcp->loop, &tcp->wake);
    }
}

/* nng_fini(): the socket goes now, the memory when its owner asks. */
static void tcp_on_stop(struct nu_loop_hook *hook)
{
    struct nu_tcp *tcp = nu_container(hook, struct nu_tcp, hook);
    nu_lock(&tcp->lock);
    tcp->closed = true;
    nu_tcp_closing(tcp);
}

void nu_tcp_init(struct nu_tcp *tcp, struct nu_loop *loop, int fd, void (*gone)(struct nu_tcp *))
{
    int on = 1;
    memset(tcp, 0, sizeof *tcp);
    tcp->loop = loop;
    tcp->fd = fd;
    tcp->gone = gone;
    atomic_init(&tcp->lock.state, NU_LOCK_FREE);
    nu_list_init(&tcp->writes);
    nu_list_init(&tcp->reads);
    nu_op_init(&tcp->write_op, loop, nu_tcp_write_done);
    nu_op_init(&tcp->read_op, loop, nu_tcp_read_done);
    nu_task_init(&tcp->wake, tcp_woken);
    tcp->hook.on_stop = tcp_on_stop;
    nu_list_append(&loop->hooks, &tcp->hook.link);
    nu_count(NU_COUNT_OPENED, 1);
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* not vital */
}

void nu_tcp_shut(struct nu_tcp *tcp)
{
    nu_lock(&tcp->lock);
    tcp->closed = true;
    tcp->abortive = true;
    if (!tcp->dead) {
        nu_tcp_wake(tcp);
    }
    nu_unlock(&tcp->lock);
}

void nu_tcp_close(struct nu_tcp *tcp, bool abortive)
{
    nu_lock(&tcp->lock);
    tcp->closed = true;
    tcp->released = true;
    tcp->abortive = tcp->abortive || abortive;
    bool last = tcp->dead && !tcp->wake_posted; /* else a kick is still to come */
    if (!tcp->dead) {
        nu_tcp_wake(tcp);
    }
    nu_unlock(&tcp->lock);
    if (last) {
        tcp->gone(tcp);
    }
}

/* Unread bytes would turn the close into a reset, which throws away what we have written. With
 * MSG_TRUNC TCP drops them without a copy; recv() itself is checked by sanitizers that do not know.
 */
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
    nu_rx_clear(&tcp->rx, &tcp->loop->buffers);
    nu_list_remove(&tcp->hook.link);
    tcp->dead = true;
    nu_count(NU_COUNT_CLOSED, 1);
}

void nu_tcp_closing(struct nu_tcp *tcp)
{
    nu_tcp_write_close(tcp);
    nu_tcp_read_close(tcp);
    /* The kernel may still have our buffers; its completions bring us back here. */
    if (tcp->write_op.state == NU_OP_IDLE && tcp->read_op.state == NU_OP_IDLE && !tcp->dead) {
        tcp_close_fd(tcp);
    }
    bool last = tcp->dead && tcp->released && !tcp->wake_posted;
    nu_unlock(&tcp->lock);
    if (last) {
        tcp->gone(tcp);
    }
}

int nu_tcp_failure(struct nu_tcp *tcp, int error)
{
    tcp->reset = tcp->reset || error == ECONNRESET;
    /* NNG_ETIMEDOUT is the aio's own; this is TCP giving up on a peer that does not answer. */
    return error == ETIMEDOUT ? NNG_ECONNRESET : nu_error_from_errno(error);
}

void nu_tcp_shutdown_write(struct nu_tcp *tcp)
{
    shutdown(tcp->fd, SHUT_WR);
}

/* A part of them would tear the stream, so then it ends. */
void nu_tcp_send_now(struct nu_tcp *tcp, const void *data, size_t n)
{
    ssize_t sent = send(tcp->fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 && (size_t) sent < n) {
        shutdown(tcp->fd, SHUT_RDWR);
    }
}

size_t nu_tcp_unacked(const struct nu_tcp *tcp)
{
    int n = 0;
    return ioctl(tcp->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t) n : 0;
}

/* ---- Facts and options -------------------------------------------------------------------- */

typedef int (*get_name)(int fd, struct sockaddr *sa, socklen_t *len);

static int tcp_addr_of(struct nu_tcp *tcp, get_name get, nng_sockaddr *addr)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    nu_lock(&tcp->lock);
    int err = NNG_ECLOSED;
    if (!tcp->closed) {
        err = get(tcp->fd, (struct sockaddr *) &ss, &len) == 0 ? 0 : nu_error_from_errno(errno);
    }
    nu_unlock(&tcp->lock);
    return err != 0 ? err : nu_address_to_nng((struct sockaddr *) &ss, addr);
}

int nu_tcp_local_addr(struct nu_tcp *tcp, nng_sockaddr *addr)
{
    return tcp_addr_of(tcp, getsockname, addr);
}

int nu_tcp_remote_addr(struct nu_tcp *tcp, nng_sockaddr *addr)
{
    return tcp_addr_of(tcp, getpeername, addr);
}

int nu_tcp_set_keepalive(struct nu_tcp *tcp, bool on)
{
    int value = on, err = NNG_ECLOSED;
    nu_lock(&tcp->lock);
    if (!tcp->closed) {
        err = setsockopt(tcp->fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value) == 0
                  ? 0
                  : nu_error_from_errno(errno);
    }
    nu_unlock(&tcp->lock);
    return err;
}
