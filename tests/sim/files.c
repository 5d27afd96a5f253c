/* SPDX-License-Identifier: MIT */
#include "sim/files.h"

#include "io/features.h"
#include "sim/faults.h"
#include "sim/jobs.h"
#include "sim/pattern.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096U

struct sim_file {
    const char *path;
    bool directory;
    size_t size;
    unsigned changes;
    struct scratch *own; /* what is in it; NULL: bytes that it is known by */
};

/* One that is written, and has pages from then on. */
static struct scratch {
    uint8_t bytes[32 * PAGE];
    bool there[32];
} scratch;

static const struct sim_file at_first[] = {
    { .path = ".", .directory = true },
    { .path = "small", .size = 2000 },
    { .path = "large", .size = 40000 },
    { .path = "folder", .directory = true },
    { .path = "folder/index.html", .size = 500 },
    { .path = "moving", .size = 9000 },
    { .path = "empty" },
    { .path = "null" },
    { .path = "(memory)", .own = &scratch },
};

#define FILES (sizeof at_first / sizeof at_first[0])

static struct sim_file files[FILES];
static bool has_cachestat;

void sim_files_reset(bool cachestat)
{
    memcpy(files, at_first, sizeof files);
    has_cachestat = cachestat;
}

struct sim_file *sim_file_named(const char *path)
{
    for (size_t i = 0; i < FILES; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

size_t sim_file_size(const struct sim_file *file)
{
    return file->size;
}

const uint8_t *sim_file_bytes(const struct sim_file *file, size_t at, size_t n)
{
    if (file->own != NULL) {
        return file->own->bytes + at;
    }
    return sim_pattern((unsigned) (file - files) * 100 + file->changes, at, n);
}

struct sim_file *sim_file_scratch(void)
{
    return sim_file_named("(memory)");
}

void sim_file_write(struct sim_file *file, const void *p, size_t n, size_t at)
{
    sim_check(file->own != NULL && n > 0 && at + n <= sizeof scratch.bytes, "a file is written");
    memcpy(file->own->bytes + at, p, n);
    for (size_t page = at / PAGE; page <= (at + n - 1) / PAGE; page++) {
        file->own->there[page] = true;
    }
    file->size = at + n > file->size ? at + n : file->size;
}

void sim_file_resize(struct sim_file *file, size_t size)
{
    sim_trace("the file %s has %zu bytes", file->path, size);
    file->size = size;
    file->changes++;
}

int sim_file_open(int dir, const char *path)
{
    char name[64];
    size_t site = strlen(SIM_SITE);
    if (dir == AT_FDCWD) {
        if (strncmp(path, SIM_SITE, site) != 0) {
            return -ENOENT;
        }
        path += site + (path[site] == '/');
    }
    if (dir != AT_FDCWD && strncmp(path, "../", 3) == 0) {
        return -EXDEV; /* RESOLVE_BENEATH, which the library knows only */
    }
    size_t n = strlen(path);
    bool slash = n > 0 && path[n - 1] == '/';
    snprintf(name, sizeof name, "%.*s", (int) (slash ? n - 1 : n), n > 0 ? path : ".");
    struct sim_file *file = sim_file_named(n == 0 ? "." : name);
    if (file == NULL) {
        return -ENOENT;
    }
    if (slash && !file->directory) {
        return -ENOTDIR;
    }
    struct sim_sock *sock = sim_sock_new();
    if (sock == NULL) {
        return -EMFILE;
    }
    sock->file = file;
    return sock->fd;
}

ssize_t sim_file_read(const struct sim_sock *sock, void *p, size_t n, uint64_t at)
{
    const struct sim_file *file = sock->file;
    if (file->directory) {
        return -EISDIR;
    }
    size_t left = at < file->size ? file->size - at : 0;
    n = n < left ? n : left;
    if (n > 1 && file->own == NULL && sim_chance(8)) {
        n = 1 + sim_pick((unsigned) n - 1);
    }
    memcpy(p, sim_file_bytes(file, at, n), n);
    return (ssize_t) n;
}

/* ---- System calls on them ----------------------------------------------------------------- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
int __real_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
ssize_t __real_preadv2(int fd, const struct iovec *iov, int niov, off_t at, int flags);
ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __real_sendfile(int to, int from, off_t *at, size_t n);
bool __real_nu_has(enum nu_feature feature);

long sim_cachestat(int fd, uint64_t from, uint64_t len, uint64_t *cached);

static const int open_errors[] = { EMFILE, ENFILE, ENOMEM, EACCES, ENOENT, 0 };
static const int stat_errors[] = { EIO, ENOMEM, EACCES, 0 };

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int);
    va_end(args);
    if (!sim_inside()) {
        return __real_open(path, flags, mode);
    }
    sim_preempt();
    int fault = sim_fault("open", open_errors);
    int fd = fault != 0 ? -fault : sim_file_open(AT_FDCWD, path);
    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    return fd;
}

static int files_stat(const struct sim_file *file, struct stat *st)
{
    *st = (struct stat){ .st_mode = file->directory ? S_IFDIR | 0755 : S_IFREG | 0644,
                         .st_size = (off_t) file->size,
                         .st_dev = 1,
                         .st_ino = (ino_t) (file - files) + 1,
                         .st_nlink = 1,
                         .st_mtim = { 1600000000 + (time_t) file->changes, 0 } };
    return 0;
}

int __wrap_stat(const char *path, struct stat *st)
{
    if (!sim_inside()) {
        return __real_stat(path, st);
    }
    size_t site = strlen(SIM_SITE);
    bool here = strncmp(path, SIM_SITE, site) == 0;
    path += here ? site + (path[site] == '/') : 0;
    const struct sim_file *file = here ? sim_file_named(*path != '\0' ? path : ".") : NULL;
    int fault = sim_fault("stat", stat_errors);
    if (fault != 0 || file == NULL) {
        errno = fault != 0 ? fault : ENOENT;
        return -1;
    }
    return files_stat(file, st);
}

int __wrap_fstat(int fd, struct stat *st)
{
    if (!sim_is_fd(fd)) {
        return __real_fstat(fd, st);
    }
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL && sock->file != NULL, "fstat() of descriptor %d, which is no file", fd);
    int fault = sim_fault("fstat", stat_errors);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return files_stat(sock->file, st);
}

/* Of the pages, all or some. */
long sim_cachestat(int fd, uint64_t from, uint64_t len, uint64_t *cached)
{
    static const int errors[] = { EOPNOTSUPP, 0 };
    if (!has_cachestat) {
        errno = ENOSYS;
        return -1;
    }
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL && sock->file != NULL, "cachestat() of %d, which is no file", fd);
    if (sim_fault("cachestat", errors) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    uint64_t pages = (from + len - 1) / PAGE - from / PAGE + 1;
    const struct scratch *own = sock->file->own;
    *cached = 0;
    for (uint64_t i = 0; own != NULL && i < pages; i++) {
        *cached += own->there[from / PAGE + i];
    }
    if (own != NULL) {
        return 0;
    }
    *cached = sim_chance(4) ? sim_pick((unsigned) pages) : pages;
    return 0;
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int niov, off_t at, int flags)
{
    if (!sim_is_fd(fd)) {
        return __real_preadv2(fd, iov, niov, at, flags);
    }
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL && sock->file != NULL, "a read of descriptor %d, which is no file", fd);
    if (sim_chance(8)) {
        errno = EAGAIN;
        return -1;
    }
    return sim_file_read(sock, iov->iov_base, iov->iov_len, (uint64_t) at);
}

/* Of a file that may have to be waited for. */
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at)
{
    static const int errors[] = { EINTR, EIO, ENOMEM, 0 };
    if (!sim_is_fd(fd)) {
        return __real_pread(fd, p, n, at);
    }
    struct sim_sock *sock = sim_sock(fd);
    sim_check(sock != NULL && sock->file != NULL, "pread() of %d, which is no file", fd);
    int fault = sim_fault("pread", errors);
    if (fault != 0 || sim_chance(50)) {
        errno = fault != 0 ? fault : EINTR;
        return -1;
    }
    return sim_file_read(sock, p, n, (uint64_t) at);
}

