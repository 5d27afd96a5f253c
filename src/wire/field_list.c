/* SPDX-License-Identifier: MIT */
#include "wire/field_list.h"

#include "wire/chars.h"

#include <string.h>

static bool field_list_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct nu_slice field_list_trim(const char *from, const char *to)
{
    while (from < to && field_list_is_blank(*from)) {
        from++;
    }
    while (from < to && field_list_is_blank(to[-1])) {
        to--;
    }
    return (struct nu_slice){ from, (size_t) (to - from) };
}

/* Behind the item that starts here. */
static const char *field_list_item_end(const char *p, const char *end, char by)
{
    bool quoted = false;
    for (; p < end && (quoted || *p != by); p++) {
        if (*p == '"') {
            quoted = !quoted;
        } else if (quoted && *p == '\\' && p + 1 < end) {
            p++;
        }
    }
    return p;
}

bool nu_field_list_next(const char **at, const char *end, char by, struct nu_slice *item)
{
    while (*at < end) {
        const char *from = *at;
        const char *to = field_list_item_end(from, end, by);
        *at = to < end ? to + 1 : end;
        *item = field_list_trim(from, to);
        if (item->n > 0) {
            return true;
        }
    }
    return false;
}

bool nu_field_list_has(const char *list, const char *token)
{
    struct nu_slice item;
    size_t n = strlen(token);
    if (list == NULL) {
        return false;
    }
    const char *end = list + strlen(list);
    while (nu_field_list_next(&list, end, ',', &item)) {
        if (item.n == n && nu_chars_same(item.p, token, n)) {
            return true;
        }
    }
    return false;
}

bool nu_field_list_parameter(struct nu_slice item, struct nu_slice *name, struct nu_slice *value)
{
    size_t n = nu_chars_span(item.p, item.n, NU_CHAR_TOKEN);
    const char *end = item.p + item.n;
    *name = (struct nu_slice){ item.p, n };
    *value = (struct nu_slice){ NULL, 0 };
    if (n == 0 || n == item.n) {
        return n > 0;
    }
    struct nu_slice rest = field_list_trim(item.p + n, end);
    if (rest.n == 0 || rest.p[0] != '=') {
        return false;
    }
    *value = field_list_trim(rest.p + 1, end);
    if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"') {
        *value = (struct nu_slice){ value->p + 1, value->n - 2 };
        return memchr(value->p, '\\', value->n) == NULL && memchr(value->p, '"', value->n) == NULL;
    }
    return value->n > 0 && nu_chars_all(value->p, value->n, NU_CHAR_TOKEN);
}
