/* SPDX-License-Identifier: MIT */
/*
 * A resolver that does what a test wants; it stands before libc's getaddrinfo() in the programs
 * that are linked with it. The name "held" is looked up until the test releases it, and is then
 * 127.0.0.1; a name with commas is a list of addresses, in that order; "localhost.test" is ::1 and
 * 127.0.0.1, twice; "elsewhere.test" is 2001:db8::1, which nobody has, and 127.0.0.1; all others
 * are libc's.
 */
#ifndef NU_TESTS_SUPPORT_NAMES_H
#define NU_TESTS_SUPPORT_NAMES_H

#include <semaphore.h>

extern sem_t t_names_held;     /* posted by every lookup of "held" that has begun */
extern sem_t t_names_released; /* each post lets one of them go on */

#endif
