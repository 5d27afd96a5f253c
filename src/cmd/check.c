/* SPDX-License-Identifier: MIT */
#include "cmd/check.h"

#include "check/clock.h"
#include "cmd/check_print.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 60000 /* for one check; on an emulated CPU they take twenty times as long */

enum status { GOOD, BAD, UNAVAILABLE, MISUSED, INCOMPLETE }; /* the exit statuses */

struct options {
    const struct check_format *format;
    const char *file; /* what --junit writes */
    bool list;
};

static int check_misused(const char *what, const char *word)
{
    fprintf(stderr, "nng-uring check: %s '%s'; see nng-uring --help\n", what, word);
    return MISUSED;
}

/* ---- Whether there is io_uring at all ------------------------------------------------------ */

#define SEPARATOR '\n'

/* As a check, for the library starts threads, which this process must not have when it forks. */
static void check_start_library(void)
{
    const nng_uring_feature *list;
    size_t count;
    nng_aio *aio;
    setenv("NNG_URING_BACKEND", "io_uring", 1); /* and no other: it is what is checked */
    if (nng_uring_probe(&list, &count) != 0 || nng_aio_alloc(&aio, NULL, NULL) != 0) {
        nu_missing("%s%c%s", nng_uring_reason(), SEPARATOR, nng_uring_remedy());
    }
    nng_aio_free(aio);
    nng_fini();
    nu_ok("it starts");
}

/* False, with reason and remedy, when the library would not work here. */
static bool check_available(struct check_report *report)
{
    static const struct nu_check start = { "start", NU_NEEDED, "", NULL, check_start_library };
    static struct nu_result result;
    nu_check_run(&start, DEADLINE_MS, &result);
    if (result.verdict == NU_OK) {
        return true;
    }
    char *end = strchr(result.seen, SEPARATOR);
    report->reason = result.seen;
    report->remedy = "allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp "
                     "profile, or run Linux 6.1 or later"; /* it was killed for trying */
    if (end != NULL) {
        *end = '\0';
        report->remedy = end + 1;
    }
    return false;
}

/* ---- The checks ---------------------------------------------------------------------------- */

static int check_run_all(struct check_report *report, const struct check_format *format)
{
    uint64_t start = nu_now();
    if (check_available(report)) {
        if (format->begin != NULL) {
            format->begin(report);
        }
        while (report->done < report->count) {
            nu_check_run(report->checks[report->done], DEADLINE_MS, &report->results[report->done]);
            report->done++;
            if (format->each != NULL) {
                format->each(report);
            }
        }
    }
    report->ms = (unsigned) ((nu_now() - start) / NU_MS);
    format->end(report);
    if (report->reason != NULL) {
        return UNAVAILABLE;
    }
    return check_count_failed(report) > 0    ? BAD
           : check_count_untried(report) > 0 ? INCOMPLETE
                                             : GOOD;
}

static void check_list_all(const struct check_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        printf("%-20s %s\n", report->checks[i]->name, report->checks[i]->relies);
    }
}

/* JUnit's report goes to a file, beside the table. */
static int check_write_junit(const struct check_report *report, const char *file)
{
    struct check_report copy = *report;
    copy.to = fopen(file, "w");
    if (copy.to != NULL) {
        check_junit.end(&copy);
        bool failed = ferror(copy.to) != 0;
        if (fclose(copy.to) == 0 && !failed) {
            return 0;
        }
    }
    fprintf(stderr, "nng-uring check: %s: %s\n", file, strerror(errno));
    return -1;
}

/* ---- The command --------------------------------------------------------------------------- */

static int check_take_option(struct options *options, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "--list") == 0) {
        options->list = true;
        return GOOD;
    }
    bool tap = strcmp(word, "--tap") == 0, json = strcmp(word, "--json") == 0;
    if (!tap && !json && strcmp(word, "--junit") != 0) {
        return check_misused("there is no option", word);
    }
    if (options->format != NULL) {
        return check_misused("only one of --tap, --json and --junit: not also", word);
    }
    options->format = tap ? &check_tap : json ? &check_json : &check_table;
    if (!tap && !json) {
        if (*i + 1 == argc) {
            return check_misused("a file's name is missing behind", word);
        }
        options->file = argv[++*i];
    }
    return GOOD;
}

/* All checks, or those that are named, in the table's order. */
static int check_choose(struct check_report *report, const struct nu_check *all, size_t count,
                        char **names, size_t nnames)
{
    for (size_t n = 0; n < nnames; n++) {
        size_t i = 0;
        while (i < count && strcmp(all[i].name, names[n]) != 0) {
            i++;
        }
        if (i == count) {
            fprintf(stderr, "nng-uring check: there is no check '%s'; --list names them all\n",
                    names[n]);
            return MISUSED;
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool chosen = nnames == 0;
        for (size_t n = 0; n < nnames; n++) {
            chosen = chosen || strcmp(all[i].name, names[n]) == 0;
        }
        if (chosen) {
            report->checks[report->count++] = &all[i];
        }
    }
    return GOOD;
}

static int check(struct check_report *report, const struct options *options)
{
    if (options->list) {
        check_list_all(report);
        return GOOD;
    }
    signal(SIGCHLD, SIG_DFL); /* where it is ignored, nobody learns how a child ended */
    int status = check_run_all(report, options->format != NULL ? options->format : &check_table);
    if (options->file != NULL && check_write_junit(report, options->file) != 0 &&
        status != UNAVAILABLE) {
        status = BAD;
    }
    return status;
}

int cmd_check(int argc, char **argv)
{
    struct options options = { .list = false };
    struct check_report report = { .to = stdout };
    size_t count, nnames = 0;
    const struct nu_check *all = nu_checks(&count);
    int status = GOOD;
    char **names = argv + 1; /* gathered at the front */
    for (int i = 1; i < argc && status == GOOD; i++) {
        if (argv[i][0] == '-') {
            status = check_take_option(&options, argc, argv, &i);
        } else {
            names[nnames++] = argv[i];
        }
    }
    if (status != GOOD) {
        return status;
    }
    report.checks = calloc(count, sizeof(struct nu_check *));
    report.results = calloc(count, sizeof *report.results);
    if (report.checks == NULL || report.results == NULL) {
        fprintf(stderr, "nng-uring check: no memory\n");
        status = BAD;
    } else {
        status = check_choose(&report, all, count, names, nnames);
    }
    if (status == GOOD) {
        status = check(&report, &options);
    }
    free(report.checks);
    free(report.results);
    return status;
}
