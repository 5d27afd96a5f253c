/* SPDX-License-Identifier: MIT */
/*
 * NNG's sockets with our aios: results, counts and messages, time limits, cancel, abort, stop, free
 * and wait, from outside and in callbacks; and what is handed on without them.
 */
#include "check.h"

#include <nng/compat/nanomsg/nn.h>
#include <nng/compat/nanomsg/pair.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>

#define ROUNDS 500

static nng_socket left, right;

static void open_pair(void)
{
    check_ok(nng_pair0_open(&left));
    check_ok(nng_pair0_open(&right));
    check_ok(nng_listen(left, "inproc://pair", NULL, 0));
    check_ok(nng_dial(right, "inproc://pair", NULL, 0));
}

static void close_pair(void)
{
    check_ok(nng_close(left));
    check_ok(nng_close(right));
}

static nng_msg *message(const char *text)
{
    nng_msg *msg;
    check_ok(nng_msg_alloc(&msg, 0));
    check_ok(nng_msg_append(msg, text, strlen(text)));
    return msg;
}

static void send_text(nng_socket sock, const char *text)
{
    check_ok(nng_send(sock, (void *) text, strlen(text), 0));
}

/* The aio's message is that text, and is freed. */
static void check_msg(nng_aio *aio, const char *text)
{
    nng_msg *msg = nng_aio_get_msg(aio);
    check(msg != NULL && nng_msg_len(msg) == strlen(text));
    check(memcmp(nng_msg_body(msg), text, strlen(text)) == 0);
    nng_msg_free(msg);
    nng_aio_set_msg(aio, NULL);
}

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

/* ---- What is handed on -------------------------------------------------------------------- */

static void messages(void)
{
    nng_msg *msg, *copy;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    check_ok(nng_msg_alloc(&msg, 0));
    check_ok(nng_msg_append_u32(msg, 0x01020304));
    check_ok(nng_msg_insert_u16(msg, 0x0506));
    check_ok(nng_msg_header_append_u64(msg, UINT64_C(0x0102030405060708)));
    check(nng_msg_len(msg) == 6 && memcmp(nng_msg_body(msg), "\5\6\1\2\3\4", 6) == 0);
    check_ok(nng_msg_dup(&copy, msg));
    check_ok(nng_msg_trim_u16(copy, &u16));
    check_ok(nng_msg_chop_u32(copy, &u32));
    check_ok(nng_msg_header_trim_u64(copy, &u64));
    check(u16 == 0x0506 && u32 == 0x01020304 && u64 == UINT64_C(0x0102030405060708));
    check(nng_msg_len(copy) == 0 && nng_msg_header_len(copy) == 0);
    check_err(nng_msg_chop(copy, 1), NNG_EINVAL);
    nng_msg_free(copy);
    nng_msg_free(msg);
    ok("messages");
}

static atomic_int pipes;

static void count_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    check(nng_pipe_id(pipe) > 0 && event == NNG_PIPE_EV_ADD_POST && arg == &pipes);
    atomic_fetch_add(&pipes, 1);
}

