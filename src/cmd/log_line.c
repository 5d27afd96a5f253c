/* SPDX-License-Identifier: MIT */
#include "cmd/log_line.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_TARGET 2048 /* bytes of it, before they are escaped */
#define MAX_FIELD 512

static const char hex[] = "0123456789abcdef";

/* What needs no escape. */
static const bool bare[256] = {
    [' '] = true,
    ['!'] = true,
    ['#' ... '['] = true,
    [']' ... '~'] = true,
};

static char *log_line_text(char *at, const char *text)
{
    return stpcpy(at, text);
}

static char *log_line_number(char *at, uint64_t n)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n > 0);
    memcpy(at, digits + i, sizeof digits - i);
    return at + sizeof digits - i;
}

static char *log_line_escape(char *at, unsigned char byte, bool json)
{
    at = log_line_text(at, json ? "\\u00" : "\\x");
    *at++ = hex[byte >> 4];
    *at++ = hex[byte & 15];
    return at;
}

#define EVERY(byte) (UINT64_MAX / 255 * (byte)) /* of eight bytes */

/* The sign of each byte that is that one; carries may add others above it. */
static uint64_t log_line_find(uint64_t word, unsigned byte)
{
    uint64_t x = word ^ EVERY(byte);
    return (x - EVERY(1U)) & ~x & EVERY(0x80U);
}

/* Whether none of eight bytes needs an escape. */
static bool log_line_all_bare(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t controls = (word - EVERY(0x20U)) & ~word & EVERY(0x80U);
    return ((word & EVERY(0x80U)) | controls | log_line_find(word, '"') |
            log_line_find(word, '\\') | log_line_find(word, 0x7f)) == 0;
}

/* In JSON a byte beyond ASCII is the character of that number, for it need not be UTF-8. */
static char *log_line_escaped(char *at, const char *p, size_t n, size_t max, bool json)
{
    const char *end = p + (n < max ? n : max);
    while (p < end) {
        unsigned char byte = (unsigned char) *p;
        if (end - p >= 8 && log_line_all_bare(p)) {
            memcpy(at, p, 8);
            at += 8;
            p += 8;
            continue;
        }
        if (bare[byte]) {
            *at++ = (char) byte;
        } else {
            at = log_line_escape(at, byte, json);
        }
        p++;
    }
    return n > max ? log_line_text(at, "...") : at;
}

static char *log_line_header(char *at, const nng_uring_request *request, const char *name,
                             bool json)
{
    size_t len = 0;
    const char *value = nng_uring_request_header(request, name, &len);
    return value != NULL ? log_line_escaped(at, value, len, MAX_FIELD, json)
                         : log_line_text(at, json ? "" : "-");
}

static char *log_line_peer(char *at, const nng_sockaddr *peer)
{
    const uint8_t *b = (const uint8_t *) &peer->s_in.sa_addr;
    if (peer->s_family == NNG_AF_INET6 &&
        inet_ntop(AF_INET6, peer->s_in6.sa_addr, at, INET6_ADDRSTRLEN) != NULL) {
        return at + strlen(at);
    }
    if (peer->s_family != NNG_AF_INET) {
        return log_line_text(at, "-");
    }
    for (int i = 0; i < 4; i++) {
        at = log_line_number(at, b[i]);
        *at++ = '.';
    }
    return at - 1;
}

/* Of this second, which is printed once on each thread. */
static char *log_line_time(char *at, bool json)
{
    static _Thread_local char text[64];
    static _Thread_local time_t second;
    static _Thread_local bool was_json;
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != second || *text == '\0' || was_json != json) {
        second = now.tv_sec;
        was_json = json;
        strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%S%z" : "%d/%b/%Y:%H:%M:%S %z",
                 localtime_r(&second, &tm));
    }
    return log_line_text(at, text);
}

static char *log_line_request(char *at, const nng_uring_request *request)
{
    if (request->method_len == 0) {
        return log_line_text(at, "-");
    }
    at = log_line_escaped(at, request->method, request->method_len, MAX_FIELD, false);
    *at++ = ' ';
    at = log_line_escaped(at, request->target, request->target_len, MAX_TARGET, false);
    at = log_line_text(at, " HTTP/1.");
    return log_line_number(at, (uint64_t) request->minor_version);
}

static char *log_line_ncsa(char *at, const nng_uring_request *request, bool combined)
{
    at = log_line_peer(at, &request->peer);
    at = log_line_text(at, " - - [");
    at = log_line_time(at, false);
    at = log_line_text(at, "] \"");
    at = log_line_request(at, request);
    at = log_line_text(at, "\" ");
    at = request->status > 0 ? log_line_number(at, request->status) : log_line_text(at, "-");
    *at++ = ' ';
    at = request->bytes > 0 ? log_line_number(at, request->bytes) : log_line_text(at, "-");
    if (combined) {
        at = log_line_text(at, " \"");
        at = log_line_header(at, request, "Referer", false);
        at = log_line_text(at, "\" \"");
        at = log_line_header(at, request, "User-Agent", false);
        at = log_line_text(at, "\"");
    }
    return at;
}

static char *log_line_json(char *at, const nng_uring_request *request)
{
    at = log_line_text(at, "{\"time\":\"");
    at = log_line_time(at, true);
    at = log_line_text(at, "\",\"peer\":\"");
    at = log_line_peer(at, &request->peer);
    at = log_line_text(at, "\",\"method\":\"");
    at = log_line_escaped(at, request->method, request->method_len, MAX_FIELD, true);
    at = log_line_text(at, "\",\"target\":\"");
    at = log_line_escaped(at, request->target, request->target_len, MAX_TARGET, true);
    at = log_line_text(at, "\",\"status\":");
    at = log_line_number(at, request->status);
    at = log_line_text(at, ",\"bytes\":");
    at = log_line_number(at, request->bytes);
    at = log_line_text(at, ",\"us\":");
    at = log_line_number(at, request->duration);
    at = log_line_text(at, request->complete ? ",\"complete\":true" : ",\"complete\":false");
    at = log_line_text(at, request->secure ? ",\"tls\":true" : ",\"tls\":false");
    at = log_line_text(at, ",\"referer\":\"");
    at = log_line_header(at, request, "Referer", true);
    at = log_line_text(at, "\",\"user_agent\":\"");
    at = log_line_header(at, request, "User-Agent", true);
    return log_line_text(at, "\"}");
}

/* The longest has four texts that are escaped, six bytes for each of theirs, and little else. */
_Static_assert((MAX_TARGET + 3 * MAX_FIELD) * 6 + 1024 <= LOG_LINE_MAX, "a line has room");

size_t log_line_print(char line[LOG_LINE_MAX], enum log_format format,
                      const nng_uring_request *request)
{
    char *end = format == LOG_JSON ? log_line_json(line, request)
                                   : log_line_ncsa(line, request, format == LOG_COMBINED);
    *end++ = '\n';
    return (size_t) (end - line);
}
