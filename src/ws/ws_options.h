/* SPDX-License-Identifier: MIT */
/* What nng_stream_get() tells of a WebSocket, and nng_stream_set() changes. */
#ifndef NU_WS_WS_OPTIONS_H
#define NU_WS_WS_OPTIONS_H

#include "ws/ws_state.h"

extern const struct nu_option nu_ws_options[];

#endif
