/* SPDX-License-Identifier: MIT */
#include "http/client.h"

#include "http/conn.h"
#include "support/aio_probe.h"
#include "support/confine.h"
#include "support/peer.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <net/if.h>
#include <netinet/in.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Clients ------------------------------------------------------------------------------ */

static int alloc(nng_http_client **client, const char *text)
{
    nng_url *url;
    cr_assert_eq(nng_url_parse(&url, text), 0, "%s", text);
    int err = nng_http_client_alloc(client, url);
    nng_url_free(url);
    return err;
}

Test(client, schemes, .timeout = 10)
{
    static const struct {
        const char *url;
        int err;
    } cases[] = {
        { "http://a", 0 },
        { "http4://a:80/x?y#z", 0 },
        { "http6://a:80", 0 },
        { "ws://a", 0 },
        { "ws4://a", 0 },
        { "ws6://[::1]:1", 0 },
        { "https://a", 0 },
        { "https4://a", 0 },
        { "httpfoo://a", NNG_EADDRINVAL },
        { "wss://a", 0 },
        { "ftp://a", NNG_EADDRINVAL },
        { "tcp://a:1", NNG_EADDRINVAL },
        { "ipc:///tmp/x", NNG_EADDRINVAL },
        { "http://", NNG_EADDRINVAL },
        { "http://:80", NNG_EADDRINVAL },
        { "http://*:80", NNG_EADDRINVAL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nng_http_client *client = NULL;
        cr_assert_eq(alloc(&client, cases[i].url), cases[i].err, "%s", cases[i].url);
        nng_http_client_free(client);
    }
}

/* ---- Connecting --------------------------------------------------------------------------- */

/* Connects to `host` (as a URL has it) and `port`; NULL or a connection. */
static nng_http_conn *connect_to(const char *scheme, const char *host, unsigned port, int *err)
{
    char text[128];
    nng_http_client *client;
    nng_aio *aio;
    snprintf(text, sizeof text, "%s://%s:%u/", scheme, host, port);
    cr_assert_eq(alloc(&client, text), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_http_client_connect(client, aio);
    nng_http_client_free(client); /* is not needed any more */
    nng_aio_wait(aio);
    *err = nng_aio_result(aio);
    nng_http_conn *conn = nng_aio_get_output(aio, 0);
    cr_assert_eq(*err == 0, conn != NULL);
    nng_aio_free(aio);
    return conn;
}

/* A port of 127.0.0.1 where nobody listens, and the socket that keeps it so. */
static int deaf(unsigned *port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &sin, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    *port = ntohs(sin.sin_port);
    return fd;
}

static int listen_v6(unsigned *port)
{
    struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
    socklen_t len = sizeof sin6;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *) &sin6, len) != 0 || listen(fd, 10) != 0) {
        cr_skip_test("no IPv6 here");
    }
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &sin6, &len), 0);
    *port = ntohs(sin6.sin6_port);
    return fd;
}

Test(client, connect_by_name_and_address, .timeout = 30)
{
    static const char *const hosts[][2] = { { "http", "127.0.0.1" },
                                            { "http4", "127.0.0.1" },
                                            { "ws", "localhost" },
                                            { "http4", "localhost" } };
    unsigned port;
    int listener = nu_listen(&port, 0), err;
    for (int i = 0; i < 4; i++) {
        nng_http_conn *conn = connect_to(hosts[i][0], hosts[i][1], port, &err);
        cr_assert_eq(err, 0, "%s://%s: %s", hosts[i][0], hosts[i][1], nng_strerror(err));
        int peer = accept(listener, NULL, NULL);
        nng_sockaddr addr;
        cr_assert_eq(nng_uring_conn_remote_addr(conn, &addr), 0);
        cr_assert_eq(ntohs(addr.s_in.sa_port), port);
        nng_http_conn_close(conn);
        cr_assert_eq(t_peer_rest(peer, 0, 0), 0);
        close(peer);
    }
    close(listener);
}

