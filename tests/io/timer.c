/* SPDX-License-Identifier: MIT */
#include "io/timer.h"

#include "support/random.h"

#include <criterion/criterion.h>
#include <stddef.h>

#define MANY 2000U

struct one {
    struct nu_timer timer;
    unsigned fired;
};

static uint64_t latest; /* `when` of the last that fired */
static struct nu_timers timers;

static void fired(struct nu_timer *timer)
{
    cr_assert_not(timer->armed);
    cr_assert_geq(timer->when, latest);
    latest = timer->when;
    ((struct one *) timer)->fired++;
}

static void arm(struct one *one, uint64_t when)
{
    one->timer.fire = fired;
    nu_timer_arm(&timers, &one->timer, when);
}

Test(timer, none, .timeout = 10)
{
    nu_timers_expire(&timers, UINT64_MAX);
    cr_assert_null(timers.root);
}

Test(timer, fires_when_due, .timeout = 10)
{
    struct one a = { .fired = 0 }, b = { .fired = 0 };
    arm(&a, 10);
    arm(&b, 20);
    nu_timers_expire(&timers, 9);
    cr_assert_eq(a.fired + b.fired, 0);
    nu_timers_expire(&timers, 10);
    cr_assert(a.fired == 1 && b.fired == 0);
    cr_assert_eq(timers.root, &b.timer);
    nu_timers_expire(&timers, 1000);
    cr_assert(a.fired == 1 && b.fired == 1);
    cr_assert_null(timers.root);
}

Test(timer, disarm, .timeout = 10)
{
    struct one a = { .fired = 0 };
    nu_timer_disarm(&timers, &a.timer); /* was not armed */
    arm(&a, 1);
    nu_timer_disarm(&timers, &a.timer);
    nu_timer_disarm(&timers, &a.timer);
    nu_timers_expire(&timers, UINT64_MAX);
    cr_assert_eq(a.fired, 0);
}

/* Any number, in any order, any of them disarmed: the others fire in the order of their times. */
Test(timer, many, .timeout = 10)
{
    static struct one all[MANY];
    unsigned seed = 1, expected[MANY] = { 0 };
    for (int round = 0; round < 20; round++) {
        latest = 0;
        for (unsigned i = 0; i < MANY; i++) {
            arm(&all[i], 1 + t_random(&seed, 500));
        }
        for (unsigned n = 0; n < MANY; n++) {
            unsigned i = t_random(&seed, MANY);
            if (t_random(&seed, 2) == 0) {
                nu_timer_disarm(&timers, &all[i].timer);
            } else if (!all[i].timer.armed) {
                arm(&all[i], 1 + t_random(&seed, 500));
            }
        }
        for (unsigned now = 0; now <= 500; now += 1 + t_random(&seed, 20)) {
            unsigned due = 0;
            for (unsigned i = 0; i < MANY; i++) {
                expected[i] += all[i].timer.armed && all[i].timer.when <= now;
                due += all[i].timer.armed && all[i].timer.when > now;
            }
            nu_timers_expire(&timers, now);
            cr_assert_eq(due == 0, timers.root == NULL);
        }
        for (unsigned i = 0; i < MANY; i++) {
            cr_assert(all[i].fired == expected[i] || all[i].timer.armed);
            nu_timer_disarm(&timers, &all[i].timer);
        }
        cr_assert_null(timers.root);
    }
}

static struct one late, other;

static void arms_and_disarms(struct nu_timer *timer)
{
    nu_timer_disarm(&timers, &other.timer);
    timer->fire = fired;
    nu_timer_arm(&timers, timer, 30);
}

/* What fires may arm itself for later and disarm others that are due. */
Test(timer, changes_while_firing, .timeout = 10)
{
    late.timer.fire = arms_and_disarms;
    nu_timer_arm(&timers, &late.timer, 10);
    arm(&other, 15);
    nu_timers_expire(&timers, 20);
    cr_assert_eq(other.fired, 0);
    cr_assert(late.timer.armed);
    nu_timers_expire(&timers, 30);
    cr_assert_eq(late.fired, 1);
}
