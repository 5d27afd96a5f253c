/* SPDX-License-Identifier: MIT */
#include "cmd/notify.h"

#include <fcntl.h>
#include <nng/nng.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int notify_fd = -1; /* connected to who is told, from the first on: files may run out */
static nng_aio *watchdog;  /* sleeps; NULL: nobody waits for it */
static nng_duration watchdog_ms;

/* ---- Sockets ------------------------------------------------------------------------------ */

/* A number of the environment, if that is meant for this process; or 0. */
static unsigned long notify_number(const char *name, const char *pid_name)
{
    const char *pid = getenv(pid_name), *number = getenv(name);
    bool ours = pid == NULL || strtol(pid, NULL, 10) == (long) getpid();
    return ours && number != NULL ? strtoul(number, NULL, 10) : 0;
}

unsigned notify_sockets(unsigned most)
{
    unsigned long n = getenv("LISTEN_PID") != NULL ? notify_number("LISTEN_FDS", "LISTEN_PID") : 0;
    unsigned count = n < most ? (unsigned) n : most;
    for (unsigned i = 0; i < count; i++) { /* who uses one that is not open finds out */
        (void) fcntl(NOTIFY_FIRST_SOCKET + (int) i, F_SETFD, FD_CLOEXEC);
    }
    return count;
}

const char *notify_socket_name(unsigned index)
{
    static char name[64];
    const char *names = getenv("LISTEN_FDNAMES");
    for (; names != NULL && index > 0; index--) {
        names = strchr(names, ':');
        names += names != NULL;
    }
    names = names != NULL ? names : "";
    snprintf(name, sizeof name, "%.*s", (int) strcspn(names, ":"), names);
    return name;
}

/* ---- How it goes -------------------------------------------------------------------------- */

void notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    struct timeval patience = { 1, 0 };
    if (path == NULL || (*path != '/' && *path != '@') || strlen(path) >= sizeof to.sun_path) {
        return;
    }
    size_t len = strlen(path);
    memcpy(to.sun_path, path, len);
    to.sun_path[0] = *path == '@' ? '\0' : *path;
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void) setsockopt(notify_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (notify_fd >= 0 &&
        connect(notify_fd, (struct sockaddr *) &to,
                (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
        close(notify_fd);
        notify_fd = -1;
    }
}

/* Waits for a second at most where the other side's queue is full; with MSG_DONTWAIT not at all. */
__attribute__((format(printf, 2, 3))) static void notify_send(int flags, const char *format, ...)
{
    char text[512];
    if (notify_fd < 0) {
        return;
    }
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void) send(notify_fd, text, (size_t) n < sizeof text ? (size_t) n : sizeof text - 1,
                MSG_NOSIGNAL | flags);
}

/* Fired by the library's own clock: the loop of that timer lives. */
static void notify_watchdog(void *arg)
{
    (void) arg;
    if (nng_aio_result(watchdog) == 0) {
        notify_send(MSG_DONTWAIT, "WATCHDOG=1");
        nng_sleep_aio(watchdog_ms, watchdog);
    }
}

void notify_start_watchdog(void)
{
    uint64_t us = notify_number("WATCHDOG_USEC", "WATCHDOG_PID");
    watchdog_ms = us / 2000 < INT32_MAX ? (nng_duration) (us / 2000) + 1 : INT32_MAX;
    if (us > 0 && nng_aio_alloc(&watchdog, notify_watchdog, NULL) == 0) {
        nng_sleep_aio(watchdog_ms, watchdog);
    }
}

void notify_ready(const char *status)
{
    notify_send(0, "READY=1\nSTATUS=%s", status);
}

void notify_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_send(0, "RELOADING=1\nMONOTONIC_USEC=%jd",
                (intmax_t) now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(long ms)
{
    notify_send(0, "STOPPING=1\nSTATUS=finishing what is in hand\nEXTEND_TIMEOUT_USEC=%jd",
                (intmax_t) ms * 1000);
}

void notify_main(int pid)
{
    notify_send(0, "MAINPID=%d", pid);
}

void notify_end_watchdog(void)
{
    if (watchdog != NULL) {
        nng_aio_free(watchdog);
        watchdog = NULL;
    }
}
