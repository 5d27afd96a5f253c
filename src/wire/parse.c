/* SPDX-License-Identifier: MIT */
/*
 * The checks run in this order: the lines (byte classes, line ends, limits), the start line, llhttp
 * over the fields (of a request; see fields.h), then what the fields say. llhttp therefore sees
 * them once and complete. The start line it does not see: it knows a fixed list of methods and
 * versions, and a handler may be there for a method of its own.
 */
#include "wire/parse.h"

#include "base/zero.h"
#include "wire/authority.h"
#include "wire/chars.h"
#include "wire/fields.h"
#include "wire/head_cache.h"
#include "wire/head_progress.h"
#include "wire/method.h"

#include <llhttp.h>
#include <string.h>

#define MAX_EMPTY_LINES 4 /* before a request */

/* Where reading lines has got to. */
struct lines {
    const char *p;   /* start of the next line */
    const char *end; /* end of what may be looked at: data received, or the size limit */
    bool limit;      /* `end` is the size limit: an unfinished line is too large */
    bool lenient;    /* those of a response: LF alone ends a line, a line may be folded */
};

/* What the fields said, beyond what nu_head keeps. */
struct seen {
    bool host;
    bool close, keep_alive, upgrade; /* tokens of Connection */
    bool upgrade_to;                 /* an Upgrade field */
};

static enum nu_parse parse_bad(struct nu_head *head, int status, const char *reason)
{
    head->bad_status = status;
    head->bad_reason = reason;
    return NU_PARSE_BAD;
}

static struct lines parse_lines_init(const char *buf, size_t len, bool lenient,
                                     const struct nu_head *head)
{
    size_t max = head->max_head != 0 ? head->max_head : NU_MAX_HEAD;

    return (struct lines){ buf, buf + (len < max ? len : max), len >= max, lenient };
}

/* A part of it was read before. */
static bool parse_has_begun(const struct nu_head *head)
{
    return head->progress != NULL && head->progress->seen > 0;
}

static void parse_clear(struct nu_head *head)
{
    const size_t results = offsetof(struct nu_head, length);
    nu_zero((char *) head + results, sizeof *head - results);
}

/*
 * The next line without its CRLF; with NU_PARSE_MORE, what there is of it. A bare CR or LF, and any
 * other control character but HTAB, is refused wherever it stands: some recipients take CR or LF
 * alone for a line end, or NUL for the end of the text. In a response nobody but us reads the
 * lines, and a LF alone means one thing.
 */
static enum nu_parse parse_next_line(struct lines *lines, struct nu_head *head,
                                     struct nu_slice *line)
{
    size_t n = (size_t) (lines->end - lines->p);
    const char *lf = memchr(lines->p, '\n', n);

    if (lf != NULL) {
        n = (size_t) (lf - lines->p);
        bool cr = n > 0 && lf[-1] == '\r';
        if (!cr && !lines->lenient) {
            return parse_bad(head, 400, "line feed without carriage return");
        }
        n -= cr;
    } else if (n > 0 && lines->end[-1] == '\r') {
        n--;
    }
    if (!nu_chars_text(lines->p, n)) {
        return parse_bad(head, 400, "control character");
    }
    *line = (struct nu_slice){ lines->p, n };
    if (lf == NULL) {
        return NU_PARSE_MORE;
    }
    lines->p = lf + 1;
    return NU_PARSE_DONE;
}

/* Walks over the field lines and the blank line. A folded line counts once (RFC 9112 5.2). */
static enum nu_parse parse_skip_fields(struct lines *lines, struct nu_head *head, unsigned *nlines)
{
    for (*nlines = 0;; ++*nlines) {
        struct nu_slice line;
        enum nu_parse rv = parse_next_line(lines, head, &line);

        if (rv == NU_PARSE_BAD) {
            return rv;
        }
        bool fold = line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t');
        if (fold && (!lines->lenient || *nlines == 0)) {
            return parse_bad(head, 400, "line begins with white space");
        }
        if (rv == NU_PARSE_MORE) {
            return lines->limit ? parse_bad(head, 431, "head too large") : rv;
        }
        if (fold) {
            head->folded = true;
            --*nlines;
            continue;
        }
        if (line.n == 0) {
            return NU_PARSE_DONE;
        }
        if (*nlines == head->maxfields) {
            return parse_bad(head, 431, "too many header fields");
        }
    }
}

