/* SPDX-License-Identifier: MIT */
/*
 * A table of details: what happens, with NNG and here. Each row is tried on the library that this
 * is built against, and must come out as the table says.
 */
#ifndef NU_TESTS_DROPIN_ROWS_H
#define NU_TESTS_DROPIN_ROWS_H

#include "check.h"

static char outcome[512]; /* of the row that is tried */

#define say(...) snprintf(outcome, sizeof outcome, __VA_ARGS__)

static inline const char *error_name(int err)
{
    static const struct {
        int err;
        const char *name;
    } known[] = { { 0, "0" },
                  { NNG_EINVAL, "EINVAL" },
                  { NNG_EBUSY, "EBUSY" },
                  { NNG_ETIMEDOUT, "ETIMEDOUT" },
                  { NNG_EADDRINUSE, "EADDRINUSE" },
                  { NNG_EPROTO, "EPROTO" },
                  { NNG_EPERM, "EPERM" },
                  { NNG_EMSGSIZE, "EMSGSIZE" },
                  { NNG_ECANCELED, "ECANCELED" } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].err == err) {
            return known[i].name;
        }
    }
    return nng_strerror(err);
}

struct row {
    const char *what;
    void (*try)(void); /* NULL: this NNG is too old to have it, and newer ones do as `nng` says */
    const char *nng;
    const char *here; /* NULL: the same */
    const char *why;
    const char *before; /* NNG before 1.12; NULL: the same */
};

#define SAME(what_, try_, nng_)                                                                    \
    {                                                                                              \
        .what = what_, .try = try_, .nng = nng_                                                    \
    }
#define DIFFERS(what_, try_, nng_, here_, why_)                                                    \
    {                                                                                              \
        .what = what_, .try = try_, .nng = nng_, .here = here_, .why = why_                        \
    }

static inline void just_try(void (*try)(void))
{
    if (try != NULL) {
        try();
    }
}

/* Prints "same" or "differs on purpose", with the reason; false: it is not as the table says. */
static inline bool check_row(const struct row *row, void (*around)(void (*try)(void)))
{
    const char *want = uring && row->here != NULL ? row->here : row->nng;
    if (!uring && NNG_MINOR_VERSION < 11 && row->before != NULL) { /* 1.12 says that it is 1.11 */
        want = row->before;
    }
    outcome[0] = '\0';
    around(row->try);
    if (row->try != NULL && strcmp(outcome, want) != 0) {
        printf("not ok %s: %s, and not %s\n", row->what, outcome, want);
        return false;
    }
    if (row->here == NULL) {
        printf("same  %s: %s\n", row->what, row->nng);
    } else {
        printf("differs on purpose  %s: %s, here %s: %s\n", row->what, row->nng, row->here,
               row->why);
    }
    return true;
}

/* Tries `n` rows, each in a call of `around`; then the program ends with what this returns. */
static inline int check_rows(const char *name, const struct row *rows, size_t n,
                             void (*around)(void (*try)(void)))
{
    bool passed = true;
    for (size_t i = 0; i < n; i++) {
        passed = check_row(&rows[i], around) && passed;
    }
    end();
    if (passed) {
        ok(name);
    }
    return passed ? 0 : 1;
}

#endif
