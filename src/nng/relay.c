/* SPDX-License-Identifier: MIT */
#include "nng/relay.h"

#include "base/list.h"
#include "io/aio.h"
#include "io/placement.h"
#include "io/runtime.h"
#include "nng/libnng.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <pthread.h>
#include <stdlib.h>

#define KNOWN 256U /* sockets, and contexts, of which something is remembered */
#define SPARE 64   /* relays kept for aios to come */

/*
 * An operation has two parties: who starts it, and NNG's callback. The one that is last ends ours,
 * so that the next operation never meets what is left of this one. A cancellation that comes before
 * NNG has the operation leaves its code for the one who starts it.
 *
 * NNG calls back on threads of its own, each time another. So what most sends do, to end at once,
 * is tried first, without a time limit to wait for and without a callback.
 */
struct relay {
    struct nu_aio_companion companion;
    struct nu_list link; /* in `relays`, or in `spare` */
    nng_aio *ours;
    nng_aio *theirs;
    nng_aio *attempt;    /* NNG's, too, without a callback; its thread's that starts a send */
    atomic_uint parties; /* that have not left the operation in hand */
    atomic_int code;     /* why it is to end; 0: it is not */
    atomic_bool started; /* NNG has it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER; /* `active` is 0, and `ending` */
static struct nu_list relays = { &relays, &relays };   /* of aios; under lock */
static struct nu_list spare = { &spare, &spare };      /* of none; under lock */
static unsigned spares;                                /* in it; under lock */
static atomic_uint active;                             /* operations that have begun */
static atomic_bool ending;                             /* nng_fini() is at work */

/* ---- Protocols ---------------------------------------------------------------------------- */

/*
 * What was found out about sockets or contexts, which never changes: NNG takes locks to say it, and
 * sends are many. An entry is a number, which NNG gives to another one only after all 2^31 others,
 * and in the upper half its protocol; 0: none.
 */
struct protocols {
    atomic_uint_least64_t of[KNOWN];
};

static struct protocols of_socks, of_ctxs;

static void relay_know(struct protocols *known, uint32_t id, int protocol)
{
    uint64_t entry = (uint64_t) (unsigned) protocol << 32 | id;
    atomic_store_explicit(&known->of[id % KNOWN], entry, memory_order_relaxed);
}

/* 0: it is not known. */
static int relay_known(struct protocols *known, uint32_t id)
{
    uint64_t entry = atomic_load_explicit(&known->of[id % KNOWN], memory_order_relaxed);
    return (uint32_t) entry == id ? (int) (entry >> 32) : 0;
}

static void relay_forget(struct protocols *known)
{
    for (unsigned i = 0; i < KNOWN; i++) {
        atomic_store_explicit(&known->of[i], 0, memory_order_relaxed);
    }
}

static int relay_protocol(nng_socket sock)
{
    int protocol = relay_known(&of_socks, sock.id);
    if (protocol == 0 && nng_socket_get_int(sock, NNG_OPT_PROTO, &protocol) == 0) {
        relay_know(&of_socks, sock.id, protocol);
    }
    return protocol;
}

/* A context that was forgotten does not say whose it is, but REQ's alone have this option. */
static int relay_protocol_of_ctx(nng_ctx ctx)
{
    nng_duration time;
    int protocol = relay_known(&of_ctxs, ctx.id);
    if (protocol == 0 && nng_ctx_get_ms(ctx, NNG_OPT_REQ_RESENDTIME, &time) == 0) {
        protocol = NNG_REQ0_SELF;
        relay_know(&of_ctxs, ctx.id, protocol);
    }
    return protocol;
}

/* REP and RESPONDENT have one send for what they have received: a try that fails takes it. */
static bool relay_may_try(nng_socket sock)
{
    int protocol = relay_protocol(sock);
    return protocol != 0 && protocol != NNG_REP0_SELF && protocol != NNG_RESPONDENT0_SELF;
}

static bool relay_may_try_ctx(nng_ctx ctx)
{
    return relay_protocol_of_ctx(ctx) == NNG_REQ0_SELF;
}

/* ---- Relays ------------------------------------------------------------------------------- */

static void relay_free(struct nu_aio_companion *companion)
{
    struct relay *relay = nu_container(companion, struct relay, companion);
    pthread_mutex_lock(&lock);
    nu_list_remove(&relay->link);
    bool keep = spares < SPARE;
    if (keep) {
        nu_list_append(&spare, &relay->link);
        spares++;
    }
    pthread_mutex_unlock(&lock);
    if (!keep) {
        NU_NNG(nng_aio_reap)(relay->theirs); /* its callback may be about to return */
        NU_NNG(nng_aio_free)(relay->attempt);
        free(relay);
    }
}

static void relay_done(void *arg);

static struct relay *relay_new(void)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) {
        return NULL;
    }
    if (NU_NNG(nng_aio_alloc)(&relay->theirs, relay_done, relay) != 0) {
        free(relay);
        return NULL;
    }
    if (NU_NNG(nng_aio_alloc)(&relay->attempt, NULL, NULL) != 0) {
        NU_NNG(nng_aio_free)(relay->theirs);
        free(relay);
        return NULL;
    }
    NU_NNG(nng_aio_set_timeout)(relay->attempt, NNG_DURATION_ZERO);
    return relay;
}

