/* SPDX-License-Identifier: MIT */
/* Which changes of state the runs have seen, of those that the library's setters allow. */
#ifndef NU_TESTS_SIM_STATES_H
#define NU_TESTS_SIM_STATES_H

#include <stdio.h>

void sim_states_watch(void);
void sim_states_report(FILE *to);

#endif
