/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand. In build/tests-fault the calls below, made by the library and by the tests,
 * go through wrap.c (ld --wrap), which lets one of them fail. Calls that libc, liburing or
 * Criterion make themselves are not affected.
 */
#ifndef NU_TESTS_FAULT_WRAP_H
#define NU_TESTS_FAULT_WRAP_H

enum t_fault {
    NU_FAULT_MALLOC,
    NU_FAULT_CALLOC,
    NU_FAULT_REALLOC,
    NU_FAULT_STRDUP,
    NU_FAULT_ALLOC, /* any of the four above */
    NU_FAULT_SOCKET,
    NU_FAULT_BIND,
    NU_FAULT_LISTEN,
    NU_FAULT_SETSOCKOPT,
    NU_FAULT_SYSCALL, /* syscall(2) itself */
    NU_FAULT_SENDFILE,
    NU_FAULT_IOCTL,
    NU_FAULT_PTHREAD_CREATE, /* returns its error, like the real one */
    NU_FAULT_RING,           /* io_uring_queue_init_params(); returns -errno, like the real one */
    NU_FAULT_EPOLL,          /* epoll_create1(), epoll_ctl(), eventfd() */
    NU_FAULT_EPOLL_WAIT,
    NU_FAULT_OPENSSL,        /* a call into OpenSSL, which then says that there is no memory */
    NU_FAULT_OPENSSL_MEMORY, /* an allocation of OpenSSL's own */
};

/*
 * From now on, counted over all threads, the nth call (1 is the next one) of `which` fails: with
 * ENOMEM, or with `err`. It fails once; arming again starts anew. Any thread.
 */
void t_fault_arm(enum t_fault which, int nth);
void t_fault_arm_errno(enum t_fault which, int nth, int err);

/* The nth and what follows it, n calls in a row. */
void t_fault_arm_run(enum t_fault which, int nth, int n);

/* No call fails any more; the number of hits stays. */
void t_fault_disarm(void);

/* The calls that were made to fail since t_fault_arm(). 0 in the end means that a loop
 * over nth has been through every call there is. */
int t_fault_hits(void);

/* For those who wrap calls: the error that this call is to fail with, set in errno as well, or 0.
 */
int t_fault_fails(enum t_fault which);

/*
 * The next entry that a ring is entered with is taken, but not done: entering fails with EBUSY `n`
 * times, and then does it. As a kernel under pressure might. On the ring's thread.
 */
void t_fault_busy(unsigned n);

#endif
