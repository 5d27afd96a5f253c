/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 512 /* with its NUL, as in NNG */

static atomic_int log_level = NNG_LOG_NOTICE;
static atomic_int log_facility = NNG_LOG_USER;
static _Atomic(nng_logger) log_logger = nng_null_logger;

atomic_int nu_log_up_to = NNG_LOG_NONE;

static void log_note_change(void)
{
    bool heard = atomic_load(&log_logger) != nng_null_logger;
    atomic_store(&nu_log_up_to, heard ? atomic_load(&log_level) : (int) NNG_LOG_NONE);
}

void nng_log_set_level(nng_log_level level)
{
    atomic_store(&log_level, (int) level);
    log_note_change();
}

nng_log_level nng_log_get_level(void)
{
    return (nng_log_level) atomic_load(&log_level);
}

void nng_log_set_facility(nng_log_facility facility)
{
    atomic_store(&log_facility, (int) facility);
}

void nng_log_set_logger(nng_logger logger)
{
    atomic_store(&log_logger, logger == NULL ? nng_null_logger : logger);
    log_note_change();
}

/* ---- Loggers ------------------------------------------------------------------------------ */

void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                     const char *msg)
{
    (void) level;
    (void) facility;
    (void) msgid;
    (void) msg;
}

/* What a level looks like on a terminal: ECMA-48 sequences. */
static const struct look {
    const char *name;
    const char *on;
    const char *off;
} looks[] = {
    [NNG_LOG_NONE] = { "NONE", "", "" },
    [NNG_LOG_ERR] = { "ERROR", "\x1b[31m", "\x1b[0m" },
    [NNG_LOG_WARN] = { "WARN", "\x1b[33m", "\x1b[0m" },
    [NNG_LOG_NOTICE] = { "NOTICE", "\x1b[1m", "\x1b[0m" },
    [NNG_LOG_INFO] = { "INFO", "", "" },
    [NNG_LOG_DEBUG] = { "DEBUG", "\x1b[36m", "\x1b[0m" },
};

static const struct look *log_look_of(nng_log_level level)
{
    size_t i = (size_t) level;

    return i < sizeof(looks) / sizeof(looks[0]) && looks[i].name != NULL ? &looks[i] : &looks[0];
}

static bool log_stderr_has_colours(void)
{
    const char *term = getenv("TERM");

    return term != NULL && *term != '\0' && getenv("NO_COLOR") == NULL &&
           getenv("NNG_LOG_NO_COLOR") == NULL && isatty(STDERR_FILENO);
}

void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                       const char *msg)
{
    const struct look *look = log_look_of(level);
    bool colours = log_stderr_has_colours();
    time_t now = time(NULL);
    struct tm tm;
    char when[32] = "";

    (void) facility;
    if (localtime_r(&now, &tm) != NULL) {
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    }
    /* In one call, lest the lines of several threads mix. */
    fprintf(stderr, "%s[%-6s]: %s: %s%s%s%s\n", colours ? look->on : "", look->name, when,
            msgid != NULL ? msgid : "", msgid != NULL ? ": " : "", msg, colours ? look->off : "");
}

/* NNG's levels are those of syslog(3). So are its facilities, but for the shift. */
static int log_priority(nng_log_level level, nng_log_facility facility)
{
    int severity =
        (int) level >= NNG_LOG_ERR && (int) level <= NNG_LOG_DEBUG ? (int) level : LOG_INFO;
    return severity | (int) ((unsigned) facility << 3 & LOG_FACMASK);
}

void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *msgid,
                       const char *msg)
{
    if (msgid != NULL) {
        syslog(log_priority(level, facility), "%s: %s", msgid, msg);
    } else {
        syslog(log_priority(level, facility), "%s", msg);
    }
}

/* ---- Messages ----------------------------------------------------------------------------- */

static void log_submit(nng_log_level level, nng_log_facility facility, const char *msgid,
                       const char *format, va_list args)
{
    char text[MESSAGE_MAX];

    if (level == NNG_LOG_NONE || (int) level > atomic_load(&log_level)) {
        return;
    }
    vsnprintf(text, sizeof(text), format, args);
    atomic_load (&log_logger)(level, facility, msgid, text);
}

static nng_log_facility log_facility_now(void)
{
    return (nng_log_facility) atomic_load(&log_facility);
}

void nng_log_err(const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(NNG_LOG_ERR, log_facility_now(), msgid, msg, args);
    va_end(args);
}

void nng_log_warn(const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(NNG_LOG_WARN, log_facility_now(), msgid, msg, args);
    va_end(args);
}

void nng_log_notice(const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(NNG_LOG_NOTICE, log_facility_now(), msgid, msg, args);
    va_end(args);
}

void nng_log_info(const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(NNG_LOG_INFO, log_facility_now(), msgid, msg, args);
    va_end(args);
}

void nng_log_debug(const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(NNG_LOG_DEBUG, log_facility_now(), msgid, msg, args);
    va_end(args);
}

void nng_log_auth(nng_log_level level, const char *msgid, const char *msg, ...)
{
    va_list args;

    va_start(args, msg);
    log_submit(level, NNG_LOG_AUTH, msgid, msg, args);
    va_end(args);
}
