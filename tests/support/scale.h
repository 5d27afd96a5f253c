/* Sanitizers make code several times slower: how much less the heavy tests do under them. */
#ifndef NU_TESTS_SUPPORT_SCALE_H
#define NU_TESTS_SUPPORT_SCALE_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define NU_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NU_SANITIZED 1
#endif

#ifdef NU_SANITIZED
#define NU_TIMES(n) ((n) / 5)
#else
#define NU_TIMES(n) (n)
#endif

#endif
