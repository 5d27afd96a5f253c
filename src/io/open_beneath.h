/* SPDX-License-Identifier: MIT */
/* openat2(2), also for kernels and sandboxes without it (before Linux 5.6). Any thread. */
#ifndef NU_IO_OPEN_BENEATH_H
#define NU_IO_OPEN_BENEATH_H

#include <linux/openat2.h>

/*
 * Opens what `how` says: a descriptor, or -errno. Where the kernel cannot keep a path beneath `dir`
 * (RESOLVE_BENEATH), it is walked name by name, and a symbolic link on it is -ELOOP.
 */
int nu_open_beneath(int dir, const char *path, const struct open_how *how);

#endif
