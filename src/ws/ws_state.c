/* SPDX-License-Identifier: MIT */
#include "ws/ws_state.h"

#include "base/trace.h"

#define TO(state) (1U << NU_WS_##state)

/* Where a WebSocket may go from each state. */
static const struct {
    const char *name;
    unsigned next;
} states[NU_WS_STATES] = {
    [NU_WS_OPEN] = { "open", TO(CLOSING) | TO(ENDING) },
    [NU_WS_CLOSING] = { "closing", TO(ENDING) },
    [NU_WS_ENDING] = { "ending", TO(GONE) },
    [NU_WS_GONE] = { "gone", 0 },
};

void nu_ws_set_state(struct nu_ws *ws, enum nu_ws_state state)
{
    nu_trace("ws %p: %s -> %s", (void *) ws, states[ws->state].name, states[state].name);
    NU_CHECK((states[ws->state].next >> state & 1U) != 0);
    ws->state = state;
}
