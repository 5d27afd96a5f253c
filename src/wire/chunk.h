/* SPDX-License-Identifier: MIT */
/*
 * The body of an HTTP/1 message with Transfer-Encoding: chunked (RFC 9112 7.1). Pure like the head
 * parser, but it keeps what it has to know between calls: what it was given once, it does not see
 * again. However the body is cut, the outcome is the same.
 *
 * White space around the ';' and '=' of an extension is taken, as RFC 9112 7.1.1 bids. Behind a
 * size that no extension follows it is nobody's grammar: where one recipient stops at the space and
 * the next does not, a request can be smuggled. Old servers pad sizes so, and of what they send
 * there is no second reading, so a response's body may be read leniently.
 */
#ifndef NU_WIRE_CHUNK_H
#define NU_WIRE_CHUNK_H

#include "base/buf.h"
#include "wire/parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NU_MAX_CHUNK_LINE 256 /* bytes: size, extensions, CRLF */
#define NU_MAX_TRAILERS 8192  /* bytes of all trailers, blank line included */

/* All zero but `lenient`: before the first chunk. */
struct nu_chunked {
    const char *bad_reason; /* static text, after NU_PARSE_BAD */
    uint64_t left;          /* the size as far as it was read, then bytes of the chunk to come */
    uint64_t total;         /* bytes of body so far; with `left`, those that are announced */
    unsigned line;          /* bytes of the chunk line, or of the trailers, so far */
    bool lenient;           /* constant: white space may end a chunk line, trailers be folded */
    int state;
};

/*
 * Takes the next bytes of a chunked body: *used of them, at least one unless len is 0. *data is the
 * part of them that is body; it points into buf, and is empty unless NU_PARSE_MORE is returned: as
 * much of one chunk as is there. Extensions and trailers are checked and dropped.
 *
 * NU_PARSE_MORE: call again with what follows. NU_PARSE_DONE: the body and its trailers are
 * complete, and bytes behind were not looked at. NU_PARSE_BAD: refused for good; in a request that
 * is answered with 400. After the last two, a call takes nothing and returns the same again.
 */
enum nu_parse nu_chunked_next(struct nu_chunked *chunked, const char *buf, size_t len, size_t *used,
                              struct nu_slice *data);

/* How many of the next bytes are certainly body: the rest of a chunk. For who reads them himself,
 * and then says how many there were. */
uint64_t nu_chunked_data(const struct nu_chunked *chunked);
void nu_chunked_skip(struct nu_chunked *chunked, uint64_t n);

#endif
