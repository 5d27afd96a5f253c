/* SPDX-License-Identifier: MIT */
/* SURVEYOR: asks all, for a while. nng_surveyor(7). */
#ifndef NNG_PROTOCOL_SURVEY0_SURVEY_H
#define NNG_PROTOCOL_SURVEY0_SURVEY_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Open a socket: in cooked mode, in raw mode. NNG_ENOMEM; NNG_ENOTSUP: no libnng.so.1 here. */
NNG_DECL int nng_surveyor0_open(nng_socket *sock);
NNG_DECL int nng_surveyor0_open_raw(nng_socket *sock);

#define NNG_SURVEYOR0_SELF 0x62
#define NNG_SURVEYOR0_PEER 0x63
#define NNG_SURVEYOR0_SELF_NAME "surveyor"
#define NNG_SURVEYOR0_PEER_NAME "respondent"

#define NNG_OPT_SURVEYOR_SURVEYTIME "surveyor:survey-time"

#ifndef nng_surveyor_open
#define nng_surveyor_open nng_surveyor0_open
#endif
#ifndef nng_surveyor_open_raw
#define nng_surveyor_open_raw nng_surveyor0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
