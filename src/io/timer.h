/* SPDX-License-Identifier: MIT */
/*
 * Deadlines of one loop: an intrusive pairing heap, so that arming neither allocates nor fails and
 * costs O(1); disarming costs O(log n) amortised. Touched by the loop's owner alone.
 */
#ifndef NU_IO_TIMER_H
#define NU_IO_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct nu_timer {
    uint64_t when;          /* nanoseconds on nu_now()'s clock */
    struct nu_timer *child; /* first of the heap-ordered children */
    struct nu_timer *next;  /* next sibling */
    struct nu_timer *prev;  /* previous sibling, or the parent for a first child */
    bool armed;
    void (*fire)(
        struct nu_timer *timer); /* called disarmed; may free the timer or arm it for later */
};

struct nu_timers {
    struct nu_timer *root; /* the earliest; NULL when none is armed */
};

/* Arms a timer that is not armed. */
void nu_timer_arm(struct nu_timers *timers, struct nu_timer *timer, uint64_t when);

/* Of nu_timer_disarm(): it is armed. */
void nu_timer_take_out(struct nu_timers *timers, struct nu_timer *timer);

/* Does nothing when it is not armed. */
static inline void nu_timer_disarm(struct nu_timers *timers, struct nu_timer *timer)
{
    if (timer->armed) {
        nu_timer_take_out(timers, timer);
    }
}

/* Fires all that are due at `now`, earliest first. */
void nu_timers_expire(struct nu_timers *timers, uint64_t now);

#endif
