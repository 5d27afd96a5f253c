/* SPDX-License-Identifier: MIT */
#include "http/session_proxy.h"

#include "http/session_io.h"
#include "http/session_tls.h"
#include "http/sources.h"
#include "wire/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Whether the peer is among them. */
static bool session_proxy_trusts(struct nu_session *s)
{
    const struct nu_networks *trusted = &s->service->trusted;
    nng_sockaddr addr;
    return (trusted->n > 0 || trusted->local) &&
           nu_stream_remote_addr(s->conn->stream, &addr) == 0 &&
           nu_sources_trust(s->service, &addr);
}

static enum nu_step session_proxy_go_on(struct nu_session *s)
{
    return nu_session_secure(s) == 0 ? NU_STEP_NEXT : NU_STEP_GIVE_UP;
}

enum nu_step nu_session_begin(struct nu_session *s)
{
    s->conn->trusted = session_proxy_trusts(s);
    s->proxy_due = s->conn->trusted && s->service->proxied;
    return s->proxy_due ? NU_STEP_NEXT : session_proxy_go_on(s);
}

/*
 * Requests are its client's then, who is believed what they say of yet another one only if it is a
 * balancer, too; who it is may be unknown. False: there is no memory for it, or it has too many
 * connections.
 */
static bool session_proxy_note_client(struct nu_session *s, const struct nu_proxy *proxy)
{
    s->conn->trusted = false;
    if (proxy->version == 0) {
        return true;
    }
    nng_sockaddr *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return false;
    }
    if (proxy->version == 4) {
        client->s_in.sa_family = NNG_AF_INET;
        client->s_in.sa_port = htons(proxy->port);
        memcpy(&client->s_in.sa_addr, proxy->from, 4);
    } else {
        client->s_in6.sa_family = NNG_AF_INET6;
        client->s_in6.sa_port = htons(proxy->port);
        memcpy(client->s_in6.sa_addr, proxy->from, 16);
    }
    s->conn->tcp.client = client;
    s->conn->trusted = nu_sources_trust(s->service, client);
    return nu_sources_admit(s->service, client, &s->conn->source);
}

static void session_proxy_wait(struct nu_session *s)
{
    s->proxy_waits = true;
    if (s->service->draining) {
        nu_session_allow_grace(s);
    } else {
        nu_session_allow(s, NNG_URING_HEAD_TIMEOUT);
    }
}

enum nu_step nu_session_take_proxy(struct nu_session *s)
{
    struct nu_proxy proxy;
    struct nu_stream *stream = s->conn->stream;
    size_t have = nu_rx_len(&stream->rx);
    enum nu_parse result =
        have > 0 ? nu_proxy_parse(nu_rx_data(&stream->rx), have, &proxy) : NU_PARSE_MORE;
    if (result == NU_PARSE_MORE && s->proxy_waits && s->deadline <= nu_loop_now(s->service->loop)) {
        return NU_STEP_GIVE_UP; /* its abort would be beaten again by the next byte */
    }
    if (result == NU_PARSE_MORE) {
        if (!s->proxy_waits) {
            session_proxy_wait(s);
        }
        return nu_session_receive(s, NU_SESSION_READING);
    }
    if (result == NU_PARSE_BAD || !session_proxy_note_client(s, &proxy)) {
        return NU_STEP_GIVE_UP;
    }
    s->proxy_due = false;
    nu_stream_consume(stream, proxy.length);
    return session_proxy_go_on(s);
}
