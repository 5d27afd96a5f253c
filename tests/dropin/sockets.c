/* SPDX-License-Identifier: MIT */
/*
 * NNG's sockets with our aios: results, counts and messages, time limits, cancel, abort, stop, free
 * and wait, from outside and in callbacks.
 */
#include "pair.h"

#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>

#define ROUNDS 500

/* ---- Operations --------------------------------------------------------------------------- */

static void results(void)
{
    nng_aio *out = new_aio(), *in = new_aio();
    open_pair();
    for (int i = 0; i < ROUNDS; i++) {
        nng_recv_aio(right, in);
        nng_aio_set_msg(out, message("hello"));
        nng_send_aio(left, out);
        check(result(out) == 0 && result(in) == 0);
        check(nng_aio_count(out) == 5 && nng_aio_count(in) == 5);
        check(nng_aio_get_msg(out) == NULL); /* it is the socket's */
        check_msg(in, "hello");
    }
    nng_recv_aio(right, in);
    close_pair();
    check(result(in) == NNG_ECLOSED);
    nng_recv_aio(right, in);
    check(result(in) == NNG_ECLOSED);
    nng_aio_free(in);
    nng_aio_free(out);
    ok("results");
}

static void limits(void)
{
    nng_aio *aio = new_aio();
    nng_socket push;
    open_pair();
    nng_aio_set_timeout(aio, 20);
    nng_time start = nng_clock();
    nng_recv_aio(left, aio);
    check(result(aio) == NNG_ETIMEDOUT);
    check(nng_clock() - start >= 19);

    nng_aio_set_timeout(aio, NNG_DURATION_ZERO); /* what is there */
    nng_recv_aio(left, aio);
    check(result(aio) == NNG_ETIMEDOUT);
    send_text(right, "there");
    nng_msleep(300);
    nng_recv_aio(left, aio);
    check(result(aio) == 0);
    check_msg(aio, "there");

    nng_aio_set_timeout(aio, NNG_DURATION_DEFAULT); /* the socket's */
    check_ok(nng_socket_set_ms(left, NNG_OPT_RECVTIMEO, 20));
    nng_recv_aio(left, aio);
    check(result(aio) == NNG_ETIMEDOUT);

    check_ok(nng_push0_open(&push));
    nng_msg *msg = message("nobody is there");
    nng_aio_set_timeout(aio, 20);
    nng_aio_set_msg(aio, msg);
    nng_send_aio(push, aio);
    check(result(aio) == NNG_ETIMEDOUT);
    check(nng_aio_get_msg(aio) == msg); /* ours again */
    nng_msg_free(msg);
    check_ok(nng_close(push));
    nng_aio_free(aio);
    close_pair();
    ok("limits");
}

static void ends(void)
{
    nng_aio *aio = new_aio();
    open_pair();
    nng_recv_aio(left, aio);
    nng_aio_cancel(aio);
    check(result(aio) == NNG_ECANCELED);
    nng_recv_aio(left, aio);
    nng_aio_abort(aio, NNG_EPERM);
    check(result(aio) == NNG_EPERM);
    send_text(right, "later"); /* nothing was lost */
    nng_recv_aio(left, aio);
    check(result(aio) == 0);
    check_msg(aio, "later");

    nng_recv_aio(left, aio);
    nng_aio_stop(aio);
    check(nng_aio_result(aio) == NNG_ECANCELED);
    nng_recv_aio(left, aio); /* does nothing any more */
    nng_aio_wait(aio);
    check(nng_aio_result(aio) == NNG_ECANCELED);
    nng_aio_free(aio);

    aio = new_aio();
    nng_recv_aio(left, aio);
    nng_aio_free(aio); /* with an operation in hand */
    close_pair();
    ok("ends");
}

/* ---- Callbacks ---------------------------------------------------------------------------- */

struct player {
    nng_aio *aio;
    nng_socket sock;
    bool sending;
    int rounds;
    atomic_bool over;
};

/* Sends and receives in turn, always on the same aio. */
static void play(void *arg)
{
    struct player *player = arg;
    int err = nng_aio_result(player->aio);
    if (err != 0) {
        check(err == NNG_ECANCELED || err == NNG_ECLOSED);
        if (player->sending) {
            nng_msg_free(nng_aio_get_msg(player->aio));
            nng_aio_set_msg(player->aio, NULL);
        }
        atomic_store(&player->over, true);
        return;
    }
    if (!player->sending) {
        nng_msg *msg = nng_aio_get_msg(player->aio);
        player->rounds++;
        nng_aio_set_msg(player->aio, msg);
        player->sending = true;
        nng_send_aio(player->sock, player->aio);
    } else {
        player->sending = false;
        nng_recv_aio(player->sock, player->aio);
    }
}

