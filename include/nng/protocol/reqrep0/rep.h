/* SPDX-License-Identifier: MIT */
/* REP: answers requests. nng_rep(7). */
#ifndef NNG_PROTOCOL_REQREP0_REP_H
#define NNG_PROTOCOL_REQREP0_REP_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_rep0_open(nng_socket *sock);
NNG_DECL int nng_rep0_open_raw(nng_socket *sock);

#define NNG_REP0_SELF 0x31
#define NNG_REP0_PEER 0x30
#define NNG_REP0_SELF_NAME "rep"
#define NNG_REP0_PEER_NAME "req"

#ifndef nng_rep_open
#define nng_rep_open nng_rep0_open
#endif
#ifndef nng_rep_open_raw
#define nng_rep_open_raw nng_rep0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