Test(client, connect_v6, .timeout = 30)
{
    unsigned port;
    int listener = listen_v6(&port), err;
    nng_http_conn *conn = connect_to("http", "[::1%25lo]", port, &err); /* RFC 6874 */
    cr_assert_eq(err, 0, "%s", nng_strerror(err));
    nng_http_conn_close(conn);
    cr_assert_null(connect_to("http", "[::1%25nosuchif]", port, &err));
    cr_assert_eq(err, NNG_EADDRINVAL, "%s", nng_strerror(err));
    close(accept(listener, NULL, NULL));
    conn = connect_to("http6", "[::1]", port, &err);
    nng_sockaddr addr;
    cr_assert_eq(err, 0);
    cr_assert_eq(nng_uring_conn_remote_addr(conn, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_INET6);
    cr_assert_eq(ntohs(addr.s_in6.sa_port), port);
    nng_http_conn_close(conn);
    cr_assert_null(connect_to("http4", "[::1]", port, &err));
    cr_assert_eq(err, NNG_EADDRINVAL, "%s", nng_strerror(err));
    cr_assert_null(connect_to("http6", "127.0.0.1", port, &err));
    cr_assert_eq(err, NNG_EADDRINVAL, "%s", nng_strerror(err));
    close(listener);
}

/* RFC 6874: the address says nothing without its interface. A server listens by it, too. */
Test(client, link_local, .timeout = 30)
{
    static const char *const hosts[] = { "[" T_LINK_LOCAL "%25lo]", "[" T_LINK_LOCAL "%lo]" };
    nng_http_server *server;
    nng_url *url;
    nng_sockaddr addr;
    int err;
    if (!t_link_local()) {
        cr_skip_test("no network of its own here");
    }
    cr_assert_eq(nng_url_parse(&url, "http://[" T_LINK_LOCAL "%25lo]:0/"), 0);
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(nng_http_server_get_addr(server, &addr), 0);
    cr_assert_eq(addr.s_in6.sa_scope, if_nametoindex("lo"));
    unsigned port = ntohs(addr.s_in6.sa_port);
    for (int i = 0; i < 2; i++) {
        nng_http_conn *conn = connect_to("http", hosts[i], port, &err);
        cr_assert_eq(err, 0, "%s: %s", hosts[i], nng_strerror(err));
        cr_assert_eq(nng_uring_conn_remote_addr(conn, &addr), 0);
        cr_assert_eq(addr.s_in6.sa_scope, if_nametoindex("lo"));
        nng_http_conn_close(conn);
    }
    cr_assert_null(connect_to("http", "[" T_LINK_LOCAL "]", port, &err));
    cr_assert_null(connect_to("http", "[" T_LINK_LOCAL "%25nosuchif]", port, &err));
    cr_assert_eq(err, NNG_EADDRINVAL, "%s", nng_strerror(err));
    nng_http_server_release(server);
}

Test(client, refused, .timeout = 30)
{
    unsigned port;
    int fd = deaf(&port), err;
    for (int i = 0; i < 20; i++) {
        cr_assert_null(connect_to("http", i % 2 ? "127.0.0.1" : "localhost", port, &err));
        cr_assert_eq(err, NNG_ECONNREFUSED, "%s", nng_strerror(err));
    }
    close(fd);
}

Test(client, no_such_name, .timeout = 60)
{
    int err;
    cr_assert_null(connect_to("http", "no-such-name.invalid", 80, &err));
    /* without a name server, the resolver does not know for sure */
    cr_assert(err == NNG_EADDRINVAL || err == NNG_EAGAIN || err == NNG_ETIMEDOUT, "%s",
              nng_strerror(err));
    cr_assert_null(connect_to("http", "256.1.1.1", 80, &err));
    cr_assert_neq(err, 0);
}

/* ---- Connects that do not come to an end -------------------------------------------------- */

/* A listener whose queue is full: connecting to it takes as long as one likes. */
struct busy {
    unsigned port;
    int listener;
    int fillers[3];
};

static void open_busy(struct busy *b)
{
    b->listener = deaf(&b->port);
    cr_assert_eq(listen(b->listener, 0), 0);
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t) b->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    for (int i = 0; i < 3; i++) {
        b->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) connect(b->fillers[i], (struct sockaddr *) &sin, sizeof sin);
    }
}

static void close_busy(struct busy *b)
{
    for (int i = 0; i < 3; i++) {
        close(b->fillers[i]);
    }
    close(b->listener);
}

Test(client, ended_early, .timeout = 30)
{
    struct busy b;
    struct t_aio_probe track;
    nng_http_client *client;
    open_busy(&b);
    client = t_client(b.port);
    unsigned fds = 0;
    for (int i = 0; i < 40; i++) {
        int result = NNG_ETIMEDOUT;
        t_aio_probe_open(&track, i & 1 ? NU_CALLED : 0);
        switch (i / 2 % 5) {
        case 0:
            nng_aio_set_timeout(track.aio, NNG_DURATION_ZERO);
            nng_http_client_connect(client, track.aio);
            break;
        case 1:
            nng_aio_set_timeout(track.aio, 20);
            nng_http_client_connect(client, track.aio);
            break;
        case 2:
            nng_http_client_connect(client, track.aio);
            nng_aio_abort(track.aio, result = NNG_EPROTO);
            break;
        case 3:
            nng_http_client_connect(client, track.aio);
            nng_msleep(2); /* it waits for the answer by now */
            cr_assert(nng_aio_busy(track.aio));
            nng_aio_abort(track.aio, result = NNG_ECANCELED);
            break;
        default:
            nng_http_client_connect(client, track.aio);
            nng_aio_stop(track.aio);
            result = NNG_ECANCELED;
            break;
        }
        t_aio_probe_assert(&track, 1, result);
        cr_assert_null(nng_aio_get_output(track.aio, 0));
        t_aio_probe_close(&track);
        if (i == 10) {
            fds = t_proc_fds();
        }
    }
    t_proc_await_fds(fds);
    nng_http_client_free(client);
    close_busy(&b);
}

