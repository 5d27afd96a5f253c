/* SPDX-License-Identifier: MIT */
#include "wire/url.h"

#include "wire/authority.h"
#include "wire/chars.h"
#include "wire/scheme.h"

#include <nng/nng.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Text that is being cut into parts. */
struct span {
    const char *p;
    const char *end;
};

/* Where the next member of a URL is written. */
struct out {
    char *p;
};

static struct nu_slice url_until(struct span *span, const char *stops)
{
    struct nu_slice part = { span->p, 0 };

    while (span->p < span->end && strchr(stops, *span->p) == NULL) {
        span->p++;
    }
    part.n = (size_t) (span->p - part.p);
    return part;
}

static bool url_same(struct nu_slice s, const char *text)
{
    return s.n == strlen(text) && nu_chars_same(s.p, text, s.n);
}

static char *url_put(struct out *out, const char *p, size_t n)
{
    char *text = out->p;

    memcpy(text, p, n);
    text[n] = '\0';
    out->p += n + 1;
    return text;
}

static char *url_put_lower(struct out *out, struct nu_slice s)
{
    char *text = url_put(out, s.p, s.n);

    for (size_t i = 0; i < s.n; i++) {
        text[i] = nu_chars_lower(text[i]);
    }
    return text;
}

/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool url_good_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *) text;

    while (*p != 0) {
        unsigned more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
        unsigned char low = 0x80;
        unsigned char high = 0xbf;

        if ((*p >= 0x80 && *p < 0xc2) || *p > 0xf4) {
            return false;
        }
        low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : low;
        high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : high;
        for (p++; more > 0; more--, p++) {
            if (*p < low || *p > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

/*
 * Writes one part in the form that compares: escapes that stand for an unreserved character or a
 * byte above 127 decoded, the others in upper case. NULL: a malformed escape, a control character,
 * or text that is not UTF-8 after all.
 */
static char *url_put_canonical(struct out *out, struct nu_slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    char *text = out->p;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char) s.p[i];
        if (c < ' ' || c == 0x7f) {
            return NULL;
        }
        if (c != '%') {
            *out->p++ = (char) c;
            continue;
        }
        int value = s.n - i < 3 ? -1 : nu_chars_hex(s.p[i + 1], s.p[i + 2]);
        if (value < 0) {
            return NULL;
        }
        if (value > 127 || (nu_chars[value] & NU_CHAR_PLAIN) != 0) {
            *out->p++ = (char) value;
        } else {
            *out->p++ = '%';
            *out->p++ = hex[value >> 4];
            *out->p++ = hex[value & 15];
        }
        i += 2;
    }
    *out->p++ = '\0';
    return url_good_utf8(text) ? text : NULL;
}

/*
 * Drops empty and "." segments, and for ".." the one before, in place; returns the new length. A
 * trailing '/' stays. *above is set when ".." went above the root, where it has no effect.
 */
static size_t url_collapse(char *path, size_t n, bool *above)
{
    bool slash = n > 0 && path[n - 1] == '/';
    size_t to = 0;
    size_t i = 0;

    while (i < n) {
        size_t start = i;
        while (start < n && path[start] == '/') {
            start++;
        }
        for (i = start; i < n && path[i] != '/';) {
            i++;
        }
        size_t len = i - start;
        if (len == 2 && path[start] == '.' && path[start + 1] == '.') {
            *above = *above || to == 0;
            while (to > 0 && path[--to] != '/') {
            }
        } else if (len > 0 && !(len == 1 && path[start] == '.')) {
            path[to] = '/';
            memmove(path + to + 1, path + start, len);
            to += 1 + len;
        }
    }
    if (slash) {
        path[to++] = '/';
    }
    return to;
}

static bool url_good_scheme(struct nu_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = nu_chars_lower(s.p[i]);
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.'))) {
            return false;
        }
    }
    return s.n > 0;
}

