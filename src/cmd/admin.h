/* SPDX-License-Identifier: MIT */
/* What nng-uring serve tells of itself, at an address of its own on this machine: /metrics,
 * /healthz, /readyz, and a status page. */
#ifndef NU_CMD_ADMIN_H
#define NU_CMD_ADMIN_H

#include "cmd/serve_options.h"

#include <stdbool.h>
#include <stddef.h>

/* Makes it, and has it listen; or with --check only says whether it could be made. An enum
 * serve_status; what is wrong has been said. */
int admin_bind(const struct serve_options *options);

/* Starts it. Likewise. */
int admin_start(const struct serve_options *options);

/* Sends its sockets to who takes over. False: it cannot, and has said so. */
bool admin_hand(const struct serve_options *options, int to);
void admin_leave(void);

/* Where it is to be found, for printing; "": nowhere. */
void admin_print_url(char *text, size_t room);

/* From now on it says that no requests are to be sent here any more. Any thread. */
void admin_set_unready(void);

void admin_stop(void);

#endif
