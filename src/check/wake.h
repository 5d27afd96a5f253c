/* SPDX-License-Identifier: MIT */
/* Checks of waking a thread that waits on its ring; see table.c. */
#ifndef NU_CHECK_WAKE_H
#define NU_CHECK_WAKE_H

void nu_wake_message(void);
void nu_wake_eventfd(void);
void nu_wake_from_ring(void);

#endif
