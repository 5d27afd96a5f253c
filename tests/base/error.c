/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <nng/nng.h>

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>

TestSuite(error, .timeout = 30);

static const int known[] = {
    NNG_EINTR,      NNG_ENOMEM,       NNG_EINVAL,
    NNG_EBUSY,      NNG_ETIMEDOUT,    NNG_ECONNREFUSED,
    NNG_ECLOSED,    NNG_EAGAIN,       NNG_ENOTSUP,
    NNG_EADDRINUSE, NNG_ESTATE,       NNG_ENOENT,
    NNG_EPROTO,     NNG_EUNREACHABLE, NNG_EADDRINVAL,
    NNG_EPERM,      NNG_EMSGSIZE,     NNG_ECONNABORTED,
    NNG_ECONNRESET, NNG_ECANCELED,    NNG_ENOFILES,
    NNG_ENOSPC,     NNG_EEXIST,       NNG_EREADONLY,
    NNG_EWRITEONLY, NNG_ECRYPTO,      NNG_EPEERAUTH,
    NNG_ENOARG,     NNG_EAMBIGUOUS,   NNG_EBADTYPE,
    NNG_ECONNSHUT,  NNG_EINTERNAL,    0,
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

Test(error, every_code_has_a_text_of_its_own)
{
    for (size_t i = 0; i < KNOWN; i++) {
        const char *text = nng_strerror(known[i]);
        cr_assert_not_null(text);
        cr_assert_neq(text[0], '\0');
        cr_assert_neq(strncmp(text, "Unknown", 7), 0, "%d", known[i]);
        for (size_t j = 0; j < i; j++) {
            cr_assert_str_neq(text, nng_strerror(known[j]));
        }
    }
}

/* Programs print them, and some compare. */
Test(error, texts_are_nngs)
{
    static const struct {
        int err;
        const char *text;
    } table[] = {
        { 0, "Hunky dory" },
        { NNG_EINTR, "Interrupted" },
        { NNG_ENOMEM, "Out of memory" },
        { NNG_EINVAL, "Invalid argument" },
        { NNG_EBUSY, "Resource busy" },
        { NNG_ETIMEDOUT, "Timed out" },
        { NNG_ECONNREFUSED, "Connection refused" },
        { NNG_ECLOSED, "Object closed" },
        { NNG_EAGAIN, "Try again" },
        { NNG_ENOTSUP, "Not supported" },
        { NNG_EADDRINUSE, "Address in use" },
        { NNG_ESTATE, "Incorrect state" },
        { NNG_ENOENT, "Entry not found" },
        { NNG_EPROTO, "Protocol error" },
        { NNG_EUNREACHABLE, "Destination unreachable" },
        { NNG_EADDRINVAL, "Address invalid" },
        { NNG_EPERM, "Permission denied" },
        { NNG_EMSGSIZE, "Message too large" },
        { NNG_ECONNABORTED, "Connection aborted" },
        { NNG_ECONNRESET, "Connection reset" },
        { NNG_ECANCELED, "Operation canceled" },
        { NNG_ENOFILES, "Out of files" },
        { NNG_ENOSPC, "Out of space" },
        { NNG_EEXIST, "Resource already exists" },
        { NNG_EREADONLY, "Read only resource" },
        { NNG_EWRITEONLY, "Write only resource" },
        { NNG_ECRYPTO, "Cryptographic error" },
        { NNG_EPEERAUTH, "Peer could not be authenticated" },
        { NNG_ENOARG, "Option requires argument" },
        { NNG_EAMBIGUOUS, "Ambiguous option" },
        { NNG_EBADTYPE, "Incorrect type" },
        { NNG_ECONNSHUT, "Connection shutdown" },
        { NNG_EINTERNAL, "Internal error detected" },
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cr_assert_str_eq(nng_strerror(table[i].err), table[i].text);
    }
}

Test(error, system_errors_have_the_systems_text)
{
    cr_assert_str_eq(nng_strerror(NNG_ESYSERR + EXDEV), strerror(EXDEV));
    cr_assert_str_eq(nng_strerror(NNG_ESYSERR + 99999), "Unknown error 99999");
}

Test(error, unknown_codes_are_named_by_number)
{
    cr_assert_str_eq(nng_strerror(999), "Unknown error #999");
    cr_assert_str_eq(nng_strerror(32), "Unknown error #32");
    cr_assert_str_eq(nng_strerror(-1), "Unknown error #-1");
    cr_assert_str_eq(nng_strerror(INT32_MIN), "Unknown error #-2147483648");
    cr_assert_str_eq(nng_strerror(NNG_ETRANERR + 7), "Transport error #7");
}

static void *other_thread(void *arg)
{
    (void) arg;
    cr_assert_str_eq(nng_strerror(1234), "Unknown error #1234");
    return NULL;
}

Test(error, the_text_of_one_thread_is_not_anothers)
{
    pthread_t thread;
    const char *text = nng_strerror(999);

    cr_assert_eq(pthread_create(&thread, NULL, other_thread, NULL), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_str_eq(text, "Unknown error #999");
}

Test(error, from_errno)
{
    static const struct {
        int err;
        int code;
    } cases[] = {
        { 0, 0 },
        { ECONNRESET, NNG_ECONNRESET },
        { EPIPE, NNG_ECONNRESET },
        { ENOMEM, NNG_ENOMEM },
        { ENOBUFS, NNG_ENOMEM },
        { EMFILE, NNG_ENOFILES },
        { ENFILE, NNG_ENOFILES },
        { ECONNREFUSED, NNG_ECONNREFUSED },
        { ETIMEDOUT, NNG_ETIMEDOUT },
        { EADDRINUSE, NNG_EADDRINUSE },
        { EADDRNOTAVAIL, NNG_EADDRINVAL },
        { ENETUNREACH, NNG_EUNREACHABLE },
        { EHOSTUNREACH, NNG_EUNREACHABLE },
        { EACCES, NNG_EPERM },
        { EPERM, NNG_EPERM },
        { ENOENT, NNG_ENOENT },
        { EINVAL, NNG_EINVAL },
        { ENOTSUP, NNG_ENOTSUP },
        { EOPNOTSUPP, NNG_ENOTSUP },
        { ENOSYS, NNG_ENOTSUP },
        { ECANCELED, NNG_ECANCELED },
        { EINTR, NNG_EINTR },
        { EAGAIN, NNG_EAGAIN },
        { ECONNABORTED, NNG_ECONNABORTED },
        { EXDEV, NNG_ESYSERR + EXDEV },
        { EIO, NNG_ESYSERR + EIO },
        { 4095, NNG_ESYSERR + 4095 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(nu_error_from_errno(cases[i].err), cases[i].code, "%d", cases[i].err);
    }
}
