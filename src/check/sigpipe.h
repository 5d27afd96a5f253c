/* SPDX-License-Identifier: MIT */
/* Checks of writes to a peer that is gone: errors, and signals; see table.c. */
#ifndef NU_CHECK_SIGPIPE_H
#define NU_CHECK_SIGPIPE_H

void nu_write_dead_peer(void);
void nu_write_reset(void);
void nu_write_sigpipe(void);
void nu_write_nosignal(void);
void nu_send_nosignal(void);

#endif
