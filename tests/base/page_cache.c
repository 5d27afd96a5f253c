/* SPDX-License-Identifier: MIT */
#include "base/page_cache.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PAGES 64U

static size_t page;
static char path[] = "/tmp/nu-pages-XXXXXX";

/* PAGES pages and a byte. */
static int make(void)
{
    page = (size_t) sysconf(_SC_PAGESIZE);
    int fd = mkstemp(path);
    char *data = calloc(PAGES, page);
    cr_assert_not_null(data);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, PAGES * page), (ssize_t) (PAGES * page));
    cr_assert_eq(write(fd, "x", 1), 1);
    free(data);
    return fd;
}

static void evict(int fd)
{
    cr_assert_eq(fsync(fd), 0);
    cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

/* Not before Linux 6.5; nor for a file system that is nothing but cache, or a layer on another. */
static bool knows(int fd)
{
    struct statfs fs;
    int64_t n = nu_cached_pages(fd, 0, 1);
    cr_assert(n >= 0 || n == -ENOSYS, "%d", (int) n);
    cr_assert_eq(fstatfs(fd, &fs), 0);
    return n >= 0 && (fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
                      fs.f_type == BTRFS_SUPER_MAGIC);
}

Test(page_cache, written_and_evicted, .timeout = 30)
{
    int fd = make();
    if (knows(fd)) {
        cr_assert_eq(nu_cached_pages(fd, 0, PAGES * page + 1), PAGES + 1);
        cr_assert_eq(nu_cached_pages(fd, page - 1, 2), 2);
        cr_assert_eq(nu_cached_pages(fd, page, page), 1);
        cr_assert(nu_is_cached(fd, 0, PAGES * page + 1));
        cr_assert(nu_is_cached(fd, page - 1, 2));
        cr_assert(nu_is_cached(fd, PAGES * page, 1));
        evict(fd);
        cr_assert_eq(nu_cached_pages(fd, 0, PAGES * page + 1), 0);
        cr_assert_not(nu_is_cached(fd, 0, 1));
        cr_assert_not(nu_is_cached(fd, PAGES * page, 1));
    }
    unlink(path);
    close(fd);
}

/* One page alone is there, and what reaches beyond it is not. */
Test(page_cache, a_part, .timeout = 30)
{
    char byte;
    int fd = make();
    if (knows(fd)) {
        evict(fd);
        cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
        cr_assert_eq(pread(fd, &byte, 1, (off_t) (5 * page)), 1);
        cr_assert(nu_is_cached(fd, 5 * page, page));
        cr_assert_not(nu_is_cached(fd, 5 * page - 1, 2));
        cr_assert_not(nu_is_cached(fd, 6 * page - 1, 2));
    }
    unlink(path);
    close(fd);
}

/* Beyond its end, in a hole, and of something that is no file. */
Test(page_cache, nothing_there, .timeout = 30)
{
    int fds[2], fd = make();
    cr_assert_eq(pipe(fds), 0);
    cr_assert_not(nu_is_cached(fd, (PAGES + 1) * page, 1));
    cr_assert_not(nu_is_cached(fd, PAGES * page, 2));
    cr_assert_eq(ftruncate(fd, (off_t) (2 * PAGES * page)), 0);
    cr_assert_not(nu_is_cached(fd, (PAGES + 1) * page, 1));
    cr_assert_not(nu_is_cached(fds[0], 0, 1));
    cr_assert_not(nu_is_cached(-1, 0, 1));
    unlink(path);
    close(fd);
    close(fds[0]);
    close(fds[1]);
}

/* Newer kernels do not tell about what one may only read. */
Test(page_cache, not_ours, .timeout = 30)
{
    int fd = make();
    cr_assert_eq(fchmod(fd, 0444), 0);
    close(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    cr_assert_geq(fd, 0);
    if (geteuid() == 0) {
        cr_assert_eq(setresuid(65534, 65534, 65534), 0);
        int64_t n = nu_cached_pages(fd, 0, page);
        cr_assert(n >= 0 || n == -EPERM || n == -ENOSYS, "%d", (int) n);
        cr_assert(n == 1 || !nu_is_cached(fd, 0, page));
    }
    close(fd);
}
