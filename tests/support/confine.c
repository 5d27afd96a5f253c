/* SPDX-License-Identifier: MIT */
#include "support/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/ipv6.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void filter_call(long call, uint32_t action)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(127);
    }
}

void t_refuse(long call, int error)
{
    filter_call(call, SECCOMP_RET_ERRNO | (uint32_t) error);
}

void t_kill_for(long call)
{
    filter_call(call, SECCOMP_RET_KILL_PROCESS);
}

void t_refuse_enter(void)
{
    t_refuse(__NR_io_uring_enter, EPERM);
}

void t_refuse_register(void)
{
    t_refuse(__NR_io_uring_register, EPERM);
}

void t_lack_setup(void)
{
    t_refuse(__NR_io_uring_setup, ENOSYS);
}

void t_as_in_docker(void)
{
    static const long calls[] = {
        __NR_io_uring_setup,
        __NR_io_uring_enter,
        __NR_io_uring_register,
        T_NR_CACHESTAT,
        __NR_unshare,
        __NR_setns,
        __NR_mount,
        __NR_bpf,
        __NR_userfaultfd,
        __NR_perf_event_open,
        __NR_keyctl,
        __NR_add_key,
        __NR_request_key,
        __NR_open_by_handle_at,
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        t_refuse(calls[i], EPERM);
    }
}

void t_lo_down(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        _exit(127);
    }
}

/* The kernel makes an address one that can be used a moment after it was set. */
static bool await_link_local(unsigned scope)
{
    struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_scope_id = scope };
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), err = -1;
    if (fd < 0 || inet_pton(AF_INET6, T_LINK_LOCAL, &at.sin6_addr) != 1) {
        return false;
    }
    for (int i = 0; i < 20000 && err != 0; i++) {
        err = bind(fd, (struct sockaddr *) &at, sizeof at);
        if (err != 0 && errno != EADDRNOTAVAIL) {
            break;
        }
        if (err != 0) {
            usleep(1000);
        }
    }
    close(fd);
    return err == 0;
}

bool t_link_local(void)
{
    struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    struct in6_ifreq address = { .ifr6_prefixlen = 64 };
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 && ioctl(fd, SIOCGIFINDEX, &lo) == 0 &&
              inet_pton(AF_INET6, T_LINK_LOCAL, &address.ifr6_addr) == 1;
    address.ifr6_ifindex = lo.ifr_ifindex;
    ok = ok && ioctl(fd, SIOCSIFADDR, &address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok && await_link_local((unsigned) lo.ifr_ifindex);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    bool ok = file != NULL && fputs(text, file) >= 0;
    return (file == NULL || fclose(file) == 0) && ok;
}

bool t_memory_max(unsigned long long bytes)
{
    char above[32], own[32];
    snprintf(above, sizeof above, "%llu\n", bytes);
    snprintf(own, sizeof own, "%llu\n", 2 * bytes);
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0 &&
           mkdir("/sys/fs/cgroup/a", 0755) == 0 && mkdir("/sys/fs/cgroup/a/b", 0755) == 0 &&
           write_file("/sys/fs/cgroup/self", "0::/a/b\n") &&
           mount("/sys/fs/cgroup/self", "/proc/self/cgroup", NULL, MS_BIND, NULL) == 0 &&
           write_file("/sys/fs/cgroup/a/memory.max", above) &&
           write_file("/sys/fs/cgroup/a/b/memory.max", own);
}

void t_full_stdout(void)
{
    if (dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO) < 0) {
        _exit(127);
    }
}

static void limit_memlock(rlim_t bytes)
{
    struct rlimit limit = { bytes, bytes };
    struct passwd *nobody = getpwnam("nobody");
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        _exit(127);
    }
    if (geteuid() == 0 && (nobody == NULL || setgroups(0, NULL) != 0 ||
                           setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)) {
        _exit(127);
    }
}

void t_little_memlock(void)
{
    limit_memlock(64 << 10);
}

void t_no_memlock(void)
{
    limit_memlock(0);
}
