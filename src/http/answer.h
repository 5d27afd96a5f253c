/* SPDX-License-Identifier: MIT */
/*
 * Responses to the request in hand: their heads, and what comes with an error. All of them go into
 * its batch, and say what is to be done next: NU_STEP_ANSWERED, or NU_STEP_GIVE_UP for want of
 * memory. Owner thread only.
 */
#ifndef NU_HTTP_ANSWER_H
#define NU_HTTP_ANSWER_H

#include "http/request.h"
#include "http/step.h"

/* Takes `res`. `release(lender)` is called when the response is written, or copied: its body may be
 * borrowed until then. NULL: nothing is. */
enum nu_step nu_answer(struct nu_request *request, nng_http_res *res, void (*release)(void *),
                       void *lender);

/* An error page; also where the head of a response is out that cannot be completed: then the only
 * way to say so is to give up. */
enum nu_step nu_answer_error(struct nu_request *request, unsigned status);

/* One that more is to be said in, by nu_answer(). NULL: no memory. */
nng_http_res *nu_answer_make_error(unsigned status);

/* The answer of a STATIC handler. */
enum nu_step nu_answer_static(struct nu_request *request, nng_http_handler *handler);

/* That of a REDIRECT handler, to the service's path and query. */
enum nu_step nu_answer_redirect(struct nu_request *request, const nng_http_handler *handler);

/* Likewise a 301 to the directory of that name below `uri`, both decoded; the query is kept. */
nng_http_res *nu_answer_make_directory(const char *uri, const char *path, struct nu_slice query);

/* The head of a response alone, which is `res`'s; its body follows, of the length that it says. */
enum nu_step nu_answer_head(struct nu_request *request, nng_http_res *res);

#endif
