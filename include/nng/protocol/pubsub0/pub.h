/* SPDX-License-Identifier: MIT */
/* PUB: to all who have subscribed. nng_pub(7). */
#ifndef NNG_PROTOCOL_PUBSUB0_PUB_H
#define NNG_PROTOCOL_PUBSUB0_PUB_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_pub0_open(nng_socket *sock);
NNG_DECL int nng_pub0_open_raw(nng_socket *sock);

#ifndef nng_pub_open
#define nng_pub_open nng_pub0_open
#endif
#ifndef nng_pub_open_raw
#define nng_pub_open_raw nng_pub0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
