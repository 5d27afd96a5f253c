/* SPDX-License-Identifier: MIT */
/* Checks of closing and shutting down sockets that operations wait on; see table.c. */
#ifndef NU_CHECK_CLOSE_H
#define NU_CHECK_CLOSE_H

void nu_close_in_flight(void);
void nu_shutdown_in_flight(void);
void nu_shutdown_operation(void);

#endif
