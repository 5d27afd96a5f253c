/* SPDX-License-Identifier: MIT */
/*
 * Request targets as a server needs them. nng_url_parse(), nng_url_clone() and nng_url_free() are
 * declared by <nng/nng.h> and defined in url.c too.
 */
#ifndef NU_WIRE_URL_H
#define NU_WIRE_URL_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Turns a request target in origin form ("/a%20b?q") or absolute form ("http://host/a%20b?q") into
 * the path it means, decoded and without dot segments, for routing and for looking up files:
 *
 * - the path ends at the first '?'; *query is what follows it, not decoded, a part of `target`;
 *   query->p is NULL when there is no '?';
 * - every %XX is decoded once. Malformed escapes are refused, so are %00 (it would end the path
 *   early) and %2F (it would act as a separator that was not there);
 * - then empty segments and "." are dropped and ".." takes the segment before it away, however
 *   they were spelled; ".." above the root is refused. A trailing '/' stays; an empty path is "/".
 *   So the result begins with '/', and no part of it is "", "." or "..";
 * - bytes that cannot stand in a target as they are (controls, space, DEL, above 127, '#') are
 *   refused; decoded ones may be any but NUL, and need not be UTF-8.
 *
 * Writes the path and a NUL to `out`; *pathlen is its length without the NUL. outlen of len + 2 is
 * always enough. Pure, any thread.
 * NNG_EINVAL: refused, or another form of target. NNG_EMSGSIZE: outlen is too small.
 */
int nu_target_decode(const char *target, size_t len, char *out, size_t outlen, size_t *pathlen,
                     struct nu_slice *query);

#endif
