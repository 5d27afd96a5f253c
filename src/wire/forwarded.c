/* SPDX-License-Identifier: MIT */
#include "wire/forwarded.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* The value of the last field of that name: a balancer may add one behind its client's. */
static bool forwarded_last(const struct nu_field *fields, unsigned n, const char *name,
                           struct nu_slice *value)
{
    size_t len = strlen(name);
    while (n > 0) {
        const struct nu_field *field = &fields[--n];
        if (field->name.n == len && strncasecmp(field->name.p, name, len) == 0) {
            *value = field->value;
            return true;
        }
    }
    return false;
}

/* What stands behind the last comma; all of it where there is none. */
static struct nu_slice forwarded_last_member(struct nu_slice list)
{
    const char *at = list.n > 0 ? memrchr(list.p, ',', list.n) : NULL;
    return at != NULL ? nu_fields_trim(at + 1, list.p + list.n) : list;
}

/* "for=..." among parameters that semicolons part; nothing where it is not. */
static struct nu_slice forwarded_for(struct nu_slice text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        const char *stop = memchr(p, ';', (size_t) (end - p));
        struct nu_slice one = nu_fields_trim(p, stop != NULL ? stop : end);
        if (one.n > 4 && strncasecmp(one.p, "for=", 4) == 0) {
            return (struct nu_slice){ one.p + 4, one.n - 4 };
        }
        p = stop != NULL ? stop + 1 : end;
    }
    return (struct nu_slice){ end, 0 };
}

/* 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80, and all that in quotes. */
static bool forwarded_address(struct nu_slice from, struct nu_forwarded *forwarded)
{
    char copy[64], *p = copy, *bracket, *colon;
    if (from.n == 0 || from.n >= sizeof copy) {
        return false;
    }
    memcpy(copy, from.p, from.n);
    copy[from.n] = '\0';
    if (*p == '"' && from.n > 1 && copy[from.n - 1] == '"') {
        copy[from.n - 1] = '\0';
        p++;
    }
    if (*p == '[' && (bracket = strchr(p, ']')) != NULL) {
        *bracket = '\0';
        p++;
    } else if ((colon = strchr(p, ':')) != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
    }
    forwarded->version = strchr(p, ':') != NULL ? 6 : 4;
    return inet_pton(forwarded->version == 6 ? AF_INET6 : AF_INET, p, forwarded->from) == 1;
}

bool nu_forwarded_read(const struct nu_field *fields, unsigned n, struct nu_forwarded *forwarded)
{
    struct nu_slice list;
    if (forwarded_last(fields, n, "X-Forwarded-For", &list)) {
        return forwarded_address(forwarded_last_member(list), forwarded);
    }
    return forwarded_last(fields, n, "Forwarded", &list) &&
           forwarded_address(forwarded_for(forwarded_last_member(list)), forwarded);
}
