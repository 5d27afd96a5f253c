/* SPDX-License-Identifier: MIT */
/* The fields of requests as browsers send them. */
#ifndef NU_PERF_HEADS_H
#define NU_PERF_HEADS_H

#include <stddef.h>

#define HEADS 16U

/* Writes those of the i-th, a line each, without Host; a head is 400 to 900 bytes with them. They
 * differ in browser, referer and cookies. Returns their length. */
size_t heads_fields(unsigned i, char *out, size_t room);

#endif
