/* SPDX-License-Identifier: MIT */
/*
 * Options of streams, dialers and listeners: named, typed values. Each kind of object has a table
 * of those it knows. The public functions, one for each object and type, are made of these in
 * calls.c.
 */
#ifndef NU_STREAM_OPTION_H
#define NU_STREAM_OPTION_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nu_option_type {
    NU_OPTION_BOOL,
    NU_OPTION_INT,
    NU_OPTION_MS,
    NU_OPTION_SIZE,
    NU_OPTION_UINT64,
    NU_OPTION_STRING,
    NU_OPTION_PTR,
    NU_OPTION_ADDR,
};

union nu_option_value {
    bool b;
    int i;
    nng_duration ms;
    size_t size;
    uint64_t u64;
    struct {
        char *text;       /* got: the caller's, for nng_strfree(); set: only looked at */
        const char *part; /* what follows the name of an option that ends in ':' */
    };
    void *ptr;
    nng_sockaddr addr;
};

struct nu_option {
    const char *name; /* NULL ends a table; one with a ':' at its end begins many names, of strings
                       */
    enum nu_option_type type;
    int (*get)(void *object, union nu_option_value *value);       /* NULL: NNG_EWRITEONLY */
    int (*set)(void *object, const union nu_option_value *value); /* NULL: NNG_EREADONLY */
};

/* NNG_ENOTSUP: there is no such option; NNG_EBADTYPE: it has another type. */
int nu_option_get(const struct nu_option *table, void *object, const char *name,
                  enum nu_option_type type, union nu_option_value *value);
int nu_option_set(const struct nu_option *table, void *object, const char *name,
                  enum nu_option_type type, const union nu_option_value *value);

/*
 * The same with the value as bytes: those of a bool, int and so on, a string with its NUL.
 * NNG_EINVAL: *size is too small (it then says how much is needed), or not what the type has.
 */
int nu_option_get_bytes(const struct nu_option *table, void *object, const char *name, void *buf,
                        size_t *size);
int nu_option_set_bytes(const struct nu_option *table, void *object, const char *name,
                        const void *buf, size_t size);

#endif
