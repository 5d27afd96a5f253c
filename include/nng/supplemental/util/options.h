/* SPDX-License-Identifier: MIT */
/* Parsing a command line. */
#ifndef NNG_SUPPLEMENTAL_UTIL_OPTIONS_H
#define NNG_SUPPLEMENTAL_UTIL_OPTIONS_H

#include <nng/nng.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One option of a program. A list of them ends with one whose o_val is 0. */
struct nng_optspec {
    const char *o_name; /* behind "--"; NULL when there is none */
    int o_short;        /* a character behind "-"; 0 when there is none */
    int o_val;          /* what nng_opts_parse() reports it as; not 0 */
    bool o_arg;         /* takes an argument */
};

typedef struct nng_optspec nng_optspec;

/*
 * Parses an option of a program's command line.
 *
 * The one at `argv`[`*optidx`]; `*optidx` is 1 at first, and moved behind it. `*val` is set to the
 * option's `o_val` and, if it takes an argument, `*optarg` to that, a part of `argv`:
 * "--name=text", "--name:text", "--name text", "-ntext" and "-n text" are alike. A long name may be
 * cut as long as it fits one option only. Short options are not clustered.
 *
 * Returns: 0 for an option, -1 at the end (after the last word, or before one without a "-"; a "-"
 * alone is passed over), otherwise an error. Errors leave `*optidx` on the bad word.
 * Errors: NNG_EINVAL: an unknown option, or an argument where none is taken; NNG_ENOARG: the
 * option's argument is missing; NNG_EAMBIGUOUS: a name was cut so that it fits several options.
 * Threads: any.
 */
NNG_DECL int nng_opts_parse(int argc, char *const *argv, const nng_optspec *opts, int *val,
                            char **optarg, int *optidx);

#ifdef __cplusplus
}
#endif

#endif
