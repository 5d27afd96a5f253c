/* SPDX-License-Identifier: MIT */
#include "stream/bytes.h"

#include "io/aio_data.h"
#include "net/tcp.h"
#include "net/tcp_read.h"
#include "stream/tls_facts.h"
#include "tls/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct bytes {
    nng_stream base;
    atomic_uint holds;        /* the user's, and the carrier's */
    atomic_uint calls;        /* CALL for each that is on its way to the carrier, and CLOSED */
    int family;               /* constant: AF_INET, AF_INET6 or AF_UNIX */
    nng_sockaddr local;       /* constant: of AF_UNIX */
    nng_sockaddr remote;      /* likewise */
    struct nu_stream *stream; /* constant: what is written to; &tcp.stream without TLS */
    struct nu_tcp tcp;
};

/* Of `calls`: with TLS the carrier's memory goes when it was closed, so it is closed when the last
 * call has left it, and no call enters it afterwards. */
#define CLOSED 1U
#define CALL 2U

static struct bytes *bytes_of(nng_stream *stream)
{
    return nu_container(stream, struct bytes, base);
}

/* ---- Life --------------------------------------------------------------------------------- */

static void bytes_drop(struct bytes *bytes)
{
    if (atomic_fetch_sub(&bytes->holds, 1) == 1) {
        free(bytes);
    }
}

static void bytes_gone(struct nu_stream *stream)
{
    bytes_drop(stream->user);
}

/* Whether the carrier may be called; then bytes_leave() follows. */
static bool bytes_enter(struct bytes *bytes)
{
    unsigned calls = atomic_load(&bytes->calls);
    do {
        if ((calls & CLOSED) != 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&bytes->calls, &calls, calls + CALL));
    return true;
}

static void bytes_leave(struct bytes *bytes)
{
    if (atomic_fetch_sub(&bytes->calls, CALL) == (CALL | CLOSED)) {
        nu_stream_close(bytes->stream, false);
    }
}

static void bytes_close(nng_stream *stream)
{
    struct bytes *bytes = bytes_of(stream);
    if (atomic_fetch_or(&bytes->calls, CLOSED) == 0) {
        nu_stream_close(bytes->stream, false);
    }
}

static void bytes_free(nng_stream *stream)
{
    bytes_close(stream);
    bytes_drop(bytes_of(stream));
}

/* ---- Bytes -------------------------------------------------------------------------------- */

typedef void (*bytes_start)(struct nu_stream *stream, nng_aio *aio);

static void bytes_write(struct nu_stream *stream, nng_aio *aio)
{
    nu_stream_write(stream, aio, NU_WRITE_SOME);
}

static void bytes_read(struct nu_stream *stream, nng_aio *aio)
{
    nu_stream_read(stream, aio, NU_READ_SOME);
}

static void bytes_begin(struct bytes *bytes, nng_aio *aio, bytes_start start)
{
    if (!nng_aio_begin(aio)) {
        return;
    }
    int err = nu_aio_take_vec(aio);
    if (err == 0 && !bytes_enter(bytes)) {
        err = NNG_ECLOSED;
    }
    if (err != 0) {
        nu_aio_finish(aio, err, 0);
        return;
    }
    start(bytes->stream, aio);
    bytes_leave(bytes);
}

static void bytes_send(nng_stream *stream, nng_aio *aio)
{
    bytes_begin(bytes_of(stream), aio, bytes_write);
}

static void bytes_recv(nng_stream *stream, nng_aio *aio)
{
    bytes_begin(bytes_of(stream), aio, bytes_read);
}

/* ---- Addresses and TCP's options ---------------------------------------------------------- */

static int bytes_get_local(void *object, union nu_option_value *value)
{
    struct bytes *bytes = object;
    value->addr = bytes->local;
    return bytes->family == AF_UNIX ? 0 : nu_stream_local_addr(&bytes->tcp.stream, &value->addr);
}

static int bytes_get_remote(void *object, union nu_option_value *value)
{
    struct bytes *bytes = object;
    value->addr = bytes->remote;
    return bytes->family == AF_UNIX ? 0 : nu_stream_remote_addr(&bytes->tcp.stream, &value->addr);
}

static int bytes_get_flag(struct bytes *bytes, int level, int name, bool *on)
{
    int flag = 0;
    socklen_t len = sizeof flag;
    int err = nu_tcp_get_option(&bytes->tcp, level, name, &flag, &len);
    *on = flag != 0;
    return err;
}

static int bytes_set_flag(struct bytes *bytes, int level, int name, bool on)
{
    int flag = on;
    return nu_tcp_set_option(&bytes->tcp, level, name, &flag, sizeof flag);
}

static int bytes_get_nodelay(void *object, union nu_option_value *value)
{
    return bytes_get_flag(object, IPPROTO_TCP, TCP_NODELAY, &value->b);
}

static int bytes_set_nodelay(void *object, const union nu_option_value *value)
{
    return bytes_set_flag(object, IPPROTO_TCP, TCP_NODELAY, value->b);
}

static int bytes_get_keepalive(void *object, union nu_option_value *value)
{
    return bytes_get_flag(object, SOL_SOCKET, SO_KEEPALIVE, &value->b);
}

static int bytes_set_keepalive(void *object, const union nu_option_value *value)
{
    return bytes_set_flag(object, SOL_SOCKET, SO_KEEPALIVE, value->b);
}

/* ---- Credentials of a UNIX socket's peer --------------------------------------------------- */

static int bytes_get_creds(struct bytes *bytes, struct ucred *creds)
{
    socklen_t len = sizeof *creds;
    return nu_tcp_get_option(&bytes->tcp, SOL_SOCKET, SO_PEERCRED, creds, &len);
}

