/* SPDX-License-Identifier: MIT */
/* Numbers that look random; the same ones for the same seed. (Under TSan, rand_r() only counts.) */
#ifndef NU_TESTS_SUPPORT_RANDOM_H
#define NU_TESTS_SUPPORT_RANDOM_H

/* The next number from 0 to below `below`. */
static inline unsigned t_random(unsigned *seed, unsigned below)
{
    unsigned x = *seed != 0 ? *seed : 1;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *seed = x;
    return (unsigned) (((unsigned long long) x * below) >> 32);
}

#endif
