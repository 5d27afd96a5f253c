/* SPDX-License-Identifier: MIT */
/*
 * Criterion's boxfort maps the arena that it shares with its children at a random address, which it
 * takes from rand_r() (in units of 16 MiB, counted from 1 << 45), and a child maps it there without
 * looking what is there already: once in a long while that is the child's own program, which the
 * kernel places anew for each process, and the test jumps into the arena. ThreadSanitizer keeps its
 * shadow memory at nearly all of these addresses, besides ("Could not initialize inheritable
 * arena"). These lie below where programs are placed, in the range ThreadSanitizer leaves to them.
 */
#include <stdlib.h>

int rand_r(unsigned *seed)
{
    return 0x350000 + (int) ((*seed)++ % 0x5000); /* 0x550000000000 to 0x555000000000 */
}
