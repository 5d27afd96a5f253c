/* SPDX-License-Identifier: MIT */
#include "wire/head_cache.h"

#include <string.h>

/* The same bytes in another copy of the text. */
static struct nu_slice head_cache_moved(struct nu_slice s, const char *from, const char *to)
{
    return (struct nu_slice){ to + (s.p - from), s.n };
}

bool nu_head_cache_lookup(const struct nu_head_cache *memo, const char *p, size_t n,
                          struct nu_head *head)
{
    const struct nu_head *known = &memo->head;

    if (memo->len == 0 || n < memo->len || known->minor != head->minor ||
        known->nfields > head->maxfields || memcmp(p, memo->text, memo->len) != 0) {
        return false;
    }
    for (unsigned i = 0; i < known->nfields; i++) {
        head->fields[i].name = head_cache_moved(memo->fields[i].name, memo->text, p);
        head->fields[i].value = head_cache_moved(memo->fields[i].value, memo->text, p);
    }
    if (head->host.n == 0 && known->host.n > 0) { /* else the target has named it */
        head->host = head_cache_moved(known->host, memo->text, p);
    }
    head->length = memo->len;
    head->nfields = known->nfields;
    head->content_length = known->content_length;
    head->has_length = known->has_length;
    head->chunked = known->chunked;
    head->keep_alive = known->keep_alive;
    head->expect_continue = known->expect_continue;
    head->upgrade = known->upgrade;
    return true;
}

/* An authority in the target hides what Host says, so such a request teaches nothing. */
void nu_head_cache_store(struct nu_head_cache *memo, const char *p, size_t n,
                         const struct nu_head *head)
{
    bool from_target = head->host.n > 0 && (head->host.p < p || head->host.p >= p + n);

    if (n > NU_MEMO_TEXT || head->nfields > NU_MEMO_FIELDS || from_target) {
        return;
    }
    memcpy(memo->text, p, n);
    memo->len = n;
    memo->head = *head;
    for (unsigned i = 0; i < head->nfields; i++) {
        memo->fields[i].name = head_cache_moved(head->fields[i].name, p, memo->text);
        memo->fields[i].value = head_cache_moved(head->fields[i].value, p, memo->text);
    }
    if (head->host.n > 0) {
        memo->head.host = head_cache_moved(head->host, p, memo->text);
    }
}
