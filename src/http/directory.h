/* SPDX-License-Identifier: MIT */
/*
 * What a handler for a directory does beyond sending its files: fields that it adds to answers, and
 * what it has in place of files. Set up with the handler and constant from there on. All zero at
 * first. The functions for it are documented in <nng/uring.h>.
 */
#ifndef NU_HTTP_DIRECTORY_H
#define NU_HTTP_DIRECTORY_H

#include "base/buf.h"
#include "wire/coding.h"

#include <nng/supplemental/http/http.h>
#include <stdbool.h>

struct nu_head;
struct nu_cache_rule;

struct nu_directory {
    bool precompressed;          /* index.html.br may stand in for index.html */
    bool listing;                /* a directory without an index is listed */
    char *fallback;              /* a file for paths that lead to none; NULL: 404 */
    struct nu_cache_rule *rules; /* the first that fits counts */
    size_t nrules;
    char **origins; /* whose pages may read the answers; "*": all */
    size_t norigins;
};

void nu_directory_free(struct nu_directory *directory);

/* NNG_ENOMEM, NNG_EINVAL. */
int nu_directory_set_fallback(struct nu_directory *directory, const char *name);
int nu_directory_add_cache_rule(struct nu_directory *directory, const char *pattern,
                                const char *value);
int nu_directory_add_origin(struct nu_directory *directory, const char *origin);

/* What Access-Control-Allow-Origin is to say to this request, as long as the directory is there;
 * NULL: nothing. */
const char *nu_directory_origin(const struct nu_directory *directory, const struct nu_head *head);

/* Adds the fields for a file (`path` is its path below the directory) in that coding
 * (NU_CODINGS: as it is). NNG_ENOMEM. */
int nu_directory_set_fields(const struct nu_directory *directory, nng_http_res *res,
                            const char *path, enum nu_coding coding, const char *origin);

/* And those for an answer that is no file's: whose pages may read it. NNG_ENOMEM. */
int nu_directory_set_origin(const struct nu_directory *directory, nng_http_res *res,
                            const struct nu_head *head);

/* Those and more for OPTIONS, which a browser asks before it asks for something unusual.
 * NNG_ENOMEM. */
int nu_directory_set_preflight(const struct nu_directory *directory, nng_http_res *res,
                               const struct nu_head *head, const char *allow);

#endif
