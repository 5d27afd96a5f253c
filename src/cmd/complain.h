/* SPDX-License-Identifier: MIT */
/* What nng-uring serve says on standard error, and how it ends. Any thread. */
#ifndef NU_CMD_COMPLAIN_H
#define NU_CMD_COMPLAIN_H

/* Exit statuses; nng-uring-serve(1) has them. */
enum serve_status {
    SERVE_OK,
    SERVE_FAILED,    /* it cannot start */
    SERVE_MISUSED,   /* wrong usage, of the command line or a configuration file */
    SERVE_UNBOUND,   /* it cannot listen where it is to */
    SERVE_UNDRAINED, /* the time for what was in hand was over */
};

/* A line, with the command's name before it. SERVE_FAILED. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same. SERVE_MISUSED. */
int complain_of_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