static int bytes_get_uid(void *object, union nu_option_value *value)
{
    struct ucred creds = { 0 };
    int err = bytes_get_creds(object, &creds);
    value->u64 = creds.uid;
    return err;
}

static int bytes_get_gid(void *object, union nu_option_value *value)
{
    struct ucred creds = { 0 };
    int err = bytes_get_creds(object, &creds);
    value->u64 = creds.gid;
    return err;
}

static int bytes_get_pid(void *object, union nu_option_value *value)
{
    struct ucred creds = { 0 };
    int err = bytes_get_creds(object, &creds);
    value->u64 = (uint64_t) creds.pid;
    return err;
}

/* ---- The other side of TLS ---------------------------------------------------------------- */

static int bytes_get_info(void *object, nng_uring_tls_info **infop)
{
    struct bytes *bytes = object;
    int err = NNG_ECLOSED;
    if (bytes_enter(bytes)) {
        err = nu_tls_info(bytes->stream, infop);
        bytes_leave(bytes);
    }
    return err;
}

static int bytes_get_verified(void *object, union nu_option_value *value)
{
    return nu_tls_facts_verified(bytes_get_info, object, value);
}

static int bytes_get_peer_cn(void *object, union nu_option_value *value)
{
    return nu_tls_facts_peer_cn(bytes_get_info, object, value);
}

static int bytes_get_peer_alt_names(void *object, union nu_option_value *value)
{
    return nu_tls_facts_peer_alt_names(bytes_get_info, object, value);
}

/* ---- Making ------------------------------------------------------------------------------- */

static const struct nu_option bytes_tcp_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, bytes_get_local, NULL },
    { NNG_OPT_REMADDR, NU_OPTION_ADDR, bytes_get_remote, NULL },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, bytes_get_nodelay, bytes_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, bytes_get_keepalive, bytes_set_keepalive },
    { .name = NULL },
};

static const struct nu_option bytes_tls_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, bytes_get_local, NULL },
    { NNG_OPT_REMADDR, NU_OPTION_ADDR, bytes_get_remote, NULL },
    { NNG_OPT_TCP_NODELAY, NU_OPTION_BOOL, bytes_get_nodelay, bytes_set_nodelay },
    { NNG_OPT_TCP_KEEPALIVE, NU_OPTION_BOOL, bytes_get_keepalive, bytes_set_keepalive },
    { NNG_OPT_TLS_VERIFIED, NU_OPTION_BOOL, bytes_get_verified, NULL },
    { NNG_OPT_TLS_PEER_CN, NU_OPTION_STRING, bytes_get_peer_cn, NULL },
    { NNG_OPT_TLS_PEER_ALT_NAMES, NU_OPTION_PTR, bytes_get_peer_alt_names, NULL },
    { .name = NULL },
};

static const struct nu_option bytes_unix_options[] = {
    { NNG_OPT_LOCADDR, NU_OPTION_ADDR, bytes_get_local, NULL },
    { NNG_OPT_REMADDR, NU_OPTION_ADDR, bytes_get_remote, NULL },
    { NNG_OPT_PEER_UID, NU_OPTION_UINT64, bytes_get_uid, NULL },
    { NNG_OPT_PEER_GID, NU_OPTION_UINT64, bytes_get_gid, NULL },
    { NNG_OPT_PEER_PID, NU_OPTION_UINT64, bytes_get_pid, NULL },
    { .name = NULL },
};

static const struct nu_stream_kind bytes_tcp_kind = { bytes_tcp_options, bytes_send, bytes_recv,
                                                      bytes_close, bytes_free };
static const struct nu_stream_kind bytes_tls_kind = { bytes_tls_options, bytes_send, bytes_recv,
                                                      bytes_close, bytes_free };
static const struct nu_stream_kind bytes_unix_kind = { bytes_unix_options, bytes_send, bytes_recv,
                                                       bytes_close, bytes_free };

static int bytes_family(int fd)
{
    int family = AF_UNSPEC;
    socklen_t len = sizeof family;
    (void) getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len);
    return family;
}

/* The stream that TLS makes of the socket; or the socket, which then reads ahead. */
static int bytes_secure(struct bytes *bytes, const struct nu_bytes_params *params)
{
    const struct nu_tls_params tls = {
        .config = params->tls,
        .host = params->host,
        .read_ahead = true,
    };
    if (params->tls == NULL) {
        nu_tcp_read_ahead(&bytes->tcp);
        return 0;
    }
    return nu_tls_open(&bytes->stream, &bytes->tcp.stream, &tls);
}

int nu_bytes_new(nng_stream **streamp, struct nu_loop *loop, int fd,
                 const struct nu_bytes_params *params)
{
    struct bytes *bytes = calloc(1, sizeof *bytes);
    if (bytes == NULL) {
        close(fd);
        return NNG_ENOMEM;
    }
    bytes->family = bytes_family(fd);
    bytes->base.kind = bytes->family == AF_UNIX ? &bytes_unix_kind
                       : params->tls != NULL    ? &bytes_tls_kind
                                                : &bytes_tcp_kind;
    bytes->local = params->local;
    bytes->remote = params->remote;
    atomic_init(&bytes->holds, 2);
    nu_tcp_init(&bytes->tcp, loop, fd, bytes_gone, bytes);
    bytes->stream = &bytes->tcp.stream;
    if (bytes->family != AF_UNIX) { /* nu_tcp_init() has switched the first one on */
        (void) bytes_set_flag(bytes, IPPROTO_TCP, TCP_NODELAY, params->nodelay);
        (void) bytes_set_flag(bytes, SOL_SOCKET, SO_KEEPALIVE, params->keepalive);
    }
    int err = bytes_secure(bytes, params);
    if (err != 0) {
        bytes_free(&bytes->base);
        return err;
    }
    *streamp = &bytes->base;
    return 0;
}
