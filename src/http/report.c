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

    /* Of the head, which began at `origin` when they were read. */
    const struct nu_field *fields;
    unsigned nfields;
    const char *origin;
    struct nu_buf kept; /* the fields, likewise */
};

/* Whose hook is being called. */
static _Thread_local const struct nu_report *reported;

/* One for each connection, with its peer. */
static struct nu_report *report_of(struct nu_request *r)
{
    if (r->report == NULL) {
        r->report = calloc(1, sizeof *r->report);
        if (r->report != NULL) {
            (void) nng_uring_conn_remote_addr(r->conn, &r->report->info.peer);
            r->report->info.client = r->report->info.peer;
            r->report->info.trusted = r->conn->trusted;
            r->report->info.secure = r->service->get_tls != NULL;
        }
    }
    return r->report;
}

/* Of a trusted peer each request may have another one. */
static void report_note_client(nng_uring_request *info, const nng_sockaddr *client)
{
    info->client = client != NULL ? *client : info->peer;
}

void nu_report_begin(struct nu_request *r, const struct nu_head *head, const char *text,
                     const nng_sockaddr *client)
{
    static const char nothing[] = ""; /* in which all its parts lie */
    static const struct nu_head none = { .method.p = nothing, .target.p = nothing };
    struct nu_report *report = r->service->hook != NULL ? report_of(r) : NULL;
    if (report == NULL || report->active) {
        return;
    }
    nng_uring_request *info = &report->info;
    if (head == NULL) {
        head = &none;
        text = nothing;
    }
    if (info->trusted) {
        report_note_client(info, client);
    }
    report->active = true;
    report->began = nu_loop_now(r->service->loop);
    r->status = 0;
    r->bytes = 0;
    info->method = head->method.p;
    info->method_len = head->method.n;
    info->target = head->target.p;
    info->target_len = head->target.n;
    info->head = text;
    info->head_len = head->length;
    info->minor_version = head->minor;
    report->fields = head->fields;
    report->nfields = head->nfields;
    report->origin = text;
}

/* A pointer into a text that was copied. */
static const char *report_moved(const char *p, const char *from, const char *to)
{
    return to + (p - from);
}

static void report_keep(struct nu_report *report)
{
    nng_uring_request *info = &report->info;
    nu_buf_reset(&report->text);
    nu_buf_reset(&report->kept);
    nu_buf_add(&report->text, info->head, info->head_len);
    nu_buf_add(&report->kept, report->fields, report->nfields * sizeof *report->fields);
    if (nu_buf_error(&report->text) != 0 || nu_buf_error(&report->kept) != 0) {
        info->method = info->target = info->head = "";
        info->method_len = info->target_len = info->head_len = 0;
        report->nfields = 0;
        return;
    }
    report->fields = (const void *) report->kept.data;
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
    report->info.ended = now;
    report->info.status = r->status;
    report->info.bytes = r->bytes;
    report->info.complete = complete;
    const struct nu_report *outer = reported; /* a hook that waits has others called meanwhile */
    reported = report;
    r->service->hook(r->service->hook_arg, &report->info);
    reported = outer;
}

void nu_report_settle(struct nu_request *r, bool answered)
{
    if (answered) {
        nu_report_end(r, true);
    } else if (r->report != NULL && r->report->active) {
        report_keep(r->report);
    }
}

void nu_report_free(struct nu_request *r)
{
    if (r->report != NULL) {
        nu_buf_free(&r->report->text);
        nu_buf_free(&r->report->kept);
        free(r->report);
        r->report = NULL;
    }
}

/* Of letters in one case or the other; others are only taken to be the same too often. */
static bool report_may_be(char a, char b)
{
    return ((a ^ b) & ~0x20) == 0;
}

const char *nng_uring_request_header(const nng_uring_request *request, const char *name,
                                     size_t *len)
{
    const struct nu_report *report = reported;
    if (report == NULL || report->info.head != request->head) {
        return NULL;
    }
    for (unsigned i = 0; i < report->nfields; i++) {
        const struct nu_field *field = &report->fields[i];
        const char *is = report_moved(field->name.p, report->origin, request->head);
        if (report_may_be(*is, *name) && strncasecmp(is, name, field->name.n) == 0 &&
            name[field->name.n] == '\0') {
            *len = field->value.n;
            return report_moved(field->value.p, report->origin, request->head);
        }
    }
    return NULL;
}
