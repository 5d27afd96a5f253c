// SPDX-License-Identifier: MIT
/* Has the owner of a loop do something, and waits until it is done. */
#ifndef NU_IO_OWNER_CALL_H
#define NU_IO_OWNER_CALL_H

#include "io/loop.h"

/*
 * Runs fn(arg) on the loop's owner: here, if that is the caller, else by a task. Another loop's
 * owner goes on turning its own meanwhile, lest two of them wait for each other. Any thread, with
 * no lock held that a task may want.
 */
void nu_owner_call(struct nu_loop *loop, void (*fn)(void *arg), void *arg);

#endif
