/* SPDX-License-Identifier: MIT */
#include "check/run.h"

#include "check/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_MS 5000 /* for a killed process to be gone */

/* What a check's process leaves in the pipe: less than PIPE_BUF, so that it comes whole. */
struct finding {
    enum nu_verdict verdict;
    char seen[NU_SEEN];
};

static int out = -1; /* the pipe */
static const struct nu_check *current;

const char *nu_verdict_name(enum nu_verdict verdict)
{
    static const char *const names[] = {
        [NU_OK] = "ok",         [NU_FALLBACK] = "fallback", [NU_ABSENT] = "absent",
        [NU_BROKEN] = "broken", [NU_UNTRIED] = "untried",
    };
    return names[verdict];
}

const char *nu_res(long res)
{
    static _Thread_local char texts[8][32];
    static _Thread_local unsigned turn;
    char *text = texts[turn++ % 8];
    const char *name = res < 0 ? strerrorname_np((int) -res) : NULL;
    if (name != NULL) {
        snprintf(text, sizeof texts[0], "-%s", name);
    } else {
        snprintf(text, sizeof texts[0], "%ld", res);
    }
    return text;
}

/* ---- In the check's process ---------------------------------------------------------------- */

static _Noreturn void run_leave(const struct finding *finding)
{
    _exit(write(out, finding, sizeof *finding) == (ssize_t) sizeof *finding ? 0 : 1);
}

void nu_ok(const char *format, ...)
{
    struct finding finding = { .verdict = NU_OK };
    va_list args;
    va_start(args, format);
    vsnprintf(finding.seen, sizeof finding.seen, format, args);
    va_end(args);
    run_leave(&finding);
}

void nu_missing(const char *format, ...)
{
    struct finding finding = { .verdict = current->instead != NULL ? NU_FALLBACK : NU_ABSENT };
    va_list args;
    va_start(args, format);
    vsnprintf(finding.seen, sizeof finding.seen, format, args);
    va_end(args);
    run_leave(&finding);
}

void nu_broken(const char *format, ...)
{
    struct finding finding = { .verdict = NU_BROKEN };
    va_list args;
    va_start(args, format);
    vsnprintf(finding.seen, sizeof finding.seen, format, args);
    va_end(args);
    run_leave(&finding);
}

void nu_untried(const char *format, ...)
{
    struct finding finding = { .verdict = NU_UNTRIED };
    va_list args;
    va_start(args, format);
    vsnprintf(finding.seen, sizeof finding.seen, format, args);
    va_end(args);
    run_leave(&finding);
}

/* In a group of its own, so that what it forks is killed with it. */
static void run_be_check(const struct nu_check *check, int pipe_end)
{
    struct rlimit no_core = { 0, 0 };
    sigset_t none;
    out = pipe_end;
    current = check;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    check->run();
    nu_broken("it ended without a verdict");
}

/* ---- In the parent ------------------------------------------------------------------------- */

static uint64_t run_now_ms(void)
{
    return nu_now() / NU_MS;
}

/* Whether the process has ended within that time. */
static bool run_await_end(int pidfd, unsigned ms)
{
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    uint64_t until = run_now_ms() + ms, now;
    while ((now = run_now_ms()) < until) {
        int n = poll(&ended, 1, (int) (until - now));
        if (n > 0 || (n < 0 && errno != EINTR)) {
            return n > 0;
        }
    }
    return false;
}

static void run_judge(int pipe_end, int status, struct nu_result *result)
{
    struct finding finding;
    ssize_t n = read(pipe_end, &finding, sizeof finding);
    result->verdict = NU_BROKEN;
    if (WIFSIGNALED(status)) {
        snprintf(result->seen, sizeof result->seen, "killed by SIG%s",
                 sigabbrev_np(WTERMSIG(status)));
    } else if (n != (ssize_t) sizeof finding || WEXITSTATUS(status) != 0) {
        snprintf(result->seen, sizeof result->seen, "ended with exit status %d",
                 WEXITSTATUS(status));
    } else {
        result->verdict = finding.verdict;
        memcpy(result->seen, finding.seen, sizeof result->seen);
    }
}

static void run_watch(pid_t pid, int pipe_end, unsigned deadline_ms, struct nu_result *result)
{
    int status = 0, pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
    bool ended = pidfd >= 0 && run_await_end(pidfd, deadline_ms);
    if (!ended) {
        snprintf(result->seen, sizeof result->seen, "hung: killed after %g s",
                 (double) deadline_ms / 1000);
    }
    setpgid(pid, pid);
    kill(-pid, SIGKILL);
    if (!ended && (pidfd < 0 || !run_await_end(pidfd, KILL_MS))) {
        snprintf(result->seen, sizeof result->seen,
                 pidfd < 0 ? "pidfd_open: %s" : "hung, and cannot be killed", strerror(errno));
    } else {
        waitpid(pid, &status, 0);
    }
    if (ended) {
        run_judge(pipe_end, status, result);
    }
    if (pidfd >= 0) {
        close(pidfd);
    }
}

void nu_check_run(const struct nu_check *check, unsigned deadline_ms, struct nu_result *result)
{
    int ends[2];
    uint64_t start = run_now_ms();
    *result = (struct nu_result){ .verdict = NU_BROKEN };
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        result->verdict = NU_UNTRIED;
        snprintf(result->seen, sizeof result->seen, "pipe: %s", strerror(errno));
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_be_check(check, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        result->verdict = NU_UNTRIED;
        snprintf(result->seen, sizeof result->seen, "fork: %s", strerror(errno));
    } else {
        run_watch(pid, ends[0], deadline_ms, result);
    }
    close(ends[0]);
    result->ms = (unsigned) (run_now_ms() - start);
}
