/* SPDX-License-Identifier: MIT */
/*
 * What is left to read of a request's body, by its length or by its chunks, so that no byte of it
 * is taken for the next request. One thread at a time.
 */
#ifndef NU_HTTP_INTAKE_H
#define NU_HTTP_INTAKE_H

#include "wire/chunk.h"
#include "wire/parse.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero: there is no body. */
struct nu_body_reader {
    uint64_t left; /* bytes of a body by length; of a chunked one, 1 until it ends */
    bool chunked;  /* `chunks` reads it */
    struct nu_chunked chunks;
};

/* For the request whose head has just been parsed. */
void nu_body_reader_begin(struct nu_body_reader *intake, const struct nu_head *head);

/* Whether anything of the body, or of what frames it, is still to be read. */
static inline bool nu_body_reader_unread(const struct nu_body_reader *intake)
{
    return intake->left > 0;
}

/* Takes the next bytes, as nu_chunked_next() does. Nothing is unread after DONE or BAD. */
enum nu_parse nu_body_reader_next(struct nu_body_reader *intake, const char *buf, size_t len,
                                  size_t *used, struct nu_slice *data);

#endif
