/* SPDX-License-Identifier: MIT */
/* What the random race test shares: its operations (race.c) and its connections (slots.c). */
#ifndef NU_TESTS_RACE_RACE_H
#define NU_TESTS_RACE_RACE_H

#include "support/peer.h"

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RACE_SLOTS 32U
#define RACE_THREADS 8U
#define RACE_OPS_EACH 8U
#define RACE_OPS (RACE_THREADS * RACE_OPS_EACH)
#define RACE_DATA 300000U /* the largest write */

enum peer_state {
    PEER_OPEN, /* its thread serves it */
    PEER_EOF,  /* it has received everything; nobody but the recycler touches it */
    PEER_LOST, /* it has left, or was reset: what it received says nothing */
};

/* A place for connections, one after the other. */
struct slot {
    pthread_rwlock_t lock; /* shared: to use pair.conn; exclusive: to close or replace it */
    struct nu_pair pair;
    int listener;
    nng_http_client *client;
    bool sends; /* the peer sends, too, so that closing may reset it */

    atomic_int peer;        /* an enum peer_state */
    atomic_int pending;     /* operations without their callback */
    atomic_size_t counted;  /* by the callbacks of writes */
    atomic_size_t received; /* by the peer */
    unsigned rests;         /* rounds that the peer sits out */
};

enum op_kind { OP_WRITE, OP_WRITE_ALL, OP_READ, OP_READ_ALL, OP_KINDS };

/* An aio and what it does just now. */
struct op {
    unsigned id;
    pthread_mutex_t lock;
    nng_aio *aio;     /* under lock; NULL when callbacks must not use it any more */
    nng_aio *self;    /* the same, for its own callback */
    atomic_bool busy; /* started, and its last callback is not over */
    atomic_ulong begun, called;

    /* of the operation in hand */
    enum op_kind kind;
    struct slot *slot;
    size_t size;
    uint8_t *buffer; /* reads go here */
};

struct race {
    struct slot slots[RACE_SLOTS];
    struct op ops[RACE_OPS];
    uint8_t *data;    /* writes come from here */
    atomic_bool over; /* the threads are to end */
    atomic_bool finished;
    atomic_uint lives;       /* threads so far */
    atomic_uint connections; /* checked so far */
};

extern struct race race;

/* Prints everything and ends the process. */
_Noreturn void race_fail(const char *what, long a, long b);

void race_open_slots(void);
void race_close_slots(void);

/* Closes the connection, checks what its peer received, and makes a new one. Gives up at once when
 * somebody else uses it. */
void race_recycle(struct slot *slot);

/* The same without a new one; waits. */
void race_retire(struct slot *slot);

#endif
