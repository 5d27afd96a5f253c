/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: from one made-up socket to another at once, whole, unless they get lost, come twice or
 * overtake those before. What a socket has heard lies in its `in`, each after its head; all that it
 * said in `sent`, likewise.
 */
#ifndef NU_TESTS_SIM_UDP_H
#define NU_TESTS_SIM_UDP_H

#include "sim/tcp.h"

#include <sys/socket.h>

struct sim_datagram {
    unsigned port; /* who sent it */
    unsigned size; /* of the bytes that follow */
};

/* Who is bound to this port; NULL: nobody. */
struct sim_sock *sim_udp_bound(unsigned port);

/* Bytes or -errno; -EAGAIN: it has to wait. */
ssize_t sim_udp_send(struct sim_sock *sock, const struct msghdr *msg);
ssize_t sim_udp_recv(struct sim_sock *sock, struct msghdr *msg);

#endif
