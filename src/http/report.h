/* SPDX-License-Identifier: MIT */
/*
 * What a server's hook is told of a request: nng_uring_server_set_request_hook() is documented in
 * <nng/uring.h>. There is a report for each connection of a server that has a hook, begun with each
 * request and ended when it is answered, or its connection is over. Owner thread only.
 */
#ifndef NU_HTTP_REPORT_H
#define NU_HTTP_REPORT_H

#include "http/request.h"
#include "wire/head.h"

/* A request has begun, of which `head` was read from the bytes at `text`; NULL: it is none. It is
 * for `client`; NULL: for the peer. */
void nu_report_begin(struct nu_request *request, const struct nu_head *head, const char *text,
                     const nng_sockaddr *client);

/* Its text is about to go: it is answered, or else that is kept. */
void nu_report_settle(struct nu_request *request, bool answered);

/* It is answered, or (false) nothing of that will come any more. Nothing happens unless it had
 * begun. */
void nu_report_end(struct nu_request *request, bool complete);

/* The connection is over, or no longer the server's. */
void nu_report_free(struct nu_request *request);

#endif
