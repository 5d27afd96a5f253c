/* SPDX-License-Identifier: MIT */
/* Bytes that nobody can predict. Any thread. */
#ifndef NU_BASE_RANDOM_H
#define NU_BASE_RANDOM_H

#include <stddef.h>

/* From the kernel. size is 256 at most: so few come all at once. */
void nu_random(void *buf, size_t size);

#endif
