/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a name race (RFC 8305): each is given a head start of a quarter of a second
 * before the next one is tried beside it. A dial's memory stays until the kernel has let go of all
 * of its attempts, and only then does its aio finish, so that no descriptor outlives it.
 */
#include "net/dialer.h"

#include "base/clock.h"
#include "base/error.h"
#include "net/address.h"
#include "net/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_ADDRESSES 16         /* of one name; more are not tried */
#define HEAD_START (250 * NU_MS) /* RFC 8305 5: Connection Attempt Delay */
#define MOST_PAUSE (32 * NU_MS)  /* between two tries of a UNIX socket whose backlog is full */

struct dial;

struct attempt {
    struct dial *dial;
    struct nu_op op;
    int fd; /* being connected, or -1 */
    struct sockaddr_storage ss;
    socklen_t len;
};

/* One connect in progress. The owner's alone, once it is posted. */
struct dial {
    struct nu_loop *loop;
    nng_aio *aio;
    struct nu_dial_user user;
    char *host, *port; /* NULL: the address is known */
    int family;
    struct nu_task start;
    struct nu_loop_hook hook;
    struct nu_lookup *lookup; /* in progress, or NULL */
    struct nu_timer patience; /* until the next attempt starts though none has failed */
    uint64_t pause;           /* the last one, before a UNIX socket is tried again */
    struct attempt *attempts; /* one for each address, in the order of the race */
    unsigned nattempts;
    unsigned next; /* the attempt to start next */
    unsigned open; /* attempts that the kernel holds */
    void *made;    /* of the first socket that was connected; or NULL */
    int err;       /* how it ends if nothing is made: the last failure's, or whoever broke it off */
    bool over;     /* made or broken off: what is open is to be closed */
};

static void dialer_free_dial(struct dial *d)
{
    if (d->user.drop != NULL) {
        d->user.drop(d->user.arg);
    }
    free(d->attempts);
    free(d->host);
    free(d->port);
    free(d);
}

static void dialer_end(struct dial *d)
{
    int err = d->made != NULL ? 0 : d->err;
    nng_aio *aio = d->aio;
    nu_timer_disarm(&d->loop->timers, &d->patience);
    nu_list_remove(&d->hook.link);
    if (err == 0) {
        aio->args->output[0] = d->made;
    }
    dialer_free_dial(d);
    nu_aio_finish(aio, err, 0);
}

/* ---- The race ----------------------------------------------------------------------------- */

/* Ends the race; whoever still runs is called back, and ends the dial when the last is home. */
static void dialer_call_off(struct dial *d)
{
    d->over = true;
    nu_timer_disarm(&d->loop->timers, &d->patience);
    for (unsigned i = 0; i < d->next; i++) {
        nu_op_cancel(&d->attempts[i].op);
    }
}

static void dialer_close(struct attempt *a)
{
    if (a->fd >= 0) {
        close(a->fd);
        a->fd = -1;
    }
}

/* A socket for an attempt. False: there is none, and d->err says why. */
static bool dialer_open(struct dial *d, struct attempt *a)
{
    int how = SOCK_STREAM | SOCK_CLOEXEC | (a->ss.ss_family == AF_UNIX ? SOCK_NONBLOCK : 0);
    a->fd = socket(a->ss.ss_family, how, 0);
    int err = a->fd < 0                 ? nu_error_from_errno(errno)
              : d->user.prepare != NULL ? d->user.prepare(d->user.arg, a->fd)
                                        : 0;
    if (err != 0) {
        d->err = err;
        dialer_close(a);
    }
    return err == 0;
}

/* Starts connecting to the next address for which there is a socket to be had. */
static void dialer_start_next(struct dial *d)
{
    bool started = false;
    nu_timer_disarm(&d->loop->timers, &d->patience);
    while (!started && d->next < d->nattempts) {
        struct attempt *a = &d->attempts[d->next++];
        started = dialer_open(d, a);
        if (!started) {
            continue;
        }
        a->op.kind = NU_OP_CONNECT;
        a->op.fd = a->fd;
        a->op.arg.addr.sa = (struct sockaddr *) &a->ss;
        a->op.arg.addr.len = a->len;
        d->open++;
        nu_op_submit(&a->op);
    }
    if (started && d->next < d->nattempts) {
        nu_timer_arm(&d->loop->timers, &d->patience, nu_loop_now(d->loop) + HEAD_START);
    }
}

