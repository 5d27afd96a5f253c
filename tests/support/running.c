/* SPDX-License-Identifier: MIT */
#include "support/running.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

unsigned t_threads_running(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/task");
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[300], state = 'S';
        snprintf(path, sizeof path, "/proc/self/task/%s/stat", entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file != NULL) {
            (void) !fscanf(file, "%*d (%*[^)]) %c", &state);
            fclose(file);
        }
        n += state == 'R';
    }
    closedir(dir);
    return n;
}
