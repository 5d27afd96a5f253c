/* SPDX-License-Identifier: MIT */
/*
 * A connection with a peer that the test plays by hand, and messages and an aio for operations on
 * it.
 */
#ifndef NU_TESTS_SUPPORT_TALK_H
#define NU_TESTS_SUPPORT_TALK_H

#include "support/aio_probe.h"
#include "support/peer.h"

struct t_scripted_peer {
    struct nu_pair pair;
    struct t_aio_probe track;
    nng_http_req *req; /* for NULL */
    nng_http_res *res;
    unsigned mode; /* how operations are started */
    int calls;     /* operations so far */
};

void t_scripted_peer_open(struct t_scripted_peer *t, unsigned mode);
void t_scripted_peer_close(struct t_scripted_peer *t);

/* Opens it with a request for /x; its transact; the peer receives it, without fields. */
void t_scripted_peer_open_request(struct t_scripted_peer *t, unsigned mode, const char *method);
void t_scripted_peer_transact(struct t_scripted_peer *t);
void t_scripted_peer_hear_request(struct t_scripted_peer *t, const char *method);

/* The body, and that the length in the head is its own; -1: the head has none. */
void t_assert_body(nng_http_res *res, const char *body, long long length);

/* Starts an operation; waits for its end and checks the result. */
void t_scripted_peer_start(struct t_scripted_peer *t, void (*op)(struct t_scripted_peer *t));
void t_scripted_peer_finish(struct t_scripted_peer *t, int result);
void t_scripted_peer_finish_count(struct t_scripted_peer *t, int result, size_t count);

/* The peer sends, and receives exactly that, or just the end. Closes our end first. */
void t_scripted_peer_say(struct t_scripted_peer *t, const char *text);
void t_scripted_peer_send(struct t_scripted_peer *t, const void *data, size_t n);
void t_scripted_peer_hear(struct t_scripted_peer *t, const char *text);
void t_scripted_peer_hear_no_more(struct t_scripted_peer *t);

#endif
