// SPDX-License-Identifier: MIT
#include "io/owner_call.h"

#include "io/lock.h"

struct owner_call {
    struct nu_task task;
    void (*fn)(void *arg);
    void *arg;
    struct nu_loop *caller; /* who turns this loop meanwhile; NULL: he sleeps */
    atomic_uint done;
};

/* The caller may be gone as soon as it is done. */
static void owner_call_run(struct nu_task *task)
{
    struct owner_call *call = nu_container(task, struct owner_call, task);
    struct nu_loop *caller = call->caller;
    call->fn(call->arg);
    atomic_store(&call->done, 1);
    if (caller != NULL) {
        nu_loop_wake(caller);
    } else {
        nu_futex_wake(&call->done);
    }
}

void nu_owner_call(struct nu_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct nu_loop *self = nu_loop_self();
    if (self == loop) {
        fn(arg);
        return;
    }
    struct owner_call call = { .fn = fn, .arg = arg, .caller = self };
    nu_task_init(&call.task, owner_call_run);
    nu_loop_post(loop, &call.task);
    while (atomic_load(&call.done) == 0) {
        if (self != NULL) {
            nu_loop_iterate(self);
        } else {
            nu_futex_wait(&call.done, 0);
        }
    }
}
