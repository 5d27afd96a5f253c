/* SPDX-License-Identifier: MIT */
/* Functions that NNG got after 1.5: where the one that was opened is older, they are made of what
 * it has. */
#include "nng/libnng.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>
#include <string.h>

int nng_socket_close(nng_socket sock)
{
    return NU_NNG(nng_socket_close) != NULL ? NU_NNG(nng_socket_close)(sock) : nng_close(sock);
}

/* ---- What a socket is --------------------------------------------------------------------- */

static int newer_get_id(nng_socket sock, const char *opt, uint16_t *id)
{
    int value;
    int err = nng_socket_get_int(sock, opt, &value);
    if (err == 0) {
        *id = (uint16_t) value;
    }
    return err;
}

int nng_socket_proto_id(nng_socket sock, uint16_t *id)
{
    return NU_NNG(nng_socket_proto_id) != NULL ? NU_NNG(nng_socket_proto_id)(sock, id)
                                               : newer_get_id(sock, NNG_OPT_PROTO, id);
}

int nng_socket_peer_id(nng_socket sock, uint16_t *id)
{
    return NU_NNG(nng_socket_peer_id) != NULL ? NU_NNG(nng_socket_peer_id)(sock, id)
                                              : newer_get_id(sock, NNG_OPT_PEER, id);
}

/* The name as static text. */
static int newer_get_name(nng_socket sock, const char *opt, const char **name)
{
    static const char *const known[] = { "bus", "pair", "pair1", "pull",     "push",      "pub",
                                         "sub", "rep",  "req",   "surveyor", "respondent" };
    char *value;
    int err = nng_socket_get_string(sock, opt, &value);
    if (err != 0) {
        return err;
    }
    err = NNG_ENOTSUP;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(value, known[i]) == 0) {
            *name = known[i];
            err = 0;
        }
    }
    nng_strfree(value);
    return err;
}

int nng_socket_proto_name(nng_socket sock, const char **name)
{
    return NU_NNG(nng_socket_proto_name) != NULL ? NU_NNG(nng_socket_proto_name)(sock, name)
                                                 : newer_get_name(sock, NNG_OPT_PROTONAME, name);
}

int nng_socket_peer_name(nng_socket sock, const char **name)
{
    return NU_NNG(nng_socket_peer_name) != NULL ? NU_NNG(nng_socket_peer_name)(sock, name)
                                                : newer_get_name(sock, NNG_OPT_PEERNAME, name);
}

int nng_socket_raw(nng_socket sock, bool *raw)
{
    return NU_NNG(nng_socket_raw) != NULL ? NU_NNG(nng_socket_raw)(sock, raw)
                                          : nng_socket_get_bool(sock, NNG_OPT_RAW, raw);
}

/* ---- Contexts, waiting -------------------------------------------------------------------- */

/* An aio of NNG's, that does not wait if the flags say so. */
static int newer_get_aio(nng_aio **aiop, int flags)
{
    if (NU_NNG(nng_aio_alloc) == NULL || NU_NNG(nng_ctx_recv) == NULL) {
        return NNG_ENOTSUP;
    }
    int err = NU_NNG(nng_aio_alloc)(aiop, NULL, NULL);
    if (err == 0 && ((unsigned) flags & NNG_FLAG_NONBLOCK) != 0) {
        NU_NNG(nng_aio_set_timeout)(*aiop, NNG_DURATION_ZERO);
    }
    return err;
}

static int newer_wait(nng_aio *aio, int flags)
{
    NU_NNG(nng_aio_wait)(aio);
    int err = NU_NNG(nng_aio_result)(aio);
    bool nonblocking = ((unsigned) flags & NNG_FLAG_NONBLOCK) != 0;
    return err == NNG_ETIMEDOUT && nonblocking ? NNG_EAGAIN : err;
}

int nng_ctx_recvmsg(nng_ctx ctx, nng_msg **msgp, int flags)
{
    nng_aio *aio;
    if (NU_NNG(nng_ctx_recvmsg) != NULL) {
        return NU_NNG(nng_ctx_recvmsg)(ctx, msgp, flags);
    }
    int err = newer_get_aio(&aio, flags);
    if (err != 0) {
        return err;
    }
    NU_NNG(nng_ctx_recv)(ctx, aio);
    if ((err = newer_wait(aio, flags)) == 0) {
        *msgp = NU_NNG(nng_aio_get_msg)(aio);
    }
    NU_NNG(nng_aio_free)(aio);
    return err;
}

int nng_ctx_sendmsg(nng_ctx ctx, nng_msg *msg, int flags)
{
    nng_aio *aio;
    if (NU_NNG(nng_ctx_sendmsg) != NULL) {
        return NU_NNG(nng_ctx_sendmsg)(ctx, msg, flags);
    }
    int err = newer_get_aio(&aio, flags);
    if (err != 0) {
        return err;
    }
    NU_NNG(nng_aio_set_msg)(aio, msg);
    NU_NNG(nng_ctx_send)(ctx, aio);
    err = newer_wait(aio, flags);
    NU_NNG(nng_aio_free)(aio);
    return err;
}

/* ---- Subscriptions ------------------------------------------------------------------------ */

int nng_sub0_socket_subscribe(nng_socket sock, const void *topic, size_t size)
{
    return nng_socket_set(sock, NNG_OPT_SUB_SUBSCRIBE, topic, size);
}

int nng_sub0_socket_unsubscribe(nng_socket sock, const void *topic, size_t size)
{
    return nng_socket_set(sock, NNG_OPT_SUB_UNSUBSCRIBE, topic, size);
}

int nng_sub0_ctx_subscribe(nng_ctx ctx, const void *topic, size_t size)
{
    return nng_ctx_set(ctx, NNG_OPT_SUB_SUBSCRIBE, topic, size);
}

int nng_sub0_ctx_unsubscribe(nng_ctx ctx, const void *topic, size_t size)
{
    return nng_ctx_set(ctx, NNG_OPT_SUB_UNSUBSCRIBE, topic, size);
}
