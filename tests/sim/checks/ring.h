/* SPDX-License-Identifier: MIT */
/*
 * The made-up ring as the checks of src/check use a ring: their SQEs become its operations. In
 * build/sim-checks these functions stand where those of check/uring.h and check/clock.h do
 * (`names`).
 */
#ifndef NU_TESTS_SIM_CHECKS_RING_H
#define NU_TESTS_SIM_CHECKS_RING_H

#include "check/uring.h"

/* As Linux 6.1: a WRITEV takes no RWF_NOWAIT and no RWF_NOSIGNAL. */
extern bool sim_checks_old;

int sim_checks_open(struct nu_uring *u, unsigned entries, unsigned completions, unsigned flags);
struct io_uring_sqe *sim_checks_sqe(struct nu_uring *u);
int sim_checks_enter(struct nu_uring *u, unsigned wait, unsigned ms, unsigned more);
bool sim_checks_next(struct nu_uring *u, struct nu_event *event);
int sim_checks_message(int ring_fd, uint64_t tag);

uint64_t sim_checks_now(void);
void sim_checks_sleep(uint64_t ns);

#endif
