/* SPDX-License-Identifier: MIT */
/* Checks of ASYNC_CANCEL, by which every operation ends early; see table.c. */
#ifndef NU_CHECK_CANCEL_H
#define NU_CHECK_CANCEL_H

void nu_cancel_during(void);
void nu_cancel_before(void);
void nu_cancel_after(void);
void nu_cancel_by_fd(void);
void nu_cancel_half_closed(void);
void nu_cancel_race(void);

#endif
