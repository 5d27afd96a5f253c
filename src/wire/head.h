/* SPDX-License-Identifier: MIT */
/* What is read of the head of an HTTP/1 message: the types that its parser (parse.h) and the cache
 * of heads (head_cache.h) share. */
#ifndef NU_WIRE_HEAD_H
#define NU_WIRE_HEAD_H

#include "base/buf.h"
#include "wire/fields.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NU_MAX_HEAD 16384  /* default for max_head */
#define NU_MAX_TARGET 8192 /* default for max_target */
#define NU_MAX_METHOD 32   /* bytes: longer than any registered method */
#define NU_MAX_FIELDS 128  /* suggested size of the fields array */

enum nu_parse {
    NU_PARSE_DONE, /* the head is complete and good */
    NU_PARSE_MORE, /* good as far as it goes */
    NU_PARSE_BAD,  /* refused for good: bad_status and bad_reason are set, nothing else is */
};

struct nu_head_cache;

/*
 * How far a head that comes in pieces was read, so that a further piece costs what it is long.
 * All zero before the first piece; changes no result. It is of no use once bytes before the head's
 * end were consumed.
 */
struct nu_head_progress {
    enum {
        NU_HEAD_ANYWHERE,  /* read it from its start */
        NU_HEAD_IN_METHOD, /* the first line has come up to somewhere in its method */
        NU_HEAD_IN_TARGET,
        NU_HEAD_IN_REASON, /* of a response */
        NU_HEAD_IN_FIELDS, /* the first line is good, and so are `lines` of fields */
    } part;
    size_t
        from; /* offset of that part: of the method, the target, the reason, the unfinished line */
    size_t seen; /* bytes that were looked at, all of them */
    unsigned lines;
};

struct nu_head {
    /* Set by the caller before the first call; the parser leaves them alone. */
    struct nu_field *fields;    /* room for maxfields */
    unsigned maxfields;         /* more fields than this: 431 */
    size_t max_head;            /* bytes, blank line included: 431; 0 stands for NU_MAX_HEAD */
    size_t max_target;          /* bytes of the request target: 414; 0: NU_MAX_TARGET */
    struct nu_head_cache *memo; /* of requests that were parsed before; may be NULL */
    struct nu_head_progress *progress; /* of this head; may be NULL */

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
    uint64_t
        same; /* request: heads of which memo says the same number are the same text; 0: none */

    /* Valid after NU_PARSE_BAD. */
    int bad_status;         /* answer to a request: 400, 414, 431, 501 or 505 */
    const char *bad_reason; /* static text for a log or an error page */
};

#endif
