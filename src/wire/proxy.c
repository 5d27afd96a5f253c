/* SPDX-License-Identifier: MIT */
#include "wire/proxy.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#define V1_MAX 107 /* with its CRLF */
#define V1_WORD 46 /* room for the longest */

static const uint8_t v2_begin[12] = "\r\n\r\n\0\r\nQUIT\n";
static const char v1_begin[] = "PROXY ";

/* What has come is the beginning of `begin`, or begins with it. */
static bool proxy_begins(const void *bytes, size_t n, const void *begin, size_t len)
{
    return memcmp(bytes, begin, n < len ? n : len) == 0;
}

/* ---- Version 1: a line -------------------------------------------------------------------- */

/* The next word of a line, which ends at a space or with the line. Words are parted by one. */
static bool proxy_word(const char **p, const char *end, char word[V1_WORD])
{
    const char *stop = memchr(*p, ' ', (size_t) (end - *p));
    size_t n = (size_t) ((stop != NULL ? stop : end) - *p);
    if (n == 0 || n >= V1_WORD || memchr(*p, '\0', n) != NULL) {
        return false;
    }
    memcpy(word, *p, n);
    word[n] = '\0';
    *p = stop != NULL ? stop + 1 : end;
    return true;
}

static bool proxy_port(const char *word, uint16_t *port)
{
    unsigned n = 0;
    size_t len = strlen(word);
    if (len > 5 || strspn(word, "0123456789") != len || (len > 1 && *word == '0')) {
        return false;
    }
    for (; *word != '\0'; word++) {
        n = n * 10 + (unsigned) (*word - '0');
    }
    *port = (uint16_t) n;
    return n <= UINT16_MAX;
}

/* "TCP4 192.0.2.1 192.0.2.2 56324 443", or "UNKNOWN" and whatever. */
static bool proxy_line(const char *p, const char *end, struct nu_proxy *proxy)
{
    char word[V1_WORD];
    uint8_t to[16];
    uint16_t to_port;
    if (!proxy_word(&p, end, word)) {
        return false;
    }
    if (strcmp(word, "UNKNOWN") == 0) {
        return true;
    }
    proxy->version = strcmp(word, "TCP4") == 0 ? 4 : strcmp(word, "TCP6") == 0 ? 6 : 0;
    int family = proxy->version == 4 ? AF_INET : AF_INET6;
    return proxy->version != 0 && proxy_word(&p, end, word) &&
           inet_pton(family, word, proxy->from) == 1 && proxy_word(&p, end, word) &&
           inet_pton(family, word, to) == 1 && proxy_word(&p, end, word) &&
           proxy_port(word, &proxy->port) && proxy_word(&p, end, word) &&
           proxy_port(word, &to_port) && p == end && end[-1] != ' ';
}

static enum nu_parse proxy_v1(const char *p, size_t n, struct nu_proxy *proxy)
{
    size_t begin = sizeof v1_begin - 1;
    const char *cr = memchr(p, '\r', n < V1_MAX ? n : V1_MAX);
    if (cr == NULL) {
        return n < V1_MAX ? NU_PARSE_MORE : NU_PARSE_BAD;
    }
    size_t len = (size_t) (cr - p);
    if (len + 2 > V1_MAX || len < begin) {
        return NU_PARSE_BAD;
    }
    if (len + 1 == n) {
        return NU_PARSE_MORE;
    }
    proxy->length = len + 2;
    return cr[1] == '\n' && proxy_line(p + begin, cr, proxy) ? NU_PARSE_DONE : NU_PARSE_BAD;
}

/* ---- Version 2: bytes --------------------------------------------------------------------- */

#define V2_HEAD 16
#define V2_LOCAL 0x20
#define V2_PROXY 0x21

/* How many bytes of addresses there have to be; 0 with *bad: there is no such family. */
static size_t proxy_v2_room(uint8_t family, bool *bad)
{
    *bad = family != 0x00 && family != 0x11 && family != 0x21 && family != 0x31;
    return family == 0x11 ? 12 : family == 0x21 ? 36 : family == 0x31 ? 216 : 0;
}

static void proxy_v2_take(const uint8_t *p, uint8_t family, struct nu_proxy *proxy)
{
    proxy->version = family == 0x11 ? 4 : family == 0x21 ? 6 : 0;
    size_t size = proxy->version == 4 ? 4 : 16;
    if (proxy->version != 0) {
        memcpy(proxy->from, p, size);
        proxy->port = (uint16_t) (p[2 * size] << 8 | p[2 * size + 1]);
    }
}

static enum nu_parse proxy_v2(const uint8_t *p, size_t n, struct nu_proxy *proxy)
{
    bool bad = false;
    if (n > sizeof v2_begin && p[12] != V2_LOCAL && p[12] != V2_PROXY) {
        return NU_PARSE_BAD;
    }
    if (n < V2_HEAD) {
        return NU_PARSE_MORE;
    }
    size_t rest = (size_t) (p[14] << 8 | p[15]), room = proxy_v2_room(p[13], &bad);
    if (V2_HEAD + rest > NU_PROXY_MAX || (p[12] == V2_PROXY && (bad || rest < room))) {
        return NU_PARSE_BAD;
    }
    if (n < V2_HEAD + rest) {
        return NU_PARSE_MORE;
    }
    proxy->length = V2_HEAD + rest;
    if (p[12] == V2_PROXY) {
        proxy_v2_take(p + V2_HEAD, p[13], proxy);
    }
    return NU_PARSE_DONE;
}

enum nu_parse nu_proxy_parse(const void *bytes, size_t n, struct nu_proxy *proxy)
{
    *proxy = (struct nu_proxy){ 0 };
    if (n == 0) {
        return NU_PARSE_MORE;
    }
    if (proxy_begins(bytes, n, v2_begin, sizeof v2_begin)) {
        return proxy_v2(bytes, n, proxy);
    }
    return proxy_begins(bytes, n, v1_begin, sizeof v1_begin - 1) ? proxy_v1(bytes, n, proxy)
                                                                 : NU_PARSE_BAD;
}
