/* SPDX-License-Identifier: MIT */
/*
 * A publisher with a web page: what is posted goes to all who have subscribed, over TCP, and the
 * page tells what was published last. A subscriber that ends in the middle disturbs nobody.
 */
#include "check.h"

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/supplemental/util/platform.h>

#define SUBSCRIBERS 3
#define NEWS 100

/* ---- The publisher ------------------------------------------------------------------------ */

static nng_socket pub;
static nng_mtx *mtx;
static char last[64]; /* under mtx */
static unsigned port;

static void respond(nng_aio *aio, uint16_t status, const char *type, const char *text)
{
    nng_http_res *res;
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_res_set_status(res, status));
    check_ok(nng_http_res_set_header(res, "Content-Type", type));
    check_ok(nng_http_res_copy_data(res, text, strlen(text)));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void publish(nng_aio *aio)
{
    nng_msg *msg;
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    if (size >= sizeof last) {
        respond(aio, NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE, "text/plain", "too long\n");
        return;
    }
    nng_mtx_lock(mtx);
    memcpy(last, data, size);
    last[size] = '\0';
    check_ok(nng_msg_alloc(&msg, size));
    memcpy(nng_msg_body(msg), data, size);
    check_ok(nng_sendmsg(pub, msg, 0)); /* in the lock: in the order of the page */
    nng_mtx_unlock(mtx);
    respond(aio, NNG_HTTP_STATUS_ACCEPTED, "text/plain", "published\n");
}

static void page(nng_aio *aio)
{
    char html[128];
    nng_mtx_lock(mtx);
    snprintf(html, sizeof html, "<title>News</title><p>%s</p>\n", last);
    nng_mtx_unlock(mtx);
    respond(aio, NNG_HTTP_STATUS_OK, "text/html", html);
}

static void add(nng_http_server *server, const char *method, void (*cb)(nng_aio *))
{
    nng_http_handler *handler;
    check_ok(nng_http_handler_alloc(&handler, "/news", cb));
    check_ok(nng_http_handler_set_method(handler, method));
    check_ok(nng_http_server_add_handler(server, handler));
}

/* ---- Subscribers -------------------------------------------------------------------------- */

static int pipes; /* the publisher's; under mtx */

struct subscriber {
    nng_socket sock;
    nng_aio *aio;
    int got;    /* under mtx */
    bool ended; /* under mtx */
};

static nng_cv *cv;

/* "item 0", "item 1" and so on, in order. */
static void receive(void *arg)
{
    struct subscriber *subscriber = arg;
    int err = nng_aio_result(subscriber->aio);
    nng_mtx_lock(mtx);
    if (err == 0) {
        char want[64];
        nng_msg *msg = nng_aio_get_msg(subscriber->aio);
        int n = snprintf(want, sizeof want, "item %d", subscriber->got++);
        check(nng_msg_len(msg) == (size_t) n && memcmp(nng_msg_body(msg), want, (size_t) n) == 0);
        nng_msg_free(msg);
        nng_recv_aio(subscriber->sock, subscriber->aio);
    } else {
        check(err == NNG_ECLOSED || err == NNG_ECANCELED);
        subscriber->ended = true;
    }
    nng_cv_wake(cv);
    nng_mtx_unlock(mtx);
}

/* Another subscriber is in the publisher's list. */
static void joined(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void) pipe;
    (void) event;
    (void) arg;
    nng_mtx_lock(mtx);
    pipes++;
    nng_cv_wake(cv);
    nng_mtx_unlock(mtx);
}

static void await_subscribers(void)
{
    nng_mtx_lock(mtx);
    while (pipes < SUBSCRIBERS) {
        nng_cv_wait(cv);
    }
    nng_mtx_unlock(mtx);
}

