/* SPDX-License-Identifier: MIT */
#include "base/seldom.h"

#include "base/clock.h"

#include <nng/nng.h>

void nu_warn_seldom(struct nu_seldom *kind, const char *what)
{
    uint64_t now = nu_now(), next = atomic_load(&kind->next);
    if (now < next ||
        !atomic_compare_exchange_strong(&kind->next, &next, now + NU_SELDOM_SECONDS * NU_SECOND)) {
        atomic_fetch_add(&kind->kept, 1);
        return;
    }
    uint64_t kept = atomic_exchange(&kind->kept, 0);
    if (kept > 0) {
        nng_log_warn("NNG-HTTP", "%s (and %ju more before)", what, (uintmax_t) kept);
    } else {
        nng_log_warn("NNG-HTTP", "%s", what);
    }
}
