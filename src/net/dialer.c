/* SPDX-License-Identifier: MIT */
#include "net/dialer.h"

#include "base/error.h"
#include "net/address.h"
#include "net/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ADDRESSES 16 /* of one name; more are not tried */

struct address {
    struct sockaddr_storage ss;
    socklen_t len;
};

/* One connect in progress. The owner's alone, once it is posted. */
struct dial {
    struct nu_loop *loop;
    nng_aio *aio;
    nu_dialed dialed;
    char *host, *port;
    int family;
    struct nu_task start;
    struct nu_loop_hook hook;
    struct nu_lookup *lookup; /* in progress, or NULL */
    struct nu_op op;
    int fd;    /* being connected, or -1 */
    int abort; /* why it is to end; 0: it is not */
    struct address addresses[MAX_ADDRESSES];
    unsigned naddresses;
    unsigned next; /* the address to try next */
};

static void dialer_free_dial(struct dial *d)
{
    free(d->host);
    free(d->port);
    free(d);
}

static void dialer_end(struct dial *d, int err)
{
    if (d->fd >= 0) {
        close(d->fd);
    }
    nu_list_remove(&d->hook.link);
    nu_aio_finish(d->aio, err, 0);
    dialer_free_dial(d);
}

static void dialer_succeed(struct dial *d)
{
    void *made = d->dialed(d->loop, d->fd);
    if (made == NULL) {
        dialer_end(d, NNG_ENOMEM);
        return;
    }
    d->fd = -1;
    d->aio->args->output[0] = made;
    dialer_end(d, 0);
}

/* Starts connecting to the next address; `err` is what the one before said. */
static void dialer_try_next(struct dial *d, int err)
{
    while (d->next < d->naddresses) {
        struct address *a = &d->addresses[d->next++];
        d->fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (d->fd >= 0) {
            d->op.kind = NU_OP_CONNECT;
            d->op.fd = d->fd;
            d->op.arg.addr.sa = (struct sockaddr *) &a->ss;
            d->op.arg.addr.len = a->len;
            nu_op_submit(&d->op);
            return;
        }
        err = nu_error_from_errno(errno);
    }
    dialer_end(d, err);
}

static void dialer_connected(struct nu_op *op, int res, uint32_t flags)
{
    struct dial *d = nu_container(op, struct dial, op);
    (void) flags;
    if (d->abort != 0) {
        dialer_end(d, d->abort);
    } else if (res == 0) {
        dialer_succeed(d);
    } else {
        close(d->fd);
        d->fd = -1;
        dialer_try_next(d, nu_error_from_errno(-res));
    }
}

static void dialer_resolved(void *arg, int err, const struct addrinfo *list)
{
    struct dial *d = arg;
    d->lookup = NULL;
    for (; list != NULL && d->naddresses < MAX_ADDRESSES; list = list->ai_next) {
        if (list->ai_addrlen <= sizeof d->addresses[0].ss) {
            struct address *a = &d->addresses[d->naddresses++];
            memcpy(&a->ss, list->ai_addr, list->ai_addrlen);
            a->len = list->ai_addrlen;
        }
    }
    dialer_try_next(d, err != 0 ? err : NNG_EADDRINVAL);
}

static void dialer_start(struct nu_task *task)
{
    struct dial *d = nu_container(task, struct dial, start);
    struct address *a = &d->addresses[0];
    if (d->abort != 0) {
        dialer_end(d, d->abort);
        return;
    }
    nu_list_append(&d->loop->hooks, &d->hook.link);
    int err = nu_address_parse(d->host, d->port, d->family, &a->ss, &a->len);
    if (err == 0) {
        d->naddresses = 1;
        dialer_try_next(d, 0);
        return;
    }
    if (err == NNG_ENOENT) {
        err = nu_resolve(&d->lookup, d->loop, d->host, d->port, d->family, dialer_resolved, d);
    }
    if (err != 0) {
        dialer_end(d, err);
    }
}

/* The aio's cancel function. A start that is still posted sees `abort` itself. */
static void dialer_cancel(nng_aio *aio, void *arg, int err)
{
    struct dial *d = arg;
    (void) aio;
    if (d->abort == 0) {
        d->abort = err;
    }
    if (d->lookup != NULL) {
        nu_resolve_drop(d->lookup);
        dialer_end(d, d->abort);
        return;
    }
    nu_op_cancel(&d->op);
}

static void dialer_on_stop(struct nu_loop_hook *hook)
{
    struct dial *d = nu_container(hook, struct dial, hook);
    dialer_cancel(d->aio, d, NNG_ECLOSED);
}

void nu_dial(nng_aio *aio, struct nu_loop *loop, const char *host, const char *port, int family,
             nu_dialed dialed)
{
    struct dial *d = calloc(1, sizeof *d);
    if (d == NULL || (d->host = strdup(host)) == NULL || (d->port = strdup(port)) == NULL) {
        if (d != NULL) {
            dialer_free_dial(d);
        }
        nu_aio_finish(aio, NNG_ENOMEM, 0);
        return;
    }
    d->loop = loop;
    d->aio = aio;
    d->dialed = dialed;
    d->family = family;
    d->fd = -1;
    nu_task_init(&d->start, dialer_start);
    d->hook.on_stop = dialer_on_stop;
    nu_list_init(&d->hook.link);
    nu_op_init(&d->op, loop, dialer_connected);

    int err = nu_aio_expired(aio) ? NNG_ETIMEDOUT : nu_aio_schedule(aio, loop, dialer_cancel, d);
    if (err != 0) {
        dialer_free_dial(d);
        nu_aio_finish(aio, err, 0);
        return;
    }
    nu_aio_timer_start(aio);
    nu_loop_post(loop, &d->start);
}