/* The aio's, which it keeps. */
static int relay_find(nng_aio *aio, struct relay **relayp)
{
    struct relay *relay = (struct relay *) aio->args->companion;
    if (relay != NULL) {
        *relayp = relay;
        return 0;
    }
    pthread_mutex_lock(&lock);
    if (spares > 0) {
        relay = nu_container(spare.next, struct relay, link);
        nu_list_remove(&relay->link);
        spares--;
    } else if ((relay = relay_new()) == NULL) {
        pthread_mutex_unlock(&lock);
        return NNG_ENOMEM;
    }
    relay->companion.free = relay_free;
    relay->ours = aio;
    aio->args->companion = &relay->companion;
    nu_list_append(&relays, &relay->link);
    pthread_mutex_unlock(&lock);
    *relayp = relay;
    return 0;
}

/* ---- The end ------------------------------------------------------------------------------ */

void nu_relay_stop(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&ending, true);
    for (struct nu_list *node = relays.next; node != &relays; node = node->next) {
        nng_aio_abort(nu_container(node, struct relay, link)->ours, NNG_ECLOSED);
    }
    while (atomic_load(&active) > 0) {
        pthread_cond_wait(&idle, &lock);
    }
    pthread_mutex_unlock(&lock);
}

/* Frees NNG's aios of a list, for good: aios of ours that had one get another when they need it. */
static void relay_end_list(struct nu_list *list)
{
    while (!nu_list_empty(list)) {
        struct relay *relay = nu_container(list->next, struct relay, link);
        nu_list_remove(&relay->link);
        if (list == &relays) {
            relay->ours->args->companion = NULL;
        }
        NU_NNG(nng_aio_free)(relay->theirs);
        NU_NNG(nng_aio_free)(relay->attempt);
        free(relay);
    }
}

void nu_relay_end(void)
{
    pthread_mutex_lock(&lock);
    relay_end_list(&relays);
    relay_end_list(&spare);
    spares = 0;
    relay_forget(&of_socks); /* numbers are given anew */
    relay_forget(&of_ctxs);
    atomic_store(&ending, false);
    pthread_mutex_unlock(&lock);
}

/* ---- Operations --------------------------------------------------------------------------- */

/* An operation has ended; nu_relay_stop() may wait for the last one. */
static void relay_over(void)
{
    if (atomic_fetch_sub(&active, 1) == 1 && atomic_load(&ending)) {
        pthread_mutex_lock(&lock);
        pthread_cond_signal(&idle);
        pthread_mutex_unlock(&lock);
    }
}

/* As that aio of NNG's has. */
static void relay_finish(const struct relay *relay, nng_aio *as, bool inline_callback)
{
    nng_aio *ours = relay->ours;
    int result = NU_NNG(nng_aio_result)(as);
    size_t count = NU_NNG(nng_aio_count)(as);
    nng_aio_set_msg(ours, NU_NNG(nng_aio_get_msg)(as));
    if (inline_callback) {
        nu_aio_finish_inline(ours, result, count);
    } else {
        nu_aio_finish(ours, result, count); /* never in the call that starts it */
    }
    relay_over();
}

static void relay_leave(struct relay *relay, bool inline_callback)
{
    if (atomic_fetch_sub(&relay->parties, 1) == 1) {
        relay_finish(relay, relay->theirs, inline_callback);
    }
}

static void relay_done(void *arg)
{
    relay_leave(arg, true);
}

static void relay_cancel(nng_aio *aio, void *arg, int err)
{
    struct relay *relay = arg;
    (void) aio;
    atomic_store(&relay->code, err);
    if (atomic_load(&relay->started)) {
        NU_NNG(nng_aio_abort)(relay->theirs, err);
    }
}

/* The time limit is NNG's to keep: it knows the socket's own, and what is there without waiting. */
static nng_duration relay_timeout(const nng_aio *aio)
{
    if (!aio->use_expire) {
        return aio->timeout;
    }
    nng_time now = nng_clock();
    nng_time left = aio->expire > now ? aio->expire - now : 0;
    return left < INT32_MAX ? (nng_duration) left : NNG_DURATION_INFINITE;
}

/* Begins an operation; NULL: there is nothing more to do about it. `function` is what will be
 * called. */
static struct relay *relay_begin(nng_aio *aio, void *function)
{
    struct relay *relay = NULL;
    nng_duration timeout = relay_timeout(aio);
    if (!nng_aio_begin(aio)) {
        return NULL;
    }
    atomic_fetch_add(&active, 1);
    aio->loop = nu_runtime_pick();
    int err = function == NULL || aio->loop == NULL ? NNG_ENOTSUP
              : atomic_load(&ending)                ? NNG_ECLOSED
                                                    : relay_find(aio, &relay);
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        relay_over();
        return NULL;
    }
    NU_NNG(nng_aio_set_timeout)(relay->theirs, timeout);
    return relay;
}

