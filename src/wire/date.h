/* SPDX-License-Identifier: MIT */
/* HTTP dates (RFC 9110 5.6.7), independent of locale and time zone. Pure, any thread. */
#ifndef NU_WIRE_DATE_H
#define NU_WIRE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NU_DATE_LEN 29 /* bytes of "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Prints seconds since 1970 as IMF-fixdate, with a NUL. What is not in the years 0 to 9999 becomes
 * the nearest second that is. */
void nu_date_print(char out[NU_DATE_LEN + 1], int64_t unix_seconds);

/*
 * Reads any of the three forms, which must be all of the n bytes. False: it is none of them, there
 * is no such day, or the day of the week is another one. `now`, in seconds since 1970, gives the
 * two digits of a year in the RFC 850 form their century.
 */
bool nu_date_parse(const char *p, size_t n, int64_t now, int64_t *unix_seconds);

#endif
