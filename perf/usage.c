/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool usage_parse(struct usage *usage, const char *text)
{
    char *end;
    for (usage->n = 0; usage->n < USAGE_PIDS; text = end + 1) {
        long pid = strtol(text, &end, 10);
        if (pid <= 0 || (*end != ',' && *end != '\0')) {
            return false;
        }
        usage->pids[usage->n++] = (int) pid;
        if (*end == '\0') {
            return true;
        }
    }
    return false;
}

uint64_t usage_cpu(const struct usage *usage)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < usage->n; i++) {
        clockid_t clock;
        struct timespec at;
        if (clock_getcpuclockid(usage->pids[i], &clock) != 0 || clock_gettime(clock, &at) != 0) {
            return UINT64_MAX;
        }
        sum += (uint64_t) at.tv_sec * 1000000000U + (uint64_t) at.tv_nsec;
    }
    return sum;
}

uint64_t usage_rss(const struct usage *usage)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < usage->n; i++) {
        char path[64], line[256];
        unsigned long kib;
        snprintf(path, sizeof path, "/proc/%d/status", usage->pids[i]);
        FILE *file = fopen(path, "re");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            if (sscanf(line, "VmRSS: %lu", &kib) == 1) {
                sum += kib;
            }
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    return sum;
}
