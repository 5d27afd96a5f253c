/* SPDX-License-Identifier: MIT */
/* What the cgroup (v2) that we are in allows. Any thread. */
#ifndef NU_BASE_CGROUP_H
#define NU_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the first line of one of its files, "cpu.max"; false: there is none. */
bool nu_cgroup_read(const char *name, char *text, size_t room);

/* Bytes of memory that we may have: the least memory.max on the way up, or what the machine has. */
uint64_t nu_cgroup_memory(void);

#endif
