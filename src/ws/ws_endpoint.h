/* SPDX-License-Identifier: MIT */
/*
 * What dialers and listeners of WebSockets have in common: the options that their streams are made
 * with. <nng/stream.h> and <nng/uring.h> document them. Any thread.
 */
#ifndef NU_WS_WS_ENDPOINT_H
#define NU_WS_WS_ENDPOINT_H

#include "io/lock.h"
#include "stream/stream.h"
#include "wire/ws_upgrade.h"

#include <nng/uring.h>

/* What a WebSocket puts up with and how it behaves. Sizes in bytes and times in milliseconds; 0
 * stands for no limit. */
struct nu_ws_settings {
    bool send_text, recv_text;
    bool deflate;                  /* messages may be compressed */
    bool deflate_context;          /* with the window of the one before */
    int deflate_window;            /* log2 of the largest */
    size_t send_frame, recv_frame; /* payload of one */
    size_t recv_message;
    size_t fragments;      /* of a message */
    size_t queued;         /* received, and nobody has asked for it */
    size_t deflate_memory; /* of a WebSocket, for compression */
    nng_duration handshake, close, idle;
    nng_duration ping, pong; /* between pings, and for the answer to one */
};

/* A line that is added to a request or response. */
struct nu_ws_header {
    struct nu_ws_header *next;
    char *name, *value;
};

struct nu_ws_endpoint {
    union { /* first, so that an endpoint is one of these */
        nng_stream_dialer dialer;
        nng_stream_listener listener;
    } base;
    struct nu_mutex lock;

    /* under lock */
    struct nu_ws_settings settings;
    char *protocols; /* a list; NULL: none */
    struct nu_ws_header *headers;
};

void nu_ws_endpoint_init(struct nu_ws_endpoint *endpoint);
void nu_ws_endpoint_fini(struct nu_ws_endpoint *endpoint);

/* A copy of what is set now. NNG_ENOMEM; *protocols is for free(), or NULL. */
int nu_ws_endpoint_look(struct nu_ws_endpoint *endpoint, struct nu_ws_settings *settings,
                        char **protocols);

/* What they say of permessage-deflate: an offer, and what bounds an agreement. */
struct nu_ws_deflate nu_ws_deflate_wish(const struct nu_ws_settings *settings);

/* Has `set` put each header into a message, in place of those of its name. */
int nu_ws_endpoint_put_headers(struct nu_ws_endpoint *endpoint,
                               int (*set)(void *message, const char *name, const char *value),
                               void *message);

/* X(option, type, member of nu_option_value, field of nu_ws_settings) */
#define NU_WS_SETTINGS(X)                                                                          \
    X(NNG_OPT_WS_SEND_TEXT, BOOL, b, send_text)                                                    \
    X(NNG_OPT_WS_RECV_TEXT, BOOL, b, recv_text)                                                    \
    X(NNG_OPT_WS_SENDMAXFRAME, SIZE, size, send_frame)                                             \
    X(NNG_OPT_WS_RECVMAXFRAME, SIZE, size, recv_frame)                                             \
    X(NNG_OPT_RECVMAXSZ, SIZE, size, recv_message)                                                 \
    X(NNG_URING_OPT_WS_MAX_FRAGMENTS, SIZE, size, fragments)                                       \
    X(NNG_URING_OPT_WS_MAX_QUEUED, SIZE, size, queued)                                             \
    X(NNG_URING_OPT_WS_HANDSHAKE_TIMEOUT, MS, ms, handshake)                                       \
    X(NNG_URING_OPT_WS_CLOSE_TIMEOUT, MS, ms, close)                                               \
    X(NNG_URING_OPT_WS_IDLE_TIMEOUT, MS, ms, idle)                                                 \
    X(NNG_URING_OPT_WS_PING_INTERVAL, MS, ms, ping)                                                \
    X(NNG_URING_OPT_WS_PONG_TIMEOUT, MS, ms, pong)                                                 \
    X(NNG_URING_OPT_WS_DEFLATE, BOOL, b, deflate)                                                  \
    X(NNG_URING_OPT_WS_DEFLATE_CONTEXT, BOOL, b, deflate_context)                                  \
    X(NNG_URING_OPT_WS_DEFLATE_WINDOW, INT, i, deflate_window)                                     \
    X(NNG_URING_OPT_WS_DEFLATE_MEMORY, SIZE, size, deflate_memory)

#define NU_WS_DECLARE(option, type, member, field)                                                 \
    int nu_ws_get_##field(void *object, union nu_option_value *value);                             \
    int nu_ws_set_##field(void *object, const union nu_option_value *value);
NU_WS_SETTINGS(NU_WS_DECLARE)
#undef NU_WS_DECLARE

int nu_ws_get_protocols(void *object, union nu_option_value *value);
int nu_ws_set_protocols(void *object, const union nu_option_value *value);
int nu_ws_set_header(void *object, const union nu_option_value *value);
int nu_ws_set_headers(void *object, const union nu_option_value *value);

/* Entries of a table of options, for all of these but the headers. */
#define NU_WS_ENTRY(option, type, member, field)                                                   \
    { option, NU_OPTION_##type, nu_ws_get_##field, nu_ws_set_##field },
#define NU_WS_ENDPOINT_OPTIONS                                                                     \
    NU_WS_SETTINGS(NU_WS_ENTRY)                                                                    \
    {                                                                                              \
        NNG_OPT_WS_PROTOCOL, NU_OPTION_STRING, nu_ws_get_protocols, nu_ws_set_protocols            \
    }

#endif
