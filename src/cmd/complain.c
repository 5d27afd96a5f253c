/* SPDX-License-Identifier: MIT */
#include "cmd/complain.h"

#include "cmd/output.h"

#include <stdarg.h>
#include <stdio.h>

static void complain_print(const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    output_print(OUTPUT_ERR, "nng-uring serve: %s\n", text);
}

int complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_print(format, args);
    va_end(args);
    return SERVE_FAILED;
}

int complain_of_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_print(format, args);
    va_end(args);
    return SERVE_MISUSED;
}