static void subscribe(struct subscriber *subscriber, const char *url)
{
    check_ok(nng_sub0_open(&subscriber->sock));
    check_ok(nng_socket_set(subscriber->sock, NNG_OPT_SUB_SUBSCRIBE, "item", 4));
    check_ok(nng_dial(subscriber->sock, url, NULL, 0));
    check_ok(nng_aio_alloc(&subscriber->aio, receive, subscriber));
    nng_recv_aio(subscriber->sock, subscriber->aio);
}

static void await(struct subscriber *subscriber, int n)
{
    nng_mtx_lock(mtx);
    while (subscriber->got < n) {
        nng_cv_wait(cv);
    }
    nng_mtx_unlock(mtx);
}

static void unsubscribe(struct subscriber *subscriber)
{
    check_ok(nng_close(subscriber->sock));
    nng_mtx_lock(mtx);
    while (!subscriber->ended) {
        nng_cv_wait(cv);
    }
    nng_mtx_unlock(mtx);
    nng_aio_free(subscriber->aio);
}

/* ---- Posting ------------------------------------------------------------------------------ */

static void post(nng_http_client *client, const char *text, uint16_t status)
{
    nng_aio *aio = new_aio();
    nng_http_req *req;
    nng_http_res *res;
    nng_url *url = url_to(port, "/news");
    check_ok(nng_http_req_alloc(&req, url));
    check_ok(nng_http_res_alloc(&res));
    check_ok(nng_http_req_set_method(req, "POST"));
    check_ok(nng_http_req_set_data(req, text, strlen(text)));
    nng_http_client_transact(client, req, res, aio);
    check_ok(result(aio));
    check(nng_http_res_get_status(res) == status);
    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_url_free(url);
    nng_aio_free(aio);
}

static void news(struct subscriber *subscribers)
{
    nng_http_client *client;
    nng_url *url = url_to(port, "/news");
    struct answer answer;
    check_ok(nng_http_client_alloc(&client, url));
    for (int i = 0; i < NEWS; i++) {
        char text[64];
        snprintf(text, sizeof text, "item %d", i);
        post(client, text, NNG_HTTP_STATUS_ACCEPTED);
        if (i == NEWS / 2) {
            await(&subscribers[0], i + 1);
            unsubscribe(&subscribers[0]);
        }
    }
    post(client, "This is by far too long to be news, and nobody is told that it has happened.",
         NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE);
    for (int i = 1; i < SUBSCRIBERS; i++) {
        await(&subscribers[i], NEWS);
    }
    get(&answer, port, "/news");
    check_str(answer.body, "<title>News</title><p>item 99</p>\n");
    check_str(field(&answer, "Content-Type"), "text/html");
    printf("%d %s", answer.status, answer.body);
    nng_http_client_free(client);
    nng_url_free(url);
}

int main(void)
{
    struct subscriber subscribers[SUBSCRIBERS] = { 0 };
    nng_listener listener;
    char url[64];
    int bound;
    begin();
    check_ok(nng_mtx_alloc(&mtx));
    check_ok(nng_cv_alloc(&cv, mtx));
    check_ok(nng_pub0_open(&pub));
    check_ok(nng_socket_set_int(pub, NNG_OPT_SENDBUF, NEWS));
    check_ok(nng_pipe_notify(pub, NNG_PIPE_EV_ADD_POST, joined, NULL));
    check_ok(nng_listen(pub, "tcp://127.0.0.1:0", &listener, 0));
    check_ok(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &bound));
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", bound);
    nng_http_server *server = new_server();
    add(server, "POST", publish);
    add(server, "GET", page);
    check_ok(nng_http_server_start(server));
    port = port_of(server);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        subscribe(&subscribers[i], url);
    }
    await_subscribers();
    news(subscribers);
    ok("published in order, to all who are there");
    for (int i = 1; i < SUBSCRIBERS; i++) {
        unsubscribe(&subscribers[i]);
    }
    nng_http_server_stop(server);
    nng_http_server_release(server);
    check_ok(nng_close(pub));
    nng_cv_free(cv);
    nng_mtx_free(mtx);
    ok("stopped");
    end();
    return 0;
}
