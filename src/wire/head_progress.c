/* SPDX-License-Identifier: MIT */
#include "wire/head_progress.h"

#include "wire/chars.h"

#include <string.h>

/* Whether a part of the line that begins at at->from, or all of it up to `lf`, leaves the head as
 * it was: p is where it is looked at. A line that is folded counts once. */
static bool head_progress_line(const char *p, const char *end, const char *lf, const char *line,
                               const struct nu_head *head, bool lenient)
{
    struct nu_head_progress *at = head->progress;
    bool cr = end > p && end[-1] == '\r';
    bool fold = *line == ' ' || *line == '\t';
    bool blank = lf != NULL && end - line == cr;
    if (blank || (fold && !(lenient && at->lines > 0)) || (lf != NULL && !cr && !lenient) ||
        !nu_chars_text(p, (size_t) (end - p) - cr)) {
        return false;
    }
    if (lf != NULL && !fold) {
        return at->lines++ < head->maxfields;
    }
    return true;
}

/* Whether the lines go on, and do not end, in what is new; that is all there is to say of them. */
static bool head_progress_fields(const char *buf, size_t len, const struct nu_head *head,
                                 bool lenient)
{
    struct nu_head_progress *at = head->progress;
    while (at->seen < len) {
        /* A CR that was last is looked at again with what follows it. */
        const char *p = buf + (at->seen > at->from ? at->seen - 1 : at->from);
        const char *lf = memchr(p, '\n', (size_t) (buf + len - p));
        const char *end = lf != NULL ? lf : buf + len;
        if (!head_progress_line(p, end, lf, buf + at->from, head, lenient)) {
            return false;
        }
        at->seen = (size_t) (end - buf);
        if (lf != NULL) {
            at->from = ++at->seen;
        }
    }
    return true;
}

/* A CR that was last is looked at again here, too. */
static bool head_progress_reason(const char *buf, size_t len, const struct nu_head *head)
{
    struct nu_head_progress *at = head->progress;
    const char *p = buf + (at->seen > at->from ? at->seen - 1 : at->from);
    size_t n = (size_t) (buf + len - p);
    if (memchr(p, '\n', n) != NULL || !nu_chars_text(p, n - (p[n - 1] == '\r'))) {
        return false;
    }
    at->seen = len;
    return true;
}

static bool head_progress_part(const char *buf, size_t len, const struct nu_head *head,
                               unsigned kind, size_t max)
{
    struct nu_head_progress *at = head->progress;
    size_t n = len - at->seen;
    if (len - at->from > max || nu_chars_span(buf + at->seen, n, kind) < n) {
        return false;
    }
    at->seen = len;
    return true;
}

bool nu_head_goes_on(const char *buf, size_t len, const struct nu_head *head, bool lenient)
{
    const struct nu_head_progress *at = head->progress;
    if (at == NULL || at->seen >= len ||
        len >= (head->max_head != 0 ? head->max_head : NU_MAX_HEAD)) {
        return false;
    }
    switch (at->part) {
    case NU_HEAD_IN_METHOD:
        return head_progress_part(buf, len, head, NU_CHAR_TOKEN, NU_MAX_METHOD);
    case NU_HEAD_IN_TARGET:
        return head_progress_part(buf, len, head, NU_CHAR_TARGET,
                                  head->max_target != 0 ? head->max_target : NU_MAX_TARGET);
    case NU_HEAD_IN_REASON:
        return head_progress_reason(buf, len, head);
    case NU_HEAD_IN_FIELDS:
        return head_progress_fields(buf, len, head, lenient);
    default:
        return false;
    }
}

void nu_head_remember(const char *buf, size_t len, struct nu_head *head, struct nu_slice line,
                      const char *fields)
{
    struct nu_head_progress *at = head->progress;
    if (at == NULL) {
        return;
    }
    *at = (struct nu_head_progress){ .seen = len };
    if (fields != NULL) {
        at->part = NU_HEAD_IN_FIELDS;
        at->from = (size_t) (fields - buf);
        at->seen = at->from; /* its lines are counted once more */
    } else if (head->reason.p != NULL && head->reason.p[-1] == ' ') {
        at->part = NU_HEAD_IN_REASON;
        at->from = (size_t) (head->reason.p - buf);
        at->seen = at->from; /* looked at once more */
    } else if (line.n > 0 && head->method.n == 0) {
        at->part = NU_HEAD_IN_METHOD;
        at->from = (size_t) (line.p - buf);
    } else if (head->target.p != NULL && head->target.p + head->target.n == buf + len) {
        at->part = NU_HEAD_IN_TARGET;
        at->from = (size_t) (head->target.p - buf);
    }
}
