/* SPDX-License-Identifier: MIT */
/* SUB: what one has subscribed to. nng_sub(7). */
#ifndef NNG_PROTOCOL_PUBSUB0_SUB_H
#define NNG_PROTOCOL_PUBSUB0_SUB_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_sub0_open(nng_socket *sock);
NNG_DECL int nng_sub0_open_raw(nng_socket *sock);

/* Messages that begin with these bytes, for a socket or a context. */
NNG_DECL int nng_sub0_socket_subscribe(nng_socket sock, const void *topic, size_t size);
NNG_DECL int nng_sub0_socket_unsubscribe(nng_socket sock, const void *topic, size_t size);
NNG_DECL int nng_sub0_ctx_subscribe(nng_ctx ctx, const void *topic, size_t size);
NNG_DECL int nng_sub0_ctx_unsubscribe(nng_ctx ctx, const void *topic, size_t size);

#define NNG_OPT_SUB_SUBSCRIBE "sub:subscribe"
#define NNG_OPT_SUB_UNSUBSCRIBE "sub:unsubscribe"
#define NNG_OPT_SUB_PREFNEW "sub:prefnew"

#ifndef nng_sub_open
#define nng_sub_open nng_sub0_open
#endif
#ifndef nng_sub_open_raw
#define nng_sub_open_raw nng_sub0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
