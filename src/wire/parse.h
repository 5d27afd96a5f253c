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

#include "wire/head.h"

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
