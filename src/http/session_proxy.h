/* SPDX-License-Identifier: MIT */
/* How a server's connection begins: a balancer that is trusted says whom it speaks for (the PROXY
 * protocol), and then comes TLS, if any. Owner of its loop only. */
#ifndef NU_HTTP_SESSION_PROXY_H
#define NU_HTTP_SESSION_PROXY_H

#include "http/session_state.h"

/* The step that a new connection begins with. */
enum nu_step nu_session_begin(struct nu_session *session);

/* A header of the PROXY protocol is due, and some of it may have come. */
enum nu_step nu_session_take_proxy(struct nu_session *session);

#endif
