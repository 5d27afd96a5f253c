/* A server of a directory: "root" in a temporary one, at "/"; and "home" at "/static". */
#ifndef NU_TESTS_SUPPORT_SITE_H
#define NU_TESTS_SUPPORT_SITE_H

#include "support/web.h"

#include <stddef.h>
#include <stdint.h>

struct nu_site {
    struct nu_web web;
    unsigned      fds;       /* open descriptors when no browser is there */
    char          dir[64];   /* what lies beside "root" is not served */
    char          path[512]; /* the last of nu_site_at() */
};

void nu_site_open(struct nu_site *site);
void nu_site_close(struct nu_site *site);

/* The path of a name in the temporary directory; valid until the next one. */
char *nu_site_at(struct nu_site *site, const char *name);

/* Writes a file anew. */
void nu_site_make(struct nu_site *site, const char *name, const void *data, size_t size);
void nu_site_text(struct nu_site *site, const char *name, const char *text);

/* Says when a file was modified. */
void nu_site_date(struct nu_site *site, const char *name, int64_t seconds, long nanoseconds);

#endif
