/* SPDX-License-Identifier: MIT */
/* nng-uring serve --user: what root alone can do is done before it is somebody else. */
#include "support/child.h"
#include "support/peer.h"
#include "support/pki.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WHO 65533 /* nobody's number, but for the tests */
#define GROUP 65532

static struct t_child child;
static char dir[] = "/tmp/nng-uring-user-XXXXXX", path[96], args[512];

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
    close(fd);
}

static void open_dir(void)
{
    umask(0022);
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert(mkdir(in_dir("www"), 0755) == 0);
    cr_assert(mkdir(in_dir("theirs"), 0755) == 0);
    write_file("www/open", "open", 0644);
    write_file("www/closed", "closed", 0600);
}

static void close_dir(void)
{
    snprintf(args, sizeof args, "rm -rf %s", dir);
    cr_assert_eq(system(args), 0); /* NOLINT(cert-env33-c): of our own */
}

TestSuite(serve_user, .init = open_dir, .fini = close_dir, .timeout = 240);

/* Root in a container may not have all that takes. */
static void needs_root(void)
{
    gid_t none = GROUP;
    if (geteuid() != 0 || chown(in_dir("theirs"), WHO, GROUP) != 0) {
        cr_skip_test("it takes root to become somebody else");
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(setgroups(1, &none) == 0 && setgid(GROUP) == 0 && setuid(WHO) == 0 ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        cr_skip_test("root may not become somebody else here");
    }
}

static void start_with(const char *backend)
{
    cr_assert_eq(setenv("NNG_URING_BACKEND", backend, 1), 0);
    t_child_start(&child, args, NULL);
    unsetenv("NNG_URING_BACKEND");
    t_child_await_out(&child, "backend");
}

static unsigned port_of_child(void)
{
    unsigned port;
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1, "%s", child.out_text);
    return port;
}

static void assert_status(unsigned port, const char *target, unsigned status)
{
    struct t_http_client b;
    t_http_client_open(&b, port);
    t_http_client_get(&b, target);
    t_http_client_hear(&b);
    cr_assert_eq(b.status, status, "%s: %u", target, b.status);
    t_http_client_close(&b);
}

/* The lines of all its threads. */
static void assert_all_threads(const char *line)
{
    char command[160];
    snprintf(command, sizeof command,
             "test $(cat /proc/%d/task/*/status | grep -c '^%s$') = $(ls /proc/%d/task | wc -l)",
             (int) child.pid, line, (int) child.pid);
    cr_assert_eq(system(command), 0, "%s: not all threads", line); /* NOLINT(cert-env33-c) */
}

static void assert_is_somebody_else(void)
{
    assert_all_threads("Uid:\\s65533\\s65533\\s65533\\s65533");
    assert_all_threads("Gid:\\s65532\\s65532\\s65532\\s65532");
    assert_all_threads("Groups:\\s65532\\s");
    assert_all_threads("CapPrm:\\s0*");
    assert_all_threads("CapEff:\\s0*");
    assert_all_threads("NoNewPrivs:\\s1");
}

static void end(void)
{
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* With the rings that it has, and with epoll. */
static void serves_as_that_user(const char *backend)
{
    needs_root();
    snprintf(args, sizeof args, "serve %s/www --listen 127.0.0.1:0 --listen unix:%s/s --user %d:%d",
             dir, dir, WHO, GROUP);
    start_with(backend);
    unsigned port = port_of_child();
    cr_assert_eq(access(in_dir("s"), F_OK), 0, "the UNIX socket is in a directory of root's");
    assert_status(port, "/open", 200);
    assert_status(port, "/closed", 403);
    assert_is_somebody_else();
    end();
}

Test(serve_user, serves_as_that_user)
{
    serves_as_that_user("");
}

Test(serve_user, serves_as_that_user_without_rings)
{
    serves_as_that_user("epoll");
}

/* A key of root's is there from before, and cannot be had again; neither can a log that only a link
 * leads to, lest anything become that user's who may make links. */
Test(serve_user, what_is_roots_is_not_had_again)
{
    struct t_cert cert;
    needs_root();
    t_cert_make(&cert, NULL, &(struct t_cert_params){ .san = "IP:127.0.0.1" });
    write_file("cert", cert.cert_pem, 0644);
    write_file("key", cert.key_pem, 0600);
    t_cert_free(&cert);
    write_file("elsewhere", "", 0600);
    char elsewhere[sizeof path];
    snprintf(elsewhere, sizeof elsewhere, "%s", in_dir("elsewhere"));
    cr_assert_eq(symlink(elsewhere, in_dir("log")), 0);
    snprintf(args, sizeof args,
             "serve %s/www --listen http://127.0.0.1:0 --listen https://127.0.0.1:0 --user %d:%d "
             "--tls-cert %s/cert --tls-key %s/key --access-log %s/log",
             dir, WHO, GROUP, dir, dir, dir);
    start_with("");
    unsigned port = port_of_child();
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "not reloaded, what was there before stays");
    assert_has(child.err_text, "/key cannot be read: Permission denied");
    assert_has(child.err_text, "/log cannot be opened: Permission denied");
    assert_status(port, "/open", 200);
    end();
    struct stat st;
    cr_assert(stat(elsewhere, &st) == 0 && st.st_size > 0);
    cr_assert_eq(st.st_uid, 0);
}

