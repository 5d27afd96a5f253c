/* SPDX-License-Identifier: MIT */
/*
 * Requests and responses as objects: what is behind nng_http_req and nng_http_res. The public
 * functions are documented in <nng/supplemental/http/http.h> and defined in message.c.
 */
#ifndef NU_WIRE_MESSAGE_H
#define NU_WIRE_MESSAGE_H

#include "base/buf.h"
#include "wire/arena.h"
#include "wire/body.h"
#include "wire/header.h"
#include "wire/parse.h"

#include <nng/nng.h>
#include <nng/supplemental/http/http.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/* A message as it goes out: the text of its head, and where all of it lies. */
struct nu_printed {
    struct nu_buf head; /* kept for the next time */
    struct iovec iov[2];
    unsigned niov;
    size_t total;
};

struct nng_http_req {
    struct nu_headers headers; /* its text also holds the strings below */
    struct nu_body body;
    struct nu_string method; /* .p is never NULL */
    struct nu_string uri;
    struct nu_string version;
    struct nu_printed printed;
    struct nu_head_progress progress; /* while it is read from a connection */
};

struct nng_http_res {
    struct nu_headers headers;
    struct nu_body body;
    struct nu_printed printed;
    struct nu_string version;
    struct nu_string reason;          /* .p is NULL for the standard one of the status */
    struct nu_head_progress progress; /* as above */
    uint16_t status;
    bool error_page; /* body is the built-in page, which a custom one may replace */
};

/* nng_http_res_get_header() for a name whose length the compiler knows: that it is not there, as
 * mostly, takes no call. */
static inline const char *nu_res_get(nng_http_res *res, const char *name)
{
    return nu_headers_may_have(&res->headers, strlen(name)) ? nng_http_res_get_header(res, name)
                                                            : NULL;
}

/*
 * Fills a reset message from a parsed head, with one copy of the text; the head's buffer is not
 * needed afterwards. The body is left alone. NNG_ENOMEM; the message must then be reset.
 */
int nu_req_load(nng_http_req *req, const struct nu_head *head);
int nu_res_load(nng_http_res *res, const struct nu_head *head);

/*
 * Appends the head: start line, fields, blank line. No field is added that was not set. A URI is
 * printed as a request target: "" as "/", without fragment, spaces, '\' and bytes above 127
 * percent-encoded.
 * NNG_ENOMEM.
 */
int nu_req_print(const nng_http_req *req, struct nu_buf *buf);
int nu_res_print(const nng_http_res *res, struct nu_buf *buf);

/* The same without the blank line, for who adds fields of his own. Errors stick to the buffer. */
void nu_res_print_fields(const nng_http_res *res, struct nu_buf *buf);

/*
 * Prints the head anew and lines it up with the body in `printed`, which is good as long as the
 * message does not change. A response whose status has no body is lined up without. NNG_ENOMEM;
 * NNG_EINVAL for a request without URI.
 */
int nu_req_finalize(nng_http_req *req);
int nu_res_finalize(nng_http_res *res);

/* Sets Host for the URL: without the port when that is the scheme's own (RFC 9110 7.2), without
 * IPv6's zone. NNG_ENOMEM. */
int nu_req_set_host(nng_http_req *req, const nng_url *url);

/*
 * Gives the body memory from malloc() that the message frees, and sets Content-Length. On error
 * the memory is freed. NNG_ENOMEM.
 */
int nu_req_give_data(nng_http_req *req, void *data, size_t size);
int nu_res_give_data(nng_http_res *res, void *data, size_t size);

/*
 * Makes it an error response: status, standard reason, built-in HTML page as body with its
 * Content-Type and Content-Length; other fields stay. NNG_EINVAL (status), NNG_ENOMEM.
 */
int nu_res_set_error(nng_http_res *res, uint16_t status);

#endif
