/* SPDX-License-Identifier: MIT */
/*
 * Printing without waiting, for a command that has better to do: what is printed is written by a
 * thread for each stream, so that a terminal that was stopped or a pipe that nobody reads holds up
 * nothing else. What finds no room in the queue, or nobody who reads it, is lost. Any thread.
 */
#ifndef NU_CMD_OUTPUT_H
#define NU_CMD_OUTPUT_H

#include <stdarg.h>
#include <stddef.h>

enum output_stream { OUTPUT_OUT, OUTPUT_ERR };

/* SIGPIPE is to be ignored or blocked. */
void output_write(enum output_stream stream, const char *text, size_t len);

/* A line, or several. What is too long ends in "...\n". */
#define OUTPUT_LINE 1023 /* bytes at most */
void output_vprint(enum output_stream stream, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void output_print(enum output_stream stream, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits until all is written, but not for long. */
void output_end(void);

/* Has descriptors 0 to 2 taken where they are closed, lest a socket get one of them and what is
 * printed go to a peer. Reading and writing there fails as before. To be called first of all. */
void output_hold_streams(void);

#endif
