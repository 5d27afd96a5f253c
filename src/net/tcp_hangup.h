/* SPDX-License-Identifier: MIT */
/*
 * Has somebody told that a connection is no more, while nobody reads from it or writes to it: the
 * peer has reset it, or TCP has given up. That the peer has sent its last byte is nothing of that
 * kind, nor does it matter what is unread.
 */
#ifndef NU_NET_TCP_HANGUP_H
#define NU_NET_TCP_HANGUP_H

#include "net/tcp.h"

typedef void (*nu_tcp_hung_up)(struct nu_tcp *tcp);

/*
 * Calls tell(tcp) then, on the owner and without a lock; perhaps twice. It costs memory and an
 * operation in the kernel, which stays until the connection is closed, so it is for those on which
 * somebody waits; for want of memory nobody is told. Once for a connection is enough, more do no
 * harm. Owner only.
 */
void nu_tcp_watch_hangup(struct nu_tcp *tcp, nu_tcp_hung_up tell);

/* For tcp.c: ends that; nu_tcp_closing() is called when it is over. With the lock held. */
void nu_tcp_hangup_close(struct nu_tcp *tcp);

#endif