/* Looking a name up can be ended as well. */
Test(client, lookup_ended_early, .timeout = 30)
{
    for (int i = 0; i < 20; i++) {
        struct t_aio_probe track;
        nng_http_client *client;
        cr_assert_eq(alloc(&client, "http://no-such-name.invalid/"), 0);
        t_aio_probe_open(&track, i & 1 ? NU_CALLED : 0);
        nng_http_client_connect(client, track.aio);
        nng_http_client_free(client);
        nng_aio_abort(track.aio, NNG_EPROTO);
        nng_aio_wait(track.aio);
        cr_assert_neq(nng_aio_result(track.aio), 0);
        cr_assert(t_aio_probe_calls(&track) == (i & 1));
        t_aio_probe_close(&track);
    }
}

/* ---- Many, and limits --------------------------------------------------------------------- */

Test(client, many_at_once, .timeout = 30)
{
    enum { MANY = 100 };
    struct t_aio_probe track[MANY];
    unsigned port;
    int listener = nu_listen(&port, 0);
    nng_http_client *client = t_client(port);
    for (int i = 0; i < MANY; i++) {
        t_aio_probe_open(&track[i], i & 1 ? NU_CALLED : 0);
        nng_http_client_connect(client, track[i].aio);
    }
    for (int i = 0; i < MANY; i++) {
        t_aio_probe_assert(&track[i], 1, 0);
        nng_http_conn_close(nng_aio_get_output(track[i].aio, 0));
        t_aio_probe_close(&track[i]);
    }
    nng_http_client_free(client);
    close(listener);
}

struct inside {
    nng_http_client *client;
    struct t_aio_probe connect;
    atomic_bool same;
};

static void check_loop(struct t_aio_probe *track)
{
    struct inside *inside = track->arg;
    nng_http_conn *conn = nng_aio_get_output(track->aio, 0);
    atomic_store(&inside->same, conn != NULL && conn->stream->loop == nu_loop_self());
}

static void connect_inside(struct t_aio_probe *track)
{
    struct inside *inside = track->arg;
    nng_http_client_connect(inside->client, inside->connect.aio);
    nng_aio_wait(inside->connect.aio);
}

/* Connected in a callback on a loop, a connection lives where the callback runs. */
Test(client, inside_a_callback, .timeout = 30)
{
    struct inside inside = { .same = false };
    struct t_aio_probe first;
    unsigned port;
    int listener = nu_listen(&port, 0);
    cr_assert_eq(setenv("NNG_URING_CALLBACKS", "inline", 1), 0); /* else it may run on a worker */
    inside.client = t_client(port);
    t_aio_probe_open(&first, NU_CALLED);
    t_aio_probe_open(&inside.connect, NU_CALLED);
    first.then = connect_inside;
    first.arg = &inside;
    inside.connect.then = check_loop;
    inside.connect.arg = &inside;
    nng_sleep_aio(0, first.aio);
    t_aio_probe_assert(&first, 1, 0);
    t_aio_probe_assert(&inside.connect, 1, 0);
    cr_assert(atomic_load(&inside.same));
    nng_http_conn_close(nng_aio_get_output(inside.connect.aio, 0));
    t_aio_probe_close(&first);
    t_aio_probe_close(&inside.connect);
    nng_http_client_free(inside.client);
    close(listener);
}

Test(client, out_of_descriptors, .timeout = 30)
{
    unsigned port;
    int listener = nu_listen(&port, 0), err;
    t_proc_limit_fds();
    nng_http_conn *first = connect_to("http", "127.0.0.1", port, &err); /* everything runs */
    cr_assert_eq(err, 0);
    unsigned fds = t_proc_fds() - 1;
    nng_http_conn_close(first);
    t_proc_await_fds(fds);
    for (int i = 0; i < 5; i++) {
        t_proc_take_fds();
        nng_http_conn *conn = connect_to("http", "127.0.0.1", port, &err);
        t_proc_give_fds();
        cr_assert_null(conn);
        cr_assert_eq(err, NNG_ENOFILES, "%s", nng_strerror(err));
        conn = connect_to("http", "127.0.0.1", port, &err);
        cr_assert_eq(err, 0);
        nng_http_conn_close(conn);
        t_proc_await_fds(fds);
    }
    close(listener);
}
