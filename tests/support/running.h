/* SPDX-License-Identifier: MIT */
/* Who has something to do. */
#ifndef NU_TESTS_SUPPORT_RUNNING_H
#define NU_TESTS_SUPPORT_RUNNING_H

/* Threads of this process that run, or would if they had a processor; the caller is one. */
unsigned t_threads_running(void);

#endif
