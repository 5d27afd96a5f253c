/* SPDX-License-Identifier: MIT */
#include "http/places.h"

#include <dirent.h>
#include <stddef.h>
#include <sys/resource.h>

#define RESERVE 8 /* one in so many is for dials, logs and whatever else comes up */
#define GUESTS 16 /* one descriptor in so many, half of the reserve, is for who waits */
#define UNKNOWN 32

static atomic_ulong shared_taken;
static atomic_uint_least64_t shared_descriptors; /* for connections and their files */
static atomic_bool serves_files;
static atomic_ulong guests, guests_max;

static uint64_t places_descriptors_open(void)
{
    uint64_t n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return UNKNOWN;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(dir);
    return n - 1; /* the directory's own */
}

void nu_places_measure(void)
{
    struct rlimit files;
    uint64_t most = UINT32_MAX, spent;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < most) {
        most = files.rlim_cur;
    }
    atomic_store(&guests_max, most / GUESTS + 1);
    if (atomic_load(&shared_taken) > 0) {
        return;
    }
    spent = most / RESERVE + places_descriptors_open();
    atomic_store(&shared_descriptors, most > spent ? most - spent : 0);
}

uint64_t nu_places_shared(void)
{
    uint64_t n = atomic_load_explicit(&shared_descriptors, memory_order_relaxed);
    n /= atomic_load_explicit(&serves_files, memory_order_relaxed) ? 2 : 1;
    return n > 0 ? n : 1;
}

void nu_places_serve_files(void)
{
    atomic_store_explicit(&serves_files, true, memory_order_relaxed);
}

struct nu_places nu_places_of(uint64_t max, atomic_ulong *own)
{
    return (struct nu_places){ max, max > 0 ? own : &shared_taken };
}

static uint64_t places_max(const struct nu_places *places)
{
    return places->max > 0 ? places->max : nu_places_shared();
}

bool nu_places_take(const struct nu_places *places)
{
    if (atomic_fetch_add_explicit(places->taken, 1, memory_order_relaxed) < places_max(places)) {
        return true;
    }
    nu_places_give(places);
    return false;
}

void nu_places_give(const struct nu_places *places)
{
    atomic_fetch_sub_explicit(places->taken, 1, memory_order_relaxed);
}

bool nu_places_left(const struct nu_places *places)
{
    return atomic_load_explicit(places->taken, memory_order_relaxed) < places_max(places);
}

bool nu_places_guest_left(void)
{
    return atomic_load(&guests) < atomic_load(&guests_max);
}

bool nu_places_take_guest(void)
{
    if (atomic_fetch_add(&guests, 1) < atomic_load(&guests_max)) {
        return true;
    }
    nu_places_give_guest();
    return false;
}

void nu_places_give_guest(void)
{
    atomic_fetch_sub(&guests, 1);
}
