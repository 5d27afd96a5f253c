/* SPDX-License-Identifier: MIT */
#include "io/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

_Thread_local uint64_t nu_lock_waits;

/* The word had changed, or a signal came: the callers look again. */
void nu_futex_wait(atomic_uint *word, unsigned value)
{
    (void) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void nu_futex_wake(atomic_uint *word)
{
    (void) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void nu_lock_wait(struct nu_mutex *mutex)
{
    while (atomic_exchange_explicit(&mutex->state, NU_LOCK_WANTED, memory_order_acquire) !=
           NU_LOCK_FREE) {
        nu_lock_waits++;
        nu_futex_wait(&mutex->state, NU_LOCK_WANTED);
    }
}

void nu_lock_wake(struct nu_mutex *mutex)
{
    nu_futex_wake(&mutex->state);
}
