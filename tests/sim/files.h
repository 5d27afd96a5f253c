/* SPDX-License-Identifier: MIT */
/*
 * Files that are none, below SIM_SITE: what is in them is a function of their names and of how
 * often they were changed. Some of their pages are in the page cache now and then.
 */
#ifndef NU_TESTS_SIM_FILES_H
#define NU_TESTS_SIM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SIM_SITE "/site"

struct sim_file;
struct sim_sock;
struct open_how;

/* As at first; whether cachestat() is there. */
void sim_files_reset(bool cachestat);

/* One by its path below SIM_SITE, "." for that itself; NULL: there is none. */
struct sim_file *sim_file_named(const char *path);
size_t sim_file_size(const struct sim_file *file);
const uint8_t *sim_file_bytes(const struct sim_file *file, size_t at, size_t n);

/* One without a name (for checks), and what is written into it. */
struct sim_file *sim_file_scratch(void);
void sim_file_write(struct sim_file *file, const void *p, size_t n, size_t at);

/* Its size from now on. */
void sim_file_resize(struct sim_file *file, size_t size);

/* A descriptor, or -errno; `dir`: AT_FDCWD, or one of SIM_SITE itself. */
int sim_file_open(int dir, const char *path);

/* Bytes or -errno. */
ssize_t sim_file_read(const struct sim_sock *sock, void *p, size_t n, uint64_t at);

#endif