static void dialer_out_of_patience(struct nu_timer *timer)
{
    struct dial *d = nu_container(timer, struct dial, patience);
    dialer_start_next(d);
    if (d->open == 0) { /* it was a pause, and there is no socket to be had */
        dialer_end(d);
    }
}

/* A UNIX socket's backlog is full: no event tells when there is room, and whoever let the kernel
 * wait would hold one of its threads. */
static void dialer_pause(struct dial *d)
{
    uint64_t longer = d->pause > 0 ? 2 * d->pause : NU_MS;
    d->pause = longer < MOST_PAUSE ? longer : MOST_PAUSE;
    d->next--;
    nu_timer_arm(&d->loop->timers, &d->patience, nu_loop_now(d->loop) + d->pause);
}

static void dialer_succeed(struct dial *d, struct attempt *a)
{
    int off = 0;
    if (a->ss.ss_family == AF_UNIX) {
        (void) ioctl(a->fd, FIONBIO, &off); /* io_uring waits by itself */
    }
    d->err = d->user.dialed(d->user.arg, d->loop, a->fd, &d->made);
    a->fd = -1;
    dialer_call_off(d);
}

static void dialer_connected(struct nu_op *op, int res, uint32_t flags)
{
    struct attempt *a = nu_container(op, struct attempt, op);
    struct dial *d = a->dial;
    (void) flags;
    d->open--;
    bool full = res == -EAGAIN && a->ss.ss_family == AF_UNIX;
    if (!d->over && res == 0) {
        dialer_succeed(d, a);
    } else if (!d->over) {
        d->err = nu_error_from_errno(-res);
    }
    dialer_close(a); /* before another one is opened */
    if (!d->over && full) {
        dialer_pause(d);
        return;
    }
    if (!d->over) {
        dialer_start_next(d);
    }
    if (d->open == 0) {
        dialer_end(d);
    }
}

/* ---- Addresses ---------------------------------------------------------------------------- */

static int dialer_make_attempts(struct dial *d, unsigned n)
{
    d->attempts = calloc(n, sizeof *d->attempts);
    return d->attempts != NULL ? 0 : NNG_ENOMEM;
}

static void dialer_add(struct dial *d, const void *sa, socklen_t len)
{
    struct attempt *a = &d->attempts[d->nattempts++];
    a->dial = d;
    a->fd = -1;
    a->len = len;
    memcpy(&a->ss, sa, len);
    nu_op_init(&a->op, d->loop, dialer_connected);
}

/* From `list` on, the next of that family, or not of it. */
static const struct addrinfo *dialer_find(const struct addrinfo *list, int family, bool of_it)
{
    while (list != NULL && ((list->ai_family == family) != of_it ||
                            list->ai_addrlen > sizeof(struct sockaddr_storage))) {
        list = list->ai_next;
    }
    return list;
}

/* In the resolver's order, but that the families take turns (RFC 8305 4), beginning with its first:
 * where one does not work at all, it costs one head start. */
static int dialer_add_all(struct dial *d, const struct addrinfo *list)
{
    int err = dialer_make_attempts(d, MAX_ADDRESSES);
    int first = list->ai_family;
    const struct addrinfo *own = dialer_find(list, first, true);
    const struct addrinfo *other = dialer_find(list, first, false);
    bool turn = true;
    while (err == 0 && d->nattempts < MAX_ADDRESSES && (own != NULL || other != NULL)) {
        if (own != NULL && (turn || other == NULL)) {
            dialer_add(d, own->ai_addr, own->ai_addrlen);
            own = dialer_find(own->ai_next, first, true);
        } else {
            dialer_add(d, other->ai_addr, other->ai_addrlen);
            other = dialer_find(other->ai_next, first, false);
        }
        turn = !turn;
    }
    return err;
}

/* Has what is there race; `err` says why there may be nothing. */
static void dialer_race(struct dial *d, int err)
{
    d->err = err != 0 ? err : NNG_EADDRINVAL;
    if (err == 0) {
        dialer_start_next(d);
    }
    if (d->open == 0) {
        dialer_end(d);
    }
}

