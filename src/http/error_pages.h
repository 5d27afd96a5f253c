/* SPDX-License-Identifier: MIT */
/*
 * A server's own pages for errors. The functions to set them are documented in
 * <nng/supplemental/http/http.h>. Any thread.
 */
#ifndef NU_HTTP_PAGES_H
#define NU_HTTP_PAGES_H

#include "base/list.h"

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct nu_error_pages {
    pthread_mutex_t lock;
    atomic_bool any;     /* so that nobody takes the lock in vain */
    struct nu_list list; /* under lock */
};

void nu_error_pages_init(struct nu_error_pages *pages);
void nu_error_pages_fini(struct nu_error_pages *pages);

/* Sets the page for a status. NNG_EINVAL (status), NNG_ENOMEM. */
int nu_error_pages_set(struct nu_error_pages *pages, uint16_t status, const char *data,
                       size_t size);

/* The same with what is in a file. NNG_EMSGSIZE, and whatever opening and reading it says. */
int nu_error_pages_load(struct nu_error_pages *pages, uint16_t status, const char *path);

/* Replaces the built-in page in an error response, if there is one of ours. NNG_ENOMEM. */
int nu_error_pages_apply(struct nu_error_pages *pages, nng_http_res *res);

#endif
