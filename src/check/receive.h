/* SPDX-License-Identifier: MIT */
/* Checks of receiving, into memory of one's own and into provided buffers; see table.c. */
#ifndef NU_CHECK_RECEIVE_H
#define NU_CHECK_RECEIVE_H

void nu_receive_waits(void);
void nu_receive_vector(void);
void nu_receive_reset(void);
void nu_file_bufpool_ring(void);
void nu_file_bufpool_empty(void);
void nu_receive_multishot(void);
void nu_receive_multishot_ends(void);

#endif
