/* SPDX-License-Identifier: MIT */
/*
 * What is NNG's own and takes nothing of ours: each of these functions is one indirect call of
 * NNG's function of that name.
 */
#include "nng/libnng.h"

#include <errno.h>
#include <nng/compat/nanomsg/nn.h>
#include <nng/nng.h>
#include <nng/protocol/bus0/bus.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>

static int forward_nn_missing(void)
{
    errno = ENOTSUP;
    return -1;
}

#define FORWARD(type, name, params, args, none)                                                    \
    type name params                                                                               \
    {                                                                                              \
        type(*to) params = NU_NNG(name);                                                           \
        return to != NULL ? to args : none;                                                        \
    }

NU_FORWARDS(FORWARD)

/* Without NNG there is no other error than that. */
int nn_errno(void)
{
    return NU_NNG(nn_errno) != NULL ? NU_NNG(nn_errno)() : ENOTSUP;
}

const char *nn_strerror(int err)
{
    return NU_NNG(nn_strerror) != NULL ? NU_NNG(nn_strerror)(err) : nng_uring_nng_reason();
}
