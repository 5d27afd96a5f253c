/* SPDX-License-Identifier: MIT */
/*
 * What is in a directory, as a page. It is read on a worker, for a directory may be long, and its
 * disk slow. Owner of the loop only.
 */
#ifndef NU_HTTP_LISTING_H
#define NU_HTTP_LISTING_H

#include "base/buf.h"
#include "io/loop.h"

#include <stdbool.h>

struct nu_listing;

/* Begins; `fd` is the directory, and the listing's from here on (on an error, too). `title` is its
 * path, for the page; `top`: there is no way up. `done` is called later on the loop's owner. NULL:
 * no memory. */
struct nu_listing *nu_listing_start(struct nu_loop *loop, int fd, const char *title, bool top,
                                    void (*done)(void *arg), void *arg);

/* The page, once it is done; NULL: it cannot be read, or there is no memory. */
const struct nu_buf *nu_listing_page(const struct nu_listing *listing);

/* Once it is done. NULL is allowed. */
void nu_listing_free(struct nu_listing *listing);

#endif