/* Schemes whose URL is a path or a name and nothing else. */
static bool url_is_local(struct nu_slice scheme)
{
    return url_same(scheme, "ipc") || url_same(scheme, "unix") || url_same(scheme, "abstract") ||
           url_same(scheme, "inproc");
}

static bool url_good_port(struct nu_slice s)
{
    unsigned number = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || number > 65535) {
            return false;
        }
        number = number * 10 + (unsigned) (s.p[i] - '0');
    }
    return s.n > 0 && number <= 65535;
}

/* RFC 3986 3.2.1. A '\' above all would be a '/' to some, and the host another. */
static bool url_good_userinfo(struct nu_slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool escape = c == '%' && s.n - i > 2 && nu_chars_hex(s.p[i + 1], s.p[i + 2]) >= 0;
        if (!escape && c != ':' && c != ',' && !nu_chars_all(&c, 1, NU_CHAR_HOST)) {
            return false;
        }
    }
    return true;
}

/* Cuts "address%25zone" (RFC 6874), or "address%zone". zone->p is NULL when there is none. */
static void url_cut_zone(struct nu_slice literal, struct nu_slice *address, struct nu_slice *zone)
{
    const char *percent = memchr(literal.p, '%', literal.n);
    size_t n = percent == NULL ? literal.n : (size_t) (percent - literal.p);

    *address = (struct nu_slice){ literal.p, n };
    *zone = (struct nu_slice){ 0 };
    if (percent != NULL) {
        size_t skip = literal.n - n > 3 && memcmp(percent, "%25", 3) == 0 ? 3 : 1;
        *zone = (struct nu_slice){ percent + skip, literal.n - n - skip };
    }
}

/* An IPv6 address with an optional zone. */
static bool url_good_literal(struct nu_slice s)
{
    struct nu_slice address, zone;

    url_cut_zone(s, &address, &zone);
    return nu_authority_ipv6(address) &&
           (zone.p == NULL || (zone.n > 0 && nu_chars_all(zone.p, zone.n, NU_CHAR_HOST)));
}

/* The name of an interface is what it is, in upper and lower case; all else is written in lower. */
static void url_put_host(nng_url *url, struct nu_slice host, struct nu_slice name, struct out *out)
{
    struct nu_slice address, zone;

    url->u_host = url_put_lower(out, host);
    url_cut_zone(name, &address, &zone);
    url->u_hostname = url_put_lower(out, address);
    if (zone.p != NULL) { /* only a literal has one, and begins behind a '[' */
        out->p[-1] = '%';
        (void) url_put(out, zone.p, zone.n);
        memcpy(url->u_host + 1 + (zone.p - name.p), zone.p, zone.n);
    }
}

/* The path of a socket, whose '/' and all else that is no letter of a name are escaped. */
static bool url_parse_socket(nng_url *url, struct nu_slice host, struct out *out)
{
    url->u_host = url_put(out, host.p, host.n);
    url->u_hostname = out->p;
    for (size_t i = 0; i < host.n; i++) {
        int c = (unsigned char) host.p[i];
        if (c == '%') {
            c = host.n - i > 2 ? nu_chars_hex(host.p[i + 1], host.p[i + 2]) : 0;
            i += 2;
        } else if (!nu_chars_all(host.p + i, 1, NU_CHAR_HOST)) {
            return false;
        }
        if (c <= 0) {
            return false;
        }
        *out->p++ = (char) c;
    }
    *out->p++ = '\0';
    url->u_port = url_put(out, "", 0);
    return true;
}

