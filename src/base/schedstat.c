/* SPDX-License-Identifier: MIT */
#include "base/schedstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local int kept = -1; /* this thread's schedstat */

void nu_schedstat_keep(void)
{
    kept = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

void nu_schedstat_drop(void)
{
    if (kept >= 0) {
        close(kept);
        kept = -1;
    }
}

/* What is in a thread's file of that name; nothing where there is none. */
static void schedstat_read(int tid, const char *name, char *text, size_t size)
{
    char path[48];
    if (tid != 0) {
        snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    } else {
        snprintf(path, sizeof path, "/proc/thread-self/%s", name);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
}

/* By hand, for sscanf() takes as long as all the rest. */
static uint64_t schedstat_number(int tid, int which)
{
    char text[96], *rest = text;
    uint64_t number = 0;
    if (tid == 0 && kept >= 0) {
        ssize_t n = pread(kept, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = '\0';
    } else {
        schedstat_read(tid, "schedstat", text, sizeof text);
    }
    for (int i = 0; i <= which; i++) {
        number = strtoull(rest, &rest, 10);
    }
    return number;
}

uint64_t nu_schedstat_used(int tid)
{
    return schedstat_number(tid, 0);
}

uint64_t nu_schedstat_queued(int tid)
{
    return schedstat_number(tid, 1);
}

/* The state follows the name, which may have any character in it. */
bool nu_schedstat_runs(int tid)
{
    char text[512];
    schedstat_read(tid, "stat", text, sizeof text);
    const char *end = strrchr(text, ')');
    return end != NULL && strncmp(end, ") R", 3) == 0;
}
