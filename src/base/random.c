/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

uint32_t nng_random(void)
{
    uint32_t value;
    ssize_t n;

    /* So few bytes come all at once, or not at all. */
    while ((n = getrandom(&value, sizeof(value), 0)) != (ssize_t) sizeof(value)) {
        if (n < 0 && errno != EINTR) {
            /* Whoever asks would take a number that can be guessed for one that cannot. */
            fprintf(stderr, "nng-uring: getrandom: %s\n", strerror(errno));
            abort();
        }
    }
    return value;
}
