/* SPDX-License-Identifier: MIT */
/* Running something on the thread of a loop. */
#ifndef NU_TESTS_SUPPORT_OWNER_H
#define NU_TESTS_SUPPORT_OWNER_H

#include "io/loop.h"

/* The i-th loop of the library, which is started if need be. */
struct nu_loop *t_a_loop(unsigned i);

/* Runs fn(arg) on the loop's owner and waits until it has returned. Not on an owner. */
void t_run_on(struct nu_loop *loop, void (*fn)(void *arg), void *arg);

#endif
