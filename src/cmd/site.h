/* SPDX-License-Identifier: MIT */
/* The site that is served when no directory is given: part of the program, so it is always there.
 */
#ifndef NU_CMD_SITE_H
#define NU_CMD_SITE_H

struct site_page {
    const char *uri; /* NULL ends the table */
    const char *type;
    const char *begin;
    const char *end;
};

extern const struct site_page site_pages[];

/* That of --admin, and no part of the site. */
extern const struct site_page site_status;

#endif
