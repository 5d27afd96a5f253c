/* SPDX-License-Identifier: MIT */
/*
 * Servers that are scripts: they answer with the request's URI, whole, in pieces or in chunks, or
 * cut it, talk rubbish, say more than they were asked, say nothing, leave and reset.
 */
#ifndef NU_TESTS_SIM_LIARS_H
#define NU_TESTS_SIM_LIARS_H

/* Listen on a port until they are told to end, when nobody asks any more. */
void sim_liars_start(unsigned port);
void sim_liars_end(void);

#endif
