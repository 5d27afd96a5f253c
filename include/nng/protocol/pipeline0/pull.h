/* SPDX-License-Identifier: MIT */
/* PULL: the receiving side of a pipeline. nng_pull(7). */
#ifndef NNG_PROTOCOL_PIPELINE0_PULL_H
#define NNG_PROTOCOL_PIPELINE0_PULL_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_pull0_open(nng_socket *sock);
NNG_DECL int nng_pull0_open_raw(nng_socket *sock);

#ifndef nng_pull_open
#define nng_pull_open nng_pull0_open
#endif
#ifndef nng_pull_open_raw
#define nng_pull_open_raw nng_pull0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
