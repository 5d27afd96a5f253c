/* SPDX-License-Identifier: MIT */
/* Checks of who may touch a ring, and what becomes of it and of sockets that go; see table.c. */
#ifndef NU_CHECK_OWNER_H
#define NU_CHECK_OWNER_H

void nu_owner_only(void);
void nu_owner_expired(void);
void nu_owner_exits(void);
void nu_owner_forks(void);
void nu_owner_killed(void);

#endif
