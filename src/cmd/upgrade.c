/* SPDX-License-Identifier: MIT */
#include "cmd/upgrade.h"

#include "cmd/complain.h"
#include "cmd/output.h"

#include <errno.h>
#include <libgen.h>
#include <nng/nng.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE 30 /* seconds, for the other one's next message */
#define TRIES 200   /* to find somebody within that: one who goes makes room for the next */
#define NAP 50      /* ms between them */

union upgrade_control {
    struct cmsghdr head;
    char room[CMSG_SPACE(UPGRADE_FDS * sizeof(int))];
};

static int predecessor = -1; /* who is asked, until it has gone */

static struct {
    const char *path;
    const struct upgrade_actions *actions;
    struct stat file; /* that was made */
    pthread_t thread;
    pthread_mutex_t lock;
    int listener;            /* -1: nobody waits */
    int successor;           /* who asks; -1: nobody; under lock */
    bool stopping;           /* under lock */
    atomic_bool handed_over; /* set by the thread */
} upgrade = { .lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1, .successor = -1 };

/* ---- Messages ----------------------------------------------------------------------------- */

bool upgrade_send(int to, enum upgrade_kind kind, const char *name, const int *fds, size_t n)
{
    char text[UPGRADE_NAME + 1];
    union upgrade_control control = { 0 };
    int len = snprintf(text, sizeof text, "%c%s", kind, name);
    struct iovec iov = { text, (size_t) len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    if (len >= (int) sizeof text || n > UPGRADE_FDS) {
        errno = EMSGSIZE;
        return false;
    }
    if (n > 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(n * sizeof *fds);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(n * sizeof *fds);
        memcpy(CMSG_DATA(&control.head), fds, n * sizeof *fds);
    }
    return sendmsg(to, &msg, MSG_NOSIGNAL) == len;
}

/* 0: as long as the other one lives. */
static void upgrade_set_patience(int fd, int seconds)
{
    struct timeval patience = { seconds, 0 };
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void upgrade_close(const int *fds, size_t n)
{
    while (n > 0) {
        close(fds[--n]);
    }
}

/* What it is, 0 at the end or when none comes. */
static int upgrade_receive(int from, char name[UPGRADE_NAME], int fds[UPGRADE_FDS], size_t *n)
{
    char text[UPGRADE_NAME + 1];
    union upgrade_control control;
    struct iovec iov = { text, sizeof text - 1 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.room,
                          .msg_controllen = sizeof control.room };
    ssize_t len;
    do {
        len = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
    } while (len < 0 && errno == EINTR);
    *n = 0;
    if (len <= 0) {
        return 0;
    }
    const struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
        *n = (head->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
        memcpy(fds, CMSG_DATA(head), *n * sizeof *fds);
    }
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        upgrade_close(fds, *n);
        *n = 0;
        return UPGRADE_CUT;
    }
    text[len] = '\0';
    memcpy(name, text + 1, (size_t) len);
    return (unsigned char) text[0];
}

static bool upgrade_await(int from, enum upgrade_kind kind)
{
    char name[UPGRADE_NAME];
    int fds[UPGRADE_FDS];
    size_t n;
    int came = upgrade_receive(from, name, fds, &n);
    upgrade_close(fds, n); /* nobody has asked for them */
    return came == (int) kind;
}

/* Whether the other end is of the same user, or root. */
static bool upgrade_knows_peer(int fd, struct ucred *cred)
{
    socklen_t len = sizeof *cred;
    bool told = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, &len) == 0;
    return told && (cred->uid == geteuid() || cred->uid == 0);
}

/* ---- The new one -------------------------------------------------------------------------- */

static bool upgrade_address(const char *path, struct sockaddr_un *un)
{
    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (*path == '\0' || strlen(path) >= sizeof un->sun_path) {
        return false;
    }
    memcpy(un->sun_path, path, strlen(path));
    return true;
}

static int upgrade_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        upgrade_set_patience(fd, PATIENCE);
    }
    return fd;
}

