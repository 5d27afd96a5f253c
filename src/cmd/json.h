/* SPDX-License-Identifier: MIT */
/* Writing JSON to a stream. */
#ifndef NU_CMD_JSON_H
#define NU_CMD_JSON_H

#include <stdio.h>

/* The text in quotes. It has no control characters. */
void json_string(FILE *to, const char *text);

/* "name": "value" and then `end`; null for NULL. */
void json_pair(FILE *to, const char *name, const char *value, const char *end);

#endif
