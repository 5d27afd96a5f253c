/* SPDX-License-Identifier: MIT */
/*
 * The system's NNG, whose sockets, protocols and messages libnng-uring-nng hands on. It is opened
 * at the first call of a function that is NNG's own, so privately that neither library sees the
 * other's nng_* functions. Any thread.
 *
 * What is forwarded is listed in nng/forwards.h, which scripts/list-forwards makes of the headers.
 */
#ifndef NU_NNG_LIBNNG_H
#define NU_NNG_LIBNNG_H

#include "nng/forwards.h"

#include <stdatomic.h>
#include <stddef.h>

#define NU_NNG_NUMBER(type, name, params, args, none) NU_NNG_##name,
#define NU_NNG_NUMBER_OTHER(name) NU_NNG_##name,

/* NU_NNG_nng_send, and so on. */
enum nu_nng_function { NU_FORWARDS(NU_NNG_NUMBER) NU_OTHERS(NU_NNG_NUMBER_OTHER) NU_NNG_FUNCTIONS };

/* The functions of NNG's; NULL: it was not opened yet, or has no such function. */
extern void *_Atomic nu_libnng_functions[];

/* Opens NNG unless that was tried already. */
void *nu_libnng_find(enum nu_nng_function function);

static inline void *nu_libnng(enum nu_nng_function function)
{
    void *found = atomic_load_explicit(&nu_libnng_functions[function], memory_order_acquire);
    return found != NULL ? found : nu_libnng_find(function);
}

/* NNG's function of that name, with its type; NULL when there is none. */
#define NU_NNG(name) ((__typeof__(&(name))) nu_libnng(NU_NNG_##name))

#endif
