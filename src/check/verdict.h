/* SPDX-License-Identifier: MIT */
/*
 * How a check ends. It runs alone in its process, so each of these ends that process: nothing needs
 * to be tidied up, and any thread of it may say the word.
 */
#ifndef NU_CHECK_VERDICT_H
#define NU_CHECK_VERDICT_H

enum nu_verdict {
    NU_OK,
    NU_FALLBACK, /* not offered; the library has another way and takes it */
    NU_ABSENT,   /* not offered, and nothing takes its place */
    NU_BROKEN,   /* offered, and it misbehaves */
    NU_UNTRIED,  /* nothing is known: what the check needs beside io_uring is not to be had here */
};

/* "ok", "fallback", "absent", "broken" or "untried". */
const char *nu_verdict_name(enum nu_verdict verdict);

/* What was seen goes with it, as text; no more than NU_SEEN - 1 bytes of it. */
#define NU_SEEN 240
#define NU_SAYS __attribute__((format(printf, 1, 2), noreturn))
void nu_ok(const char *format, ...) NU_SAYS;
void nu_missing(const char *format, ...) NU_SAYS; /* fallback or absent: the table knows */
void nu_broken(const char *format, ...) NU_SAYS;
void nu_untried(const char *format, ...) NU_SAYS;

#define nu_expect(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            nu_broken(__VA_ARGS__);                                                                \
        }                                                                                          \
    } while (0)

/* For what is no matter of io_uring: a socket, a thread, a limit. */
#define nu_require(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            nu_untried(__VA_ARGS__);                                                               \
        }                                                                                          \
    } while (0)

/* "-EAGAIN" or "17". Valid until the same thread's eighth call from here. */
const char *nu_res(long res);

#endif
