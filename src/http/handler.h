/* SPDX-License-Identifier: MIT */
/*
 * Handlers: what answers a request. Set up by one thread, then added to a server and constant from
 * there on, but for what is atomic. Counted references: the creator's, each routing table's, each
 * running exchange's and file job's, and each response's that points into the handler.
 */
#ifndef NU_HTTP_HANDLER_H
#define NU_HTTP_HANDLER_H

#include "base/buf.h"
#include "http/directory.h"
#include "http/docroot.h"
#include "io/placement.h"

#include <nng/supplemental/http/http.h>
#include <stdatomic.h>
#include <stdbool.h>

#define NU_BODY_MAX ((size_t) 1024 * 1024) /* default limit of a collected body, as in NNG */

enum nu_handler_kind {
    NU_HANDLER_CALLBACK,
    NU_HANDLER_STATIC,
    NU_HANDLER_FILE,
    NU_HANDLER_DIRECTORY,
    NU_HANDLER_REDIRECT,
};

struct nng_http_handler {
    atomic_uint refs;
    atomic_bool added;  /* to a server once: no setter works any more */
    atomic_bool served; /* it is in some server's routing table */
    enum nu_handler_kind kind;
    char *uri;           /* without the trailing '/' */
    char *method;        /* NULL: any */
    char *host;          /* NULL: any */
    bool tree;           /* what lies below uri, too */
    bool exclusive;      /* and no other handler may be there */
    atomic_bool collect; /* CALLBACK: the body is read before the call; may change at any time */
    atomic_size_t collect_max;
    void (*cb)(nng_aio *aio);      /* CALLBACK */
    struct nu_placement placement; /* CALLBACK: where it is called */
    void *data;                    /* the user's */
    void (*dtor)(void *data);      /* may be NULL */
    struct nu_buf reply;           /* STATIC: a whole response */
    size_t head;                   /* STATIC: bytes of it before the blank line */
    char *location;                /* REDIRECT: to where */
    uint16_t status;               /* REDIRECT */
    char *path;                    /* FILE, DIRECTORY: in the file system */
    bool current_types;            /* FILE, DIRECTORY: today's content types instead of NNG's */
    bool slash_redirects;          /* DIRECTORY: /docs to /docs/, where that has an index */
    struct nu_docroot_slot root;   /* DIRECTORY: where path leads to */
    struct nu_directory directory; /* DIRECTORY: what else it does */
};

void nu_handler_hold(nng_http_handler *handler);
void nu_handler_drop(nng_http_handler *handler);

/* Whether it can be added to a server: its URI is a path, and it has a function to call. */
bool nu_handler_complete(const nng_http_handler *handler);

#endif