static int parse_on_name(llhttp_t *parser, const char *p, size_t n)
{
    struct nu_head *head = parser->data;

    if (head->nfields == head->maxfields) {
        return HPE_USER; /* more fields than lines: never, or the two readings differ */
    }
    head->fields[head->nfields++] = (struct nu_field){ { p, n }, { p + n + 1, 0 } };
    return 0;
}

static int parse_on_value(llhttp_t *parser, const char *p, size_t n)
{
    struct nu_head *head = parser->data;

    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t')) {
        n--;
    }
    if (n > 0) { /* where there is nothing, llhttp points behind the line */
        head->fields[head->nfields - 1].value = (struct nu_slice){ p, n };
    }
    return 0;
}

static int parse_on_complete(llhttp_t *parser)
{
    (void) parser;
    return HPE_PAUSED; /* the body is not llhttp's */
}

static llhttp_settings_t settings = {
    .on_header_field = parse_on_name,
    .on_header_value = parse_on_value,
    .on_headers_complete = parse_on_complete,
};

/*
 * A parser that has read a start line and waits for the first field; constant once the library is
 * loaded. llhttp keeps no pointer into itself, so a copy goes on from there, and the fields of a
 * small request are read in two thirds of the time.
 */
static llhttp_t in_request;

__attribute__((constructor)) static void read_start_line(void)
{
    static const char request[] = "GET / HTTP/1.1\r\n";

    llhttp_init(&in_request, HTTP_REQUEST, &settings);
    llhttp_execute(&in_request, request, sizeof(request) - 1);
}

/* Runs llhttp over complete fields, from the first one on; it must find the lines we found. */
static enum nu_parse parse_run_llhttp(const char *p, const char *end, unsigned nlines,
                                      struct nu_head *head)
{
    llhttp_t parser = in_request;

    parser.data = head;
    llhttp_errno_t err = llhttp_execute(&parser, p, (size_t) (end - p));
    if (err == HPE_PAUSED && llhttp_get_error_pos(&parser) == end && head->nfields == nlines) {
        return NU_PARSE_DONE;
    }
    const char *reason = llhttp_get_error_reason(&parser);
    return parse_bad(head, 400, err == HPE_PAUSED || reason == NULL ? "malformed head" : reason);
}

/* The same for a response. The blank line, with or without CR, is no field. */
static enum nu_parse parse_read_fields(const char *p, const char *end, struct nu_head *head)
{
    end -= end - p > 1 && end[-2] == '\r' ? 2 : 1;
    return nu_fields_read(p, end, head->fields, head->maxfields, &head->nfields)
               ? NU_PARSE_DONE
               : parse_bad(head, 400, "malformed field");
}

static bool parse_is(struct nu_slice s, const char *lower, size_t n)
{
    return s.n == n && nu_chars_same(s.p, lower, n);
}

#define IS(s, literal) parse_is(s, literal, sizeof(literal) - 1)

/* A URI has no '\', and some take it for a '/' (browsers do). Those leave it alone behind a '?',
 * and send it there, so we take it there, too. */
static bool parse_backslash(struct nu_slice target)
{
    const char *hit = memchr(target.p, '\\', target.n);

    return hit != NULL && memchr(target.p, '?', (size_t) (hit - target.p)) == NULL;
}

/* RFC 9112 3.2: which form of target goes with which method. */
static enum nu_parse parse_check_target(struct nu_head *head)
{
    struct nu_slice t = head->target;

    if (head->method.n == 7 && memcmp(head->method.p, "CONNECT", 7) == 0) {
        head->host = t;
        return nu_authority_good(t, true) ? NU_PARSE_DONE
                                          : parse_bad(head, 400, "CONNECT to no authority");
    }
    if (parse_backslash(t)) {
        return parse_bad(head, 400, "backslash in the path");
    }
    if (t.p[0] == '/') {
        return NU_PARSE_DONE;
    }
    if (IS(t, "*")) {
        bool options = head->method.n == 7 && memcmp(head->method.p, "OPTIONS", 7) == 0;
        return options ? NU_PARSE_DONE : parse_bad(head, 400, "target * is for OPTIONS");
    }
    size_t skip = 0;
    if (t.n > 7 && nu_chars_same(t.p, "http://", 7)) {
        skip = 7;
    } else if (t.n > 8 && nu_chars_same(t.p, "https://", 8)) {
        skip = 8;
    } else {
        return parse_bad(head, 400, "target is neither a path nor an http URL");
    }
    size_t end = skip;
    while (end < t.n && t.p[end] != '/' && t.p[end] != '?') {
        end++;
    }
    head->host = (struct nu_slice){ t.p + skip, end - skip };
    return nu_authority_good(head->host, false) ? NU_PARSE_DONE
                                                : parse_bad(head, 400, "invalid authority");
}

