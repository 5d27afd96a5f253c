/* SPDX-License-Identifier: MIT */
/*
 * A kernel that misbehaves. In build/tests-check the calls that checks make of src/check/uring.h
 * and clock.h go through fake.c (ld --wrap), which lets what is set here have a hand in them. What
 * is set before nu_check_run() holds in the process of the check.
 */
#ifndef NU_TESTS_CHECK_FAKE_H
#define NU_TESTS_CHECK_FAKE_H

#include "check/uring.h"

struct fake {
    /* May change what is about to be submitted, or its order. */
    void (*submit)(struct io_uring_sqe **sqes, unsigned n);
    /* May change a completion; false: it is lost. */
    bool (*complete)(struct nu_event *event);
    /* May change what io_uring_enter says; 0 or more, or -errno. */
    int (*enter)(int result);
    /* May refuse a ring: 0, or -errno. */
    int (*open)(unsigned flags);
    /* Whether a message to a ring goes the way of all messages. */
    bool (*message)(uint64_t tag);
};

extern struct fake fake;

#endif
