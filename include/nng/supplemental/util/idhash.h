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
 * Makes a map of numbers to pointers, which finds free numbers, too.
 *
 * It is empty, and the caller owns it. nng_id_alloc() gives numbers from `lo` to `hi`; 0 stands for
 * 1 and for UINT32_MAX. With NNG_MAP_RANDOM in `flags` the first that it gives is a random one.
 *
 * Errors: NNG_EINVAL: `hi` is below `lo`, or flags other than NNG_MAP_RANDOM; NNG_ENOMEM: no
 * memory.
 * Threads: any.
 * NNG: it aborts, or ignores the flags.
 * See: nng_id_alloc(), nng_id_get(), nng_id_map_free().
 */
NNG_DECL int nng_id_map_alloc(nng_id_map **mapp, uint64_t lo, uint64_t hi, int flags);

/*
 * Frees a map, not what its values point to.
 *
 * NULL is allowed.
 *
 * Threads: any, one at a time for each map.
 */
NNG_DECL void nng_id_map_free(nng_id_map *map);

/*
 * Returns the value for a number.
 *
 * Returns: the value, or NULL when there is none.
 * Threads: any, one at a time for each map.
 * See: nng_id_set().
 */
NNG_DECL void *nng_id_get(nng_id_map *map, uint64_t id);

/*
 * Set the value for a number.
 *
 * Or replaces it; for any number, also one outside the map's range.
 *
 * Errors: NNG_EINVAL: a NULL value; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each map.
 * See: nng_id_get(), nng_id_alloc(), nng_id_remove().
 */
NNG_DECL int nng_id_set(nng_id_map *map, uint64_t id, void *value);

/*
 * Sets the value for a number that has none.
 *
 * It is the number of the map's range after the one given last, and from the start of the range
 * again at its end, so that a number is not soon given twice.
 *
 * Errors: NNG_EINVAL: a NULL value; NNG_ENOMEM: no memory, or no number is left.
 * Threads: any, one at a time for each map.
 * See: nng_id_set(), nng_id_remove().
 */
NNG_DECL int nng_id_alloc(nng_id_map *map, uint64_t *idp, void *value);

/*
 * Removes a number from a map.
 *
 * Errors: NNG_ENOENT: it has no value.
 * Threads: any, one at a time for each map.
 * See: nng_id_set().
 */
NNG_DECL int nng_id_remove(nng_id_map *map, uint64_t id);

/*
 * Tells the next entry of a map, in no order.
 *
 * `*idp` and `*valuep` are set to it; either pointer may be NULL. `*cursor` is 0 at first, and the
 * map must not change meanwhile.
 *
 * Returns: false at the end.
 * Threads: any, one at a time for each map.
 */
NNG_DECL bool nng_id_visit(nng_id_map *map, uint64_t *idp, void **valuep, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif
