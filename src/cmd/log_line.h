/* SPDX-License-Identifier: MIT */
/* The text of an access log's line. What a client has sent is escaped, so that no line can look
 * like another one, nor a terminal be told anything. Any thread. */
#ifndef NU_CMD_LOG_LINE_H
#define NU_CMD_LOG_LINE_H

#include <nng/uring.h>
#include <stddef.h>

#define LOG_LINE_MAX 24576 /* long targets and fields are cut so that it has room */

enum log_format { LOG_COMMON, LOG_COMBINED, LOG_JSON };

/* Writes it, with its newline. The bytes. */
size_t log_line_print(char line[LOG_LINE_MAX], enum log_format format,
                      const nng_uring_request *request);

#endif
