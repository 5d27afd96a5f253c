/* SPDX-License-Identifier: MIT */
/* What is handed on to NNG: messages, options, memory, subscriptions, nanomsg. */
#include "pair.h"

#include <nng/compat/nanomsg/nn.h>
#include <nng/compat/nanomsg/pair.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <stdatomic.h>

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
    messages();
    options();
    memory();
    subscriptions();
    nanomsg();
    end();
    return 0;
}
