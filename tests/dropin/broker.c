/* SPDX-License-Identifier: MIT */
/*
 * A broker with webhooks: events come from many producers on a PULL socket, and each is posted to a
 * URL, again while that answers 503. Each of its couriers has one aio, for sockets and for HTTP in
 * turn. Every event that it has taken was delivered, once.
 */
#include "check.h"

#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>

#define PRODUCERS 3
#define COURIERS 4
#define EVENTS 100 /* of each producer */

static nng_socket pull;
static nng_url *hook;
static nng_http_client *client;

/* ---- The webhook -------------------------------------------------------------------------- */

static atomic_int delivered[PRODUCERS * EVENTS];
static atomic_int calls, refused;

/* Refuses every third call. */
static void called(nng_aio *aio)
{
    nng_http_res *res;
    void *data;
    size_t size;
    char text[16] = "";
    check_ok(nng_http_res_alloc(&res));
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    check(size > 0 && size < sizeof text);
    memcpy(text, data, size);
    if (atomic_fetch_add(&calls, 1) % 3 == 2) {
        atomic_fetch_add(&refused, 1);
        check_ok(nng_http_res_set_status(res, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE));
    } else {
        atomic_fetch_add(&delivered[atoi(text)], 1);
    }
    check_ok(nng_http_res_copy_data(res, text, size));
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

/* ---- The broker --------------------------------------------------------------------------- */

struct courier {
    nng_aio *aio;
    nng_msg *event; /* in hand; NULL: it waits for one */
    nng_http_req *req;
    nng_http_res *res;
    int taken;
};

static atomic_int asked; /* how often a courier has asked for an event */

static void ask_for_event(struct courier *courier)
{
    nng_recv_aio(pull, courier->aio);
    atomic_fetch_add(&asked, 1);
}

/* With a new request each time: NNG sends one that was sent before as it was then. */
static void deliver(struct courier *courier)
{
    nng_http_req_free(courier->req);
    check_ok(nng_http_req_alloc(&courier->req, hook));
    check_ok(nng_http_req_set_method(courier->req, "POST"));
    check_ok(nng_http_req_set_data(courier->req, nng_msg_body(courier->event),
                                   nng_msg_len(courier->event)));
    nng_http_res_reset(courier->res);
    nng_http_client_transact(client, courier->req, courier->res, courier->aio);
}

static void work(void *arg)
{
    struct courier *courier = arg;
    int err = nng_aio_result(courier->aio);
    if (courier->event == NULL && err == 0) {
        courier->event = nng_aio_get_msg(courier->aio);
        nng_aio_set_msg(courier->aio, NULL);
        courier->taken++;
        deliver(courier);
    } else if (courier->event == NULL) {
        check(err == NNG_ECLOSED);
    } else if (err != 0 || nng_http_res_get_status(courier->res) != NNG_HTTP_STATUS_OK) {
        check_ok(err);
        deliver(courier);
    } else {
        nng_msg_free(courier->event);
        courier->event = NULL;
        ask_for_event(courier);
    }
}

static void hire(struct courier *courier)
{
    *courier = (struct courier){ 0 };
    check_ok(nng_aio_alloc(&courier->aio, work, courier));
    check_ok(nng_http_res_alloc(&courier->res));
    ask_for_event(courier);
}

static int dismiss(struct courier *courier)
{
    nng_aio_wait(courier->aio);
    check(courier->event == NULL);
    nng_aio_free(courier->aio);
    nng_http_req_free(courier->req);
    nng_http_res_free(courier->res);
    return courier->taken;
}

/* ---- Producers ---------------------------------------------------------------------------- */

static atomic_int sent;

/* Of so many events from that one on. */
static int deliveries(int first, int events)
{
    int n = 0;
    for (int i = first; i < first + events; i++) {
        n += atomic_load(&delivered[i]);
    }
    return n;
}

static void produce(void *arg)
{
    nng_socket push;
    int first = (int) (intptr_t) arg * EVENTS;
    check_ok(nng_push0_open(&push));
    check_ok(nng_dial(push, "inproc://events", NULL, 0));
    for (int i = 0; i < EVENTS; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%d", first + i);
        check_ok(nng_send(push, text, (size_t) n, 0));
        atomic_fetch_add(&sent, 1);
    }
    while (deliveries(first, EVENTS) < EVENTS) {
        nng_msleep(1); /* closing discards what is still in its socket */
    }
    check_ok(nng_close(push));
}

int main(void)
{
    nng_thread *producers[PRODUCERS];
    struct courier couriers[COURIERS];
    nng_http_handler *handler;
    int taken = 0;
    begin();
    nng_http_server *server = new_server();
    check_ok(nng_http_handler_alloc(&handler, "/hook", called));
    check_ok(nng_http_handler_set_method(handler, "POST"));
    check_ok(nng_http_server_add_handler(server, handler));
    check_ok(nng_http_server_start(server));
    hook = url_to(port_of(server), "/hook");
    check_ok(nng_http_client_alloc(&client, hook));
    check_ok(nng_pull0_open(&pull));
    check_ok(nng_listen(pull, "inproc://events", NULL, 0));
    for (int i = 0; i < COURIERS; i++) {
        hire(&couriers[i]);
    }
    for (intptr_t i = 0; i < PRODUCERS; i++) {
        check_ok(nng_thread_create(&producers[i], produce, (void *) i));
    }
    for (int i = 0; i < PRODUCERS; i++) {
        nng_thread_destroy(producers[i]);
    }
    check(atomic_load(&sent) == PRODUCERS * EVENTS);
    while (atomic_load(&asked) < COURIERS + PRODUCERS * EVENTS) {
        nng_msleep(1); /* NNG 1.5 forgets who asks a socket that is just being closed */
    }
    check_ok(nng_close(pull));
    for (int i = 0; i < COURIERS; i++) {
        taken += dismiss(&couriers[i]);
    }
    check(taken == PRODUCERS * EVENTS);
    for (int i = 0; i < PRODUCERS * EVENTS; i++) {
        check(atomic_load(&delivered[i]) == 1);
    }
    check(atomic_load(&refused) >= PRODUCERS * EVENTS / 3);
    printf("%d events, each delivered once\n", taken);
    ok("events are delivered");
    nng_http_client_free(client);
    nng_url_free(hook);
    nng_http_server_stop(server);
    nng_http_server_release(server);
    ok("stopped");
    end();
    return 0;
}
