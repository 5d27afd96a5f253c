/* SPDX-License-Identifier: MIT */
#include "check/file.h"

#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int file_open_below(struct nu_uring *u, int root, const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                            .resolve = RESOLVE_BENEATH };
    struct io_uring_sqe *sqe = nu_sqe(u, 1);
    io_uring_prep_openat2(sqe, root, path, &how);
    sqe->user_data = 1;
    return nu_await(u, 1);
}

void nu_file_open(void)
{
    struct nu_uring u;
    int root = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
    nu_require(root >= 0, "/dev: %s", nu_res(-errno));
    nu_open(&u, 8, 16);
    int fd = file_open_below(&u, root, "null");
    nu_expect(fd >= 0, "a file below the root: %s", nu_res(fd));
    int out = file_open_below(&u, root, "../dev/null");
    nu_expect(out == -EXDEV, "a way out of the root: %s", nu_res(out));
    int none = file_open_below(&u, root, "no such file");
    nu_expect(none == -ENOENT, "a file that is not there: %s", nu_res(none));
    nu_ok("a file below the root; -EXDEV outside, -ENOENT for none");
}

void nu_file_read(void)
{
    struct nu_uring u;
    char got[16];
    int fd = memfd_create("check", MFD_CLOEXEC);
    nu_require(fd >= 0 && pwrite(fd, "0123456789", 10, 100000) == 10, "a file: %s", nu_res(-errno));
    nu_open(&u, 8, 16);
    struct io_uring_sqe *sqe = nu_sqe(&u, 1);
    io_uring_prep_read(sqe, fd, got, sizeof got, 100003);
    sqe->user_data = 1;
    int n = nu_await(&u, 1);
    nu_expect(n == 7 && memcmp(got, "3456789", 7) == 0, "7 bytes before the end: %s", nu_res(n));
    sqe = nu_sqe(&u, 1);
    io_uring_prep_read(sqe, fd, got, sizeof got, 100010);
    sqe->user_data = 1;
    n = nu_await(&u, 1);
    nu_expect(n == 0, "at the end: %s", nu_res(n));
    nu_ok("7 bytes before the end, and 0 there");
}

#define CACHESTAT 451 /* the system call, newer than Debian 12's headers */

/* How many pages of the first n bytes are in the page cache; or -errno. */
static long file_cached_pages(int fd, uint64_t n)
{
    uint64_t range[2] = { 0, n }, counts[5] = { 0 };
    return syscall(CACHESTAT, fd, range, counts, 0) == 0 ? (long) counts[0] : -errno;
}

/* A file of four pages, of which the first two are there. */
void nu_file_cached(void)
{
    char byte = 'x';
    off_t page = (off_t) sysconf(_SC_PAGESIZE);
    int fd = memfd_create("check", MFD_CLOEXEC);
    nu_require(fd >= 0 && ftruncate(fd, 4 * page) == 0 && pwrite(fd, &byte, 1, 0) == 1 &&
                   pwrite(fd, &byte, 1, page) == 1,
               "a file: %s", nu_res(-errno));
    long pages = file_cached_pages(fd, (uint64_t) (4 * page));
    if (pages < 0) {
        nu_missing("cachestat is refused: %s", nu_res(pages));
    }
    nu_expect(pages == 2, "of 2 pages there are %ld", pages);
    nu_ok("2 of 4 pages");
}
