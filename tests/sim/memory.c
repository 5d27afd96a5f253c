/* SPDX-License-Identifier: MIT */
/* The library's memory: how much of it there is, and that there may be none (ld --wrap). */
#include "sim/faults.h"
#include "sim/sched.h"
#include "sim/seed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void __real_free(void *p);
void *__real_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t n);

static long held; /* blocks */

long sim_held(void)
{
    return held;
}

static bool memory_fails(const char *what)
{
    static const int errors[] = { ENOMEM, 0 };
    return sim_inside() && sim_fault(what, errors) != 0;
}

static void *memory_gave(void *p)
{
    held += p != NULL;
    return p;
}

void *__wrap_malloc(size_t size)
{
    return memory_fails("malloc") ? NULL : memory_gave(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails("calloc") ? NULL : memory_gave(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (memory_fails("realloc")) {
        return NULL;
    }
    void *now = __real_realloc(p, size);
    return p == NULL ? memory_gave(now) : now;
}

char *__wrap_strdup(const char *text)
{
    return memory_fails("strdup") ? NULL : memory_gave(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t n)
{
    return memory_fails("strndup") ? NULL : memory_gave(__real_strndup(text, n));
}

void __wrap_free(void *p)
{
    held -= p != NULL;
    __real_free(p);
}

/* What one run gives back is for the next one, which else spends its time on pages of zeros; its
 * bytes are anything, for these are buffers. AddressSanitizer is to see who uses it in between. */
#define KEPT 4U
#ifdef NU_ASAN
static const bool keeps = false;
#else
static const bool keeps = true;
#endif

static struct {
    void *p;
    size_t n;
} mapped[KEPT];

static void *memory_mapped_before(size_t n)
{
    for (unsigned i = 0; i < KEPT; i++) {
        if (mapped[i].p != NULL && mapped[i].n == n) {
            void *p = mapped[i].p;
            mapped[i].p = NULL;
            return p;
        }
    }
    return NULL;
}

static bool memory_keep(void *p, size_t n)
{
    unsigned i = 0;
    while (i < KEPT && mapped[i].p != NULL) {
        i++;
    }
    if (!keeps || i == KEPT || !sim_inside()) {
        return false;
    }
    mapped[i].p = p;
    mapped[i].n = n;
    return true;
}

void *__wrap_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    static const int errors[] = { ENOMEM, 0 };
    if (sim_inside() && sim_fault("mmap", errors) != 0) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *p = memory_mapped_before(n);
    p = p != NULL ? p : __real_mmap(at, n, protection, flags, fd, offset);
    held += p != MAP_FAILED;
    return p;
}

int __wrap_munmap(void *at, size_t n)
{
    held--;
    return memory_keep(at, n) ? 0 : __real_munmap(at, n);
}

/* ---- The simulation's own ----------------------------------------------------------------- */

void *sim_alloc(size_t n)
{
    void *p = __real_calloc(1, n);
    sim_check(p != NULL, "no memory");
    return p;
}

void *sim_resize(void *p, size_t n)
{
    p = __real_realloc(p, n);
    sim_check(p != NULL, "no memory");
    return p;
}

void sim_release(void *p)
{
    __real_free(p);
}
