/* SPDX-License-Identifier: MIT */
/* Content types by file name. */
#ifndef NU_HTTP_MIME_H
#define NU_HTTP_MIME_H

/* The media type for the name's suffix (any case); "application/octet-stream" when it is not known.
 * Static, any thread. */
const char *nu_mime_type(const char *name);

/* The one that NNG 1.12 gives: fewer are known, and text says nothing of its charset. */
const char *nu_mime_type_nng(const char *name);

#endif