/* "name:port", "[address]:port", or either without the port, or with an empty one. */
static bool url_parse_host(nng_url *url, struct nu_slice host, struct out *out)
{
    struct span in = { host.p, host.p + host.n };
    struct nu_slice name;

    if (host.n > 0 && host.p[host.n - 1] == ':') { /* RFC 3986 6.2.3 */
        host.n--;
        in.end--;
    }

    if (host.n > 0 && host.p[0] == '[') {
        in.p++;
        name = url_until(&in, "]");
        if (in.p++ == in.end || !url_good_literal(name)) {
            return false;
        }
    } else {
        name = url_until(&in, ":");
        if (url_same(name, "*")) { /* any address, to listen on */
            host = (struct nu_slice){ host.p + 1, host.n - 1 };
            name.n = 0;
        }
        if (!nu_chars_all(name.p, name.n, NU_CHAR_HOST)) {
            return false;
        }
    }
    url_put_host(url, host, name, out);
    if (in.p == in.end) {
        const char *port = nu_scheme_find(url->u_scheme).port;
        url->u_port = url_put(out, port, strlen(port));
        return true;
    }
    struct nu_slice port = { in.p + 1, (size_t) (in.end - in.p) - 1 };
    if (*in.p != ':' || !url_good_port(port)) {
        return false;
    }
    url->u_port = url_put(out, port.p, port.n);
    return true;
}

/* Path, query and fragment, and the three as one. */
static bool url_parse_path(nng_url *url, struct span in, struct out *out)
{
    bool above = false;

    url->u_path = url_put_canonical(out, url_until(&in, "?#"));
    if (url->u_path == NULL) {
        return false;
    }
    url->u_path[url_collapse(url->u_path, strlen(url->u_path), &above)] = '\0';
    if (in.p < in.end && *in.p == '?') {
        in.p++;
        url->u_query = url_put_canonical(out, url_until(&in, "#"));
        if (url->u_query == NULL) {
            return false;
        }
    }
    if (in.p < in.end) {
        in.p++;
        url->u_fragment = url_put_canonical(out, url_until(&in, ""));
        if (url->u_fragment == NULL) {
            return false;
        }
    }
    url->u_requri = url_put(out, url->u_path, strlen(url->u_path));
    if (url->u_query != NULL) {
        out->p[-1] = '?';
        url_put(out, url->u_query, strlen(url->u_query));
    }
    if (url->u_fragment != NULL) {
        out->p[-1] = '#';
        url_put(out, url->u_fragment, strlen(url->u_fragment));
    }
    return true;
}

static bool url_parse(nng_url *url, const char *raw, struct out *out)
{
    size_t n = strlen(raw);
    const char *colon = strstr(raw, "://");
    struct nu_slice scheme = { raw, colon == NULL ? 0 : (size_t) (colon - raw) };

    if (!url_good_scheme(scheme)) {
        return false;
    }
    url->u_rawurl = url_put(out, raw, n);
    url->u_scheme = url_put_lower(out, scheme);

    struct span in = { colon + 3, raw + n };
    if (url_is_local(scheme)) {
        url->u_path = url_put(out, in.p, (size_t) (in.end - in.p));
        return true;
    }
    struct nu_slice host = url_until(&in, "/?#");
    const char *at = memchr(host.p, '@', host.n);
    if (at != NULL) {
        struct nu_slice user = { host.p, (size_t) (at - host.p) };
        if (!url_good_userinfo(user)) {
            return false;
        }
        url->u_userinfo = url_put(out, user.p, user.n);
        host = (struct nu_slice){ at + 1, host.n - user.n - 1 };
    }
    bool socket = nu_scheme_find(url->u_scheme).family == AF_UNIX;
    return (socket ? url_parse_socket(url, host, out) : url_parse_host(url, host, out)) &&
           url_parse_path(url, in, out);
}

int nng_url_parse(nng_url **urlp, const char *raw)
{
    if (raw == NULL) {
        return NNG_EINVAL;
    }
    /* One block: no part is longer than it was, and each is there once on its own, and once in
     * each of rawurl, host and requri. 64 is for the NULs and a default port. */
    nng_url *url = calloc(1, sizeof(*url) + 4 * strlen(raw) + 64);
    if (url == NULL) {
        return NNG_ENOMEM;
    }
    struct out out = { (char *) (url + 1) };
    if (!url_parse(url, raw, &out)) {
        free(url);
        return NNG_EINVAL;
    }
    *urlp = url;
    return 0;
}

