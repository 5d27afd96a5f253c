/* SPDX-License-Identifier: MIT */
/*
 * The head parser, and requests and responses made from what it accepts. The first byte of an input
 * says which of the two it is and where it is cut; the rest is the head.
 */
#include "wire/chars.h"
#include "wire/head_cache.h"
#include "wire/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct nu_field fields[NU_MAX_FIELDS];
static struct nu_field again[NU_MAX_FIELDS];
static struct nu_head_cache memos[3]; /* of the inputs before */

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool same(struct nu_slice a, struct nu_slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void check_head(const struct nu_head *head, const char *buf, bool request)
{
    const char *end = buf + head->length;

    require(end[-1] == '\n' && (!request || memcmp(end - 4, "\r\n\r\n", 4) == 0));
    require(!request || !head->folded);
    require(!(head->chunked && head->has_length));
    require(head->content_length <= INT64_MAX && head->major == 1);
    require(!head->chunked || head->minor > 0);
    require(head->method.n <= 32 && nu_chars_all(head->method.p, head->method.n, NU_CHAR_TOKEN));
    require(!head->known || head->method.n > 0);
    for (unsigned i = 0; i < head->nfields; i++) {
        struct nu_slice name = head->fields[i].name;
        struct nu_slice value = head->fields[i].value;
        require(name.n > 0 && nu_chars_all(name.p, name.n, NU_CHAR_TOKEN));
        require(head->folded || nu_chars_all(value.p, value.n, NU_CHAR_TEXT));
        require(name.p >= buf && value.p > name.p + name.n && value.p + value.n < end);
    }
}

/* Printed and parsed again, a message must mean the same. */
static void check_again(const struct nu_head *head, const struct nu_buf *printed, bool request)
{
    struct nu_head second = {
        .fields = again, .maxfields = NU_MAX_FIELDS, .max_head = 65536, .max_target = 65536
    };
    enum nu_parse rv = request ? nu_parse_request(printed->data, printed->len, &second)
                               : nu_parse_response(printed->data, printed->len, &second);

    require(rv == NU_PARSE_DONE && second.length == printed->len);
    require(second.chunked == head->chunked && second.has_length == head->has_length);
    require(second.content_length == head->content_length);
    /* A Transfer-Encoding that says nothing ends an HTTP/1.0 connection, and is not printed. */
    require(second.keep_alive == head->keep_alive || (!request && head->minor == 0));
    require(second.upgrade == head->upgrade && !second.folded);
    require(second.known == head->known && second.minor == head->minor);
    require(second.status == head->status);
    require(same(second.method, head->method));
    /* A '\\' in a query is printed as %5C. */
    require(same(second.target, head->target) ||
            memchr(head->target.p, '\\', head->target.n) != NULL);
    require(same(second.host, head->host) && same(second.reason, head->reason));
    require(second.nfields <= head->nfields);
}

/* What is remembered must not make a difference. */
static void check_memo(const struct nu_head *head, enum nu_parse rv, const char *buf, size_t n)
{
    struct nu_head second = { .fields = again, .maxfields = NU_MAX_FIELDS, .memo = memos };

    nu_head_cache_link(memos, sizeof memos / sizeof *memos);
    require(nu_parse_request(buf, n, &second) == rv);
    if (rv != NU_PARSE_DONE) {
        return;
    }
    require(second.length == head->length && second.nfields == head->nfields);
    require(second.chunked == head->chunked && second.has_length == head->has_length);
    require(second.content_length == head->content_length);
    require(second.keep_alive == head->keep_alive && second.upgrade == head->upgrade);
    require(second.expect_continue == head->expect_continue && same(second.host, head->host));
    for (unsigned i = 0; i < head->nfields; i++) {
        require(second.fields[i].name.p == head->fields[i].name.p);
        require(same(second.fields[i].value, head->fields[i].value));
    }
}

static void check_message(const struct nu_head *head, bool request)
{
    struct nu_buf buf = { 0 };

    if (request) {
        nng_http_req *req;
        require(nng_http_req_alloc(&req, NULL) == 0);
        require(nu_req_load(req, head) == 0 && nu_req_print(req, &buf) == 0);
        nng_http_req_free(req);
    } else {
        nng_http_res *res;
        require(nng_http_res_alloc(&res) == 0);
        require(nu_res_load(res, head) == 0 && nu_res_print(res, &buf) == 0);
        nng_http_res_free(res);
    }
    check_again(head, &buf, request);
    nu_buf_free(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    bool request = data[0] % 2 == 0;
    size_t n = size - 1;
    /* The copy ends where its memory ends. */
    char *buf = malloc(n > 0 ? n : 1);
    require(buf != NULL);
    memcpy(buf, data + 1, n);

    enum nu_parse (*parse)(const char *, size_t, struct nu_head *) =
        request ? nu_parse_request : nu_parse_response;
    struct nu_head head = { .fields = fields, .maxfields = NU_MAX_FIELDS };
    enum nu_parse rv = parse(buf, n, &head);
    struct nu_head part = { .fields = again, .maxfields = NU_MAX_FIELDS };
    size_t cut = n * (data[0] / 2) / 128;
    enum nu_parse cutv = parse(buf, cut, &part);

    if (request) {
        check_memo(&head, rv, buf, n);
    }
    if (rv == NU_PARSE_DONE) {
        check_head(&head, buf, request);
        require(cutv == (cut < head.length ? NU_PARSE_MORE : NU_PARSE_DONE));
        require(parse(buf, head.length, &part) == NU_PARSE_DONE && part.length == head.length);
        check_message(&head, request);
    } else {
        require(cutv != NU_PARSE_DONE);
        require(rv == NU_PARSE_BAD || cutv == NU_PARSE_MORE);
        require(rv != NU_PARSE_BAD || (head.bad_reason != NULL && head.bad_status >= 400));
    }
    free(buf);
    return 0;
}
