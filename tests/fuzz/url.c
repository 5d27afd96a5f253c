/* SPDX-License-Identifier: MIT */
/* URLs and request targets; the input is both. */
#include "wire/url.h"
#include "wire/message.h"
#include "wire/parse.h"

#include <nng/nng.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A request for any URL that is accepted is a request that is accepted. */
static void check_request(const nng_url *url)
{
    struct nu_field fields[2];
    struct nu_head head = {
        .fields = fields, .maxfields = 2, .max_head = SIZE_MAX, .max_target = SIZE_MAX
    };
    struct nu_buf buf = { 0 };
    nng_http_req *req;

    require(nng_http_req_alloc(&req, url) == 0 && nu_req_print(req, &buf) == 0);
    /* No host is one to listen on: nothing can be asked of it. */
    bool empty = *url->u_hostname == '\0';
    require(nu_parse_request(buf.data, buf.len, &head) == (empty ? NU_PARSE_BAD : NU_PARSE_DONE));
    if (empty) {
        nng_http_req_free(req);
        nu_buf_free(&buf);
        return;
    }
    require(head.length == buf.len && head.nfields == 1);
    nng_http_req_free(req);
    nu_buf_free(&buf);
}

/* What has been made canonical stays as it is. */
static void check_url(const nng_url *url)
{
    struct nu_buf buf = { 0 };
    nng_url *second = NULL;

    nu_buf_str(&buf, url->u_scheme);
    nu_buf_str(&buf, "://");
    if (url->u_requri == NULL) {
        nu_buf_str(&buf, url->u_path);
    } else {
        nu_buf_str(&buf, url->u_host);
        nu_buf_str(&buf, url->u_requri);
    }
    nu_buf_add(&buf, "", 1);
    require(nu_buf_error(&buf) == 0 && nng_url_parse(&second, buf.data) == 0);
    require(strcmp(second->u_path, url->u_path) == 0);
    if (url->u_requri != NULL) {
        require(strcmp(second->u_requri, url->u_requri) == 0);
        require(strcmp(second->u_hostname, url->u_hostname) == 0);
        require(strcmp(second->u_port, url->u_port) == 0);
        check_request(url);
    }
    nng_url_free(second);
    nu_buf_free(&buf);
}

static void check_target(const char *target, size_t n)
{
    char *out = malloc(n + 2);
    size_t len;
    struct nu_slice query;

    require(out != NULL);
    if (nu_target_decode(target, n, out, n + 2, &len, &query) == 0) {
        require(len >= 1 && len <= n + 1 && out[0] == '/' && strlen(out) == len);
        require(strstr(out, "//") == NULL && strstr(out, "/./") == NULL);
        require(strstr(out, "/../") == NULL);
        require(len < 2 || memcmp(out + len - 2, "/.", 2) != 0);
        require(len < 3 || memcmp(out + len - 3, "/..", 3) != 0);
        require(query.p == NULL || (query.p[-1] == '?' && query.p + query.n == target + n));
        /* With less room it fits or says so. */
        char *small = malloc(len + 1);
        require(small != NULL);
        int rv = nu_target_decode(target, n, small, len + 1, &len, &query);
        require(rv == NNG_EMSGSIZE || (rv == 0 && strcmp(small, out) == 0));
        free(small);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    nng_url *url;

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (nng_url_parse(&url, text) == 0) {
        check_url(url);
        nng_url_free(url);
    }
    /* Without the NUL: a copy that ends where its memory ends. */
    char *target = malloc(size > 0 ? size : 1);
    require(target != NULL);
    memcpy(target, data, size);
    check_target(target, size);
    free(target);
    free(text);
    return 0;
}
