/* SPDX-License-Identifier: MIT */
/*
 * The program nng-uring as a child process. NNG_URING_BIN says where it is; by default it is the
 * one that was built with the tests. A child does not outlive the test.
 */
#ifndef NU_TESTS_SUPPORT_CHILD_H
#define NU_TESTS_SUPPORT_CHILD_H

#include <stddef.h>
#include <sys/types.h>

#define NU_CHILD_TEXT 65536

struct t_child {
    pid_t pid;
    int out, err;                 /* the read ends of its standard output and error */
    char out_text[NU_CHILD_TEXT]; /* what was read of them */
    char err_text[NU_CHILD_TEXT];
};

/* Starts the program with these words as arguments (a copy of `args`, cut at spaces). `prepare`
 * runs in the child before, unless it is NULL. */
void t_child_start(struct t_child *child, const char *args, void (*prepare)(void));

/* Reads standard output (or error) until `text` has appeared there. */
void t_child_await_out(struct t_child *child, const char *text);
void t_child_await_err(struct t_child *child, const char *text);

/* Reads the rest and waits for the end. The exit status, or minus the signal that ended it. */
int t_child_end(struct t_child *child);

/* All of it. */
int t_child_run(struct t_child *child, const char *args, void (*prepare)(void));

#endif