static void options(void)
{
    nng_socket rep, req;
    nng_listener listener;
    nng_dialer dialer;
    nng_stat *stats;
    char *text, url[64];
    nng_duration ms;
    int port;
    check_ok(nng_rep0_open(&rep));
    check_ok(nng_req0_open(&req));
    check_ok(nng_pipe_notify(rep, NNG_PIPE_EV_ADD_POST, count_pipe, &pipes));
    check_ok(nng_listener_create(&listener, rep, "tcp://127.0.0.1:0"));
    check_ok(nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true));
    check_ok(nng_listener_start(listener, 0));
    check_ok(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    check_ok(nng_dial(req, url, &dialer, 0));
    check(nng_socket_id(rep) > 0 && nng_dialer_id(dialer) > 0 && nng_listener_id(listener) > 0);
    check_ok(nng_dialer_get_string(dialer, NNG_OPT_URL, &text));
    check_str(text, url);
    nng_strfree(text);
    check_ok(nng_socket_get_string(req, NNG_OPT_PROTONAME, &text));
    check_str(text, "req");
    nng_strfree(text);
    check_ok(nng_socket_set_ms(req, NNG_OPT_REQ_RESENDTIME, 1234));
    check_ok(nng_socket_get_ms(req, NNG_OPT_REQ_RESENDTIME, &ms));
    check(ms == 1234);
    check_err(nng_socket_set_int(req, "no such option", 1), NNG_ENOTSUP);
    check_err(nng_dial(req, "nonsense", NULL, 0), NNG_EINVAL);

    nng_msg *msg = message("who is it?");
    check_ok(nng_sendmsg(req, msg, 0));
    check_ok(nng_recvmsg(rep, &msg, 0));
    nng_pipe pipe = nng_msg_get_pipe(msg);
    nng_sockaddr addr;
    check(nng_pipe_id(pipe) > 0 && nng_pipe_socket(pipe).id == rep.id);
    check(nng_pipe_listener(pipe).id == listener.id);
    check_ok(nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &addr));
    check(addr.s_family == NNG_AF_INET && addr.s_in.sa_addr == htonl(INADDR_LOOPBACK));
    check_ok(nng_sendmsg(rep, msg, 0));
    check_ok(nng_recvmsg(req, &msg, 0));
    nng_msg_free(msg);
    check(atomic_load(&pipes) == 1);
    check_ok(nng_stats_get(&stats));
    check(nng_stat_find_socket(stats, rep) != NULL);
    nng_stats_free(stats);
    check_ok(nng_close(req));
    check_ok(nng_close(rep));
    check_err(nng_close(rep), NNG_ECLOSED);
    ok("options");
}

/* Memory goes from one side to the other, and to who frees it. */
static void memory(void)
{
    void *data;
    size_t size;
    char buf[8];
    open_pair();
    for (int i = 0; i < 20; i++) {
        char *text = nng_alloc(1000);
        memset(text, 'x', 1000);
        check_ok(nng_send(left, text, 1000, NNG_FLAG_ALLOC));
        check_ok(nng_recv(right, &data, &size, NNG_FLAG_ALLOC));
        check(size == 1000 && ((char *) data)[999] == 'x');
        nng_free(data, size);
    }
    size = sizeof buf;
    send_text(left, "four");
    check_ok(nng_recv(right, buf, &size, 0));
    check(size == 4);
    check_err(nng_recv(right, &data, &size, NNG_FLAG_ALLOC | NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    close_pair();
    ok("memory");
}

static void subscriptions(void)
{
    nng_socket pub, sub;
    nng_ctx ctx;
    nng_aio *aio = new_aio();
    check_ok(nng_pub0_open(&pub));
    check_ok(nng_sub0_open(&sub));
    check_ok(nng_ctx_open(&ctx, sub));
    check(nng_ctx_id(ctx) > 0);
    check_ok(nng_ctx_set(ctx, NNG_OPT_SUB_SUBSCRIBE, "a:", 2));
    check_ok(nng_listen(pub, "inproc://news", NULL, 0));
    check_ok(nng_dial(sub, "inproc://news", NULL, 0));
    nng_msleep(500);
    nng_ctx_recv(ctx, aio);
    send_text(pub, "b:no");
    send_text(pub, "a:yes");
    check(result(aio) == 0);
    check_msg(aio, "a:yes");
    check_ok(nng_ctx_close(ctx));
    check_ok(nng_close(sub));
    check_ok(nng_close(pub));
    nng_aio_free(aio);
    ok("subscriptions");
}

static void nanomsg(void)
{
    char *got = NULL;
    int a = nn_socket(AF_SP, NN_PAIR), b = nn_socket(AF_SP, NN_PAIR);
    check(a >= 0 && b >= 0);
    check(nn_bind(a, "inproc://nanomsg") >= 0);
    check(nn_connect(b, "inproc://nanomsg") >= 0);
    check(nn_send(a, "hello", 5, 0) == 5);
    check(nn_recv(b, &got, NN_MSG, 0) == 5 && memcmp(got, "hello", 5) == 0);
    check(nn_freemsg(got) == 0);
    check(nn_recv(b, &got, NN_MSG, NN_DONTWAIT) == -1 && nn_errno() == EAGAIN);
    check(nn_close(a) == 0 && nn_close(b) == 0);
    check(nn_close(a) == -1);
    ok("nanomsg");
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
    messages();
    options();
    memory();
    subscriptions();
    nanomsg();
    end();
    return 0;
}