/* A send that was begun too late has left its message. */
static void end_play(struct player *player)
{
    if (player->sending && nng_aio_get_msg(player->aio) != NULL) {
        nng_msg_free(nng_aio_get_msg(player->aio));
    }
    nng_aio_free(player->aio);
}

static void callbacks(void)
{
    struct player a = { .sending = false }, b = { .sending = false };
    open_pair();
    a.sock = left;
    b.sock = right;
    check_ok(nng_aio_alloc(&a.aio, play, &a));
    check_ok(nng_aio_alloc(&b.aio, play, &b));
    nng_recv_aio(left, a.aio);
    nng_recv_aio(right, b.aio);
    send_text(left, "ball");
    nng_msleep(200);
    nng_aio_stop(a.aio); /* in the middle of it */
    nng_aio_stop(b.aio);
    check(a.rounds > 10 && b.rounds > 10);
    end_play(&a);
    end_play(&b);
    close_pair();
    ok("callbacks");
}

struct waiter {
    nng_aio *aio, *other;
    atomic_bool over;
};

/* Waits in a callback for another operation, and frees the aio whose callback it is. */
static void wait_and_free(void *arg)
{
    struct waiter *waiter = arg;
    check(nng_aio_result(waiter->aio) == 0);
    check_msg(waiter->aio, "first");
    nng_recv_aio(left, waiter->other);
    send_text(right, "second");
    check(result(waiter->other) == 0);
    check_msg(waiter->other, "second");
    nng_aio_reap(waiter->aio);
    atomic_store(&waiter->over, true);
}

static void waiting_inside(void)
{
    open_pair();
    for (int i = 0; i < 20; i++) {
        struct waiter waiter = { .other = new_aio() };
        check_ok(nng_aio_alloc(&waiter.aio, wait_and_free, &waiter));
        nng_recv_aio(left, waiter.aio);
        send_text(right, "first");
        while (!atomic_load(&waiter.over)) {
            nng_msleep(1);
        }
        nng_aio_free(waiter.other);
    }
    close_pair();
    ok("waiting in a callback");
}

#define SENT 2000

static nng_aio *sender;
static uint32_t sent;
static _Thread_local bool sends; /* is in the call */

static void send_next(void *arg)
{
    const nng_socket *sock = arg;
    nng_msg *msg;
    check(!sends); /* no callback within the call that it ends */
    check(nng_aio_result(sender) == 0);
    if (sent < SENT) {
        check_ok(nng_msg_alloc(&msg, 0));
        check_ok(nng_msg_append_u32(msg, sent++));
        nng_aio_set_msg(sender, msg);
        sends = true;
        nng_send_aio(*sock, sender);
        sends = false;
    }
}

/* Some need not wait and some have to, for the one who receives takes a rest now and then. */
static void sends_in_a_row(void)
{
    nng_socket push, pull;
    check_ok(nng_push0_open(&push));
    check_ok(nng_pull0_open(&pull));
    check_ok(nng_listen(pull, "inproc://row", NULL, 0));
    check_ok(nng_dial(push, "inproc://row", NULL, 0));
    check_ok(nng_aio_alloc(&sender, send_next, &push));
    nng_sleep_aio(1, sender); /* from here on in callbacks */
    for (uint32_t i = 0, got; i < SENT; i++) {
        nng_msg *msg;
        check_ok(nng_recvmsg(pull, &msg, 0));
        check_ok(nng_msg_trim_u32(msg, &got));
        check(got == i);
        nng_msg_free(msg);
        if (i % 100 == 0) {
            nng_msleep(1);
        }
    }
    nng_aio_free(sender);
    check_ok(nng_close(push));
    check_ok(nng_close(pull));
    ok("sends in a row");
}

#define ANSWERS 8
#define ANSWER_SIZE ((size_t) 1 << 20) /* one fills a connection */

