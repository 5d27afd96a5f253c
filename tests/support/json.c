/* SPDX-License-Identifier: MIT */
#include "support/json.h"

#include <stddef.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
    for (p++; *p != '"'; p++) {
        if ((unsigned char) *p < ' ') {
            return NULL;
        }
        if (*p == '\\' && strchr("\"\\/bfnrtu", *++p) == NULL) {
            return NULL;
        }
    }
    return p + 1;
}

static const char *skip_value(const char *p);

/* The members of an array or an object, up to its end. */
static const char *skip_members(const char *p, char close)
{
    for (p = skip_blanks(p + 1); *p != close; p = skip_blanks(p + 1)) {
        if (close == '}') {
            p = *p == '"' ? skip_string(p) : NULL;
            p = p != NULL ? skip_blanks(p) : NULL;
            if (p == NULL || *p++ != ':') {
                return NULL;
            }
        }
        p = skip_value(p);
        if (p == NULL || *p == close) {
            return p == NULL ? NULL : p + 1;
        }
        if (*p != ',' || *skip_blanks(p + 1) == close) {
            return NULL;
        }
    }
    return p + 1;
}

/* Behind the value and the blanks that follow it, or NULL. */
static const char *skip_value(const char *p)
{
    static const char *const words[] = { "true", "false", "null" };
    p = skip_blanks(p);
    if (*p == '{' || *p == '[') {
        p = skip_members(p, *p == '{' ? '}' : ']');
        return p != NULL ? skip_blanks(p) : NULL;
    }
    if (*p == '"') {
        p = skip_string(p);
        return p != NULL ? skip_blanks(p) : NULL;
    }
    if (*p >= '0' && *p <= '9') {
        return skip_blanks(p + strspn(p, "0123456789"));
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(p, words[i], strlen(words[i])) == 0) {
            return skip_blanks(p + strlen(words[i]));
        }
    }
    return NULL;
}

bool t_is_json(const char *text)
{
    const char *end = skip_value(text);
    return end != NULL && *end == '\0';
}
