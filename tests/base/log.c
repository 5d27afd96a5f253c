/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

TestSuite(log, .timeout = 30);

/* What our logger was given last, and how often it was. */
static struct {
    int calls;
    nng_log_level level;
    nng_log_facility facility;
    char msgid[32]; /* "(none)" for NULL */
    char msg[1024];
} last;

static void keep(nng_log_level level, nng_log_facility facility, const char *msgid, const char *msg)
{
    last.calls++;
    last.level = level;
    last.facility = facility;
    snprintf(last.msgid, sizeof(last.msgid), "%s", msgid == NULL ? "(none)" : msgid);
    snprintf(last.msg, sizeof(last.msg), "%s", msg);
}

Test(log, messages_are_formatted)
{
    nng_log_set_logger(keep);
    nng_log_err("ID", "%s %d%%", "text", 5);
    cr_assert_eq(last.calls, 1);
    cr_assert_eq(last.level, NNG_LOG_ERR);
    cr_assert_eq(last.facility, NNG_LOG_USER);
    cr_assert_str_eq(last.msgid, "ID");
    cr_assert_str_eq(last.msg, "text 5%");
    nng_log_err(NULL, "");
    cr_assert_str_eq(last.msgid, "(none)");
    cr_assert_str_eq(last.msg, "");
}

Test(log, a_long_message_is_cut)
{
    nng_log_set_logger(keep);
    nng_log_err(NULL, "%0600d", 1);
    cr_assert_eq(strlen(last.msg), 511);
    cr_assert_eq(strspn(last.msg, "0"), 511);
}

/* How many of the five functions get through. */
static int count_all(void)
{
    last.calls = 0;
    nng_log_err(NULL, "x");
    nng_log_warn(NULL, "x");
    nng_log_notice(NULL, "x");
    nng_log_info(NULL, "x");
    nng_log_debug(NULL, "x");
    return last.calls;
}

Test(log, levels)
{
    nng_log_set_logger(keep);
    cr_assert_eq(nng_log_get_level(), NNG_LOG_NOTICE);
    cr_assert_eq(count_all(), 3);
    cr_assert_eq(last.level, NNG_LOG_NOTICE);
    nng_log_set_level(NNG_LOG_NONE);
    cr_assert_eq(nng_log_get_level(), NNG_LOG_NONE);
    cr_assert_eq(count_all(), 0);
    nng_log_set_level(NNG_LOG_ERR);
    cr_assert_eq(count_all(), 1);
    nng_log_set_level(NNG_LOG_WARN);
    cr_assert_eq(count_all(), 2);
    cr_assert_eq(last.level, NNG_LOG_WARN);
    nng_log_set_level(NNG_LOG_INFO);
    cr_assert_eq(count_all(), 4);
    cr_assert_eq(last.level, NNG_LOG_INFO);
    nng_log_set_level(NNG_LOG_DEBUG);
    cr_assert_eq(count_all(), 5);
    cr_assert_eq(last.level, NNG_LOG_DEBUG);
}

Test(log, facilities)
{
    nng_log_set_logger(keep);
    nng_log_set_facility(NNG_LOG_LOCAL3);
    nng_log_warn(NULL, "x");
    cr_assert_eq(last.facility, NNG_LOG_LOCAL3);
    nng_log_auth(NNG_LOG_ERR, "WHO", "%s may not", "you");
    cr_assert_eq(last.facility, NNG_LOG_AUTH);
    cr_assert_eq(last.level, NNG_LOG_ERR);
    cr_assert_str_eq(last.msgid, "WHO");
    cr_assert_str_eq(last.msg, "you may not");
    last.calls = 0;
    nng_log_auth(NNG_LOG_INFO, NULL, "less grave than what is let through");
    nng_log_auth(NNG_LOG_NONE, NULL, "no level at all");
    cr_assert_eq(last.calls, 0);
}

/* ---- The loggers there are ---------------------------------------------------------------- */

static FILE *caught; /* what goes to standard error instead */
static int original = -1;

static void catch_stderr(void)
{
    original = dup(STDERR_FILENO);
    caught = tmpfile();
    cr_assert_not_null(caught);
    cr_assert_geq(dup2(fileno(caught), STDERR_FILENO), 0);
}

/* What was caught since, "" when nothing was. */
static const char *caught_text(void)
{
    static char text[1024];

    rewind(caught);
    text[fread(text, 1, sizeof(text) - 1, caught)] = '\0';
    cr_assert_eq(ftruncate(fileno(caught), 0), 0);
    rewind(caught);
    return text;
}

static void release_stderr(void)
{
    cr_assert_geq(dup2(original, STDERR_FILENO), 0);
}

Test(log, nothing_is_logged_unless_asked_for)
{
    const char *text;

    catch_stderr();
    nng_log_err("ID", "nobody hears");
    nng_log_set_logger(nng_stderr_logger);
    nng_log_set_logger(NULL);
    nng_log_err("ID", "nobody hears");
    text = caught_text();
    release_stderr();
    cr_assert_str_eq(text, "");
}

Test(log, to_standard_error)
{
    char format[64], level[16], rest[64];
    int year, month, day, hour, minute, second;

    setenv("TERM", "xterm", 1);
    catch_stderr();
    nng_log_set_logger(nng_stderr_logger);
    nng_log_warn("ID", "%d things", 3);
    snprintf(format, sizeof(format), "%s", caught_text());
    nng_log_err(NULL, "other");
    const char *other = caught_text();
    release_stderr();
    cr_assert_eq(sscanf(format, "[%15[^]]]: %d-%d-%d %d:%d:%d: %63[^\n]", level, &year, &month,
                        &day, &hour, &minute, &second, rest),
                 8, "%s", format);
    cr_assert_str_eq(level, "WARN  ");
    cr_assert_str_eq(rest, "ID: 3 things");
    cr_assert_eq(format[strlen(format) - 1], '\n');
    cr_assert_geq(year, 2024);
    cr_assert_eq(strncmp(other, "[ERROR ]: ", 10), 0, "%s", other);
    cr_assert_str_eq(other + strlen(other) - 8, ": other\n");
}

/* Whether syslog(3) lets a message of that level through when it lets only `mask` through. */
static bool reaches_syslog(nng_log_level level, int mask)
{
    setlogmask(mask);
    nng_system_logger(level, NNG_LOG_DAEMON, NULL, "a message");
    return strcmp(caught_text(), "test: a message\n") == 0;
}

Test(log, to_the_system)
{
    bool lets[8][8] = { 0 };

    catch_stderr();
    openlog("test", LOG_PERROR, LOG_USER);
    nng_system_logger(NNG_LOG_ERR, NNG_LOG_LOCAL7, "ID", "100%");
    bool with_id = strcmp(caught_text(), "test: ID: 100%\n") == 0;
    for (int level = NNG_LOG_ERR; level <= NNG_LOG_DEBUG; level++) {
        for (int severity = 0; severity < 8; severity++) {
            lets[level][severity] = reaches_syslog((nng_log_level) level, LOG_MASK(severity));
        }
    }
    release_stderr();
    cr_assert(with_id);
    for (int level = NNG_LOG_ERR; level <= NNG_LOG_DEBUG; level++) {
        for (int severity = 0; severity < 8; severity++) {
            cr_assert_eq(lets[level][severity], level == severity, "%d %d", level, severity);
        }
    }
}
