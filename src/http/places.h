/* SPDX-License-Identifier: MIT */
/*
 * Places for connections. A server has as many as it was told, or shares with all others that were
 * told nothing what the process's descriptors allow: a reserve is left, and where handlers serve
 * files each connection has one more, for a file. Any thread.
 */
#ifndef NU_HTTP_PLACES_H
#define NU_HTTP_PLACES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct nu_places {
    uint64_t max;        /* 0: what the descriptors allow, whose count `taken` then is */
    atomic_ulong *taken; /* by connections */
};

/* As many as `max` says, counted in `own`; 0: those that are shared. */
struct nu_places nu_places_of(uint64_t max, atomic_ulong *own);

/* Takes one, if there is one left; gives it back. */
bool nu_places_take(const struct nu_places *places);
void nu_places_give(const struct nu_places *places);
bool nu_places_left(const struct nu_places *places);

/* Likewise for a connection that waits for a place, which takes a descriptor of the reserve. */
bool nu_places_take_guest(void);
void nu_places_give_guest(void);
bool nu_places_guest_left(void);

/* Looks how many descriptors there are and what else has them, unless shared places are taken. */
void nu_places_measure(void);

/* How many are shared, by what was seen then. */
uint64_t nu_places_shared(void);

/* From now on there are handlers for files. */
void nu_places_serve_files(void);

#endif