ssize_t __wrap_sendfile(int to, int from, off_t *at, size_t n)
{
    static const int errors[] = { EAGAIN, EINTR, EIO, ENOMEM, EPIPE, ECONNRESET, 0 };
    if (!sim_is_fd(to)) {
        return __real_sendfile(to, from, at, n);
    }
    struct sim_sock *sock = sim_sock(to), *file = sim_sock(from);
    sim_check(sock != NULL && file != NULL && file->file != NULL, "sendfile(%d, %d)", to, from);
    sim_check(sock->nonblocking, "sendfile(%d) waits", to);
    sim_preempt();
    uint8_t bytes[PAGE];
    ssize_t got = sim_file_read(file, bytes, n < PAGE ? n : PAGE, (uint64_t) *at);
    int fault = sim_fault("sendfile", errors);
    ssize_t sent = fault != 0 ? -fault : got > 0 ? sim_send(sock, bytes, (size_t) got) : got;
    sim_trace("sendfile(%d, %d): %zd", to, from, sent);
    if (sent < 0) {
        errno = (int) -sent;
        return -1;
    }
    return sent;
}

bool __wrap_nu_has(enum nu_feature feature)
{
    return sim_inside() && feature == NU_HAS_CACHESTAT ? has_cachestat : __real_nu_has(feature);
}
