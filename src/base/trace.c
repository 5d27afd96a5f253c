/* SPDX-License-Identifier: MIT */
#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nu_trace_on;

__attribute__((constructor)) static void trace_read_environment(void)
{
    const char *value = getenv("NNG_URING_TRACE");
    nu_trace_on = value != NULL && strcmp(value, "1") == 0;
}

/* In one piece, for other threads print as well. */
void nu_trace_print(const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "nng-uring: %s\n", line);
}
