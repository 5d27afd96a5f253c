/* SPDX-License-Identifier: MIT */
/*
 * What the kernel does escapes the compiler's instrumentation. Under AddressSanitizer and
 * ThreadSanitizer these say what a sanitizer would have seen; otherwise they are nothing.
 */
#ifndef NU_BASE_CHECK_H
#define NU_BASE_CHECK_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NU_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define NU_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define NU_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define NU_TSAN 1
#endif

/* Memory is handed to the kernel: reports what a load by our own code would have reported. */
#ifdef NU_ASAN
#include <sanitizer/asan_interface.h>
static inline void nu_check_memory(const void *p, size_t n)
{
    const char *bad = __asan_region_is_poisoned((void *) p, n);
    if (bad != NULL) {
        (void) *(const volatile char *) bad;
    }
}
#else
static inline void nu_check_memory(const void *p, size_t n)
{
    (void) p;
    (void) n;
}
#endif

/* All that was done before nu_check_gave(what) comes before all that is done after
 * nu_check_got(what), because the kernel sees to it. */
#ifdef NU_TSAN
#include <sanitizer/tsan_interface.h>
static inline void nu_check_gave(void *what)
{
    __tsan_release(what);
}

static inline void nu_check_got(void *what)
{
    __tsan_acquire(what);
}
#else
static inline void nu_check_gave(void *what)
{
    (void) what;
}

static inline void nu_check_got(void *what)
{
    (void) what;
}
#endif

#endif
