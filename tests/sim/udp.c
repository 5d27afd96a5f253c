/* SPDX-License-Identifier: MIT */
#include "sim/udp.h"

#include "sim/faults.h"
#include "sim/seed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define LONGEST 65507U

struct sim_sock *sim_udp_bound(unsigned port)
{
    for (int fd = SIM_FD; fd < SIM_FD + SIM_FDS; fd++) {
        struct sim_sock *sock = sim_sock(fd);
        if (sock != NULL && sock->datagrams && sock->port == port) {
            return sock;
        }
    }
    return NULL;
}

static size_t udp_size(const struct msghdr *msg)
{
    size_t n = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        n += msg->msg_iov[i].iov_len;
    }
    return n;
}

static void udp_add(struct sim_bytes *to, unsigned port, const struct msghdr *msg)
{
    struct sim_datagram head = { port, (unsigned) udp_size(msg) };
    sim_append(to, &head, sizeof head);
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        sim_append(to, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
    }
}

static void udp_deliver(struct sim_sock *to, unsigned port, const struct msghdr *msg)
{
    struct sim_bytes before = to->in;
    bool full = before.len > 0 && before.len + udp_size(msg) > 8 * to->in_max;
    if (full || sim_chance(8)) {
        return; /* it is lost */
    }
    if (sim_chance(8)) {
        to->in = (struct sim_bytes){ NULL, 0, 0 }; /* it overtakes */
        udp_add(&to->in, port, msg);
        sim_append(&to->in, before.p, before.len);
        sim_release(before.p);
    } else {
        udp_add(&to->in, port, msg);
    }
    sim_sock_changed(to);
}

ssize_t sim_udp_send(struct sim_sock *sock, const struct msghdr *msg)
{
    const struct sockaddr_in *in = msg->msg_name;
    size_t n = udp_size(msg);
    if (n > LONGEST) {
        return -EMSGSIZE;
    }
    if (sim_chance(4)) {
        return -EAGAIN; /* no room for the moment */
    }
    struct sim_sock *to = sim_udp_bound(ntohs(in->sin_port));
    udp_add(&sock->sent, sock->port, msg);
    for (unsigned times = sim_chance(16) ? 2 : 1; to != NULL && times > 0; times--) {
        udp_deliver(to, sock->port, msg);
    }
    return (ssize_t) n;
}

ssize_t sim_udp_recv(struct sim_sock *sock, struct msghdr *msg)
{
    struct sim_datagram head;
    if (sock->in.len == 0) {
        return -EAGAIN;
    }
    memcpy(&head, sock->in.p, sizeof head);
    size_t at = 0;
    for (size_t i = 0; i < msg->msg_iovlen && at < head.size; i++) {
        size_t left = head.size - at, n = msg->msg_iov[i].iov_len;
        n = n < left ? n : left;
        if (n > 0) {
            memcpy(msg->msg_iov[i].iov_base, sock->in.p + sizeof head + at, n);
            at += n;
        }
    }
    struct sockaddr_in from = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t) head.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    memcpy(msg->msg_name, &from, sizeof from);
    msg->msg_namelen = sizeof from;
    msg->msg_flags = at < head.size ? MSG_TRUNC : 0;
    sim_drop(&sock->in, sizeof head + head.size);
    sim_sock_changed(sock);
    return (ssize_t) at;
}

/* ---- System calls ------------------------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);

static ssize_t udp_result(int fault, ssize_t n)
{
    if (fault != 0 || n < 0) {
        errno = fault != 0 ? fault : (int) -n;
        return -1;
    }
    return n;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    static const int errors[] = { EAGAIN, EINTR, ENOBUFS, ENOMEM, EPERM, 0 };
    if (!sim_is_fd(fd)) {
        return __real_sendmsg(fd, msg, flags);
    }
    int fault = sim_fault("sendmsg", errors);
    return udp_result(fault, fault != 0 ? 0 : sim_udp_send(sim_sock(fd), msg));
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
    static const int errors[] = { EAGAIN, EINTR, ENOMEM, 0 };
    if (!sim_is_fd(fd)) {
        return __real_recvmsg(fd, msg, flags);
    }
    int fault = sim_fault("recvmsg", errors);
    return udp_result(fault, fault != 0 ? 0 : sim_udp_recv(sim_sock(fd), msg));
}