/* -1 with errno 0: there is nobody. */
static int upgrade_connect(const struct sockaddr_un *un)
{
    struct stat st;
    if (lstat(un->sun_path, &st) != 0) {
        errno = errno == ENOENT ? 0 : errno;
        return -1;
    }
    if (!S_ISSOCK(st.st_mode)) {
        errno = ENOTSOCK;
        return -1;
    }
    int fd = upgrade_socket();
    if (fd >= 0 && connect(fd, (const struct sockaddr *) un, sizeof *un) != 0) {
        int err = errno == ECONNREFUSED || errno == ENOENT ? 0 : errno;
        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

/* Root may take over from another user, but not from whoever likes to be asked. */
static bool upgrade_trusts(int fd, const char *path)
{
    struct ucred cred;
    struct sockaddr_un un;
    struct stat st;
    if (upgrade_knows_peer(fd, &cred)) {
        return true;
    }
    return geteuid() == 0 && upgrade_address(path, &un) && stat(dirname(un.sun_path), &st) == 0 &&
           (st.st_mode & S_IWOTH) == 0;
}

/* UPGRADE_ALL, or UPGRADE_NONE: it has gone before it had given all, or UPGRADE_CUT: this process
 * cannot take them, and has said why. */
static enum upgrade_kind upgrade_take_all(int from, upgrade_take_fn *take, void *arg)
{
    char name[UPGRADE_NAME];
    int fds[UPGRADE_FDS], kind;
    size_t n;
    bool taken = true;
    while (taken && (kind = upgrade_receive(from, name, fds, &n)) > 0 && kind != UPGRADE_ALL &&
           kind != UPGRADE_UNABLE) {
        for (size_t i = 0; i < n; i++) {
            taken = take(arg, (enum upgrade_kind) kind, name, fds[i]) && taken;
        }
    }
    if (kind == UPGRADE_UNABLE) {
        complain("--upgrade: who serves now cannot hand over its sockets, and says why");
    } else if (kind == UPGRADE_CUT) {
        complain("--upgrade: not all sockets could be taken: raise the limit of files (ulimit -n, "
                 "LimitNOFILE=)");
    }
    return !taken || kind == UPGRADE_UNABLE ? UPGRADE_CUT : (enum upgrade_kind) kind;
}

int upgrade_take(const char *path, upgrade_take_fn *take, void *arg)
{
    struct sockaddr_un un;
    if (!upgrade_address(path, &un)) {
        return complain_of_usage("--upgrade takes the path of a UNIX socket, and not '%s'", path);
    }
    nng_time until = nng_clock() + (nng_time) PATIENCE * 1000;
    for (int i = 0; i < TRIES && nng_clock() < until; i++) {
        int fd = upgrade_connect(&un);
        if (fd < 0 && errno == 0) {
            return SERVE_OK;
        }
        if (fd < 0) {
            return complain("--upgrade %s: %m", path);
        }
        if (!upgrade_trusts(fd, path)) {
            close(fd);
            return complain("--upgrade %s: it is another user's: end that process, or name a path "
                            "in a directory that only you may write to",
                            path);
        }
        enum upgrade_kind last = upgrade_take_all(fd, take, arg);
        if (last == UPGRADE_ALL) {
            predecessor = fd;
            return SERVE_OK;
        }
        close(fd);
        if (last == UPGRADE_CUT) {
            return SERVE_FAILED;
        }
        (void) take(arg, UPGRADE_NONE, "", -1);
        nng_msleep(NAP); /* it is going, or another one takes over: that one is asked then */
    }
    return complain("--upgrade %s: who serves now gives its sockets to nobody; has it another "
                    "user? If not, end it",
                    path);
}

static void upgrade_forget_predecessor(void)
{
    if (predecessor >= 0) {
        close(predecessor);
        predecessor = -1;
    }
}

void upgrade_say_ready(void)
{
    if (predecessor >= 0) {
        if (!upgrade_send(predecessor, UPGRADE_READY, "", NULL, 0) ||
            !upgrade_await(predecessor, UPGRADE_BYE)) {
            complain("who served before does not say that it goes; it may have ended");
        }
        upgrade_forget_predecessor();
    }
}

/* ---- The old one -------------------------------------------------------------------------- */

static void upgrade_serve(int fd)
{
    struct ucred cred;
    upgrade_set_patience(fd, PATIENCE);
    if (!upgrade_knows_peer(fd, &cred) || cred.pid == 0) {
        complain("somebody who may not has asked for the sockets (--upgrade)");
        return;
    }
    bool able = upgrade.actions->give(fd);
    bool given = upgrade_send(fd, able ? UPGRADE_ALL : UPGRADE_UNABLE, "", NULL, 0) && able;
    upgrade_set_patience(fd, 0); /* however long it takes: both would serve for ever otherwise */
    if (given && upgrade_await(fd, UPGRADE_READY)) {
        atomic_store(&upgrade.handed_over, true);
        upgrade.actions->hand_over(cred.pid);
        (void) upgrade_send(fd, UPGRADE_BYE, "", NULL, 0);
    } else {
        upgrade.actions->keep();
        output_print(OUTPUT_ERR, "nng-uring: the process that was to take over has ended, or not "
                                 "begun to serve; this one goes on\n");
    }
}

/* False: it is over. */
static bool upgrade_set_successor(int fd)
{
    pthread_mutex_lock(&upgrade.lock);
    bool going_on = !upgrade.stopping;
    upgrade.successor = fd;
    pthread_mutex_unlock(&upgrade.lock);
    return going_on;
}

static void *upgrade_run(void *arg)
{
    bool going_on = true;
    while (going_on && !atomic_load(&upgrade.handed_over)) {
        int fd = accept4(upgrade.listener, NULL, NULL, SOCK_CLOEXEC);
        going_on = upgrade_set_successor(fd);
        if (fd >= 0) {
            if (going_on) {
                upgrade_serve(fd);
            }
            going_on = upgrade_set_successor(-1);
            close(fd);
        } else if (going_on) {
            nng_msleep(NAP); /* no descriptors, or no memory: there may be some again */
        }
    }
    return arg;
}

/* In place of a socket that is there, which nobody waits at any more: at no moment there is none.
 */
static bool upgrade_bind(int fd, const char *path)
{
    struct stat st;
    struct sockaddr_un un;
    char other[sizeof un.sun_path];
    int n = snprintf(other, sizeof other, "%s.%d", path, (int) getpid());
    if (n >= (int) sizeof other || !upgrade_address(other, &un)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        errno = ENOTSOCK;
        return false;
    }
    (void) unlink(other); /* of a process that had this one's number */
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *) &un, sizeof un) != 0) {
        return false;
    }
    if (listen(fd, 16) != 0 || lstat(other, &upgrade.file) != 0 || rename(other, path) != 0) {
        int err = errno;
        (void) unlink(other);
        errno = err;
        return false;
    }
    return true;
}

