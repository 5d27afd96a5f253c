/* SPDX-License-Identifier: MIT */
/* UDP sockets that talk to each other, by nng_udp_*. A datagram that was sent left once, in the
 * order of the calls, and no other did; one that is received was sent here by whom it says. */
#ifndef NU_TESTS_SIM_TALKERS_H
#define NU_TESTS_SIM_TALKERS_H

void sim_talkers(void);
void sim_talkers_check(void);

/* None: they have no connections. */
unsigned sim_talkers_count(void);

#endif
