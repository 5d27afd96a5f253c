/* SPDX-License-Identifier: MIT */
/* Checks of full queues: submission and completion; see table.c. */
#ifndef NU_CHECK_QUEUE_H
#define NU_CHECK_QUEUE_H

void nu_queue_sq_full(void);
void nu_queue_cq_overflow(void);
void nu_queue_overflow_multishot(void);

#endif
