/* SPDX-License-Identifier: MIT */
/*
 * Checks a connection's responses as their bytes come in. The first is parsed; the others have to
 * begin with the same status line and have the same Content-Length at the same place, which costs
 * next to nothing, and are parsed when they do not.
 */
#ifndef NU_PERF_REPLY_H
#define NU_PERF_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_HEAD 2048 /* bytes of a head, at most */

/* What all responses of a run look like: the first response's head. */
struct reply_model {
    bool known;
    char head[REPLY_HEAD];
    size_t head_len;
    size_t length_at;  /* where the digits of Content-Length are, */
    size_t length_len; /* and the line's end behind them */
    uint64_t body;     /* bytes of it; UINT64_MAX: whatever the first one has */
    uint64_t frame;    /* bytes of a WebSocket's frame, which all responses are; 0: they are HTTP */
    unsigned char op;  /* and what it begins with */
};

struct reply {
    uint64_t body_left;
    unsigned have; /* bytes of a head that came in pieces */
    bool closing;  /* the last head said that the server will close */
    char head[REPLY_HEAD];
};

/* Takes bytes of a connection and adds the responses that end in them to *ended. False: this is
 * no response that was asked for; *why says so. */
bool reply_feed(struct reply *reply, struct reply_model *model, const char *data, size_t len,
                unsigned *ended, const char **why);

/* True between two responses. */
bool reply_at_start(const struct reply *reply);

#endif
