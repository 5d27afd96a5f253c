/* SPDX-License-Identifier: MIT */
/* Maps of numbers to pointers: <nng/supplemental/util/idhash.h>. */
#include <nng/supplemental/util/idhash.h>

#include <stdlib.h>

#define LEAST 8 /* places, once there is an entry; a power of two */

struct entry {
    uint64_t id;
    void *value; /* NULL: nothing is here */
};

/* Open addressing: an entry is at its home, or behind it with no empty place in between. At most
 * half of the places are taken. */
struct nng_id_map_s {
    struct entry *entries; /* mask + 1 of them; NULL: none yet */
    uint32_t mask;
    uint32_t count;
    uint64_t lo;
    uint64_t hi;
    uint64_t next; /* tried first by nng_id_alloc(); below lo: none was given out yet */
    bool random;
};

int nng_id_map_alloc(nng_id_map **mapp, uint64_t lo, uint64_t hi, int flags)
{
    lo = lo != 0 ? lo : 1;
    hi = hi != 0 ? hi : UINT32_MAX;
    if (hi < lo || (flags & ~NNG_MAP_RANDOM) != 0) {
        return NNG_EINVAL;
    }
    nng_id_map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return NNG_ENOMEM;
    }
    map->lo = lo;
    map->hi = hi;
    map->random = (flags & NNG_MAP_RANDOM) != 0;
    *mapp = map;
    return 0;
}

void nng_id_map_free(nng_id_map *map)
{
    if (map != NULL) {
        free(map->entries);
        free(map);
    }
}

static uint32_t id_map_home(const nng_id_map *map, uint64_t id)
{
    return (uint32_t) ((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & map->mask;
}

/* Where it is, or the empty place where it would go. There are places. */
static uint32_t id_map_find(const nng_id_map *map, uint64_t id)
{
    uint32_t i = id_map_home(map, id);
    while (map->entries[i].value != NULL && map->entries[i].id != id) {
        i = (i + 1) & map->mask;
    }
    return i;
}

void *nng_id_get(nng_id_map *map, uint64_t id)
{
    return map->entries != NULL ? map->entries[id_map_find(map, id)].value : NULL;
}

static int id_map_resize(nng_id_map *map, uint32_t places)
{
    struct entry *old = map->entries;
    uint32_t n = old != NULL ? map->mask + 1 : 0;
    struct entry *entries = calloc(places, sizeof *entries);
    if (entries == NULL) {
        return NNG_ENOMEM;
    }
    map->entries = entries;
    map->mask = places - 1;
    for (uint32_t i = 0; i < n; i++) {
        if (old[i].value != NULL) {
            entries[id_map_find(map, old[i].id)] = old[i];
        }
    }
    free(old);
    return 0;
}

static int id_map_make_room(nng_id_map *map)
{
    if (map->entries == NULL) {
        return id_map_resize(map, LEAST);
    }
    if (map->count < (map->mask + 1) / 2) {
        return 0;
    }
    return map->mask < UINT32_MAX / 2 ? id_map_resize(map, (map->mask + 1) * 2) : NNG_ENOMEM;
}

int nng_id_set(nng_id_map *map, uint64_t id, void *value)
{
    if (value == NULL) {
        return NNG_EINVAL;
    }
    if (nng_id_get(map, id) == NULL) {
        int err = id_map_make_room(map);
        if (err != 0) {
            return err;
        }
        map->count++;
    }
    map->entries[id_map_find(map, id)] = (struct entry){ id, value };
    return 0;
}

static uint64_t id_map_random_start(const nng_id_map *map)
{
    uint64_t number = (uint64_t) nng_random() << 32 | nng_random();
    uint64_t range = map->hi - map->lo + 1; /* 0 would be all of them, but there is no id 0 */
    return map->lo + number % range;
}

int nng_id_alloc(nng_id_map *map, uint64_t *idp, void *value)
{
    if (value == NULL) {
        return NNG_EINVAL;
    }
    if (map->count > map->hi - map->lo) {
        return NNG_ENOMEM;
    }
    if (map->next < map->lo) {
        map->next = map->random ? id_map_random_start(map) : map->lo;
    }
    uint64_t id = map->next;
    while (nng_id_get(map, id) != NULL) {
        id = id < map->hi ? id + 1 : map->lo;
    }
    int err = nng_id_set(map, id, value);
    if (err == 0) {
        map->next = id < map->hi ? id + 1 : map->lo;
        *idp = id;
    }
    return err;
}

/* Moves those behind up to where they would have gone, had the place been empty. */
static void id_map_close_gap(nng_id_map *map, uint32_t gap)
{
    for (uint32_t i = (gap + 1) & map->mask; map->entries[i].value != NULL;
         i = (i + 1) & map->mask) {
        uint32_t home = id_map_home(map, map->entries[i].id);
        if (((i - home) & map->mask) >= ((i - gap) & map->mask)) {
            map->entries[gap] = map->entries[i];
            map->entries[i].value = NULL;
            gap = i;
        }
    }
}

int nng_id_remove(nng_id_map *map, uint64_t id)
{
    if (nng_id_get(map, id) == NULL) {
        return NNG_ENOENT;
    }
    uint32_t i = id_map_find(map, id);
    map->entries[i].value = NULL;
    map->count--;
    id_map_close_gap(map, i);
    if (map->mask >= LEAST && map->count < (map->mask + 1) / 8) {
        (void) id_map_resize(map, (map->mask + 1) / 2); /* it works as it is, too */
    }
    return 0;
}

bool nng_id_visit(nng_id_map *map, uint64_t *idp, void **valuep, uint32_t *cursor)
{
    while (map->entries != NULL && *cursor <= map->mask) {
        const struct entry *entry = &map->entries[(*cursor)++];
        if (entry->value != NULL) {
            if (idp != NULL) {
                *idp = entry->id;
            }
            if (valuep != NULL) {
                *valuep = entry->value;
            }
            return true;
        }
    }
    return false;
}
