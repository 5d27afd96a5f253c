/* SPDX-License-Identifier: MIT */
/* What this process holds, as /proc sees it. */
#ifndef NU_TESTS_SUPPORT_PROC_H
#define NU_TESTS_SUPPORT_PROC_H

#include <stdbool.h>
#include <stddef.h>

unsigned t_proc_fds(void);     /* open descriptors */
unsigned t_proc_threads(void); /* threads */
size_t t_proc_rss(void);       /* bytes of resident memory */

/* The same once the workers have ended, if none of them has anything to do: one that has written
 * keeps its ring as long as it lives, which is ten seconds without work. */
unsigned t_proc_fds_without_idle_workers(void);

/* Whether a worker has something to do, or may have; those that have nothing are ended. */
bool t_proc_workers_busy(void);

/* Waits until there are no more than that, idle workers' aside; fails the test after a while. */
void t_proc_await_fds(unsigned fds);
void t_proc_await_threads(unsigned threads);

/* The process may have only 256 descriptors. (What accepts knows the limit of when it began.) */
void t_proc_limit_fds(void);

/* Opens all that it may have; closes them again. */
void t_proc_take_fds(void);
void t_proc_give_fds(void);

#endif
