/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <nng/supplemental/util/idhash.h>
#include <stdlib.h>

static nng_id_map *new_map(uint64_t lo, uint64_t hi, int flags)
{
    nng_id_map *map;
    cr_assert_eq(nng_id_map_alloc(&map, lo, hi, flags), 0);
    return map;
}

Test(id_map, set_get_remove, .timeout = 10)
{
    nng_id_map *map = new_map(0, 0, 0);
    int a, b;
    cr_assert_null(nng_id_get(map, 1));
    cr_assert_eq(nng_id_remove(map, 1), NNG_ENOENT);
    cr_assert_eq(nng_id_set(map, 1, NULL), NNG_EINVAL);
    cr_assert_eq(nng_id_set(map, 0, &a), 0); /* outside the range */
    cr_assert_eq(nng_id_set(map, UINT64_MAX, &b), 0);
    cr_assert_eq(nng_id_get(map, 0), &a);
    cr_assert_eq(nng_id_get(map, UINT64_MAX), &b);
    cr_assert_eq(nng_id_set(map, 0, &b), 0);
    cr_assert_eq(nng_id_get(map, 0), &b);
    cr_assert_eq(nng_id_remove(map, 0), 0);
    cr_assert_null(nng_id_get(map, 0));
    cr_assert_eq(nng_id_remove(map, 0), NNG_ENOENT);
    nng_id_map_free(map);
    nng_id_map_free(NULL);
}

Test(id_map, refused, .timeout = 10)
{
    nng_id_map *map;
    cr_assert_eq(nng_id_map_alloc(&map, 10, 9, 0), NNG_EINVAL);
    cr_assert_eq(nng_id_map_alloc(&map, 1, 9, 2), NNG_EINVAL);
    map = new_map(7, 7, 0);
    uint64_t id;
    cr_assert_eq(nng_id_alloc(map, &id, NULL), NNG_EINVAL);
    cr_assert_eq(nng_id_alloc(map, &id, map), 0);
    cr_assert_eq(id, 7);
    cr_assert_eq(nng_id_alloc(map, &id, map), NNG_ENOMEM);
    nng_id_map_free(map);
}

/* One after the other, round and round, around those that are taken. */
Test(id_map, alloc, .timeout = 10)
{
    nng_id_map *map = new_map(100, 102, 0);
    uint64_t id;
    for (uint64_t want = 100; want <= 102; want++) {
        cr_assert_eq(nng_id_alloc(map, &id, map), 0);
        cr_assert_eq(id, want);
    }
    cr_assert_eq(nng_id_remove(map, 101), 0);
    cr_assert_eq(nng_id_alloc(map, &id, map), 0);
    cr_assert_eq(id, 101);
    cr_assert_eq(nng_id_remove(map, 102), 0);
    cr_assert_eq(nng_id_remove(map, 101), 0);
    cr_assert_eq(nng_id_alloc(map, &id, map), 0);
    cr_assert_eq(id, 102); /* not the one that has just become free */
    nng_id_map_free(map);
}

Test(id_map, random_start, .timeout = 10)
{
    bool differ = false;
    uint64_t first = 0, id;
    for (int i = 0; i < 20; i++) {
        nng_id_map *map = new_map(UINT64_C(1) << 40, (UINT64_C(1) << 40) + 999999, NNG_MAP_RANDOM);
        cr_assert_eq(nng_id_alloc(map, &id, map), 0);
        cr_assert(id >= UINT64_C(1) << 40 && id < (UINT64_C(1) << 40) + 1000000);
        differ = differ || (i > 0 && id != first);
        first = id;
        nng_id_map_free(map);
    }
    cr_assert(differ);
}

static void visit(nng_id_map *map, const bool *there, unsigned n)
{
    bool seen[5000] = { false };
    uint32_t cursor = 0;
    unsigned count = 0;
    uint64_t id;
    void *value;
    while (nng_id_visit(map, &id, &value, &cursor)) {
        id = (id - 3) / 64;
        cr_assert(id < n && there[id] && !seen[id]);
        cr_assert_eq(value, (void *) &there[id]);
        seen[id] = true;
        count++;
    }
    for (unsigned i = 0; i < n; i++) {
        count -= there[i];
    }
    cr_assert_eq(count, 0);
}

/* Random steps, against a table. The numbers are far apart, so that they meet in the map. */
Test(id_map, like_a_table, .timeout = 60)
{
    static bool there[5000];
    nng_id_map *map = new_map(0, 0, 0);
    srand(1);
    for (int i = 0; i < 200000; i++) {
        unsigned n = (unsigned) rand() % 5000;
        bool grow = (i / 20000) % 2 == 0;
        uint64_t id = (uint64_t) n * 64 + 3;
        cr_assert_eq(nng_id_get(map, id), there[n] ? (void *) &there[n] : NULL);
        if (rand() % 8 < (grow ? 6 : 2)) {
            cr_assert_eq(nng_id_set(map, id, &there[n]), 0);
            there[n] = true;
        } else {
            cr_assert_eq(nng_id_remove(map, id), there[n] ? 0 : NNG_ENOENT);
            there[n] = false;
        }
        if (i % 10000 == 0) {
            visit(map, there, 5000);
        }
    }
    nng_id_map_free(map);
}
