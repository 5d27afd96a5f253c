/* SPDX-License-Identifier: MIT */
/* What a response for a file says before its first byte. Pure but for the clock; any thread. */
#ifndef NU_HTTP_FILE_HEAD_H
#define NU_HTTP_FILE_HEAD_H

#include "wire/precond.h"

#include <nng/supplemental/http/http.h>
#include <stdint.h>
#include <sys/stat.h>

/* The bytes of a file from `from` to before `end`. */
struct nu_file_part {
    uint64_t from;
    uint64_t end;
};

/*
 * The response for a regular file: 200 or 206, whose body is that part of the file; or 304, 412,
 * 416, with the part empty. `type` is the content's. NULL: no memory.
 */
nng_http_res *nu_file_head(const struct nu_precond *precond, const struct stat *st,
                           const char *type, struct nu_file_part *part);

#endif
