/* SPDX-License-Identifier: MIT */
#include "base/random.h"

#include <nng/nng.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void nu_random(void *buf, size_t size)
{
    ssize_t n;

    while ((n = getrandom(buf, size, 0)) != (ssize_t) size) {
        if (n < 0 && errno != EINTR) {
            /* Whoever asks would take a number that can be guessed for one that cannot. */
            fprintf(stderr, "nng-uring: getrandom: %s\n", strerror(errno));
            abort();
        }
    }
}

uint32_t nng_random(void)
{
    uint32_t value;
    nu_random(&value, sizeof value);
    return value;
}