static void dialer_resolved(void *arg, int err, const struct addrinfo *list)
{
    struct dial *d = arg;
    d->lookup = NULL;
    dialer_race(d, err != 0 ? err : dialer_add_all(d, list));
}

/* An address in numbers needs no resolver, and does not stand in its queue. */
static int dialer_add_literal(struct dial *d)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int err = nu_address_parse(d->host, d->port, d->family, &ss, &len);
    if (err == NNG_ENOENT) {
        err = nu_resolve_numeric(d->host, d->port, d->family, &ss, &len);
    }
    if (err == 0) {
        err = dialer_make_attempts(d, 1);
    }
    if (err == 0) {
        dialer_add(d, &ss, len);
    }
    return err;
}

static void dialer_start(struct nu_task *task)
{
    struct dial *d = nu_container(task, struct dial, start);
    if (d->over) {
        dialer_end(d);
        return;
    }
    nu_list_append(&d->loop->hooks, &d->hook.link);
    int err = d->nattempts > 0 ? 0 : dialer_add_literal(d);
    if (err == NNG_ENOENT) {
        err = nu_resolve(&d->lookup, d->loop, d->host, d->port, d->family, dialer_resolved, d);
    }
    if (d->lookup == NULL) {
        dialer_race(d, err);
    }
}

/* ---- From outside ------------------------------------------------------------------------- */

/* The aio's cancel function. A start that is still posted sees `over` itself. What is made is not
 * taken back. */
static void dialer_cancel(nng_aio *aio, void *arg, int err)
{
    struct dial *d = arg;
    (void) aio;
    if (d->over) {
        return;
    }
    bool pauses = d->open == 0 && d->patience.armed;
    d->err = err;
    dialer_call_off(d);
    if (d->lookup != NULL) {
        nu_resolve_drop(d->lookup);
    }
    if (d->lookup != NULL || pauses) {
        dialer_end(d);
    }
}

static void dialer_on_stop(struct nu_loop_hook *hook)
{
    struct dial *d = nu_container(hook, struct dial, hook);
    dialer_cancel(d->aio, d, NNG_ECLOSED);
}

static void dialer_refuse(nng_aio *aio, const struct nu_dial_user *user, int err)
{
    if (user->drop != NULL) {
        user->drop(user->arg);
    }
    nu_aio_finish(aio, err, 0);
}

/* NULL: no memory, and the user is still to be told. */
static struct dial *dialer_new(nng_aio *aio, struct nu_loop *loop, const struct nu_dial_user *user)
{
    struct dial *d = calloc(1, sizeof *d);
    if (d != NULL) {
        d->user = *user;
        d->loop = loop;
        d->aio = aio;
        d->patience.fire = dialer_out_of_patience;
        nu_task_init(&d->start, dialer_start);
        d->hook.on_stop = dialer_on_stop;
        nu_list_init(&d->hook.link);
    }
    return d;
}

static void dialer_begin(struct dial *d, int err)
{
    nng_aio *aio = d->aio;
    if (err == 0) {
        err = nu_aio_expired(aio) ? NNG_ETIMEDOUT : nu_aio_schedule(aio, d->loop, dialer_cancel, d);
    }
    if (err != 0) {
        dialer_free_dial(d);
        nu_aio_finish(aio, err, 0);
        return;
    }
    nu_aio_timer_start(aio);
    nu_loop_post(d->loop, &d->start);
}

void nu_dial(nng_aio *aio, struct nu_loop *loop, const char *host, const char *port, int family,
             const struct nu_dial_user *user)
{
    struct dial *d = dialer_new(aio, loop, user);
    if (d == NULL) {
        dialer_refuse(aio, user, NNG_ENOMEM);
        return;
    }
    d->host = strdup(host);
    d->port = strdup(port);
    d->family = family;
    dialer_begin(d, d->host != NULL && d->port != NULL ? 0 : NNG_ENOMEM);
}

void nu_dial_address(nng_aio *aio, struct nu_loop *loop, const struct sockaddr *sa, socklen_t len,
                     const struct nu_dial_user *user)
{
    struct dial *d = dialer_new(aio, loop, user);
    if (d == NULL) {
        dialer_refuse(aio, user, NNG_ENOMEM);
        return;
    }
    int err = dialer_make_attempts(d, 1);
    if (err == 0) {
        dialer_add(d, sa, len);
    }
    dialer_begin(d, err);
}
