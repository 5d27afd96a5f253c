/* SPDX-License-Identifier: MIT */
#include "support/proc.h"

#include "io/workers.h"
#include "support/tls_relay.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static unsigned entries(const char *path)
{
    unsigned n = 0;
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(dir);
    return n;
}

unsigned t_proc_fds(void)
{
    return entries("/proc/self/fd") - 1 /* the directory itself */ - t_tls_relay_fds();
}

unsigned t_proc_threads(void)
{
    return entries("/proc/self/task");
}

size_t t_proc_rss(void)
{
    unsigned long size, resident;
    FILE *file = fopen("/proc/self/statm", "re");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%lu %lu", &size, &resident), 2);
    fclose(file);
    return resident * (size_t) sysconf(_SC_PAGESIZE);
}

/* For the log of a test that fails. */
static void list_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char target[256] = "";
        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1) > 0) {
            cr_log_warn("descriptor %s: %s", entry->d_name, target);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    cr_log_warn("workers: %u, idle %u", nu_workers_count(), nu_workers_idle());
}

static void await(unsigned (*count)(void), unsigned most)
{
    unsigned n = count();
    for (int i = 0; i < 60000 && n > most; i++, n = count()) {
        usleep(1000);
    }
    if (n > most && count == t_proc_fds_without_idle_workers) {
        list_fds();
    }
    cr_assert_leq(n, most, "there are %u, not %u", n, most);
}

bool t_proc_workers_busy(void)
{
    unsigned n = nu_workers_count();
    if (n > 0 && nu_workers_idle() == n) {
        nu_workers_stop();
    }
    return nu_workers_count() > 0;
}

unsigned t_proc_fds_without_idle_workers(void)
{
    (void) t_proc_workers_busy();
    return t_proc_fds();
}

void t_proc_await_fds(unsigned fds)
{
    if (t_proc_fds() > fds) {
        await(t_proc_fds_without_idle_workers, fds);
    }
}

/* The kernel shows a thread for a moment after it was joined. */
void t_proc_await_threads(unsigned threads)
{
    await(t_proc_threads, threads);
}

#define MOST 256

static int taken[MOST], ntaken;

void t_proc_limit_fds(void)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = MOST;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

void t_proc_take_fds(void)
{
    while (ntaken < MOST && (taken[ntaken] = dup(STDERR_FILENO)) >= 0) {
        ntaken++;
    }
}

void t_proc_give_fds(void)
{
    while (ntaken > 0) {
        close(taken[--ntaken]);
    }
}