/* Who answers on a connection that is busy with another answer waits, and loses nothing by it. */
static void answers_that_wait(void)
{
    nng_socket req, rep;
    nng_ctx asks[ANSWERS], answers[ANSWERS];
    nng_aio *asked[ANSWERS], *answered[ANSWERS];
    nng_msg *msg;
    check_ok(nng_req0_open(&req));
    check_ok(nng_rep0_open(&rep));
    check_ok(nng_socket_set_size(req, NNG_OPT_RECVMAXSZ, 0));
    check_ok(nng_listen(rep, "ipc://answers", NULL, 0));
    check_ok(nng_dial(req, "ipc://answers", NULL, 0));
    for (int i = 0; i < ANSWERS; i++) {
        check_ok(nng_ctx_open(&asks[i], req));
        check_ok(nng_ctx_open(&answers[i], rep));
        asked[i] = new_aio();
        answered[i] = new_aio();
        nng_aio_set_msg(asked[i], message("how much?"));
        nng_ctx_send(asks[i], asked[i]);
        check(result(asked[i]) == 0);
        nng_ctx_recv(asks[i], asked[i]);
        nng_ctx_recv(answers[i], answered[i]);
        check(result(answered[i]) == 0);
        check_msg(answered[i], "how much?");
    }
    for (int i = 0; i < ANSWERS; i++) {
        check_ok(nng_msg_alloc(&msg, ANSWER_SIZE));
        nng_aio_set_msg(answered[i], msg);
        nng_ctx_send(answers[i], answered[i]);
    }
    for (int i = 0; i < ANSWERS; i++) {
        check_ok(result(answered[i]));
        check_ok(result(asked[i]));
        check(nng_msg_len(nng_aio_get_msg(asked[i])) == ANSWER_SIZE);
        nng_msg_free(nng_aio_get_msg(asked[i]));
        nng_aio_free(asked[i]);
        nng_aio_free(answered[i]);
    }
    check_ok(nng_close(req));
    check_ok(nng_close(rep));
    ok("answers that wait");
}

static void cancel_later(void *arg)
{
    nng_aio_cancel(arg);
}

/* Over and over: an operation ends once, and with its message or without. */
static void races(void)
{
    open_pair();
    check_ok(nng_socket_set_ms(left, NNG_OPT_RECVTIMEO, 50));
    for (int i = 0; i < ROUNDS; i++) {
        nng_aio *aio = new_aio();
        nng_thread *thread;
        check_ok(nng_thread_create(&thread, cancel_later, aio));
        nng_recv_aio(left, aio);
        if (i % 2 == 0) {
            send_text(right, "x");
        } else if (i % 4 == 1) {
            nng_aio_set_timeout(aio, 1);
        }
        nng_thread_destroy(thread);
        nng_aio_cancel(aio);
        int err = result(aio);
        if (err == 0) {
            check_msg(aio, "x");
        } else {
            check(err == NNG_ECANCELED);
            nng_msg *msg; /* it waits for who comes next, but for some that NNG 1.12 loses */
            if (i % 2 == 0 && nng_recvmsg(left, &msg, 0) == 0) {
                nng_msg_free(msg);
            }
        }
        nng_aio_free(aio);
    }
    close_pair();
    ok("races");
}

/* One aio, in turn for time, HTTP's side of the library and sockets. */
static void one_for_all(void)
{
    nng_aio *aio = new_aio();
    open_pair();
    nng_sleep_aio(1, aio);
    check(result(aio) == 0);
    send_text(right, "x");
    nng_recv_aio(left, aio);
    check(result(aio) == 0);
    check_msg(aio, "x");
    nng_sleep_aio(1, aio);
    check(result(aio) == 0);
    check(nng_aio_begin(aio));
    nng_aio_finish(aio, NNG_EPROTO);
    check(result(aio) == NNG_EPROTO);
    nng_aio_set_msg(aio, message("y"));
    nng_send_aio(left, aio);
    check(result(aio) == 0);
    nng_aio_free(aio);
    close_pair();
    ok("one aio for all");
}

/* nng_fini() ends both libraries, with an operation in hand; NNG alone does not. */
static void begun_anew(void)
{
    for (int i = 0; uring && i < 3; i++) {
        nng_aio *aio = new_aio();
        open_pair();
        nng_recv_aio(left, aio);
        nng_fini();
        check(result(aio) == NNG_ECLOSED);
        open_pair(); /* all of it starts again */
        send_text(right, "again");
        nng_recv_aio(left, aio);
        check(result(aio) == 0);
        check_msg(aio, "again");
        close_pair();
        nng_aio_free(aio);
    }
    ok("begun anew");
}

int main(void)
{
    begin();
    results();
    limits();
    ends();
    callbacks();
    waiting_inside();
    sends_in_a_row();
    answers_that_wait();
    races();
    one_for_all();
    begun_anew();
    end();
    return 0;
}
