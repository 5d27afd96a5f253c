/* SPDX-License-Identifier: MIT */
#include "cmd/check_print.h"

#include "cmd/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

bool check_failed(const struct nu_check *check, const struct nu_result *result)
{
    return result->verdict == NU_BROKEN ||
           (result->verdict == NU_ABSENT && check->need == NU_NEEDED);
}

static size_t check_print_count_verdict(const struct check_report *report, enum nu_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < report->done; i++) {
        n += report->results[i].verdict == verdict;
    }
    return n;
}

size_t check_count_untried(const struct check_report *report)
{
    return check_print_count_verdict(report, NU_UNTRIED);
}

size_t check_count_failed(const struct check_report *report)
{
    size_t n = 0;
    for (size_t i = 0; i < report->done; i++) {
        n += check_failed(report->checks[i], &report->results[i]);
    }
    return n;
}

static const char *check_print_kernel(void)
{
    static struct utsname system = { .release = "unknown" };
    uname(&system);
    return system.release;
}

static const char *check_print_need_name(enum nu_need need)
{
    return need == NU_NEEDED ? "needed" : need == NU_USED ? "used" : "not used";
}

/* ---- For people ---------------------------------------------------------------------------- */

#define VERDICT_WIDTH 8
#define NAME_WIDTH 24
#define RELIES_WIDTH 67

static bool check_print_is_terminal(FILE *to)
{
    return isatty(fileno(to)) == 1;
}

