/* SPDX-License-Identifier: MIT */
/* Options of streams that tell of the other side in TLS. */
#ifndef NU_STREAM_TLS_FACTS_H
#define NU_STREAM_TLS_FACTS_H

#include "stream/option.h"

#include <nng/uring.h>

/* Gets what is known of an object's peer, for nng_uring_tls_info_free(). */
typedef int (*nu_tls_facts_get)(void *object, nng_uring_tls_info **infop);

/* One of these facts, or get()'s error; NNG_ENOENT: the peer has shown no such name. */
int nu_tls_facts_verified(nu_tls_facts_get get, void *object, union nu_option_value *value);
int nu_tls_facts_peer_cn(nu_tls_facts_get get, void *object, union nu_option_value *value);
int nu_tls_facts_peer_alt_names(nu_tls_facts_get get, void *object, union nu_option_value *value);

#endif
