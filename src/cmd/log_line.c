/* SPDX-License-Identifier: MIT */
#include "cmd/log_line.h"

#include "cmd/forwarded.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_TARGET 2048 /* bytes of it, before they are escaped */
#define MAX_FIELD 512
#define PEERS 64 /* whose text each thread remembers */

static const char hex[] = "0123456789abcdef";

/* What needs no escape. */
static const bool bare[256] = {
    [' '] = true,
    ['!'] = true,
    ['#' ... '['] = true,
    [']' ... '~'] = true,
};

/* Inline: the lengths of nearly all texts are known then. */
static inline char *log_line_text(char *at, const char *text)
{
    return stpcpy(at, text);
}

#define DIGITS 20 /* the most there are; a number has so much room */

static char *log_line_number(char *at, uint64_t n)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char text[2 * DIGITS], *end = text + DIGITS, *p = end;
    for (; n >= 10; n /= 100) {
        p -= 2;
        memcpy(p, pairs + n % 100 * 2, 2);
    }
    if (n > 0 || p == end) {
        *--p = (char) ('0' + n);
    }
    memcpy(at, p, DIGITS); /* the rest is written over */
    return at + (end - p);
}

static char *log_line_escape(char *at, unsigned char byte, bool json)
{
    at = log_line_text(at, json ? "\\u00" : "\\x");
    *at++ = hex[byte >> 4];
    *at++ = hex[byte & 15];
    return at;
}

typedef signed char vector __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* Those of 16 bytes that need no escape. Beyond ASCII they are negative. */
static inline vector log_line_bare(vector v)
{
    return (vector) ((v > ' ' - 1) & ~((v == '"') | (v == '\\') | (v == 0x7f)));
}

/* Copies a text with 16 bytes more room. Whether it needs no escape. */
static inline bool log_line_copy(char *at, const char *p, size_t n)
{
    vector good = (vector) ((halves){ UINT64_MAX, UINT64_MAX }), v;
    for (; n >= sizeof v; n -= sizeof v) {
        memcpy(&v, p, sizeof v);
        memcpy(at, &v, sizeof v);
        good &= log_line_bare(v);
        p += sizeof v;
        at += sizeof v;
    }
    memset(at, ' ', sizeof v);
    memcpy(at, p, n);
    memcpy(&v, at, sizeof v);
    halves all = (halves) (good & log_line_bare(v));
    return (all[0] & all[1]) == UINT64_MAX;
}

/* In JSON a byte beyond ASCII is the character of that number, for it need not be UTF-8. */
static char *log_line_escaped(char *at, const char *p, size_t n, size_t max, bool json)
{
    size_t cut = n < max ? n : max;
    if (log_line_copy(at, p, cut)) {
        at += cut;
    } else {
        for (const char *end = p + cut; p < end; p++) {
            unsigned char byte = (unsigned char) *p;
            if (bare[byte]) {
                *at++ = *p;
            } else {
                at = log_line_escape(at, byte, json);
            }
        }
    }
    return n > max ? log_line_text(at, "...") : at;
}

/* A method: it has no byte that needs an escape, and 32 at most. */
static inline char *log_line_token(char *at, const char *p, size_t n)
{
    memcpy(at, p, n);
    return at + n;
}

static char *log_line_header(char *at, const nng_uring_request *request, const char *name,
                             bool json)
{
    size_t len = 0;
    const char *value = nng_uring_request_header(request, name, &len);
    if (value != NULL) {
        return log_line_escaped(at, value, len, MAX_FIELD, json);
    }
    *at = '-';
    return json ? at : at + 1;
}

static char *log_line_ipv4(char *at, uint32_t addr)
{
    const uint8_t *b = (const uint8_t *) &addr;
    for (int i = 0; i < 4; i++) {
        at = log_line_number(at, b[i]);
        *at++ = '.';
    }
    return at - 1;
}

/* Those who ask are often the same. */
static char *log_line_known_ipv4(char *at, uint32_t addr)
{
    static _Thread_local struct {
        uint32_t addr;
        uint32_t len;
        char text[INET_ADDRSTRLEN];
    } known[PEERS];
    unsigned i = addr * 0x9e3779b1U >> 26; /* of PEERS */
    if (known[i].addr != addr || known[i].len == 0) {
        char text[INET_ADDRSTRLEN + DIGITS];
        known[i].addr = addr;
        known[i].len = (uint32_t) (log_line_ipv4(text, addr) - text);
        memcpy(known[i].text, text, sizeof known[i].text);
    }
    memcpy(at, known[i].text, sizeof known[i].text); /* the rest is written over */
    return at + known[i].len;
}

static char *log_line_peer(char *at, const nng_sockaddr *peer)
{
    if (peer->s_family == NNG_AF_INET) {
        return log_line_known_ipv4(at, peer->s_in.sa_addr);
    }
    if (peer->s_family == NNG_AF_INET6 &&
        inet_ntop(AF_INET6, peer->s_in6.sa_addr, at, INET6_ADDRSTRLEN) != NULL) {
        return at + strlen(at);
    }
    return log_line_text(at, "-");
}

/* Of a balancer that is trusted its client's. */
static char *log_line_client(char *at, const nng_uring_request *request)
{
    char text[INET6_ADDRSTRLEN];
    return forwarded_client(request, text) ? log_line_text(at, text)
                                           : log_line_peer(at, &request->peer);
}

/* Of this second, which is printed once on each thread. */
static char *log_line_time(char *at, bool json)
{
    static _Thread_local char text[64];
    static _Thread_local size_t len;
    static _Thread_local time_t second;
    static _Thread_local bool was_json;
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != second || len == 0 || was_json != json) {
        second = now.tv_sec;
        was_json = json;
        len = strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%S%z" : "%d/%b/%Y:%H:%M:%S %z",
                       localtime_r(&second, &tm));
    }
    memcpy(at, text, sizeof text); /* the rest is written over */
    return at + len;
}

static char *log_line_request(char *at, const nng_uring_request *request)
{
    if (request->method_len == 0) {
        return log_line_text(at, "-");
    }
    at = log_line_token(at, request->method, request->method_len);
    *at++ = ' ';
    at = log_line_escaped(at, request->target, request->target_len, MAX_TARGET, false);
    at = log_line_text(at, " HTTP/1.");
    *at++ = (char) ('0' + request->minor_version); /* 0 to 9 */
    return at;
}

static char *log_line_ncsa(char *at, const nng_uring_request *request, bool combined)
{
    at = log_line_client(at, request);
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
    at = log_line_client(at, request);
    at = log_line_text(at, "\",\"method\":\"");
    at = log_line_token(at, request->method, request->method_len);
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
