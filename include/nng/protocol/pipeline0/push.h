/* SPDX-License-Identifier: MIT */
/* PUSH: the sending side of a pipeline. nng_push(7). */
#ifndef NNG_PROTOCOL_PIPELINE0_PUSH_H
#define NNG_PROTOCOL_PIPELINE0_PUSH_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_push0_open(nng_socket *sock);
NNG_DECL int nng_push0_open_raw(nng_socket *sock);

#ifndef nng_push_open
#define nng_push_open nng_push0_open
#endif
#ifndef nng_push_open_raw
#define nng_push_open_raw nng_push0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
