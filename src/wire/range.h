/* SPDX-License-Identifier: MIT */
/* The Range field of a request (RFC 9110 14.2). Pure, any thread. */
#ifndef NU_WIRE_RANGE_H
#define NU_WIRE_RANGE_H

#include "base/buf.h"

#include <stdint.h>

enum nu_range {
    NU_RANGE_WHOLE,  /* to be ignored */
    NU_RANGE_PART,   /* *from and *end are set, *from < *end <= size */
    NU_RANGE_BEYOND, /* none of it is there: 416 */
};

/*
 * What a Range field asks for of `size` bytes: those from *from to before *end. Ignored are what is
 * malformed, other units than bytes, and several ranges: a few small ones are seldom worth a
 * multipart answer, many overlapping ones are an attack.
 */
enum nu_range nu_range_read(struct nu_slice value, uint64_t size, uint64_t *from, uint64_t *end);

#endif
