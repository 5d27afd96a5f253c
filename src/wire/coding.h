/* SPDX-License-Identifier: MIT */
/* Content codings that a client takes (RFC 9110 12.5.3), of those that files are kept in. Pure, any
 * thread. */
#ifndef NU_WIRE_CODING_H
#define NU_WIRE_CODING_H

#include <stdbool.h>

struct nu_head;

/* In the order in which one is chosen of those that the client likes alike. */
enum nu_coding { NU_CODING_BR, NU_CODING_ZSTD, NU_CODING_GZIP, NU_CODINGS };

#define NU_CODING_SUFFIX 4 /* bytes of the longest, ".zst" */

/* Its name in Content-Encoding, and what it adds to the name of a file. */
struct nu_coding_names {
    const char *name;
    const char *suffix;
};

extern const struct nu_coding_names nu_codings[NU_CODINGS];

/* What to look for, best first: those that the client likes at least as well as the file as it is
 * (`identity`, which it takes unless it says that it does not). */
struct nu_coding_choice {
    unsigned char list[NU_CODINGS]; /* enum nu_coding */
    unsigned char n;
    bool identity;
};

/* By the Accept-Encoding fields of a request. Without one there is nothing to look for. */
void nu_coding_choose(const struct nu_head *head, struct nu_coding_choice *choice);

#endif
