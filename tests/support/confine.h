/* SPDX-License-Identifier: MIT */
/* What a container, a sandbox or a limit does to a process: to be called by a child's `prepare`,
 * which ends with exit status 127 when that cannot be done. */
#ifndef NU_TESTS_SUPPORT_CONFINE_H
#define NU_TESTS_SUPPORT_CONFINE_H

#include <stdbool.h>

/* A system call says `error`, or kills. */
void t_refuse(long call, int error);
void t_kill_for(long call);

/* io_uring as a sandbox leaves it, or an old kernel. */
void t_refuse_enter(void);
void t_refuse_register(void);
void t_lack_setup(void);

/* Docker's default profile, in what it refuses that a server might ask for; before version 25 it
 * allowed io_uring, before version 24 it did not know cachestat. */
#define T_NR_CACHESTAT 451 /* newer than Debian 12's headers */
void t_as_in_docker(void);

/* Nothing that is printed finds room. */
void t_full_stdout(void);

/* A network of its own, in which even lo is down, as in an initramfs. */
void t_lo_down(void);

/* The process gets a network of its own, too, in which lo is up and has T_LINK_LOCAL, an address
 * that is none without its interface. False: that is not to be had here. To be called while there
 * is one thread. */
#define T_LINK_LOCAL "fe80::2"
bool t_link_local(void);

/* The process is from now on in a cgroup /a/b, of which /a may have so many bytes and /a/b more.
 * False: that is not to be had here. To be called while there is one thread. */
bool t_memory_max(unsigned long long bytes);

/* An ordinary user with 64 KiB of lockable memory, or none. */
void t_little_memlock(void);
void t_no_memlock(void);

#endif
