/* SPDX-License-Identifier: MIT */
#include "support/child.h"
#include "support/confine.h"
#include "support/json.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

TestSuite(check, .timeout = 280);

static struct t_child child;

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

#define assert_lacks(text, part) cr_assert_null(strstr(text, part), "'%s' is in:\n%s", part, text)

/* How many lines begin so. */
static unsigned count_lines(const char *text, const char *start)
{
    unsigned n = 0;
    for (const char *line = text; line != NULL && *line != '\0';) {
        n += strncmp(line, start, strlen(start)) == 0;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return n;
}

/* ---- XML: whether a text is well-formed ----------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Text up to the next markup, or up to a quote; NULL when it has a character that it may not. */
static const char *skip_text(const char *p, char quote)
{
    static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;" };
    while (*p != '\0' && *p != '<' && *p != quote) {
        size_t i = 0;
        while (*p == '&' && i < 4 && strncmp(p, names[i], strlen(names[i])) != 0) {
            i++;
        }
        if (i == 4 || *p == '>' || ((unsigned char) *p < ' ' && *p != '\n')) {
            return NULL;
        }
        p++;
    }
    return p;
}

static const char *skip_name(const char *p)
{
    return p + strspn(p, "abcdefghijklmnopqrstuvwxyz-");
}

static const char *skip_attributes(const char *p)
{
    for (p = skip_blanks(p); islower((unsigned char) *p); p = skip_blanks(p + 1)) {
        p = skip_name(p);
        if (strncmp(p, "=\"", 2) != 0 || (p = skip_text(p + 2, '"')) == NULL || *p != '"') {
            return NULL;
        }
    }
    return p;
}

/* Behind an element with all that is in it. */
static const char *skip_element(const char *p)
{
    const char *name = p + 1;
    const char *end = skip_name(name);
    size_t len = (size_t) (end - name);
    if (*p != '<' || len == 0 || (p = skip_attributes(end)) == NULL || *p != '>') {
        return NULL;
    }
    p = skip_text(p + 1, '\0');
    while (p != NULL && *p == '<' && p[1] != '/') {
        p = skip_element(p);
        p = p != NULL ? skip_text(p, '\0') : NULL;
    }
    if (p == NULL || strncmp(p, "</", 2) != 0 || strncmp(p + 2, name, len) != 0 ||
        p[2 + len] != '>') {
        return NULL;
    }
    return p + 3 + len;
}

static bool is_xml(const char *text)
{
    static const char start[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    const char *end =
        strncmp(text, start, sizeof start - 1) == 0 ? skip_element(text + sizeof start - 1) : NULL;
    return end != NULL && *skip_blanks(end) == '\0';
}

/* ---- The forms ----------------------------------------------------------------------------- */

/* The names that --list prints, one a row; how many. */
static unsigned list_names(char names[][64], unsigned room)
{
    unsigned n = 0;
    cr_assert_eq(t_child_run(&child, "check --list", NULL), 0);
    for (char *line = strtok(child.out_text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cr_assert_lt(n, room);
        cr_assert_eq(sscanf(line, "%63s", names[n++]), 1);
        cr_assert_gt(strlen(line), strlen(names[n - 1]) + 10, "%s",
                     line); /* and what it is about */
    }
    return n;
}

#define ROOM 200
static char names[ROOM][64];

Test(check, table)
{
    unsigned n = list_names(names, ROOM);
    int status = t_child_run(&child, "check", NULL);
    cr_assert_eq(status, 0, "%s", child.out_text);
    assert_has(child.out_text, "\ngood: ");
    assert_has(child.out_text, "\nkernel: Linux ");
    assert_lacks(child.out_text, "\033"); /* no colours where nobody sees them */
    cr_assert_gt(n, 50);
    for (unsigned i = 0; i < n; i++) {
        char text[80];
        snprintf(text, sizeof text, " %s ", names[i]);
        assert_has(child.out_text, text);
    }
    cr_assert_eq(count_lines(child.out_text, "ok ") + count_lines(child.out_text, "fallback ") +
                     count_lines(child.out_text, "absent "),
                 n);
}

Test(check, tap)
{
    unsigned n = 0, plan;
    char name[64], result[16];
    unsigned number;
    cr_assert_eq(t_child_run(&child, "check --tap", NULL), 0, "%s", child.out_text);
    cr_assert_eq(sscanf(child.out_text, "TAP version 13\n1..%u\n", &plan), 1, "%s", child.out_text);
    for (char *line = strchr(child.out_text, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (sscanf(line, "%15[ok not] %u - %63s", result, &number, name) == 3) {
            cr_assert_eq(number, ++n, "%s", line);
        }
    }
    cr_assert_eq(n, plan);
    cr_assert_eq(n, list_names(names, ROOM));
    cr_assert_gt(n, 50);
}

Test(check, tap_blocks)
{
    cr_assert_eq(t_child_run(&child, "check --tap connect file-read", NULL), 0);
    cr_assert_eq(count_lines(child.out_text, "1..2"), 1);
    cr_assert_eq(count_lines(child.out_text, "ok "), 2);
    cr_assert_eq(count_lines(child.out_text, "  ---"), 2);
    cr_assert_eq(count_lines(child.out_text, "  verdict: \"ok\""), 2);
    cr_assert_eq(count_lines(child.out_text, "  seen: \""), 2);
    cr_assert_eq(count_lines(child.out_text, "  relies: \""), 2);
    cr_assert_eq(count_lines(child.out_text, "  ..."), 2);
}

Test(check, json)
{
    cr_assert_eq(t_child_run(&child, "check --json", NULL), 0);
    cr_assert(t_is_json(child.out_text), "%s", child.out_text);
    assert_has(child.out_text, "\"verdict\": \"good\"");
    assert_has(child.out_text, "\"reason\": null");
    unsigned n = count_lines(child.out_text, "    { \"name\": ");
    cr_assert_eq(n, list_names(names, ROOM));
}

static void refuse_setup(void)
{
    t_refuse(__NR_io_uring_setup, EPERM);
}

static void read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, size - 1);
    cr_assert_gt(n, 0, "%s: %s", path, strerror(errno));
    text[n] = '\0';
    close(fd);
}

Test(check, junit)
{
    static char text[NU_CHILD_TEXT];
    char path[] = "/tmp/nng-uring-XXXXXX", args[128];
    close(mkstemp(path));
    snprintf(args, sizeof args, "check --junit %s", path);
    cr_assert_eq(t_child_run(&child, args, NULL), 0);
    assert_has(child.out_text, "\ngood: "); /* the table, too */
    read_file(path, text, sizeof text);
    cr_assert(is_xml(text), "%s", text);
    unsigned n;
    const char *tests = strstr(text, "tests=\"");
    cr_assert(tests != NULL && sscanf(tests, "tests=\"%u\"", &n) == 1);
    cr_assert_eq(count_lines(text, "  <testcase "), n);
    assert_has(text, "failures=\"0\"");
    cr_assert_eq(n, list_names(names, ROOM));

    snprintf(args, sizeof args, "check --junit %s wait-deadline", path);
    cr_assert_eq(t_child_run(&child, args, refuse_setup), 2);
    read_file(path, text, sizeof text);
    cr_assert(is_xml(text), "%s", text);
    assert_has(text, "errors=\"1\"");
    assert_has(text, "<error message=\"io_uring_setup: Operation not permitted\">");
    unlink(path);
}

Test(check, junit_that_cannot_be_written)
{
    cr_assert_eq(t_child_run(&child, "check --junit /no/such/file connect", NULL), 1);
    assert_has(child.err_text, "/no/such/file: No such file or directory");
    cr_assert_eq(t_child_run(&child, "check --junit /dev/full connect", NULL), 1);
    assert_has(child.err_text, "No space left on device");
}

static int pty; /* the master's end */

static void on_terminal(void)
{
    struct winsize size = { .ws_row = 24, .ws_col = 100 };
    int fd = open(ptsname(pty), O_RDWR | O_CLOEXEC);
    ioctl(fd, TIOCSWINSZ, &size);
    dup2(fd, STDOUT_FILENO);
}

static void on_plain_terminal(void)
{
    setenv("NO_COLOR", "1", 1);
    on_terminal();
}

/* What it prints there, for a person. */
static void run_on_terminal(void (*prepare)(void), char *text, size_t size)
{
    pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
    setenv("TERM", "xterm", 1);
    cr_assert_eq(t_child_run(&child, "check connect", prepare), 0);
    ssize_t n = read(pty, text, size - 1);
    cr_assert_gt(n, 0);
    text[n] = '\0';
    close(pty);
}

Test(check, colours)
{
    char text[4096];
    unsetenv("NO_COLOR");
    run_on_terminal(on_terminal, text, sizeof text);
    assert_has(text, "\033[32mok");
    cr_assert_leq(strcspn(text, "\r\n"), 100 + strlen("\033[32m\033[0m"));
    run_on_terminal(on_plain_terminal, text, sizeof text);
    assert_has(text, "ok ");
    assert_lacks(text, "\033");
}

/* ---- Names and options --------------------------------------------------------------------- */

Test(check, names)
{
    cr_assert_eq(t_child_run(&child, "check file-read --tap connect file-read", NULL), 0);
    assert_has(child.out_text, "1..2\nok 1 - connect\n"); /* in the table's order, each once */
    assert_has(child.out_text, "\nok 2 - file-read\n");
    cr_assert_eq(t_child_run(&child, "check --list file-read", NULL), 0);
    cr_assert_eq(count_lines(child.out_text, ""), 1);
    assert_has(child.out_text, "file-read");
}

Test(check, wrong_usage)
{
    static const struct {
        const char *args, *says;
    } table[] = {
        { "check sing", "no check 'sing'" },
        { "check sing", "--list" },
        { "check connect sing", "no check 'sing'" },
        { "check --sing", "no option '--sing'" },
        { "check --json --tap", "only one of" },
        { "check --tap --junit /tmp/x", "only one of" },
        { "check --junit", "name is missing" },
        { "check --list sing", "no check 'sing'" },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(t_child_run(&child, table[i].args, NULL), 3, "%s", table[i].args);
        assert_has(child.err_text, table[i].says);
        cr_assert_str_empty(child.out_text);
    }
}

Test(check, what_cannot_be_printed)
{
    cr_assert_eq(t_child_run(&child, "check --json connect", t_full_stdout), 1);
    assert_has(child.err_text, "No space left on device");
}

/* ---- Where there is no io_uring, or not all of it ------------------------------------------- */

static void kill_for_setup(void)
{
    t_kill_for(__NR_io_uring_setup);
}

static void assert_unavailable(void (*prepare)(void), const char *reason, const char *remedy)
{
    static const char *const forms[] = { "check", "check --tap", "check --json", "check connect" };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cr_assert_eq(t_child_run(&child, forms[i], prepare), 2, "%s", child.out_text);
        assert_has(child.out_text, reason);
        assert_has(child.out_text, remedy);
        assert_lacks(child.out_text, "ok ");
    }
    cr_assert_eq(t_child_run(&child, "check --tap", prepare), 2);
    cr_assert_eq(count_lines(child.out_text, "Bail out! no io_uring: "), 1);
    cr_assert_eq(t_child_run(&child, "check --json", prepare), 2);
    cr_assert(t_is_json(child.out_text), "%s", child.out_text);
    assert_has(child.out_text, "\"verdict\": \"unavailable\"");
    cr_assert_eq(t_child_run(&child, "check --list", prepare), 0);
}

Test(check, seccomp_refuses_setup)
{
    assert_unavailable(refuse_setup, "io_uring_setup: Operation not permitted", "seccomp");
}

Test(check, seccomp_refuses_enter)
{
    assert_unavailable(t_refuse_enter, "Operation not permitted", "seccomp");
}

Test(check, seccomp_kills)
{
    assert_unavailable(kill_for_setup, "killed by SIGSYS", "seccomp");
}

Test(check, kernel_without_io_uring)
{
    assert_unavailable(t_lack_setup, "io_uring_setup: Function not implemented", "CONFIG_IO_URING");
}

/* What is registered is what the library can do without. */
Test(check, seccomp_refuses_register)
{
    cr_assert_eq(t_child_run(&child, "check", t_refuse_register), 0, "%s", child.out_text);
    cr_assert_eq(count_lines(child.out_text, "fallback setup-registered "), 1);
    cr_assert_eq(count_lines(child.out_text, "fallback buffers-ring "), 1);
    cr_assert_eq(count_lines(child.out_text, "fallback wake-message "), 1);
    assert_has(child.out_text, "seen: registering the ring's descriptor: -EPERM");
    assert_has(child.out_text, "the library: the plain descriptor");
}

/* That says nothing about io_uring. */
Test(check, lo_is_down)
{
    int status = t_child_run(&child, "check connect wake-eventfd", t_lo_down);
    if (status == 127) {
        cr_skip_test("this user may have no network of its own");
    }
    cr_assert_eq(status, 4, "%d: %s", status, child.out_text);
    cr_assert_eq(count_lines(child.out_text, "untried  connect "), 1, "%s", child.out_text);
    assert_has(child.out_text, "seen: connecting to 127.0.0.1: -ENETUNREACH; bring lo up");
    assert_has(child.out_text, " 1 ok, 0 fallback, 0 absent, 0 broken, 1 untried\n");
    assert_has(child.out_text, "\nincomplete: ");
    cr_assert_eq(t_child_run(&child, "check --tap connect", t_lo_down), 4);
    cr_assert_eq(count_lines(child.out_text, "ok 1 - connect # SKIP untried"), 1);
    cr_assert_eq(t_child_run(&child, "check --json connect", t_lo_down), 4);
    assert_has(child.out_text, "\"verdict\": \"incomplete\"");
    cr_assert_eq(t_child_run(&child, "check --json", t_lo_down), 4);
    assert_lacks(child.out_text, "\"broken\"");
    cr_assert_eq(t_child_run(&child, "check --junit /dev/stdout connect", t_lo_down), 4);
    assert_has(child.out_text, "skipped=\"1\"");
    assert_has(child.out_text, "<skipped message=\"untried\">connecting to 127.0.0.1");
}

/* Of a shell, of make: at numbers with gaps between them. */
static void leave_descriptors_open(void)
{
    for (int fd = 4; fd < 64; fd += 2) {
        if (dup2(STDIN_FILENO, fd) < 0) {
            _exit(127);
        }
    }
}

Test(check, descriptors_left_open)
{
    cr_assert_eq(t_child_run(&child, "check", leave_descriptors_open), 0, "%s", child.out_text);
}

/* Rings are charged to it, or not; where they are, they are halved. */
Test(check, little_lockable_memory)
{
    int status = t_child_run(&child, "check", t_little_memlock);
    cr_assert_eq(status, 0, "%s", child.out_text);
    if (strstr(child.out_text, "rings are not charged") == NULL) {
        cr_assert_eq(count_lines(child.out_text, "fallback setup-size "), 1, "%s", child.out_text);
        assert_has(child.out_text, "seen: locked memory is short");
    }
}