/* "HTTP/1.x" at the start of s, which may be cut short where the line is not complete yet. */
static enum nu_parse parse_check_version(struct nu_slice s, bool complete, struct nu_head *head)
{
    static const char form[] = "HTTP/0.0";
    bool usual = s.n == 8 && memcmp(s.p, "HTTP/1.1", 8) == 0;

    for (size_t i = usual ? s.n : 0; i < s.n; i++) {
        if (i == sizeof(form) - 1) {
            return parse_bad(head, 400, "malformed version");
        }
        bool number = form[i] == '0' && s.p[i] >= '0' && s.p[i] <= '9';
        if (!number && (form[i] == '0' || s.p[i] != form[i])) {
            return parse_bad(head, 400, "malformed version");
        }
    }
    if (s.n < sizeof(form) - 1) {
        return complete ? parse_bad(head, 400, "malformed version") : NU_PARSE_MORE;
    }
    head->major = s.p[5] - '0';
    head->minor = s.p[7] - '0';
    return head->major == 1 ? NU_PARSE_DONE : parse_bad(head, 505, "not HTTP/1");
}

/* Method, target and version of a line; fails as soon as what is there of it cannot become good. */
static enum nu_parse parse_request_line(struct nu_slice line, bool complete, struct nu_head *head)
{
    size_t max = head->max_target != 0 ? head->max_target : NU_MAX_TARGET;
    size_t i = nu_chars_span(line.p, line.n, NU_CHAR_TOKEN);

    if (i > NU_MAX_METHOD) {
        return parse_bad(head, 501, "method too long");
    }
    if (i == line.n && !complete) {
        return NU_PARSE_MORE;
    }
    if (i == 0 || i == line.n || line.p[i] != ' ') {
        return parse_bad(head, 400, "malformed method");
    }
    head->method = (struct nu_slice){ line.p, i };

    const char *target = line.p + i + 1;
    head->target.p = target;
    head->target.n = nu_chars_span(target, line.n - i - 1, NU_CHAR_TARGET);
    i += 1 + head->target.n;
    if (head->target.n > max) {
        return parse_bad(head, 414, "target too long");
    }
    if (i == line.n) {
        return complete ? parse_bad(head, 400, "no version") : NU_PARSE_MORE;
    }
    if (head->target.n == 0 || line.p[i] != ' ') {
        return parse_bad(head, 400, "malformed target");
    }
    return parse_check_version((struct nu_slice){ line.p + i + 1, line.n - i - 1 }, complete, head);
}

/* Version, status and an optional reason (which many servers leave out, with or without space). */
static enum nu_parse parse_status_line(struct nu_slice line, bool complete, struct nu_head *head)
{
    struct nu_slice version = { line.p, line.n < 8 ? line.n : 8 };
    size_t digits = 0;

    if (parse_check_version(version, complete, head) == NU_PARSE_BAD) {
        return NU_PARSE_BAD;
    }
    if (line.n > 8 && line.p[8] != ' ') {
        return parse_bad(head, 400, "malformed version");
    }
    for (size_t i = 9; i < line.n && i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9') {
            return parse_bad(head, 400, "malformed status");
        }
        head->status = head->status * 10 + (unsigned) (line.p[i] - '0');
        digits++;
    }
    if ((line.n > 12 && line.p[12] != ' ') || (digits == 3 && head->status < 100)) {
        return parse_bad(head, 400, "malformed status");
    }
    if (digits < 3) {
        return complete ? parse_bad(head, 400, "malformed status") : NU_PARSE_MORE;
    }
    size_t reason = line.n > 12 ? 13 : 12;
    head->reason = (struct nu_slice){ line.p + reason, line.n - reason };
    return NU_PARSE_DONE;
}

/*
 * HTAB behind a value may be white space, and we take it for that in other fields. llhttp and its
 * kin take it for a part of these values, and find no chunked then: one more way to smuggle.
 */
static bool parse_tab_behind(struct nu_slice s)
{
    const char *p = s.p + s.n; /* a CRLF comes at last */

    while (*p == ' ') {
        p++;
    }
    return *p == '\t';
}

/*
 * RFC 9112 6.3: a length that is not one plain number is where smuggling begins. A client may take
 * several that are the same for one (RFC 9110 8.6); a field that only repeats it is dropped.
 */
