/* SPDX-License-Identifier: MIT */
#include "wire/precond.h"

#include "wire/chars.h"
#include "wire/date.h"
#include "wire/parse.h"

#include <string.h>

static const char *const names[NU_PRECOND_FIELDS] = {
    [NU_IF_MATCH] = "If-Match",
    [NU_IF_NONE_MATCH] = "If-None-Match",
    [NU_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [NU_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [NU_IF_RANGE] = "If-Range",
    [NU_RANGE] = "Range",
};

/* ---- The fields --------------------------------------------------------------------------- */

static bool precond_same(struct nu_slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static bool precond_wanted(const struct nu_head *head, unsigned field)
{
    return precond_same(head->method, "GET") ||
           (precond_same(head->method, "HEAD") && field != NU_RANGE);
}

static bool precond_named(const struct nu_field *field, const char *name)
{
    return field->name.n == strlen(name) && nu_chars_same(field->name.p, name, field->name.n);
}

size_t nu_precond_size(const struct nu_head *head)
{
    size_t size = 0;
    for (unsigned i = 0; i < head->nfields; i++) {
        for (unsigned k = 0; k < NU_PRECOND_FIELDS; k++) {
            size += precond_named(&head->fields[i], names[k]) ? head->fields[i].value.n + 2 : 0;
        }
    }
    return size;
}

/* Appends the values of one name to `room`; returns its end. */
static char *precond_join(struct nu_slice *joined, const struct nu_head *head, const char *name,
                          char *room)
{
    for (unsigned i = 0; i < head->nfields; i++) {
        struct nu_slice value = head->fields[i].value;
        if (!precond_named(&head->fields[i], name)) {
            continue;
        }
        if (joined->p == NULL) {
            joined->p = room;
        } else {
            *room++ = ',';
            *room++ = ' ';
        }
        memcpy(room, value.p, value.n);
        room += value.n;
        joined->n = (size_t) (room - joined->p);
    }
    return room;
}

void nu_precond_load(struct nu_precond *precond, const struct nu_head *head, char *room)
{
    for (unsigned k = 0; k < NU_PRECOND_FIELDS; k++) {
        precond->fields[k] = (struct nu_slice){ NULL, 0 };
        if (precond_wanted(head, k)) {
            room = precond_join(&precond->fields[k], head, names[k], room);
        }
    }
}

/* ---- Entity tags -------------------------------------------------------------------------- */

/* The length of the entity tag at the start, 0 when it is none. */
static size_t precond_tag_length(struct nu_slice s)
{
    size_t i = s.n >= 2 && s.p[0] == 'W' && s.p[1] == '/' ? 2 : 0;
    if (i >= s.n || s.p[i++] != '"') {
        return 0;
    }
    while (i < s.n && s.p[i] != '"') {
        unsigned char c = (unsigned char) s.p[i++];
        if (c <= ' ' || c == 0x7f) {
            return 0;
        }
    }
    return i < s.n ? i + 1 : 0;
}

static bool precond_is_weak(struct nu_slice tag)
{
    return tag.n > 0 && tag.p[0] == 'W';
}

static bool precond_same_tag(struct nu_slice a, struct nu_slice b, bool strong)
{
    if (strong && (precond_is_weak(a) || precond_is_weak(b))) {
        return false;
    }
    size_t skip_a = precond_is_weak(a) ? 2 : 0, skip_b = precond_is_weak(b) ? 2 : 0;
    return a.n - skip_a == b.n - skip_b && memcmp(a.p + skip_a, b.p + skip_b, a.n - skip_a) == 0;
}

/* Whether a list of entity tags, or "*", has that one. */
static bool precond_list_has(struct nu_slice list, struct nu_slice tag, bool strong)
{
    bool separated = true;
    if (precond_same(list, "*")) {
        return true;
    }
    for (size_t i = 0; i < list.n;) {
        if (list.p[i] == ',' || list.p[i] == ' ' || list.p[i] == '\t') {
            separated = separated || list.p[i] == ',';
            i++;
            continue;
        }
        struct nu_slice entry = { list.p + i, list.n - i };
        entry.n = separated ? precond_tag_length(entry) : 0;
        if (entry.n == 0) {
            return false;
        }
        if (precond_same_tag(entry, tag, strong)) {
            return true;
        }
        separated = false;
        i += entry.n;
    }
    return false;
}

/* ---- Conditions --------------------------------------------------------------------------- */

static bool precond_is_date(struct nu_slice s, const struct nu_validators *v, int64_t *date)
{
    return v->modified != NU_UNDATED && s.p != NULL && nu_date_parse(s.p, s.n, v->now, date);
}

/*
 * Only a tag tells. For a date we would have to know that nothing else has ever had it (RFC 9110
 * 8.8.2.2), and a file's date is anybody's to set: `rsync -t`, `tar` and reproducible builds do.
 * Nor has a client a use for it: where there is a tag, it is not to send a date (13.1.5).
 */
static bool precond_unchanged(struct nu_slice if_range, const struct nu_validators *v)
{
    return precond_tag_length(if_range) == if_range.n && precond_same_tag(if_range, v->etag, true);
}

enum nu_verdict nu_precond_judge(const struct nu_precond *precond,
                                 const struct nu_validators *validators)
{
    const struct nu_slice *f = precond->fields;
    int64_t date;
    if (f[NU_IF_MATCH].p != NULL) {
        if (!precond_list_has(f[NU_IF_MATCH], validators->etag, true)) {
            return NU_PRECOND_FAILED;
        }
    } else if (precond_is_date(f[NU_IF_UNMODIFIED_SINCE], validators, &date) &&
               validators->modified > date) {
        return NU_PRECOND_FAILED;
    }
    if (f[NU_IF_NONE_MATCH].p != NULL) {
        if (precond_list_has(f[NU_IF_NONE_MATCH], validators->etag, false)) {
            return NU_PRECOND_NOT_MODIFIED;
        }
    } else if (precond_is_date(f[NU_IF_MODIFIED_SINCE], validators, &date) &&
               validators->modified <= date) {
        return NU_PRECOND_NOT_MODIFIED;
    }
    if (f[NU_IF_RANGE].p != NULL && !precond_unchanged(f[NU_IF_RANGE], validators)) {
        return NU_PRECOND_WHOLE;
    }
    return NU_PRECOND_PASS;
}
