/* SPDX-License-Identifier: MIT */
#include "cmd/json.h"

/* The texts are our own and strerror()'s, but a quote in one must not break the document. */
void json_string(FILE *to, const char *text)
{
    putc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putc('\\', to);
        }
        putc(*text, to);
    }
    putc('"', to);
}

void json_pair(FILE *to, const char *name, const char *value, const char *end)
{
    fprintf(to, "\"%s\": ", name);
    if (value != NULL) {
        json_string(to, value);
    } else {
        fputs("null", to);
    }
    fputs(end, to);
}
