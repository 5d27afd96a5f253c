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
#define PEERS 64  /* whose text each thread remembers */
#define BEGIN 160 /* bytes of it, while it is made */

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

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                            "34353637383940414243444546474849505152535455565758596061626364656667"
                            "6869707172737475767778798081828384858687888990919293949596979899";

static inline char *log_line_pair(char *at, unsigned n)
{
    memcpy(at, pairs + 2 * (size_t) n, 2);
    return at + 2;
}

/* Of four digits at most. */
static inline char *log_line_few(char *at, unsigned n)
{
    if (n >= 1000) {
        at = log_line_pair(at, n / 100);
    } else if (n >= 100) {
        *at++ = (char) ('0' + n / 100);
    }
    if (n >= 10) {
        return log_line_pair(at, n % 100);
    }
    *at++ = (char) ('0' + n);
    return at;
}

static char *log_line_number(char *at, uint64_t n)
{
    unsigned fours[5], i = 0; /* of 20 digits, which are the most there are; the last ones first */
    for (; n >= 10000; n /= 10000) {
        fours[i++] = (unsigned) (n % 10000);
    }
    at = log_line_few(at, (unsigned) n);
    while (i > 0) {
        i--;
        at = log_line_pair(log_line_pair(at, fours[i] / 100), fours[i] % 100);
    }
    return at;
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

static inline vector log_line_load(const char *p)
{
    vector v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Copies `n` bytes of a text that ends at `end`, and has 16 bytes more room. Whether none of them
 * needs an escape. */
static inline bool log_line_copy(char *at, const char *p, size_t n, const char *end)
{
    static const signed char behind[2 * sizeof(vector)] = { [sizeof(vector)... 31] = -1 };
    vector good = (vector) ((halves){ UINT64_MAX, UINT64_MAX }), v;
    for (; n > sizeof v; n -= sizeof v) {
        v = log_line_load(p);
        memcpy(at, &v, sizeof v);
        good &= log_line_bare(v);
        p += sizeof v;
        at += sizeof v;
    }
    if ((size_t) (end - p) >= sizeof v) { /* what is behind it is written over */
        v = log_line_load(p);
        memcpy(at, &v, sizeof v);
    } else {
        memset(at, ' ', sizeof v);
        memcpy(at, p, n);
        v = log_line_load(at);
    }
    good &= log_line_bare(v) | log_line_load((const char *) behind + sizeof v - n);
    halves all = (halves) good;
    return (all[0] & all[1]) == UINT64_MAX;
}

/* In JSON a byte beyond ASCII is the character of that number, for it need not be UTF-8. */
static char *log_line_escape_all(char *at, const char *p, size_t n, bool json)
{
    for (const char *end = p + n; p < end; p++) {
        unsigned char byte = (unsigned char) *p;
        if (bare[byte]) {
            *at++ = *p;
        } else {
            at = log_line_escape(at, byte, json);
        }
    }
    return at;
}

static char *log_line_escaped(char *at, const char *p, size_t n, const char *end, bool json)
{
    return log_line_copy(at, p, n, end) ? at + n : log_line_escape_all(at, p, n, json);
}

/* A part of the request's head, of which a log has `max` bytes. */
static inline char *log_line_part(char *at, const nng_uring_request *request, const char *p,
                                  size_t n, size_t max, bool json)
{
    const char *end = request->head + request->head_len;
    if (n > max) {
        return log_line_text(log_line_escaped(at, p, max, end, json), "...");
    }
    return log_line_escaped(at, p, n, end, json);
}

static inline char *log_line_header(char *at, const nng_uring_request *request, const char *name,
                                    bool json)
{
    size_t len = 0;
    const char *value = nng_uring_request_header(request, name, &len);
    if (value != NULL) {
        return log_line_part(at, request, value, len, MAX_FIELD, json);
    }
    *at = '-';
    return json ? at : at + 1;
}

/* ---- Whose it is, and when ------------------------------------------------------------------ */

static char *log_line_ipv4(char *at, uint32_t addr)
{
    const uint8_t *b = (const uint8_t *) &addr;
    for (int i = 0; i < 4; i++) {
        at = log_line_number(at, b[i]);
        *at++ = '.';
    }
    return at - 1;
}

static char *log_line_peer(char *at, const nng_sockaddr *peer)
{
    if (peer->s_family == NNG_AF_INET) {
        return log_line_ipv4(at, peer->s_in.sa_addr);
    }
    if (peer->s_family == NNG_AF_INET6 &&
        inet_ntop(AF_INET6, peer->s_in6.sa_addr, at, INET6_ADDRSTRLEN) != NULL) {
        return at + strlen(at);
    }
    return log_line_text(at, "-");
}

/* Each thread prints it once a second: there is one log, and so one format. */
static char *log_line_time(char *at, time_t now, bool json)
{
    static _Thread_local char text[32];
    static _Thread_local size_t len;
    static _Thread_local time_t second;
    if (now != second || len == 0) {
        struct tm tm;
        second = now;
        len = strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%S%z" : "%d/%b/%Y:%H:%M:%S %z",
                       localtime_r(&second, &tm));
    }
    memcpy(at, text, sizeof text); /* the rest is written over */
    return at + len;
}

static char *log_line_begin_anew(char *at, const nng_uring_request *request, time_t now, bool json)
{
    if (json) {
        at = log_line_time(log_line_text(at, "{\"time\":\""), now, true);
        at = log_line_peer(log_line_text(at, "\",\"peer\":\""), &request->client);
        return log_line_text(at, "\",\"method\":\"");
    }
    at = log_line_peer(at, &request->client);
    at = log_line_time(log_line_text(at, " - - ["), now, false);
    return log_line_text(at, "] \"");
}

/* A line up to the request itself. Within a second those who ask are often the same. */
static inline char *log_line_begin(char *at, const nng_uring_request *request, bool json)
{
    static _Thread_local struct known {
        time_t second;
        uint32_t addr;
        uint32_t len;
        char text[96];
    } known[PEERS];
    time_t now = time(NULL);
    uint32_t addr = request->client.s_in.sa_addr;
    if (request->client.s_family != NNG_AF_INET) {
        return log_line_begin_anew(at, request, now, json);
    }
    struct known *k = &known[addr * 0x9e3779b1U >> 26]; /* of PEERS */
    if (k->second != now || k->addr != addr) {
        char text[BEGIN];
        k->second = now;
        k->addr = addr;
        k->len = (uint32_t) (log_line_begin_anew(text, request, now, json) - text);
        memcpy(k->text, text, sizeof k->text);
    }
    memcpy(at, k->text, sizeof k->text); /* the rest is written over */
    return at + k->len;
}

/* ---- What it is ----------------------------------------------------------------------------- */

/* A method, as a rule: it has no byte that needs an escape, and 32 at most. */
static inline char *log_line_token(char *at, const char *p, size_t n)
{
    memcpy(at, p, n);
    return at + n;
}

/* Its first line: as it was received, but for spaces. */
static inline char *log_line_request(char *at, const nng_uring_request *request)
{
    const char *method = request->method, *target = request->target;
    size_t n = request->method_len, all = n + 1 + request->target_len;
    if (n == 0) {
        return log_line_text(at, "-");
    }
    if (method + n + 1 == target && all <= MAX_TARGET) {
        at = log_line_part(at, request, method, all, MAX_TARGET, false);
    } else {
        at = log_line_token(at, method, n);
        *at++ = ' ';
        at = log_line_part(at, request, target, request->target_len, MAX_TARGET, false);
    }
    at = log_line_text(at, " HTTP/1.");
    *at++ = (char) ('0' + request->minor_version); /* 0 to 9 */
    return at;
}

/* Of three digits, as a rule. */
static inline char *log_line_status(char *at, unsigned status)
{
    if (status < 100 || status > 999) {
        return log_line_number(at, status);
    }
    *at++ = (char) ('0' + status / 100);
    return log_line_pair(at, status % 100);
}

static inline char *log_line_ncsa(char *at, const nng_uring_request *request, bool combined)
{
    at = log_line_begin(at, request, false);
    at = log_line_request(at, request);
    at = log_line_text(at, "\" ");
    at = request->status > 0 ? log_line_status(at, request->status) : log_line_text(at, "-");
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

static inline char *log_line_truth(char *at, bool is)
{
    return is ? log_line_text(at, "true") : log_line_text(at, "false");
}

static inline char *log_line_json(char *at, const nng_uring_request *request)
{
    at = log_line_begin(at, request, true);
    at = log_line_token(at, request->method, request->method_len);
    at = log_line_text(at, "\",\"target\":\"");
    at = log_line_part(at, request, request->target, request->target_len, MAX_TARGET, true);
    at = log_line_text(at, "\",\"status\":");
    at = log_line_status(at, request->status);
    at = log_line_text(at, ",\"bytes\":");
    at = log_line_number(at, request->bytes);
    at = log_line_text(at, ",\"us\":");
    at = log_line_number(at, request->duration);
    at = log_line_text(at, ",\"complete\":");
    at = log_line_truth(at, request->complete);
    at = log_line_text(at, ",\"tls\":");
    at = log_line_truth(at, request->secure);
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
