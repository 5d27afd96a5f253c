/* SPDX-License-Identifier: MIT */
#include "base/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM 600

/* Our own: "/user.slice/x.scope", or "/" */
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

/* The cgroup above. False: there is none. */
static bool cgroup_up(char path[ROOM])
{
    if (path[1] == '\0') {
        return false;
    }
    char *slash = strrchr(path, '/');
    slash[slash == path] = '\0';
    return true;
}

static bool cgroup_read(const char *path, const char *name, char *text, size_t room)
{
    char full[2 * ROOM];
    (void) snprintf(full, sizeof full, "/sys/fs/cgroup%s/%s", path, name);
    FILE *file = fopen(full, "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(text, (int) room, file) != NULL;
    fclose(file);
    return read;
}

bool nu_cgroup_read(const char *name, char *text, size_t room)
{
    char path[ROOM];
    return cgroup_path(path) && cgroup_read(path, name, text, room);
}

uint64_t nu_cgroup_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t least = pages > 0 && size > 0 ? (uint64_t) pages * (uint64_t) size : INT64_MAX;
    char path[ROOM], text[64];
    /* A level without the file need not be the topmost. */
    for (bool more = cgroup_path(path); more; more = cgroup_up(path)) {
        if (cgroup_read(path, "memory.max", text, sizeof text) && *text >= '0' && *text <= '9') {
            uint64_t max = strtoull(text, NULL, 10);
            least = max < least ? max : least;
        }
    }
    return least;
}