int nng_url_clone(nng_url **urlp, const nng_url *url)
{
    return nng_url_parse(urlp, url->u_rawurl);
}

void nng_url_free(nng_url *url)
{
    free(url);
}

/* ---- Request targets ---------------------------------------------------------------------- */

/* Goes to where the path begins. False: neither origin nor absolute form. */
static bool url_skip_authority(struct span *in)
{
    struct nu_slice s = { in->p, (size_t) (in->end - in->p) };

    if (s.n > 7 && nu_chars_same(s.p, "http://", 7)) {
        in->p += 7;
    } else if (s.n > 8 && nu_chars_same(s.p, "https://", 8)) {
        in->p += 8;
    } else {
        return s.n > 0 && s.p[0] == '/';
    }
    return url_until(in, "/?").n > 0;
}

/* Decodes every escape of a path. NNG_EINVAL as the header says, NNG_EMSGSIZE. */
static int url_decode(struct nu_slice s, char *out, size_t outlen, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int value = s.n - i < 3 ? -1 : nu_chars_hex(s.p[i + 1], s.p[i + 2]);
            if (value <= 0 || value == '/') {
                return NNG_EINVAL;
            }
            c = (char) value;
            i += 2;
        }
        if (*n == outlen) {
            return NNG_EMSGSIZE;
        }
        out[(*n)++] = c;
    }
    return 0;
}

/* How long the path is where it means itself: no escape, no empty segment, none that begins with a
 * dot. 0: it has to be looked at more closely. */
static size_t url_plain_path(const char *target, size_t len)
{
    char before = '\0';
    size_t n = 0;

    for (; n < len && target[n] != '?'; n++) {
        unsigned char c = (unsigned char) target[n];
        bool plain = (nu_chars[c] & NU_CHAR_PLAIN) != 0 ? c != '.' || before != '/'
                                                        : c == '/' && before != '/';
        if (!plain) {
            return 0;
        }
        before = (char) c;
    }
    return n > 0 && target[0] == '/' ? n : 0;
}

static bool url_take_plain(const char *target, size_t len, char *out, size_t outlen,
                           size_t *pathlen, struct nu_slice *query)
{
    size_t n = url_plain_path(target, len);

    if (n == 0 || n + 2 > outlen || !nu_chars_all(target + n, len - n, NU_CHAR_TARGET)) {
        return false;
    }
    memcpy(out, target, n);
    out[n] = '\0';
    *pathlen = n;
    *query = n < len ? (struct nu_slice){ target + n + 1, len - n - 1 } : (struct nu_slice){ 0 };
    return true;
}

int nu_target_decode(const char *target, size_t len, char *out, size_t outlen, size_t *pathlen,
                     struct nu_slice *query)
{
    struct span in = { target, target + len };
    bool above = false;

    if (url_take_plain(target, len, out, outlen, pathlen, query)) {
        return 0;
    }
    if (!nu_chars_all(target, len, NU_CHAR_TARGET) || !url_skip_authority(&in)) {
        return NNG_EINVAL;
    }
    struct nu_slice path = url_until(&in, "?");
    *query = (struct nu_slice){ 0 };
    if (in.p < in.end) {
        *query = (struct nu_slice){ in.p + 1, (size_t) (in.end - in.p) - 1 };
    }
    if (outlen < 2) { /* "/" and the NUL */
        return NNG_EMSGSIZE;
    }
    int rv = url_decode(path, out, outlen - 1, pathlen);
    if (rv != 0) {
        return rv;
    }
    *pathlen = url_collapse(out, *pathlen, &above);
    if (*pathlen == 0) {
        out[(*pathlen)++] = '/';
    }
    out[*pathlen] = '\0';
    return above ? NNG_EINVAL : 0;
}
