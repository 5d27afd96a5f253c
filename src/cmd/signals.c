/* SPDX-License-Identifier: MIT */
#include "cmd/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static const int taken[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGINT, SIGTERM };

static const struct signals_actions *actions;
static pthread_t thread;
static sigset_t set;
static sem_t ended;
static bool had_terminal;
static atomic_bool over;

static bool signals_has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static _Noreturn void signals_die(int sig)
{
    signal(sig, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
    _exit(128 + sig);
}

static void signals_take(int sig)
{
    static bool finishing;
    if (sig == SIGHUP && had_terminal && !signals_has_terminal()) {
        sig = SIGTERM;
    }
    if (sig == SIGUSR1) {
        actions->count();
    } else if (sig == SIGUSR2) {
        actions->upgrade();
    } else if (sig == SIGHUP) {
        actions->reload();
    } else if (finishing) {
        signals_die(sig);
    } else {
        finishing = true;
        actions->finish();
        sem_post(&ended);
    }
}

static void *signals_run(void *arg)
{
    int sig;
    while (sigwait(&set, &sig) == 0 && !atomic_load(&over)) {
        signals_take(sig);
    }
    return arg;
}

int signals_start(const struct signals_actions *what)
{
    actions = what;
    had_terminal = signals_has_terminal();
    sem_init(&ended, 0, 0);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        sigaddset(&set, taken[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a log that may not grow (ulimit -f) is like a full disk */
    sigprocmask(SIG_BLOCK, &set, NULL);
    errno = pthread_create(&thread, NULL, signals_run, NULL);
    return errno == 0 ? 0 : -1;
}

void signals_await_end(void)
{
    while (sem_wait(&ended) != 0 && errno == EINTR) {
    }
}

void signals_end(void)
{
    sem_post(&ended);
}

void signals_stop(void)
{
    sigset_t ends;
    atomic_store(&over, true);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &ends, NULL);
}
