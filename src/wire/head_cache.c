/* SPDX-License-Identifier: MIT */
#include "wire/head_cache.h"

#include <string.h>

/* The same bytes in another copy of the text. */
static struct nu_slice head_cache_moved(struct nu_slice s, const char *from, const char *to)
{
    return (struct nu_slice){ to + (s.p - from), s.n };
}

static const char *head_cache_fields(const struct nu_head_cache *memo)
{
    return memo->text + NU_MEMO_LINE;
}

/* What the fields say, of their copy at p. */
static void head_cache_tell(const struct nu_head_cache *memo, const char *p, struct nu_head *head)
{
    const struct nu_head *known = &memo->head;
    const char *text = head_cache_fields(memo);

    for (unsigned i = 0; i < known->nfields; i++) {
        head->fields[i].name = head_cache_moved(memo->fields[i].name, text, p);
        head->fields[i].value = head_cache_moved(memo->fields[i].value, text, p);
    }
    if (head->host.n == 0 && known->host.n > 0) { /* else the target has named it */
        head->host = head_cache_moved(known->host, text, p);
    }
    head->nfields = known->nfields;
    head->content_length = known->content_length;
    head->has_length = known->has_length;
    head->chunked = known->chunked;
    head->keep_alive = known->keep_alive;
    head->expect_continue = known->expect_continue;
    head->upgrade = known->upgrade;
}

bool nu_head_cache_lookup(const struct nu_head_cache *memo, const char *p, size_t n,
                          struct nu_head *head)
{
    const struct nu_head *known = &memo->head;

    if (memo->len == 0 || n < memo->len || known->minor != head->minor ||
        known->nfields > head->maxfields || memcmp(p, head_cache_fields(memo), memo->len) != 0) {
        return false;
    }
    head_cache_tell(memo, p, head);
    head->length = memo->len;
    return true;
}

bool nu_head_cache_repeats(const struct nu_head_cache *memo, const char *p, size_t n,
                           struct nu_head *head)
{
    const struct nu_head *known = &memo->head;
    const char *text = head_cache_fields(memo) - memo->line;
    size_t whole = memo->line + memo->len;

    if (memo->line == 0 || n < whole || known->nfields > head->maxfields ||
        known->target.n > (head->max_target != 0 ? head->max_target : NU_MAX_TARGET) ||
        memcmp(p, text, whole) != 0) {
        return false;
    }
    head->method = head_cache_moved(known->method, text, p);
    head->known = known->known;
    head->target = head_cache_moved(known->target, text, p);
    head->major = known->major;
    head->minor = known->minor;
    head_cache_tell(memo, p + memo->line, head);
    head->length = whole;
    head->same = memo->number;
    return true;
}

/* An authority in the target hides what Host says, so such a line is not remembered. */
void nu_head_cache_store_line(struct nu_head_cache *memo, const char *p, size_t n,
                              struct nu_head *head)
{
    char *line = memo->text + NU_MEMO_LINE - n;

    memo->line = 0;
    if (n > NU_MEMO_LINE || head->target.p[0] != '/') {
        return;
    }
    memcpy(line, p, n);
    memo->line = n;
    memo->head.method = head_cache_moved(head->method, p, line);
    memo->head.known = head->known;
    memo->head.target = head_cache_moved(head->target, p, line);
    memo->head.major = head->major;
    memo->head.minor = head->minor;
    head->same = ++memo->number;
}

/* Nor does such a request teach anything about its fields. */
bool nu_head_cache_store(struct nu_head_cache *memo, const char *p, size_t n,
                         const struct nu_head *head)
{
    char *text = memo->text + NU_MEMO_LINE;
    bool from_target = head->host.n > 0 && (head->host.p < p || head->host.p >= p + n);

    if (n > NU_MEMO_TEXT || head->nfields > NU_MEMO_FIELDS || from_target) {
        return false;
    }
    memcpy(text, p, n);
    memo->len = n;
    memo->line = 0;
    memo->head = *head;
    for (unsigned i = 0; i < head->nfields; i++) {
        memo->fields[i].name = head_cache_moved(head->fields[i].name, p, text);
        memo->fields[i].value = head_cache_moved(head->fields[i].value, p, text);
    }
    if (head->host.n > 0) {
        memo->head.host = head_cache_moved(head->host, p, text);
    }
    return true;
}
