/* SPDX-License-Identifier: MIT */
#include "io/open_beneath.h"

#include "support/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char top[] = "/tmp/nng-uring-beneath-XXXXXX";
static int root;

/* root/dir/file; links to the file inside, and to what lies beside the root. */
static void make_tree(void)
{
    cr_assert_not_null(mkdtemp(top));
    int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(mkdirat(dir, "root", 0700), 0);
    root = openat(dir, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(mkdirat(root, "dir", 0700), 0);
    close(openat(root, "dir/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    close(openat(dir, "secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    cr_assert_eq(symlinkat("../secret", root, "out"), 0);
    cr_assert_eq(symlinkat("..", root, "dir/up"), 0);
    close(dir);
}

static void remove_tree(void)
{
    static const char *const files[] = { "root/out", "root/dir/up", "root/dir/file", "secret" };
    int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        unlinkat(dir, files[i], 0);
    }
    unlinkat(dir, "root/dir", AT_REMOVEDIR);
    unlinkat(dir, "root", AT_REMOVEDIR);
    rmdir(top);
    close(dir);
    close(root);
}

TestSuite(open_beneath, .init = make_tree, .fini = remove_tree, .timeout = 20);

/* 0 or -errno. */
static int try_open(const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
    int fd = nu_open_beneath(root, path, &how);
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 ? fd : 0;
}

static void assert_kept_beneath(void)
{
    cr_assert_eq(try_open("dir/file"), 0);
    cr_assert_eq(try_open("dir//file"), 0);
    cr_assert_eq(try_open("."), 0);
    cr_assert_eq(try_open("dir/"), 0);
    cr_assert_eq(try_open("dir/file/"), -ENOTDIR);
    cr_assert_eq(try_open("dir/none"), -ENOENT);
    cr_assert_eq(try_open(""), -ENOENT);
    cr_assert_eq(try_open("../secret"), -EXDEV);
    cr_assert_eq(try_open("/etc/passwd"), -EXDEV);
    cr_assert_lt(try_open("out"), 0);
    cr_assert_lt(try_open("dir/up/../secret"), 0);
}

Test(open_beneath, by_the_kernel)
{
    assert_kept_beneath();
}

Test(open_beneath, name_by_name)
{
    t_refuse(__NR_openat2, ENOSYS);
    assert_kept_beneath();
    cr_assert_eq(try_open("out"), -ELOOP);
    cr_assert_lt(try_open("dir/up/dir/file"), 0);
}

/* A sandbox that knows no openat2 may refuse it like this. */
Test(open_beneath, refused)
{
    t_refuse(__NR_openat2, EPERM);
    assert_kept_beneath();
}
