/*
 * Memory that is handed to the kernel escapes the compiler's instrumentation. Under AddressSanitizer
 * this reports what a load by our own code would have reported; otherwise it is nothing.
 */
#ifndef NU_BASE_CHECK_H
#define NU_BASE_CHECK_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NU_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define NU_ASAN 1
#endif

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

#endif
