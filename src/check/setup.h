/* SPDX-License-Identifier: MIT */
/* Checks of setting a ring up, entering it and waiting; see table.c. */
#ifndef NU_CHECK_SETUP_H
#define NU_CHECK_SETUP_H

void nu_setup_flags(void);
void nu_setup_size(void);
void nu_setup_registered(void);
void nu_setup_submit_all(void);
void nu_wait_deadline(void);
void nu_wait_eintr(void);

#endif
