/* SPDX-License-Identifier: MIT */
#include "net/tcp_hangup.h"

#include <poll.h>
#include <stdlib.h>

struct nu_tcp_hangup {
    struct nu_tcp *tcp;
    nu_tcp_hung_up tell;
    struct nu_op op;
};

static void tcp_hangup_ended(struct nu_tcp_hangup *hangup)
{
    struct nu_tcp *tcp = hangup->tcp;
    nu_lock(&tcp->stream.lock);
    tcp->hangup = NULL;
    free(hangup);
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_closing(tcp);
        return;
    }
    nu_unlock(&tcp->stream.lock);
}

/* The kernel says more than it is asked for: that the peer has sent its last. */
static void tcp_hangup_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_tcp_hangup *hangup = nu_container(op, struct nu_tcp_hangup, op);
    bool hung_up = res > 0 && (res & (POLLERR | POLLHUP)) != 0;
    if (hung_up) {
        hangup->tell(hangup->tcp);
    }
    if ((flags & NU_OP_F_MORE) == 0) {
        tcp_hangup_ended(hangup);
    } else if (hung_up) {
        nu_op_cancel(op);
    }
}

void nu_tcp_watch_hangup(struct nu_tcp *tcp, nu_tcp_hung_up tell)
{
    nu_lock(&tcp->stream.lock);
    if (tcp->hangup == NULL && tcp->stream.life == NU_STREAM_OPEN &&
        (tcp->hangup = malloc(sizeof *tcp->hangup)) != NULL) {
        struct nu_op *op = &tcp->hangup->op;
        tcp->hangup->tcp = tcp;
        tcp->hangup->tell = tell;
        nu_op_init(op, tcp->stream.loop, tcp_hangup_done);
        op->kind = NU_OP_HANGUP;
        op->fd = tcp->fd;
        nu_op_submit(op);
    }
    nu_unlock(&tcp->stream.lock);
}

void nu_tcp_hangup_close(struct nu_tcp *tcp)
{
    if (tcp->hangup != NULL) {
        nu_op_cancel(&tcp->hangup->op);
    }
}
