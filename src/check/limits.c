/* SPDX-License-Identifier: MIT */
#include "check/limits.h"

#include "check/clock.h"
#include "check/sockets.h"
#include "check/steps.h"
#include "check/verdict.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- Locked memory ------------------------------------------------------------------------- */

#define LITTLE (64U << 10)
#define MIN_ENTRIES 8U

/* As a user without privileges has it: root's rings are not charged. */
static void limits_lock_little(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    struct rlimit limit = { LITTLE, LITTLE };
    nu_require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 ||
                   (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur <= LITTLE),
               "RLIMIT_MEMLOCK: %s", nu_res(-errno));
    nu_require(syscall(SYS_capget, &header, data) == 0, "capget: %s", nu_res(-errno));
    data[0].effective &= ~(1U << CAP_IPC_LOCK);
    nu_require(syscall(SYS_capset, &header, data) == 0, "capset: %s", nu_res(-errno));
}

void nu_limits_memlock(void)
{
    struct nu_uring u;
    unsigned entries = 1024;
    limits_lock_little();
    int err = nu_uring_open(&u, entries, 4 * entries, 0);
    while (err == -ENOMEM && entries > MIN_ENTRIES) {
        entries /= 2;
        err = nu_uring_open(&u, entries, 4 * entries, 0);
    }
    if (err == -ENOMEM) { /* what others have closed comes back late */
        err = nu_open_with(&u, entries, 4 * entries, 0);
    }
    nu_expect(err == 0 || err == -ENOMEM, "%u entries with 64 KiB: %s", entries, nu_res(err));
    if (err != 0) {
        nu_missing("64 KiB are used up, or too little for %u entries", entries);
    }
    nu_nop(&u, 1);
    nu_expect(nu_await(&u, 1) == 0, "a no-op fails");
    nu_ok(entries == 1024 ? "64 KiB are enough for %u entries: rings are not charged"
                          : "64 KiB are enough for %u entries; larger rings say -ENOMEM",
          entries);
}

/* One ring after the other, where there is memory for a few. */
void nu_limits_return(void)
{
    enum { RINGS = 30 };
    struct nu_uring u;
    unsigned late = 0;
    limits_lock_little();
    for (int i = 0; i < RINGS; i++) {
        int err = nu_uring_open(&u, 32, 64, 0);
        if (err == -ENOMEM) {
            late++;
            err = nu_open_with(&u, 32, 64, 0);
        }
        if (err == -ENOMEM && i == 0) {
            nu_ok("64 KiB are used up by others: nothing to be seen");
        }
        nu_expect(err == 0, "ring %d, with all others closed: %s", i, nu_res(err));
        nu_uring_close(&u);
    }
    nu_ok("%d rings of 32 entries, one after the other; %u had to wait", RINGS, late);
}

void nu_limits_workers(void)
{
    struct nu_uring u;
    unsigned workers[2] = { 4, 64 };
    nu_open(&u, 8, 16);
    int err = io_uring_register_iowq_max_workers(&u.uring, workers);
    if (err != 0) {
        nu_missing("it is refused: %s", nu_res(err));
    }
    nu_ok("4 and 64 at most, instead of %u and %u", workers[0], workers[1]);
}

/* ---- Idling -------------------------------------------------------------------------------- */

#define FEAT_NO_IOWAIT (1U << 17) /* newer than Debian 12's liburing */
#define ENTER_NO_IOWAIT (1U << 7)

static char idle_byte;
static uint64_t idle_count;
static int idle_peer; /* a byte sent here ends the idling */

/* What a server without a client has in flight. */
static void limits_arm(struct nu_uring *u)
{
    uint16_t port;
    int fd[2], event = eventfd(0, EFD_CLOEXEC);
    nu_pair(fd);
    idle_peer = fd[1];
    nu_accept(u, 1, nu_listen(&port));
    nu_recv(u, 2, fd[0], &idle_byte, 1);
    struct io_uring_sqe *sqe = nu_sqe(u, 3);
    io_uring_prep_read(sqe, event, &idle_count, sizeof idle_count, 0);
    sqe->user_data = 3;
    nu_submit(u);
}

static uint64_t limits_cpu_time(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * NU_SECOND + (uint64_t) ts.tv_nsec;
}

static unsigned limits_idle_flags(const struct nu_uring *u)
{
    return u->uring.features & FEAT_NO_IOWAIT ? ENTER_NO_IOWAIT : 0;
}

void nu_idle_cpu(void)
{
    struct nu_uring u;
    nu_open(&u, 8, 16);
    limits_arm(&u);
    uint64_t start = nu_now(), used = limits_cpu_time();
    int err = nu_uring_enter(&u, 1, 500, limits_idle_flags(&u));
    used = limits_cpu_time() - used;
    uint64_t ms = (nu_now() - start) / NU_MS;
    nu_expect(err == -ETIME, "a wait of 500 ms: %s", nu_res(err));
    nu_expect(used < 250 * NU_MS, "%llu ms of CPU in %llu ms", (unsigned long long) (used / NU_MS),
              (unsigned long long) ms);
    nu_ok("%llu us of CPU in %llu ms", (unsigned long long) (used / 1000), (unsigned long long) ms);
}

static void *limits_idle(void *arg)
{
    sem_t *ready = arg;
    struct nu_uring u;
    nu_open(&u, 8, 16);
    limits_arm(&u);
    sem_post(ready);
    int err;
    do {
        err = nu_uring_enter(&u, 1, 60000, limits_idle_flags(&u));
    } while (err == -EINTR);
    return NULL;
}

/* Tasks in iowait, as /proc/stat has it now; -1 where there is no such thing. */
static int limits_count_blocked(void)
{
    char line[4096];
    int n = -1;
    FILE *stat = fopen("/proc/stat", "re");
    while (stat != NULL && fgets(line, sizeof line, stat) != NULL) {
        if (strncmp(line, "procs_blocked ", 14) == 0) {
            sscanf(line + 14, "%d", &n);
        }
    }
    if (stat != NULL) {
        fclose(stat);
    }
    return n;
}

/* Other tasks come and go: the least of many looks. */
static int limits_least_blocked(void)
{
    int least = limits_count_blocked();
    for (int i = 0; i < 50 && least > 0; i++) {
        nu_sleep(4 * NU_MS);
        int n = limits_count_blocked();
        least = n < least ? n : least;
    }
    return least;
}

/* Before, while and after a thread idles on a ring. */
void nu_idle_iowait(void)
{
    struct nu_uring u;
    pthread_t thread;
    sem_t ready;
    nu_open(&u, 8, 16);
    int before = limits_least_blocked();
    if (before < 0) {
        nu_missing("/proc/stat does not tell");
    }
    sem_init(&ready, 0, 0);
    int err = pthread_create(&thread, NULL, limits_idle, &ready);
    nu_require(err == 0, "a thread: %s", nu_res(-err));
    while (sem_wait(&ready) != 0) {
    }
    nu_sleep(50 * NU_MS); /* for it to fall asleep */
    int during = limits_least_blocked();
    nu_require(send(idle_peer, "x", 1, 0) == 1, "send: %s", nu_res(-errno));
    pthread_join(thread, NULL);
    int after = during > before ? limits_least_blocked() : before;
    bool counts = during > before && during > after; /* and not somebody else */
    if (limits_idle_flags(&u) == 0) {
        nu_missing("not offered; %s", counts ? "an idle ring counts" : "yet it does not count");
    }
    nu_expect(!counts, "offered, and an idle ring counts as a task in iowait");
    nu_ok("an idle ring does not count");
}
