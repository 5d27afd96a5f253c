/* SPDX-License-Identifier: MIT */
/* Server-sent events for the status page: one a second on each connection that asked for them. */
#ifndef NU_CMD_ADMIN_EVENTS_H
#define NU_CMD_ADMIN_EVENTS_H

#include <nng/supplemental/http/http.h>
#include <stdio.h>

/* Takes a handler's connection and sends what `print` does, until it ends. The handler's aio is
 * finished. */
void admin_events_begin(nng_aio *aio, void (*print)(FILE *to));

/* Ends all, and waits for that. */
void admin_events_end(void);

#endif
