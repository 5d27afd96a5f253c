/* SPDX-License-Identifier: MIT */
/* TCP, "tcp://host:port". */
#ifndef NNG_TRANSPORT_TCP_TCP_H
#define NNG_TRANSPORT_TCP_TCP_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* There is nothing to register any more: 0. Any thread. */
NNG_DECL int nng_tcp_register(void);

#ifdef __cplusplus
}
#endif

#endif
