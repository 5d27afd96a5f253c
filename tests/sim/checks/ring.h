/* SPDX-License-Identifier: MIT */
/*
 * The made-up ring as the checks of src/check use a ring: their SQEs become its operations. In
 * build/sim-checks these functions stand where those of check/uring.h and check/clock.h do
 * (`names`).
 */
#ifndef NU_TESTS_SIM_CHECKS_RING_H
#define NU_TESTS_SIM_CHECKS_RING_H

#include "check/uring.h"

/* Which kernel it is as. 6.1: a WRITEV takes no RWF_NOWAIT, and there is no cachestat(); up to 6.12
 * it takes no RWF_NOSIGNAL. */
extern enum sim_kernel { SIM_6_1, SIM_6_12, SIM_6_18 } sim_checks_kernel;

int sim_checks_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags);
struct io_uring_sqe *sim_checks_sqe(struct nu_uring *u);
int sim_checks_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more);
bool sim_checks_next(struct nu_uring *u, struct nu_event *event);
int sim_checks_message(int ring_fd, uint64_t tag);
int sim_checks_register_buffers(struct io_uring *uring, struct io_uring_buf_reg *reg,
                                unsigned flags);

uint64_t sim_checks_now(void);
void sim_checks_sleep(uint64_t ns);

#endif