static enum nu_parse parse_content_length(struct nu_field *field, bool request,
                                          struct nu_head *head)
{
    struct nu_slice list = field->value;
    bool repeated = head->has_length;

    if (parse_tab_behind(list)) {
        return parse_bad(head, 400, "invalid Content-Length");
    }
    while (list.p != NULL) {
        uint64_t value;
        field->value = nu_fields_next_member(&list);
        if (!nu_fields_decimal(field->value, &value)) {
            return parse_bad(head, 400, "invalid Content-Length");
        }
        if (head->has_length && (request || value != head->content_length)) {
            return parse_bad(head, 400, "repeated Content-Length");
        }
        head->has_length = true;
        head->content_length = value;
    }
    if (repeated) {
        field->name.n = 0;
    }
    return NU_PARSE_DONE;
}

static enum nu_parse parse_transfer_encoding(struct nu_field *field, bool request,
                                             struct nu_head *head, struct seen *seen)
{
    struct nu_slice s = field->value;

    if (!request && IS(s, "identity") && !parse_tab_behind(s)) {
        seen->close |= head->minor == 0; /* RFC 9112 6.1 */
        field->name.n = 0;               /* it says nothing (RFC 2616 3.6) */
        return NU_PARSE_DONE;
    }
    if (head->minor == 0) {
        return parse_bad(head, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (head->chunked || !IS(s, "chunked") || parse_tab_behind(s)) {
        return parse_bad(head, 400, "Transfer-Encoding is not just chunked");
    }
    head->chunked = true;
    return NU_PARSE_DONE;
}

static void parse_connection(struct nu_slice list, struct seen *seen)
{
    while (list.p != NULL) {
        struct nu_slice token = nu_fields_next_member(&list);
        seen->close |= IS(token, "close");
        seen->keep_alive |= IS(token, "keep-alive");
        seen->upgrade |= IS(token, "upgrade");
    }
}

static enum nu_parse parse_host(struct nu_slice s, struct nu_head *head, struct seen *seen)
{
    if (seen->host) {
        return parse_bad(head, 400, "repeated Host");
    }
    /* An http URI without a host is not one (RFC 9110 4.2.1), so only a target that names it, or
     * HTTP/1.0, which need not, may go with an empty Host. */
    if (s.n > 0 ? !nu_authority_good(s, false) : head->host.n == 0 && head->minor > 0) {
        return parse_bad(head, 400, "invalid Host");
    }
    seen->host = true;
    if (head->host.n == 0) {
        head->host = s; /* the authority of the target counts more, RFC 9112 3.2.2 */
    }
    return NU_PARSE_DONE;
}

static enum nu_parse parse_check_field(struct nu_field *field, bool request, struct nu_head *head,
                                       struct seen *seen)
{
    /* The length tells the few names apart that matter here before any byte is compared. */
    switch (field->name.n) {
    case 0:
        return parse_bad(head, 400, "field without a name");
    case 4:
        return request && IS(field->name, "host") ? parse_host(field->value, head, seen)
                                                  : NU_PARSE_DONE;
    case 6:
        if (IS(field->name, "expect") && IS(field->value, "100-continue")) {
            head->expect_continue = request && head->minor > 0;
        }
        return NU_PARSE_DONE;
    case 7:
        seen->upgrade_to |= IS(field->name, "upgrade");
        return NU_PARSE_DONE;
    case 10:
        if (IS(field->name, "connection")) {
            parse_connection(field->value, seen);
        }
        return NU_PARSE_DONE;
    case 14:
        return IS(field->name, "content-length") ? parse_content_length(field, request, head)
                                                 : NU_PARSE_DONE;
    case 17:
        return IS(field->name, "transfer-encoding")
                   ? parse_transfer_encoding(field, request, head, seen)
                   : NU_PARSE_DONE;
    default:
        return NU_PARSE_DONE;
    }
}

static enum nu_parse parse_check_fields(bool request, struct nu_head *head)
{
    struct seen seen = { 0 };
    unsigned kept = 0;

    for (unsigned i = 0; i < head->nfields; i++) {
        if (parse_check_field(&head->fields[i], request, head, &seen) == NU_PARSE_BAD) {
            return NU_PARSE_BAD;
        }
        if (head->fields[i].name.n > 0) { /* else it was taken for what is said already */
            head->fields[kept++] = head->fields[i];
        }
    }
    head->nfields = kept;
    if (head->chunked && head->has_length) {
        return parse_bad(head, 400, "Content-Length with Transfer-Encoding");
    }
    if (request && !seen.host && head->minor > 0) {
        return parse_bad(head, 400, "no Host");
    }
    head->keep_alive = !seen.close && (head->minor > 0 || seen.keep_alive);
    head->upgrade = seen.upgrade && seen.upgrade_to && head->minor > 0;
    return NU_PARSE_DONE;
}

/* From the line behind the start line to the end. */
static enum nu_parse parse_rest(bool request, struct lines *lines, const char *buf,
                                struct nu_head *head)
{
    const char *fields = lines->p;
    unsigned nlines;
    enum nu_parse rv = parse_skip_fields(lines, head, &nlines);

    if (rv == NU_PARSE_DONE) {
        rv = request ? parse_run_llhttp(fields, lines->p, nlines, head)
                     : parse_read_fields(fields, lines->p, head);
    }
    if (rv == NU_PARSE_DONE) {
        head->length = (size_t) (lines->p - buf);
        rv = parse_check_fields(request, head);
    }
    return rv;
}

/* Looks whether the memo knows the fields behind this line, or teaches them to it. */
static enum nu_parse parse_request_fields(struct lines *lines, const char *buf,
                                          struct nu_slice line, struct nu_head *head)
{
    struct nu_head_cache *memo = head->memo;
    const char *fields = lines->p;

    line.n = (size_t) (fields - line.p); /* its end, too */
    if (nu_head_cache_lookup(memo, line, fields, (size_t) (lines->end - fields), head)) {
        head->length += (size_t) (fields - buf);
        return NU_PARSE_DONE;
    }
    enum nu_parse got = parse_rest(true, lines, buf, head);
    if (got == NU_PARSE_DONE && memo != NULL) {
        nu_head_cache_store(memo, line, fields, (size_t) (lines->p - fields), head);
    }
    return got;
}

enum nu_parse nu_parse_request(const char *buf, size_t len, struct nu_head *head)
{
    struct lines lines = parse_lines_init(buf, len, false, head);
    struct nu_slice line;
    enum nu_parse got;
    int empty = 0;

    if (parse_has_begun(head) && nu_head_goes_on(buf, len, head, false)) {
        return NU_PARSE_MORE;
    }
    nu_head_begin_anew(head);
    parse_clear(head);
    if (nu_head_cache_repeats(head->memo, buf, (size_t) (lines.end - buf), head)) {
        return NU_PARSE_DONE;
    }
    while ((got = parse_next_line(&lines, head, &line)) == NU_PARSE_DONE && line.n == 0) {
        if (++empty > MAX_EMPTY_LINES) {
            return parse_bad(head, 400, "empty lines");
        }
    }
    if (got == NU_PARSE_BAD ||
        parse_request_line(line, got == NU_PARSE_DONE, head) == NU_PARSE_BAD) {
        return NU_PARSE_BAD;
    }
    if (got == NU_PARSE_MORE) {
        nu_head_remember(buf, len, head, line, NULL);
        return lines.limit ? parse_bad(head, 431, "head too large") : got;
    }
    if (parse_check_target(head) == NU_PARSE_BAD) {
        return NU_PARSE_BAD;
    }
    head->known = nu_method_known(head->method);
    const char *fields = lines.p;
    got = parse_request_fields(&lines, buf, line, head);
    if (got == NU_PARSE_MORE) {
        nu_head_remember(buf, len, head, line, fields);
    }
    return got;
}

enum nu_parse nu_parse_response(const char *buf, size_t len, struct nu_head *head)
{
    struct lines lines = parse_lines_init(buf, len, true, head);
    struct nu_slice line;
    enum nu_parse got;

    if (parse_has_begun(head) && nu_head_goes_on(buf, len, head, true)) {
        return NU_PARSE_MORE;
    }
    nu_head_begin_anew(head);
    parse_clear(head);
    got = parse_next_line(&lines, head, &line);
    if (got == NU_PARSE_BAD ||
        parse_status_line(line, got == NU_PARSE_DONE, head) == NU_PARSE_BAD) {
        return NU_PARSE_BAD;
    }
    if (got == NU_PARSE_MORE) {
        nu_head_remember(buf, len, head, (struct nu_slice){ NULL, 0 }, NULL);
        return lines.limit ? parse_bad(head, 431, "head too large") : got;
    }
    const char *fields = lines.p;
    got = parse_rest(false, &lines, buf, head);
    if (got == NU_PARSE_MORE) {
        nu_head_remember(buf, len, head, line, fields);
    }
    return got;
}
