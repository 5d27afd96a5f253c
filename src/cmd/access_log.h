/* SPDX-License-Identifier: MIT */
/*
 * The access log of nng-uring serve: a line for each request. Lines wait in a bounded queue for
 * each loop, from which a thread writes them ten times a second, so that a slow disk holds no loop;
 * what finds no room there is lost, which is counted and said. There is one log.
 */
#ifndef NU_CMD_ACCESS_LOG_H
#define NU_CMD_ACCESS_LOG_H

#include <nng/uring.h>
#include <stdbool.h>
#include <sys/types.h>

/* Whether there is such a format: common, combined or json. */
bool access_log_knows(const char *format);

/* Starts it; "-" is standard output. An enum serve_status; what is wrong has been said. */
int access_log_open(const char *path, const char *format);

/* Gives the file, if it is root's, to the user that this process is about to become, who is to open
 * it anew. One that was there before is given only where root alone can make and rename what is on
 * the way to it; else it is said that it stays root's. */
void access_log_give(uid_t uid);

/* Adds a request, if there is a log. Any thread; it waits for nothing. */
void access_log_add(const nng_uring_request *request);

/* Goes on in a new file of that name, for the old one was moved away: from now on, unless that is
 * being written for long. False: it cannot be opened, which
 * has been said; the old one stays. */
bool access_log_reopen(void);

/* Writes what is left, but does not wait for long. */
void access_log_close(void);

#endif