int upgrade_start(const char *path, const struct upgrade_actions *actions)
{
    upgrade.path = path;
    upgrade.actions = actions;
    upgrade.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (upgrade.listener < 0 || !upgrade_bind(upgrade.listener, path)) {
        complain("--upgrade %s: %m", path);
    } else if ((errno = pthread_create(&upgrade.thread, NULL, upgrade_run, NULL)) != 0) {
        complain("no thread for --upgrade: %m");
        (void) unlink(path);
    } else {
        return SERVE_OK;
    }
    if (upgrade.listener >= 0) {
        close(upgrade.listener);
        upgrade.listener = -1;
    }
    return SERVE_UNBOUND;
}

void upgrade_stop(void)
{
    struct stat st;
    upgrade_forget_predecessor();
    if (upgrade.listener < 0) {
        return;
    }
    pthread_mutex_lock(&upgrade.lock);
    upgrade.stopping = true;
    if (upgrade.successor >= 0 && !atomic_load(&upgrade.handed_over)) {
        (void) shutdown(upgrade.successor, SHUT_RDWR);
    }
    pthread_mutex_unlock(&upgrade.lock);
    (void) shutdown(upgrade.listener, SHUT_RDWR); /* which ends its accept */
    pthread_join(upgrade.thread, NULL);
    close(upgrade.listener);
    upgrade.listener = -1;
    if (!atomic_load(&upgrade.handed_over) && lstat(upgrade.path, &st) == 0 &&
        st.st_ino == upgrade.file.st_ino && st.st_dev == upgrade.file.st_dev) {
        (void) unlink(upgrade.path);
    }
}

/* ---- A new process ------------------------------------------------------------------------ */

/* All but what was meant for this process alone. */
static char **upgrade_environment(void)
{
    static const char *const not [] = { "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=",
                                        "WATCHDOG_PID=" };
    size_t n = 0;
    while (environ[n] != NULL) {
        n++;
    }
    char **list = calloc(n + 1, sizeof(char *));
    for (size_t i = 0, k = 0; list != NULL && i < n; i++) {
        bool left = false;
        for (size_t j = 0; j < sizeof not / sizeof *not ; j++) {
            left = left || strncmp(environ[i], not [j], strlen(not [j])) == 0;
        }
        if (!left) {
            list[k++] = environ[i];
        }
    }
    return list;
}

/* What is installed now under the name that this process was started by. */
static const char *upgrade_program(char **argv)
{
    static const char gone[] = " (deleted)"; /* Linux's word for a file that was replaced */
    static char path[4096];
    ssize_t n =
        strchr(argv[0], '/') == NULL ? readlink("/proc/self/exe", path, sizeof path - 1) : 0;
    if (n <= 0) {
        return argv[0];
    }
    path[n] = '\0';
    size_t len = (size_t) n, tail = sizeof gone - 1;
    if (len > tail && strcmp(path + len - tail, gone) == 0) {
        path[len - tail] = '\0';
    }
    return path;
}

void upgrade_spawn(char **argv)
{
    const char *program = upgrade_program(argv);
    char **environment = upgrade_environment();
    posix_spawnattr_t attr;
    sigset_t none, all;
    pid_t pid;
    sigemptyset(&none);
    sigfillset(&all);
    (void) signal(SIGCHLD, SIG_IGN); /* what becomes of it, it says itself */
    int err = environment == NULL ? ENOMEM : posix_spawnattr_init(&attr);
    if (err == 0) {
        (void) posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        (void) posix_spawnattr_setsigmask(&attr, &none);
        (void) posix_spawnattr_setsigdefault(&attr, &all);
        err = posix_spawnp(&pid, program, NULL, &attr, argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    free(environment);
    if (err != 0) {
        errno = err;
        complain("cannot start %s anew: %m", program);
    }
}
