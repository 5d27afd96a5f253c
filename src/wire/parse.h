/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP/1 message: start line and header fields, up to and including the blank line.
 *
 * Both functions are pure. They are called with all bytes received since the start of the message,
 * as often as more arrive, keep nothing between calls but the memo, which changes no result, and
 * allocate nothing; every slice they give points into `buf`. Bytes behind the blank line are never
 * looked at.
 *
 * llhttp reads the fields of a request; the start line we read ourselves. What llhttp tolerates and
 * RFC 9112 forbids, or what could be understood in two ways, is refused here; the reasons are in
 * parse.c beside each check. Of responses, more is taken: no third party reads them, and servers
 * are of every age.
 */
#ifndef NU_WIRE_PARSE_H
#define NU_WIRE_PARSE_H

#include "base/buf.h"
#include "wire/fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NU_MAX_HEAD 16384  /* default for max_head */
#define NU_MAX_TARGET 8192 /* default for max_target */
#define NU_MAX_FIELDS 128  /* suggested size of the fields array */

enum nu_parse {
    NU_PARSE_DONE, /* the head is complete and good */
    NU_PARSE_MORE, /* good as far as it goes */
    NU_PARSE_BAD,  /* refused for good: bad_status and bad_reason are set, nothing else is */
};

struct nu_head_cache;

struct nu_head {
    /* Set by the caller before the first call; the parser leaves them alone. */
    struct nu_field *fields;    /* room for maxfields */
    unsigned maxfields;         /* more fields than this: 431 */
    size_t max_head;            /* bytes, blank line included: 431; 0 stands for NU_MAX_HEAD */
    size_t max_target;          /* bytes of the request target: 414; 0: NU_MAX_TARGET */
    struct nu_head_cache *memo; /* of requests that were parsed before; may be NULL */

    /* Results, valid after NU_PARSE_DONE. */
    size_t length;           /* bytes of buf that the head takes, blank line and leading CRLF too */
    unsigned nfields;        /* entries of fields in use */
    struct nu_slice method;  /* request: a token of at most 32 bytes */
    bool known;              /* request: the method is a registered one; PRI is not among them */
    struct nu_slice target;  /* request: as received; its form fits the method */
    struct nu_slice host;    /* request: authority of an absolute target, else Host; or empty */
    unsigned status;         /* response: 100 to 999 */
    struct nu_slice reason;  /* response: may be empty */
    int major;               /* always 1 */
    int minor;               /* 0 to 9; 2 and above are to be treated like 1 */
    uint64_t content_length; /* at most INT64_MAX; 0 when has_length is false */
    bool has_length;         /* Content-Length was given; never together with chunked */
    bool chunked;            /* Transfer-Encoding is chunked */
    bool folded;             /* response: there are values with folds, see nu_fields_unfold() */
    bool keep_alive;         /* version and Connection allow it (RFC 9112 9.3) */
    bool expect_continue;    /* request: Expect: 100-continue, HTTP/1.1 */
    bool upgrade;            /* Upgrade named by Connection, HTTP/1.1 */

    /* Valid after NU_PARSE_BAD. */
    int bad_status;         /* answer to a request: 400, 414, 431, 501 or 505 */
    const char *bad_reason; /* static text for a log or an error page */
};

/*
 * A request. Up to four empty lines before it are skipped and counted in `length` (RFC 9112 2.2).
 * Target forms (RFC 9112 3.2): origin; absolute with http or https; "*" with OPTIONS only;
 * authority with CONNECT only. A fragment, a '\' in the path, or a byte that a URI cannot hold, is
 * refused; so is an empty Host in HTTP/1.1, unless the target names one.
 */
enum nu_parse nu_parse_request(const char *buf, size_t len, struct nu_head *head);

/*
 * A response. Its lines may end in LF alone and be folded; Transfer-Encoding: identity says
 * nothing; of several Content-Lengths that are the same, one is left. has_length and chunked are
 * what the fields say: whoever asked must also know that answers to HEAD, 1xx, 204 and 304 have no
 * body, and that a body with neither ends with the connection (keep_alive does not take that into
 * account). bad_status is 431 where a limit was exceeded, else 400.
 */
enum nu_parse nu_parse_response(const char *buf, size_t len, struct nu_head *head);

#endif
