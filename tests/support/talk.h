/*
 * A connection with a peer that the test plays by hand, and messages and an aio for operations on
 * it.
 */
#ifndef NU_TESTS_SUPPORT_TALK_H
#define NU_TESTS_SUPPORT_TALK_H

#include "support/peer.h"
#include "support/track.h"

struct nu_talk {
    struct nu_pair  pair;
    struct nu_track track;
    nng_http_req   *req; /* for NULL */
    nng_http_res   *res;
    unsigned        mode;  /* how operations are started */
    int             calls; /* operations so far */
};

void nu_talk_open(struct nu_talk *t, unsigned mode);
void nu_talk_close(struct nu_talk *t);

/* Opens it with a request for /x; its transact; the peer receives it, without fields. */
void nu_talk_open_request(struct nu_talk *t, unsigned mode, const char *method);
void nu_talk_transact(struct nu_talk *t);
void nu_talk_hear_request(struct nu_talk *t, const char *method);

/* The body, and that the length in the head is its own; -1: the head has none. */
void nu_assert_body(nng_http_res *res, const char *body, long long length);

/* Starts an operation; waits for its end and checks the result. */
void nu_talk_start(struct nu_talk *t, void (*op)(struct nu_talk *t));
void nu_talk_finish(struct nu_talk *t, int result);
void nu_talk_finish_count(struct nu_talk *t, int result, size_t count);

/* The peer sends, and receives exactly that, or just the end. Closes our end first. */
void nu_talk_say(struct nu_talk *t, const char *text);
void nu_talk_send(struct nu_talk *t, const void *data, size_t n);
void nu_talk_hear(struct nu_talk *t, const char *text);
void nu_talk_hear_no_more(struct nu_talk *t);

#endif
