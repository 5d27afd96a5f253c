/* SPDX-License-Identifier: MIT */
/* Checks of LINK_TIMEOUT, the deadline of a write that waits; see table.c. */
#ifndef NU_CHECK_TIMEOUT_H
#define NU_CHECK_TIMEOUT_H

void nu_timeout_relative(void);
void nu_timeout_absolute(void);
void nu_timeout_in_time(void);
void nu_timeout_skip(void);
void nu_timeout_cut(void);
void nu_timeout_clocks(void);
void nu_timeout_names(void);
void nu_timeout_race(void);
void nu_timeout_half_closed(void);

#endif
