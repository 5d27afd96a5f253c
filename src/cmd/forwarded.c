/* SPDX-License-Identifier: MIT */
#include "cmd/forwarded.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct forwarded_text {
    const char *p;
    size_t n;
};

static struct forwarded_text forwarded_trim(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    return (struct forwarded_text){ p, (size_t) (end - p) };
}

/* The value of the last field of that name: a balancer may add one behind its client's. */
static struct forwarded_text forwarded_last(const nng_uring_request *request, const char *name)
{
    const char *line = request->head, *end = line + request->head_len;
    struct forwarded_text last = { NULL, 0 };
    size_t n = strlen(name);
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t) (end - line));
        stop = stop != NULL ? stop : end;
        if ((size_t) (stop - line) > n && line[n] == ':' && strncasecmp(line, name, n) == 0) {
            last = forwarded_trim(line + n + 1, stop);
        }
        line = stop + 1;
    }
    return last;
}

/* What stands behind the last `mark`; all of it where there is none. */
static struct forwarded_text forwarded_after(struct forwarded_text text, char mark)
{
    const char *at = text.n > 0 ? memrchr(text.p, mark, text.n) : NULL;
    return at != NULL ? forwarded_trim(at + 1, text.p + text.n) : text;
}

/* "for=..." among parameters that semicolons part. */
static struct forwarded_text forwarded_for(struct forwarded_text text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        const char *stop = memchr(p, ';', (size_t) (end - p));
        struct forwarded_text one = forwarded_trim(p, stop != NULL ? stop : end);
        if (one.n > 4 && strncasecmp(one.p, "for=", 4) == 0) {
            return (struct forwarded_text){ one.p + 4, one.n - 4 };
        }
        p = stop != NULL ? stop + 1 : end;
    }
    return (struct forwarded_text){ NULL, 0 };
}

/* 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80, and all that in quotes. */
static bool forwarded_address(struct forwarded_text from, char text[INET6_ADDRSTRLEN])
{
    char copy[64], *p = copy, *bracket, *colon;
    uint8_t address[16];
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
    int family = strchr(p, ':') != NULL ? AF_INET6 : AF_INET;
    return inet_pton(family, p, address) == 1 &&
           inet_ntop(family, address, text, INET6_ADDRSTRLEN) != NULL;
}

bool forwarded_client(const nng_uring_request *request, char text[INET6_ADDRSTRLEN])
{
    if (!request->trusted) {
        return false;
    }
    struct forwarded_text list = forwarded_last(request, "X-Forwarded-For");
    if (list.p != NULL) {
        return forwarded_address(forwarded_after(list, ','), text);
    }
    list = forwarded_last(request, "Forwarded");
    return list.p != NULL && forwarded_address(forwarded_for(forwarded_after(list, ',')), text);
}
