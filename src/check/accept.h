/* SPDX-License-Identifier: MIT */
/* Checks of ACCEPT, multishot, and of CONNECT; see table.c. */
#ifndef NU_CHECK_ACCEPT_H
#define NU_CHECK_ACCEPT_H

void nu_accept_multishot(void);
void nu_accept_ends(void);
void nu_accept_limit(void);
void nu_accept_direct(void);
void nu_connecting(void);

#endif
