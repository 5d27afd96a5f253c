/* SPDX-License-Identifier: MIT */
#include <nng/nng.h>
#include <nng/supplemental/util/options.h>

#include <string.h>

/* The option that is called `name`, of n characters, or that alone begins so. */
static int opts_find_long(const nng_optspec *spec, const char *name, size_t n,
                          const nng_optspec **found)
{
    int matches = 0;

    for (; spec->o_val != 0; spec++) {
        if (spec->o_name == NULL || strncmp(spec->o_name, name, n) != 0) {
            continue;
        }
        *found = spec;
        if (spec->o_name[n] == '\0') {
            return 0;
        }
        matches++;
    }
    return matches == 1 ? 0 : matches == 0 ? NNG_EINVAL : NNG_EAMBIGUOUS;
}

static int opts_find_short(const nng_optspec *spec, char letter, const nng_optspec **found)
{
    for (; spec->o_val != 0; spec++) {
        if (spec->o_short == letter) {
            *found = spec;
            return 0;
        }
    }
    return NNG_EINVAL;
}

int nng_opts_parse(int argc, char *const *argv, const nng_optspec *opts, int *val, char **optarg,
                   int *optidx)
{
    int index = *optidx;
    const nng_optspec *opt = NULL;
    int err;

    if (index >= argc || argv[index][0] != '-') {
        return -1;
    }
    if (argv[index][1] == '\0') {
        *optidx = index + 1;
        return -1;
    }
    char *rest; /* what stands behind the name, "" for nothing */
    bool is_long = argv[index][1] == '-';
    if (is_long) {
        char *name = argv[index] + 2;
        size_t n = strcspn(name, "=:");
        rest = name + n;
        err = opts_find_long(opts, name, n, &opt);
    } else {
        rest = argv[index] + 2;
        err = opts_find_short(opts, argv[index][1], &opt);
    }
    if (err != 0) {
        return err;
    }
    index++;
    if (!opt->o_arg) {
        if (*rest != '\0') {
            return NNG_EINVAL;
        }
    } else if (*rest != '\0') {
        *optarg = is_long ? rest + 1 : rest;
    } else if (index < argc) {
        *optarg = argv[index++];
    } else {
        return NNG_ENOARG;
    }
    *val = opt->o_val;
    *optidx = index;
    return 0;
}
