/* SPDX-License-Identifier: MIT */
/*
 * Linked into the tests under ThreadSanitizer only. Criterion's boxfort maps the arena that it
 * shares with its children at a random address, which it takes from rand_r() (in units of 16 MiB,
 * and tries again a few times). Nearly all of the addresses it can come up with lie where
 * ThreadSanitizer keeps its shadow memory or allows no mapping, and the tests end before they
 * begin: "Could not initialize inheritable arena". These lie in the range ThreadSanitizer leaves
 * to the program.
 */
#include <stdlib.h>

int rand_r(unsigned *seed)
{
    return 0x358000 + (int) ((*seed)++ % 0xf000);
}
