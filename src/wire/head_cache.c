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
static inline void head_cache_tell(const struct nu_head_cache *memo, const char *p,
                                   struct nu_head *head)
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

/* Whether what was `len` bytes long ends there, too: which tells most of them apart. */
static bool head_cache_ends(const char *p, size_t n, size_t len)
{
    return n >= len && memcmp(p + len - 4, "\r\n\r\n", 4) == 0;
}

static bool head_cache_has_fields(const struct nu_head_cache *memo, const char *p, size_t n,
                                  const struct nu_head *head)
{
    return head_cache_ends(p, n, memo->len) && memo->head.minor == head->minor &&
           memo->head.nfields <= head->maxfields &&
           memcmp(p, head_cache_fields(memo), memo->len) == 0;
}

static bool head_cache_has_all(const struct nu_head_cache *memo, const char *p, size_t n,
                               const struct nu_head *head)
{
    const struct nu_head *known = &memo->head;
    size_t whole = memo->line + memo->len;

    return memo->line > 0 && head_cache_ends(p, n, whole) && known->nfields <= head->maxfields &&
           known->target.n <= (head->max_target != 0 ? head->max_target : NU_MAX_TARGET) &&
           memcmp(p, head_cache_fields(memo) - memo->line, whole) == 0;
}

bool nu_head_cache_repeats(const struct nu_head_cache *memo, const char *p, size_t n,
                           struct nu_head *head)
{
    while (memo != NULL && memo->len > 0 && !head_cache_has_all(memo, p, n, head)) {
        memo = memo->next;
    }
    if (memo == NULL || memo->len == 0) {
        return false;
    }
    const struct nu_head *known = &memo->head;
    const char *text = head_cache_fields(memo) - memo->line;
    head->method = head_cache_moved(known->method, text, p);
    head->known = known->known;
    head->target = head_cache_moved(known->target, text, p);
    head->major = known->major;
    head->minor = known->minor;
    head_cache_tell(memo, p + memo->line, head);
    head->length = memo->line + memo->len;
    head->same = memo->number;
    return true;
}

/* Has one that remembers its fields remember the line. An authority in the target hides what Host
 * says, so such a line is not remembered. */
static void head_cache_store_line(struct nu_head_cache *memo, struct nu_head_cache *with,
                                  struct nu_slice line, struct nu_head *head)
{
    with->line = 0;
    if (line.n > NU_MEMO_LINE || head->target.p[0] != '/') {
        return;
    }
    char *text = with->text + NU_MEMO_LINE - line.n;
    memcpy(text, line.p, line.n);
    with->line = line.n;
    with->head.method = head_cache_moved(head->method, line.p, text);
    with->head.known = head->known;
    with->head.target = head_cache_moved(head->target, line.p, text);
    with->head.major = head->major;
    with->head.minor = head->minor;
    head->same = with->number = ++memo->numbers;
}

bool nu_head_cache_lookup(struct nu_head_cache *memo, struct nu_slice line, const char *p, size_t n,
                          struct nu_head *head)
{
    struct nu_head_cache *with = memo;
    while (with != NULL && with->len > 0 && !head_cache_has_fields(with, p, n, head)) {
        with = with->next;
    }
    if (with == NULL || with->len == 0) {
        return false;
    }
    head_cache_tell(with, p, head);
    head->length = with->len;
    head_cache_store_line(memo, with, line, head);
    return true;
}

/* Each in turn; at first, one that is still empty. */
static struct nu_head_cache *head_cache_oldest(struct nu_head_cache *memo)
{
    struct nu_head_cache *last = memo->last != NULL ? memo->last : memo;
    if (memo->len == 0) {
        return memo;
    }
    return last->next != NULL ? last->next : memo;
}

/* A request that names its host in the target teaches nothing about its fields, nor does one
 * without any. */
void nu_head_cache_store(struct nu_head_cache *memo, struct nu_slice line, const char *p, size_t n,
                         struct nu_head *head)
{
    bool from_target = head->host.n > 0 && (head->host.p < p || head->host.p >= p + n);
    struct nu_head_cache *with = head_cache_oldest(memo);
    char *text = with->text + NU_MEMO_LINE;

    if (n > NU_MEMO_TEXT || head->nfields == 0 || head->nfields > NU_MEMO_FIELDS || from_target) {
        return;
    }
    memcpy(text, p, n);
    memo->last = with;
    with->len = n;
    with->head = *head;
    for (unsigned i = 0; i < head->nfields; i++) {
        with->fields[i].name = head_cache_moved(head->fields[i].name, p, text);
        with->fields[i].value = head_cache_moved(head->fields[i].value, p, text);
    }
    if (head->host.n > 0) {
        with->head.host = head_cache_moved(head->host, p, text);
    }
    head_cache_store_line(memo, with, line, head);
}

void nu_head_cache_link(struct nu_head_cache *memos, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i++) {
        memos[i].next = &memos[i + 1];
    }
}
