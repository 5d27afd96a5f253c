/* SPDX-License-Identifier: MIT */
/* A session's TLS: what its service's server says of it. Owner of its loop only. */
#ifndef NU_HTTP_SESSION_TLS_H
#define NU_HTTP_SESSION_TLS_H

#include "http/session_state.h"

/* Secures its connection, if the service is secure; 0, or why that cannot be. */
int nu_session_secure(struct nu_session *session);

#endif
