/* SPDX-License-Identifier: MIT */
#include "base/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM 600
#define LEVELS 64

/* "/user.slice/x.scope", or "/" */
static bool cgroup_path(char path[ROOM])
{
    bool found = false;
    char line[ROOM];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, "0::/", 4) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (found) {
        line[strcspn(line, "\n")] = '\0';
        memcpy(path, line + 3, strlen(line + 3) + 1);
    }
    return found;
}

bool nu_cgroup_read(const char *name, unsigned levels, char *text, size_t room)
{
    char path[ROOM], full[2 * ROOM];
    if (!cgroup_path(path)) {
        return false;
    }
    while (levels-- > 0) {
        if (path[1] == '\0') {
            return false;
        }
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    (void) snprintf(full, sizeof full, "/sys/fs/cgroup%s/%s", path, name);
    FILE *file = fopen(full, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(text, (int) room, file) != NULL;
    fclose(file);
    return read;
}

uint64_t nu_cgroup_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t least = pages > 0 && size > 0 ? (uint64_t) pages * (uint64_t) size : INT64_MAX;
    char text[64];
    for (unsigned i = 0; i < LEVELS; i++) { /* a level without the file need not be the topmost */
        if (nu_cgroup_read("memory.max", i, text, sizeof text) && *text >= '0' && *text <= '9') {
            uint64_t max = strtoull(text, NULL, 10);
            least = max < least ? max : least;
        }
    }
    return least;
}
