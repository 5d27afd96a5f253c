/* SPDX-License-Identifier: MIT */
#include "support/site.h"

#include "support/proc.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *t_site_at(struct t_site *site, const char *name)
{
    snprintf(site->path, sizeof site->path, "%s/%s", site->dir, name);
    return site->path;
}

void t_site_open(struct t_site *site)
{
    strcpy(site->dir, "/tmp/nu-site-XXXXXX");
    cr_assert_not_null(mkdtemp(site->dir));
    cr_assert_eq(mkdir(t_site_at(site, "root"), 0755), 0);
    t_web_open(&site->web);
    t_web_directory(&site->web, "/", t_site_at(site, "root"));
    t_web_static(&site->web, "/static", "home");
    t_web_start(&site->web);
    t_web_assert(&site->web, "/", 404, NULL); /* so that the root is open */
    site->fds = site->web.fds + nng_uring_loops() + 1;
    t_proc_await_fds(site->fds);
}

void t_site_close(struct t_site *site)
{
    char command[128];
    t_web_close(&site->web);
    snprintf(command, sizeof command, "rm -rf %s", site->dir);
    cr_assert_eq(system(command), 0);
}

void t_site_make(struct t_site *site, const char *name, const void *data, size_t size)
{
    int fd = open(t_site_at(site, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    cr_assert_geq(fd, 0);
    for (const char *p = data; size > 0;) {
        ssize_t n = write(fd, p, size);
        cr_assert_gt(n, 0);
        p += n;
        size -= (size_t) n;
    }
    close(fd);
}

void t_site_text(struct t_site *site, const char *name, const char *text)
{
    t_site_make(site, name, text, strlen(text));
}

/* Waits until a change at this moment would be seen in a file's times: before 6.13 they tick. */
static void site_await_tick(const char *path)
{
    struct timespec now;
    struct stat st;
    int64_t age, tick;
    cr_assert_eq(stat(path, &st), 0);
    do {
        clock_gettime(CLOCK_REALTIME, &now);
        age =
            (now.tv_sec - st.st_ctim.tv_sec) * 1000 + (now.tv_nsec - st.st_ctim.tv_nsec) / 1000000;
        tick = st.st_ctim.tv_nsec == 0 ? 3100 : 30;
        nng_msleep(age < tick ? 5 : 0);
    } while (age < tick);
}

void t_site_date(struct t_site *site, const char *name, int64_t seconds, long nanoseconds)
{
    struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t) seconds, nanoseconds } };
    cr_assert_eq(utimensat(AT_FDCWD, t_site_at(site, name), times, 0), 0);
    site_await_tick(t_site_at(site, name));
}
