/* SPDX-License-Identifier: MIT */
/* PAIR, version 1: one to one. nng_pair(7). */
#ifndef NNG_PROTOCOL_PAIR1_PAIR_H
#define NNG_PROTOCOL_PAIR1_PAIR_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode, with many peers. NNG_ENOMEM; NNG_ENOTSUP: no
 * libnng.so.1 here. */
NNG_DECL int nng_pair1_open(nng_socket *sock);
NNG_DECL int nng_pair1_open_raw(nng_socket *sock);
NNG_DECL int nng_pair1_open_poly(nng_socket *sock);

#define NNG_OPT_PAIR1_POLY "pair1:polyamorous"
#define NNG_PAIR1_SELF 0x11
#define NNG_PAIR1_PEER 0x11
#define NNG_PAIR1_SELF_NAME "pair1"
#define NNG_PAIR1_PEER_NAME "pair1"

#ifndef nng_pair_open
#define nng_pair_open nng_pair1_open
#endif
#ifndef nng_pair_open_raw
#define nng_pair_open_raw nng_pair1_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
