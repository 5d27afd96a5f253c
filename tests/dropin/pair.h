/* SPDX-License-Identifier: MIT */
/* Two sockets that are each other's, and messages of text. */
#ifndef NU_TESTS_DROPIN_PAIR_H
#define NU_TESTS_DROPIN_PAIR_H

#include "check.h"

#include <nng/protocol/pair0/pair.h>

static nng_socket left, right;

static inline void open_pair(void)
{
    check_ok(nng_pair0_open(&left));
    check_ok(nng_pair0_open(&right));
    check_ok(nng_listen(left, "inproc://pair", NULL, 0));
    check_ok(nng_dial(right, "inproc://pair", NULL, 0));
}

static inline void close_pair(void)
{
    check_ok(nng_close(left));
    check_ok(nng_close(right));
}

static inline nng_msg *message(const char *text)
{
    nng_msg *msg;
    check_ok(nng_msg_alloc(&msg, 0));
    check_ok(nng_msg_append(msg, text, strlen(text)));
    return msg;
}

static inline void send_text(nng_socket sock, const char *text)
{
    check_ok(nng_send(sock, (void *) text, strlen(text), 0));
}

/* The aio's message is that text, and is freed. */
static inline void check_msg(nng_aio *aio, const char *text)
{
    nng_msg *msg = nng_aio_get_msg(aio);
    check(msg != NULL && nng_msg_len(msg) == strlen(text));
    check(memcmp(nng_msg_body(msg), text, strlen(text)) == 0);
    nng_msg_free(msg);
    nng_aio_set_msg(aio, NULL);
}

#endif