static bool check_print_coloured(FILE *to)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return check_print_is_terminal(to) && (no == NULL || *no == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static const char *check_print_colour(const struct check_report *report, const char *code)
{
    return check_print_coloured(report->to) ? code : "";
}

static const char *check_print_verdict_colour(const struct check_report *report,
                                              enum nu_verdict verdict)
{
    static const char *const codes[] = { [NU_OK] = "\033[32m",
                                         [NU_FALLBACK] = "\033[33m",
                                         [NU_ABSENT] = "\033[36m",
                                         [NU_BROKEN] = "\033[1;31m",
                                         [NU_UNTRIED] = "\033[35m" };
    return check_print_colour(report, codes[verdict]);
}

/* The columns there are behind the name. */
static int check_print_room(FILE *to)
{
    struct winsize size = { .ws_col = 0 };
    int taken = VERDICT_WIDTH + 1 + NAME_WIDTH + 1;
    if (!check_print_is_terminal(to) || ioctl(fileno(to), TIOCGWINSZ, &size) != 0 ||
        size.ws_col == 0) {
        return 1000;
    }
    return size.ws_col > taken + 20 ? size.ws_col - taken : 20;
}

static void check_print_table_more(const struct check_report *report, const char *label,
                                   const char *text)
{
    fprintf(report->to, "%*s %s%s\n", VERDICT_WIDTH + 1 + NAME_WIDTH, "", label, text);
}

/* One line for what is as it should be, more for the rest. */
static void check_print_table_each(const struct check_report *report)
{
    const struct nu_check *check = report->checks[report->done - 1];
    const struct nu_result *result = &report->results[report->done - 1];
    bool good = result->verdict == NU_OK;
    char text[RELIES_WIDTH + 1 + NU_SEEN];
    snprintf(text, sizeof text, "%-*s%s%s", good ? RELIES_WIDTH : 0, check->relies, good ? " " : "",
             good ? result->seen : "");
    fprintf(report->to, "%s%-*s%s %-*s %.*s\n", check_print_verdict_colour(report, result->verdict),
            VERDICT_WIDTH, nu_verdict_name(result->verdict), check_print_colour(report, "\033[0m"),
            NAME_WIDTH, check->name, check_print_room(report->to), text);
    if (!good) {
        check_print_table_more(report, "seen: ", result->seen);
        check_print_table_more(report, "the library: ",
                               result->verdict == NU_FALLBACK ? check->instead
                               : check->need == NU_NEEDED     ? "needs it"
                               : check->need == NU_USED       ? "uses it where it is there"
                                                              : "does not use it");
    }
    fflush(report->to);
}

static void check_print_table_end(const struct check_report *report)
{
    fprintf(report->to, "\nkernel: Linux %s\n", check_print_kernel());
    if (report->reason != NULL) {
        fprintf(report->to, "%sno io_uring%s for this process\nreason: %s\nremedy: %s\n",
                check_print_verdict_colour(report, NU_BROKEN),
                check_print_colour(report, "\033[0m"), report->reason, report->remedy);
        return;
    }
    size_t failed = check_count_failed(report);
    fprintf(report->to,
            "%zu checks in %.1f s: %zu ok, %zu fallback, %zu absent, %zu broken, "
            "%zu untried\n",
            report->count, (double) report->ms / 1000, check_print_count_verdict(report, NU_OK),
            check_print_count_verdict(report, NU_FALLBACK),
            check_print_count_verdict(report, NU_ABSENT),
            check_print_count_verdict(report, NU_BROKEN), check_count_untried(report));
    const char *text = "good: the library can rely on this io_uring";
    enum nu_verdict verdict = NU_OK;
    if (failed > 0) {
        text = "bad: something that the library relies on is broken or absent";
        verdict = NU_BROKEN;
    } else if (check_count_untried(report) > 0) {
        text = "incomplete: nothing is known to be wrong, but not all could be tried";
        verdict = NU_UNTRIED;
    }
    fprintf(report->to, "%s%s%s\n", check_print_verdict_colour(report, verdict), text,
            check_print_colour(report, "\033[0m"));
}

/* What TAP and JUnit count as skipped. */
static bool check_print_skipped(const struct nu_check *check, const struct nu_result *result)
{
    return result->verdict == NU_UNTRIED ||
           (result->verdict == NU_ABSENT && !check_failed(check, result));
}

/* ---- TAP, version 13 ----------------------------------------------------------------------- */

static void check_print_yaml_pair(FILE *to, const char *name, const char *text)
{
    fprintf(to, "  %s: ", name);
    json_string(to, text); /* a JSON string is a YAML one */
    putc('\n', to);
}

static void check_print_tap_begin(const struct check_report *report)
{
    fprintf(report->to, "TAP version 13\n1..%zu\n", report->count);
}

static void check_print_tap_each(const struct check_report *report)
{
    const struct nu_check *check = report->checks[report->done - 1];
    const struct nu_result *result = &report->results[report->done - 1];
    bool failed = check_failed(check, result);
    bool skip = check_print_skipped(check, result);
    fprintf(report->to, "%s %zu - %s%s%s\n  ---\n", failed ? "not ok" : "ok", report->done,
            check->name, skip ? " # SKIP " : "", skip ? nu_verdict_name(result->verdict) : "");
    check_print_yaml_pair(report->to, "verdict", nu_verdict_name(result->verdict));
    check_print_yaml_pair(report->to, "relies", check->relies);
    check_print_yaml_pair(report->to, "library", check_print_need_name(check->need));
    check_print_yaml_pair(report->to, "seen", result->seen);
    if (result->verdict == NU_FALLBACK) {
        check_print_yaml_pair(report->to, "instead", check->instead);
    }
    fprintf(report->to, "  ms: %u\n  ...\n", result->ms);
    fflush(report->to);
}

static void check_print_tap_end(const struct check_report *report)
{
    if (report->reason != NULL) {
        fprintf(report->to, "TAP version 13\nBail out! no io_uring: %s; %s\n", report->reason,
                report->remedy);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void check_print_json_check(const struct check_report *report, size_t i)
{
    const struct nu_check *check = report->checks[i];
    const struct nu_result *result = &report->results[i];
    FILE *to = report->to;
    fputs("    { ", to);
    json_pair(to, "name", check->name, ", ");
    json_pair(to, "verdict", nu_verdict_name(result->verdict), ", ");
    json_pair(to, "relies", check->relies, ", ");
    json_pair(to, "library", check_print_need_name(check->need), ", ");
    json_pair(to, "seen", result->seen, ", ");
    json_pair(to, "instead", result->verdict == NU_FALLBACK ? check->instead : NULL, ", ");
    fprintf(to, "\"ms\": %u }%s\n", result->ms, i + 1 < report->done ? "," : "");
}

static void check_print_json_end(const struct check_report *report)
{
    FILE *to = report->to;
    const char *verdict = report->reason != NULL            ? "unavailable"
                          : check_count_failed(report) > 0  ? "bad"
                          : check_count_untried(report) > 0 ? "incomplete"
                                                            : "good";
    fputs("{\n  ", to);
    json_pair(to, "verdict", verdict, ",\n  ");
    json_pair(to, "kernel", check_print_kernel(), ",\n  ");
    json_pair(to, "reason", report->reason, ",\n  ");
    json_pair(to, "remedy", report->remedy, ",\n  ");
    fprintf(to, "\"ms\": %u,\n  \"checks\": [\n", report->ms);
    for (size_t i = 0; i < report->done; i++) {
        check_print_json_check(report, i);
    }
    fputs("  ]\n}\n", to);
}

/* ---- JUnit --------------------------------------------------------------------------------- */

static void check_print_xml_text(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            putc(*text, to);
        }
    }
}

static void check_print_xml_element(FILE *to, const char *name, const char *message,
                                    const char *text)
{
    fprintf(to, "    <%s message=\"", name);
    check_print_xml_text(to, message);
    fputs("\">", to);
    check_print_xml_text(to, text);
    fprintf(to, "</%s>\n", name);
}

static void check_print_junit_case(const struct check_report *report, size_t i)
{
    const struct nu_check *check = report->checks[i];
    const struct nu_result *result = &report->results[i];
    FILE *to = report->to;
    fprintf(to, "  <testcase classname=\"io_uring\" name=\"%s\" time=\"%.3f\">\n", check->name,
            (double) result->ms / 1000);
    if (check_failed(check, result)) {
        check_print_xml_element(to, "failure", nu_verdict_name(result->verdict), result->seen);
    } else if (check_print_skipped(check, result)) {
        check_print_xml_element(to, "skipped", nu_verdict_name(result->verdict), result->seen);
    }
    fprintf(to, "    <system-out>verdict: %s\nrelies: ", nu_verdict_name(result->verdict));
    check_print_xml_text(to, check->relies);
    fputs("\nseen: ", to);
    check_print_xml_text(to, result->seen);
    if (result->verdict == NU_FALLBACK) {
        fputs("\ninstead: ", to);
        check_print_xml_text(to, check->instead);
    }
    fputs("</system-out>\n  </testcase>\n", to);
}

static void check_print_junit_end(const struct check_report *report)
{
    FILE *to = report->to;
    size_t failed = check_count_failed(report), skipped = 0;
    bool none = report->reason != NULL;
    for (size_t i = 0; i < report->done; i++) {
        skipped += check_print_skipped(report->checks[i], &report->results[i]);
    }
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"nng-uring check on "
            "Linux %s\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"%zu\" "
            "time=\"%.3f\">\n",
            check_print_kernel(), none ? 1 : report->done, failed, none, skipped,
            (double) report->ms / 1000);
    for (size_t i = 0; i < report->done; i++) {
        check_print_junit_case(report, i);
    }
    if (none) {
        fputs("  <testcase classname=\"io_uring\" name=\"available\">\n", to);
        check_print_xml_element(to, "error", report->reason, report->remedy);
        fputs("  </testcase>\n", to);
    }
    fputs("</testsuite>\n", to);
}

const struct check_format check_table = { NULL, check_print_table_each, check_print_table_end };
const struct check_format check_tap = { check_print_tap_begin, check_print_tap_each,
                                        check_print_tap_end };
const struct check_format check_json = { NULL, NULL, check_print_json_end };
const struct check_format check_junit = { NULL, NULL, check_print_junit_end };
