/* SPDX-License-Identifier: MIT */
#include "io/timer.h"

#include <stddef.h>

static struct nu_timer *timer_meld(struct nu_timer *a, struct nu_timer *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (b->when < a->when) {
        struct nu_timer *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    if (b->next != NULL) {
        b->next->prev = b;
    }
    b->prev = a;
    a->child = b;
    return a;
}

/* Melds a sibling list into one heap: in pairs from the left, then the pairs from the right. */
static struct nu_timer *timer_meld_siblings(struct nu_timer *first)
{
    struct nu_timer *pairs = NULL;
    while (first != NULL) {
        struct nu_timer *a = first;
        struct nu_timer *b = a->next;
        first = b != NULL ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b != NULL) {
            b->next = b->prev = NULL;
        }
        struct nu_timer *pair = timer_meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct nu_timer *heap = NULL;
    while (pairs != NULL) {
        struct nu_timer *next = pairs->next;
        pairs->next = NULL;
        heap = timer_meld(heap, pairs);
        pairs = next;
    }
    return heap;
}

void nu_timer_arm(struct nu_timers *timers, struct nu_timer *timer, uint64_t when)
{
    timer->when = when;
    timer->armed = true;
    timer->child = timer->next = timer->prev = NULL;
    timers->root = timer_meld(timers->root, timer);
}

void nu_timer_take_out(struct nu_timers *timers, struct nu_timer *timer)
{
    timer->armed = false;
    struct nu_timer *orphans = timer_meld_siblings(timer->child);
    timer->child = NULL;
    if (timers->root == timer) {
        timers->root = orphans;
        return;
    }
    if (timer->prev->child == timer) {
        timer->prev->child = timer->next;
    } else {
        timer->prev->next = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->prev = timer->prev;
    }
    timers->root = timer_meld(timers->root, orphans);
}

void nu_timers_expire(struct nu_timers *timers, uint64_t now)
{
    while (timers->root != NULL && timers->root->when <= now) {
        struct nu_timer *timer = timers->root;
        nu_timer_disarm(timers, timer);
        timer->fire(timer);
    }
}
