/* SPDX-License-Identifier: MIT */
/* What a peer by hand says to an echo, and what it then hears. */
#ifndef NU_TESTS_WS_CONVERSATION_H
#define NU_TESTS_WS_CONVERSATION_H

struct t_ws_conversation {
    const char *name; /* begins with the cases of Autobahn's that it is; README.md has them */
    const char *send, *expect; /* as in support/ws_peer.h; @64 before it: sent 64 bytes at a time */
};

extern const struct t_ws_conversation t_ws_utf8[]; /* the last has no name */

#endif
