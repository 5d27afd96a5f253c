/* SPDX-License-Identifier: MIT */
/* JSON as what the program prints. */
#ifndef NU_TESTS_SUPPORT_JSON_H
#define NU_TESTS_SUPPORT_JSON_H

#include <stdbool.h>

/* Whether the text is one value. Numbers are whole and have no sign. */
bool t_is_json(const char *text);

#endif
