/* SPDX-License-Identifier: MIT */
/* Warnings of what a client or a busy machine can bring about as often as it likes: each kind once
 * in ten seconds, with how many were kept back. */
#ifndef NU_BASE_SELDOM_H
#define NU_BASE_SELDOM_H

#include <stdatomic.h>
#include <stdint.h>

#define NU_SELDOM_SECONDS 10

/* One kind; static, and all zero at first. */
struct nu_seldom {
    atomic_uint_least64_t next; /* not before */
    atomic_uint_least64_t kept; /* back since the last one */
};

/* Logs it, or not. Any thread, with no lock held: the logger is the user's. */
void nu_warn_seldom(struct nu_seldom *kind, const char *what);

#endif
