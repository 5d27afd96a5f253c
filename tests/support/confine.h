/* What a container, a sandbox or a limit does to a process: to be called by a child's `prepare`,
 * which ends with exit status 127 when that cannot be done. */
#ifndef NU_TESTS_SUPPORT_CONFINE_H
#define NU_TESTS_SUPPORT_CONFINE_H

/* A system call says `error`, or kills. */
void nu_refuse(long call, int error);
void nu_kill_for(long call);

/* An ordinary user with 64 KiB of lockable memory. */
void nu_little_memlock(void);

#endif
