/* SPDX-License-Identifier: MIT */
/* Who answers a request: from its head to the handler whose it is. Owner thread only. */
#ifndef NU_HTTP_DISPATCH_H
#define NU_HTTP_DISPATCH_H

#include "http/request.h"
#include "http/step.h"

/* Begins the request whose head was just parsed, and answers it or has it answered; `alone`:
 * nothing has come behind the head, whose buffer is not needed afterwards. */
enum nu_step nu_dispatch(struct nu_request *request, const struct nu_head *head, bool alone);

/* Answers that one with an error instead, whatever it is for. */
enum nu_step nu_dispatch_deny(struct nu_request *request, const struct nu_head *head, bool alone,
                              unsigned status);

/* Answers a request that cannot be understood, or did not come in time, and closes. */
enum nu_step nu_dispatch_refuse(struct nu_request *request, unsigned status);

#endif
