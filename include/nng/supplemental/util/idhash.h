/* SPDX-License-Identifier: MIT */
/*
 * Maps of numbers to pointers, which find free numbers, too. A map is used by one thread at a time:
 * lock around it if there are more. (NNG 1.7.3 and later.)
 */
#ifndef NNG_SUPPLEMENTAL_UTIL_IDHASH_H
#define NNG_SUPPLEMENTAL_UTIL_IDHASH_H

#include <nng/nng.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_id_map_s nng_id_map;

#define NNG_MAP_RANDOM 1 /* the first number that nng_id_alloc() gives is a random one */

/*
 * An empty map, which the caller owns. nng_id_alloc() gives numbers from `lo` to `hi`; 0 stands for
 * 1 and for UINT32_MAX. NNG_EINVAL: `hi` is below `lo`, or flags but NNG_MAP_RANDOM (NNG aborts, or
 * ignores them). NNG_ENOMEM. nng_id_map_alloc(3supp).
 */
NNG_DECL int nng_id_map_alloc(nng_id_map **mapp, uint64_t lo, uint64_t hi, int flags);

/* Frees the map, not what its values point to. NULL is allowed. nng_id_map_free(3supp). */
NNG_DECL void nng_id_map_free(nng_id_map *map);

/* The value for a number, or NULL. nng_id_get(3supp). */
NNG_DECL void *nng_id_get(nng_id_map *map, uint64_t id);

/* Sets or replaces the value for any number, also one outside the range. NNG_EINVAL: a NULL value.
 * NNG_ENOMEM. nng_id_set(3supp). */
NNG_DECL int nng_id_set(nng_id_map *map, uint64_t id, void *value);

/*
 * Sets the value for a number of the range that has none: the next after the one given last, and
 * from the start of the range again at its end, so that a number is not soon given twice.
 * NNG_EINVAL: a NULL value. NNG_ENOMEM: no memory, or no number is left. nng_id_alloc(3supp).
 */
NNG_DECL int nng_id_alloc(nng_id_map *map, uint64_t *idp, void *value);

/* Removes a number. NNG_ENOENT when it has no value. nng_id_remove(3supp). */
NNG_DECL int nng_id_remove(nng_id_map *map, uint64_t id);

/*
 * The next entry, in no order: true and *idp and *valuep (either may be NULL), or false at the end.
 * *cursor starts at 0; the map must not change meanwhile. nng_id_visit(3supp).
 */
NNG_DECL bool nng_id_visit(nng_id_map *map, uint64_t *idp, void **valuep, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif
