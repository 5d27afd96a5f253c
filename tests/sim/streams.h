/* SPDX-License-Identifier: MIT */
/*
 * Streams of both ends in the library, tcp:// and ws://, whose users send, receive, abort, time out
 * and close at random. What must hold: what one end received is the beginning of what was counted
 * at the other; and all of it ends.
 */
#ifndef NU_TESTS_SIM_STREAMS_H
#define NU_TESTS_SIM_STREAMS_H

void sim_streams(void);
void sim_streams_check(void);
unsigned sim_streams_count(void);

#endif