/* Nor one of root's where somebody else decides what has that name: behind a link in a directory of
 * that user's, or in that directory itself, where it may have had another name. */
static void log_stays_roots(const char *name, const char *link)
{
    struct stat st;
    char to[sizeof path];
    needs_root();
    cr_assert_eq(mkdir(in_dir("roots"), 0755), 0);
    write_file(name, "", 0600);
    if (link != NULL) {
        snprintf(to, sizeof to, "%s", in_dir("roots"));
        cr_assert_eq(symlink(to, in_dir(link)), 0);
    }
    snprintf(args, sizeof args, "serve %s/www --listen 127.0.0.1:0 --user %d:%d --access-log %s/%s",
             dir, WHO, GROUP, dir, link != NULL ? "theirs/link/log" : name);
    start_with("");
    t_child_await_err(&child, "stays root's");
    assert_status(port_of_child(), "/open", 200);
    end();
    cr_assert(stat(in_dir(name), &st) == 0 && st.st_size > 0);
    cr_assert_eq(st.st_uid, 0);
}

Test(serve_user, a_log_behind_a_link_of_theirs)
{
    log_stays_roots("roots/log", "theirs/link");
}

Test(serve_user, a_log_that_may_have_been_renamed)
{
    log_stays_roots("theirs/log", NULL);
}

/* A log is that user's, and is opened anew, also in a new file where that user may make one. */
static void log_goes_on(const char *name, const char *moved)
{
    struct stat st;
    needs_root();
    if (strchr(name, '/') == NULL) { /* else root makes it where that user could have */
        write_file(name, "", 0600);
    }
    snprintf(args, sizeof args, "serve %s/www --listen 127.0.0.1:0 --user %d:%d --access-log %s/%s",
             dir, WHO, GROUP, dir, name);
    start_with("");
    unsigned port = port_of_child();
    assert_status(port, "/open", 200);
    if (moved != NULL) {
        char from[sizeof path];
        snprintf(from, sizeof from, "%s", in_dir(name));
        cr_assert_eq(rename(from, in_dir(moved)), 0);
    }
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "nng-uring: reloaded");
    assert_status(port, "/open", 200);
    end();
    cr_assert(stat(in_dir(name), &st) == 0 && st.st_size > 0);
    cr_assert_eq(st.st_uid, WHO);
}

Test(serve_user, the_log_is_opened_anew)
{
    log_goes_on("log", NULL);
}

Test(serve_user, the_log_is_new)
{
    log_goes_on("theirs/log", NULL);
}

Test(serve_user, the_log_was_moved)
{
    log_goes_on("theirs/log", "theirs/log.1");
}

/* The next one is that user's, and stays so; its socket is where that user may make one. */
Test(serve_user, the_next_one)
{
    int pid;
    needs_root();
    snprintf(args, sizeof args,
             "serve %s/www --listen 127.0.0.1:0 --user %d:%d --upgrade %s/theirs/s", dir, WHO,
             GROUP, dir);
    start_with("");
    unsigned port = port_of_child();
    kill(child.pid, SIGUSR2);
    t_child_await_err(&child, "has taken over");
    const char *line = strstr(child.err_text, "nng-uring: process ");
    cr_assert(line != NULL && sscanf(line, "nng-uring: process %d", &pid) == 1);
    assert_status(port, "/open", 200);
    assert_status(port, "/closed", 403);
    kill(pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* A directory on whose way the user is not let in is not served, though root could. */
Test(serve_user, a_directory_behind_a_closed_door)
{
    needs_root();
    cr_assert_eq(chmod(dir, 0700), 0);
    snprintf(args, sizeof args, "serve %s/www --listen 127.0.0.1:0 --user %d:%d", dir, WHO, GROUP);
    cr_assert_eq(t_child_run(&child, args, NULL), 1);
    assert_has(child.err_text, "cannot be served: Permission denied");
}

static void become_somebody(void)
{
    if (setgid(GROUP) != 0 || setuid(WHO) != 0) {
        _exit(127);
    }
}

Test(serve_user, who_is_not_root)
{
    needs_root();
    cr_assert_eq(t_child_run(&child, "serve --listen 127.0.0.1:0 --user 1:1", become_somebody), 1);
    assert_has(child.err_text, "only root can become another user");
    snprintf(args, sizeof args, "serve --check --listen 127.0.0.1:0 --user %d:%d", WHO, GROUP);
    cr_assert_eq(t_child_run(&child, args, become_somebody), 0, "%s", child.err_text);
}

Test(serve_user, who_is_nobody)
{
    static const struct {
        const char *who, *says;
    } bad[] = {
        { "no-such-user-here", "no such user" },
        { ":1", "no such user" },
        { "4294967295:1", "no such user" },
        { "1:no-such-group-here", "no such group" },
        { "1:", "no such group" },
        { "0", "that is root" },
        { "65533", "no group of its own" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(args, sizeof args, "serve --check --user %s", bad[i].who);
        cr_assert_eq(t_child_run(&child, args, NULL), 2, "%s", bad[i].who);
        assert_has(child.err_text, bad[i].says);
    }
    cr_assert_eq(t_child_run(&child, "serve --check --user 1:1", NULL), 0, "%s", child.err_text);
}
