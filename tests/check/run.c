/* SPDX-License-Identifier: MIT */
/* The process of a check: how it ends, and what is made of that. */
#include "check/run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(check_run, .timeout = 60);

#define DEADLINE_MS 20000

static struct nu_result result;

static void run(void (*check)(void), const char *instead, unsigned deadline_ms)
{
    struct nu_check row = { "name", NU_USED, "relies", instead, check };
    nu_check_run(&row, deadline_ms, &result);
}

static void expect(enum nu_verdict verdict, const char *seen)
{
    cr_assert_eq(result.verdict, verdict, "%s: %s", nu_verdict_name(result.verdict), result.seen);
    cr_assert_str_eq(result.seen, seen);
}

static void is_good(void)
{
    nu_ok("%d of %s", 3, nu_res(-EAGAIN));
}

static void is_missing(void)
{
    nu_missing("nothing");
}

static void is_bad(void)
{
    nu_expect(1 + 1 == 3, "%s", nu_res(2));
    nu_ok("not reached");
}

static void is_untried(void)
{
    nu_require(0, "no sockets: %s", nu_res(-EMFILE));
    nu_ok("not reached");
}

Test(check_run, verdicts)
{
    run(is_good, NULL, DEADLINE_MS);
    expect(NU_OK, "3 of -EAGAIN");
    run(is_missing, "something else", DEADLINE_MS);
    expect(NU_FALLBACK, "nothing");
    run(is_missing, NULL, DEADLINE_MS);
    expect(NU_ABSENT, "nothing");
    run(is_bad, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "2");
    run(is_untried, NULL, DEADLINE_MS);
    expect(NU_UNTRIED, "no sockets: -EMFILE");
}

static void says_much(void)
{
    static char text[3 * NU_SEEN];
    memset(text, 'x', sizeof text - 1);
    nu_ok("%s", text);
}

Test(check_run, cuts_what_is_long)
{
    run(says_much, NULL, DEADLINE_MS);
    cr_assert_eq(result.verdict, NU_OK);
    cr_assert_eq(strlen(result.seen), NU_SEEN - 1);
}

static void aborts(void)
{
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void writes_to_nobody(void)
{
    int fd[2];
    if (pipe(fd) == 0) {
        close(fd[0]);
        (void) !write(fd[1], "x", 1);
    }
    nu_ok("not reached");
}

static void exits(void)
{
    _exit(3);
}

static void returns(void)
{
}

Test(check_run, ends_otherwise)
{
    run(aborts, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "killed by SIGABRT");
    run(writes_to_nobody, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "killed by SIGPIPE");
    run(exits, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "ended with exit status 3");
    run(returns, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "it ended without a verdict");
}

static void hangs(void)
{
    for (;;) {
        pause();
    }
}

Test(check_run, hangs)
{
    run(hangs, NULL, 100);
    expect(NU_BROKEN, "hung: killed after 0.1 s");
    cr_assert_geq(result.ms, 100);
}

static int held[2]; /* a pipe: its write end is open in whatever is left of a check */

static void leaves_a_child(void)
{
    if (fork() == 0) {
        hangs();
    }
    nu_ok("and a child");
}

static void hangs_with_a_child(void)
{
    if (fork() >= 0) {
        hangs();
    }
}

Test(check_run, leaves_nobody)
{
    void (*const checks[])(void) = { leaves_a_child, hangs_with_a_child };
    for (int i = 0; i < 2; i++) {
        char byte;
        cr_assert_eq(pipe2(held, O_CLOEXEC), 0);
        run(checks[i], NULL, i == 0 ? DEADLINE_MS : 100);
        cr_assert_eq(result.verdict, i == 0 ? NU_OK : NU_BROKEN, "%s", result.seen);
        close(held[1]);
        cr_assert_eq(read(held[0], &byte, 1), 0); /* comes when the last of them is gone */
        close(held[0]);
    }
}

static void tells_its_group(void)
{
    nu_ok("%d", getpgrp() == getpid() && getpid() != getppid());
}

/* Each has a process and a group of its own, and SIGPIPE as usual, whatever ours is. */
Test(check_run, apart)
{
    run(tells_its_group, NULL, DEADLINE_MS);
    expect(NU_OK, "1");
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    run(writes_to_nobody, NULL, DEADLINE_MS);
    expect(NU_BROKEN, "killed by SIGPIPE");
}