/* Whether a send is tried, as `attempt`: where its end wakes no thread, since there is no callback,
 * or it comes later on this one. */
static bool relay_tries(const struct relay *relay)
{
    if (relay->ours->cb != NULL && nu_loop_self() == NULL) {
        return false;
    }
    NU_NNG(nng_aio_set_msg)(relay->attempt, nng_aio_get_msg(relay->ours));
    return true;
}

/* Whether the send that was tried is over. */
static bool relay_tried(const struct relay *relay)
{
    NU_NNG(nng_aio_wait)(relay->attempt);
    int result = NU_NNG(nng_aio_result)(relay->attempt);
    if (result == NNG_ETIMEDOUT) {
        return false;
    }
    relay_finish(relay, relay->attempt, false);
    return true;
}

/* Whether NNG is to be given the operation, as `theirs`. */
static bool relay_start(struct relay *relay)
{
    nng_aio *ours = relay->ours;
    atomic_store(&relay->parties, 2);
    atomic_store(&relay->code, 0);
    atomic_store(&relay->started, false);
    NU_NNG(nng_aio_set_msg)(relay->theirs, nng_aio_get_msg(ours));
    int err = nu_aio_schedule(ours, ours->loop, relay_cancel, relay);
    if (err != 0) {
        nu_aio_finish(ours, err, 0);
        relay_over();
    }
    return err == 0;
}

static void relay_started(struct relay *relay)
{
    atomic_store(&relay->started, true);
    int code = atomic_load(&relay->code);
    if (code != 0) {
        NU_NNG(nng_aio_abort)(relay->theirs, code);
    }
    relay_leave(relay, false);
}

/* Starts an operation of NNG's: `function` with the arguments that call() makes of NNG's aio. If
 * `may_try`, it may be tried first. */
#define RELAY(aio, function, call, may_try)                                                        \
    do {                                                                                           \
        struct nu_usage usage;                                                                     \
        nu_call_excuse_begin(&usage);                                                              \
        struct relay *relay = relay_begin(aio, NU_NNG(function));                                  \
        if (relay != NULL && relay_tries(relay) && (may_try)) {                                    \
            NU_NNG(function) call(relay->attempt);                                                 \
            relay = relay_tried(relay) ? NULL : relay;                                             \
        }                                                                                          \
        if (relay != NULL && relay_start(relay)) {                                                 \
            NU_NNG(function) call(relay->theirs);                                                  \
            relay_started(relay);                                                                  \
        }                                                                                          \
        nu_call_excuse_end(&usage);                                                                \
    } while (0)

#define ON_SOCKET(theirs) (sock, theirs)
#define ON_CTX(theirs) (ctx, theirs)
#define OF_DEVICE(theirs) (theirs, s1, s2)

void nng_send_aio(nng_socket sock, nng_aio *aio)
{
    RELAY(aio, nng_send_aio, ON_SOCKET, relay_may_try(sock));
}

void nng_recv_aio(nng_socket sock, nng_aio *aio)
{
    RELAY(aio, nng_recv_aio, ON_SOCKET, false);
}

void nng_sock_send(nng_socket sock, nng_aio *aio)
{
    nng_send_aio(sock, aio);
}

void nng_sock_recv(nng_socket sock, nng_aio *aio)
{
    nng_recv_aio(sock, aio);
}

void nng_ctx_send(nng_ctx ctx, nng_aio *aio)
{
    RELAY(aio, nng_ctx_send, ON_CTX, relay_may_try_ctx(ctx));
}

void nng_ctx_recv(nng_ctx ctx, nng_aio *aio)
{
    RELAY(aio, nng_ctx_recv, ON_CTX, false);
}

void nng_device_aio(nng_aio *aio, nng_socket s1, nng_socket s2)
{
    RELAY(aio, nng_device_aio, OF_DEVICE, false);
}

/* ---- Contexts ----------------------------------------------------------------------------- */

int nng_ctx_open(nng_ctx *ctx, nng_socket sock)
{
    struct nu_usage usage;
    nu_call_excuse_begin(&usage);
    int err = NU_NNG(nng_ctx_open) != NULL ? NU_NNG(nng_ctx_open)(ctx, sock) : NNG_ENOTSUP;
    if (err == 0) {
        relay_know(&of_ctxs, ctx->id, relay_protocol(sock));
    }
    nu_call_excuse_end(&usage);
    return err;
}

int nng_ctx_close(nng_ctx ctx)
{
    struct nu_usage usage;
    nu_call_excuse_begin(&usage);
    int err = NU_NNG(nng_ctx_close) != NULL ? NU_NNG(nng_ctx_close)(ctx) : NNG_ENOTSUP;
    nu_call_excuse_end(&usage);
    return err;
}
