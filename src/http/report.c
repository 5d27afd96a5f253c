/* SPDX-License-Identifier: MIT */
#include "http/report.h"

#include "base/buf.h"
#include "base/clock.h"
#include "io/loop.h"

#include <nng/uring.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct nu_report {
    nng_uring_request info;
    uint64_t began;
    bool active;
    struct nu_buf text; /* of the head, where it is kept */
};

/* One for each connection, with its peer. */
static struct nu_report *report_of(struct nu_request *r)
{
    if (r->report == NULL) {
        r->report = calloc(1, sizeof *r->report);
        if (r->report != NULL) {
            (void) nng_uring_conn_remote_addr(r->conn, &r->report->info.peer);
            r->report->info.secure = r->service->get_tls != NULL;
        }
    }
    return r->report;
}

void nu_report_begin(struct nu_request *r, const struct nu_head *head, const char *text)
{
    struct nu_report *report = r->service->hook != NULL ? report_of(r) : NULL;
    if (report == NULL || report->active) {
        return;
    }
    nng_uring_request *info = &report->info;
    report->active = true;
    report->began = nu_loop_now(r->service->loop);
    r->status = 0;
    r->bytes = 0;
    info->method = head != NULL ? head->method.p : "";
    info->method_len = head != NULL ? head->method.n : 0;
    info->target = head != NULL ? head->target.p : "";
    info->target_len = head != NULL ? head->target.n : 0;
    info->head = head != NULL ? text : "";
    info->head_len = head != NULL ? head->length : 0;
    info->minor_version = head != NULL ? head->minor : 0;
}

/* A pointer into a text that was copied. */
static const char *report_moved(const char *p, const char *from, const char *to)
{
    return to + (p - from);
}

void nu_report_keep(struct nu_request *r)
{
    struct nu_report *report = r->report;
    if (report == NULL || !report->active) {
        return;
    }
    nng_uring_request *info = &report->info;
    nu_buf_reset(&report->text);
    nu_buf_add(&report->text, info->head, info->head_len);
    if (nu_buf_error(&report->text) != 0) {
        info->method = info->target = info->head = "";
        info->method_len = info->target_len = info->head_len = 0;
        return;
    }
    info->method = report_moved(info->method, info->head, report->text.data);
    info->target = report_moved(info->target, info->head, report->text.data);
    info->head = report->text.data;
}

void nu_report_end(struct nu_request *r, bool complete)
{
    struct nu_report *report = r->report;
    if (report == NULL || !report->active) {
        return;
    }
    uint64_t now = nu_now();
    report->active = false;
    report->info.duration = now > report->began ? (now - report->began) / 1000 : 0;
    report->info.status = r->status;
    report->info.bytes = r->bytes;
    report->info.complete = complete;
    r->service->hook(r->service->hook_arg, &report->info);
}

void nu_report_free(struct nu_request *r)
{
    if (r->report != NULL) {
        nu_buf_free(&r->report->text);
        free(r->report);
        r->report = NULL;
    }
}

/* The next line of `*text`, without its end. */
static size_t report_line(const char **text, const char *end, const char **line)
{
    const char *newline = memchr(*text, '\n', (size_t) (end - *text));
    *line = *text;
    *text = newline != NULL ? newline + 1 : end;
    size_t n = (size_t) ((newline != NULL ? newline : end) - *line);
    return n > 0 && (*line)[n - 1] == '\r' ? n - 1 : n;
}

const char *nng_uring_request_header(const nng_uring_request *request, const char *name,
                                     size_t *len)
{
    const char *text = request->head, *end = text + request->head_len, *line;
    size_t n = strlen(name);
    while (text < end) {
        size_t size = report_line(&text, end, &line);
        if (size > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
            const char *value = line + n + 1, *stop = line + size;
            while (value < stop && (*value == ' ' || *value == '\t')) {
                value++;
            }
            while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t')) {
                stop--;
            }
            *len = (size_t) (stop - value);
            return value;
        }
    }
    return NULL;
}
