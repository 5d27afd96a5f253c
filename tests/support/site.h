/* SPDX-License-Identifier: MIT */
/* A server of a directory: "root" in a temporary one, at "/"; and "home" at "/static". */
#ifndef NU_TESTS_SUPPORT_SITE_H
#define NU_TESTS_SUPPORT_SITE_H

#include "support/web.h"

#include <stddef.h>
#include <stdint.h>

struct t_site {
    struct t_web web;
    unsigned fds;   /* open descriptors when no browser is there */
    char dir[64];   /* what lies beside "root" is not served */
    char path[512]; /* the last of t_site_at() */
};

void t_site_open(struct t_site *site);
void t_site_close(struct t_site *site);

/* The path of a name in the temporary directory; valid until the next one. */
char *t_site_at(struct t_site *site, const char *name);

/* Writes a file anew. */
void t_site_make(struct t_site *site, const char *name, const void *data, size_t size);
void t_site_text(struct t_site *site, const char *name, const char *text);

/* Says when a file was modified. */
void t_site_date(struct t_site *site, const char *name, int64_t seconds, long nanoseconds);

#endif
