/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Noreturn void misused(void)
{
    fputs("usage: load -p PORT [-c CONNECTIONS] [-d DEPTH] [-u PATH] [-t SECONDS] [-w WARM_UP]\n"
          "            [-n REQUESTS] [-i IDLE_CONNECTIONS] [-b BODY_BYTES] [-P PID,PID,...]\n"
          "            [-H] [-x] [-k REQUESTS_PER_CONNECTION] [-B UPLOAD_BYTES]\n",
          stderr);
    exit(2);
}

/* False: there is no such option, or its value is wrong. */
static bool take(struct options *options, int option, const char *value)
{
    char *end;
    unsigned long n = strtoul(value, &end, 10);
    switch (option) {
    case 'u':
        options->path = value;
        return *value == '/';
    case 'P':
        return usage_parse(&options->server, value);
    case 't':
        options->seconds = strtod(value, &end);
        break;
    case 'w':
        options->warmup = strtod(value, &end);
        break;
    case 'p':
        options->port = (unsigned) n;
        break;
    case 'c':
        options->conns = (unsigned) n;
        break;
    case 'd':
        options->depth = (unsigned) n;
        break;
    case 'i':
        options->idle = (unsigned) n;
        break;
    case 'n':
        options->requests = n;
        break;
    case 'b':
        options->body = n;
        break;
    case 'k':
        options->per_conn = (unsigned) n;
        break;
    case 'B':
        options->upload = n;
        break;
    case 'W':
        options->message = n;
        break;
    default:
        return false;
    }
    return end != value && *end == '\0';
}

void options_parse(int argc, char **argv, struct options *options)
{
    int c;
    *options = (struct options){
        .conns = 64,
        .depth = 1,
        .path = "/",
        .seconds = 2,
        .warmup = 0.5,
        .body = UINT64_MAX,
    };
    while ((c = getopt(argc, argv, "p:c:d:u:t:w:n:i:b:P:k:B:W:Hrx")) != -1) {
        if (c == 'x' || c == 'r' || c == 'H') {
            *(c == 'x' ? &options->mix : c == 'r' ? &options->raw : &options->heads) = true;
            continue;
        }
        if (optarg == NULL || !take(options, c, optarg)) {
            misused();
        }
    }
    if (options->port == 0 || options->conns == 0 || options->depth == 0 || optind != argc) {
        misused();
    }
}
