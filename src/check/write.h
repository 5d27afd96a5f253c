/* SPDX-License-Identifier: MIT */
/* Checks of WRITEV and SENDMSG on sockets that have room, have none, or are dead; see table.c. */
#ifndef NU_CHECK_WRITE_H
#define NU_CHECK_WRITE_H

void nu_write_vector(void);
void nu_write_waits(void);
void nu_write_short(void);
void nu_write_short_link(void);
void nu_write_nowait(void);
void nu_write_nonblock(void);
void nu_write_stable(void);
void nu_send_dontwait(void);
void nu_send_waitall(void);
void nu_poll_room(void);

#endif
