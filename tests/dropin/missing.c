/* SPDX-License-Identifier: MIT */
/* A system without NNG: functions of its own answer NNG_ENOTSUP and say why; ours work. */
#include "check.h"

#include <nng/compat/nanomsg/nn.h>
#include <nng/compat/nanomsg/pair.h>
#include <nng/protocol/pair0/pair.h>

#ifdef DROPIN_URING

static void called(void *arg)
{
    ++*(int *) arg;
}

static void functions(void)
{
    nng_socket sock = NNG_SOCKET_INITIALIZER;
    nng_pipe pipe = NNG_PIPE_INITIALIZER;
    nng_msg *msg = NULL;
    nng_stat *stat;
    char *text;
    void *data;
    size_t size = 0;
    check_err(nng_pair0_open(&sock), NNG_ENOTSUP);
    check_err(nng_msg_alloc(&msg, 1), NNG_ENOTSUP);
    check_err(nng_send(sock, "x", 1, 0), NNG_ENOTSUP);
    check_err(nng_recv(sock, &data, &size, NNG_FLAG_ALLOC), NNG_ENOTSUP);
    check_err(nng_recvmsg(sock, &msg, 0), NNG_ENOTSUP);
    check_err(nng_socket_set_ptr(sock, NNG_OPT_TLS_CONFIG, NULL), NNG_ENOTSUP);
    check_err(nng_socket_get_string(sock, NNG_OPT_PROTONAME, &text), NNG_ENOTSUP);
    check_err(nng_dial(sock, "inproc://x", NULL, 0), NNG_ENOTSUP);
    check_err(nng_close(sock), NNG_ENOTSUP);
    check_err(nng_socket_close(sock), NNG_ENOTSUP);
    check_err(nng_stats_get(&stat), NNG_ENOTSUP);
    check(nng_socket_id(sock) == -1 && nng_pipe_socket(pipe).id == 0);
    check(nng_msg_body(NULL) == NULL && nng_msg_len(NULL) == 0);
    nng_msg_free(NULL);
    nng_closeall();
    check(nn_socket(AF_SP, NN_PAIR) == -1 && nn_errno() == ENOTSUP);
    check(strstr(nn_strerror(ENOTSUP), "libnng1") != NULL);
    check(strstr(nng_uring_nng_reason(), "/no/such/libnng.so.1") != NULL);
    check(strstr(nng_uring_nng_reason(), "apt-get install libnng1") != NULL);
}

static void operations(void)
{
    nng_socket sock = NNG_SOCKET_INITIALIZER;
    int calls = 0;
    nng_aio *aio = new_aio(), *other;
    check_ok(nng_aio_alloc(&other, called, &calls));
    nng_recv_aio(sock, aio);
    check(result(aio) == NNG_ENOTSUP);
    nng_device_aio(aio, sock, sock);
    check(result(aio) == NNG_ENOTSUP);
    nng_send_aio(sock, other);
    check(result(other) == NNG_ENOTSUP && calls == 1);
    nng_sleep_aio(1, aio);
    check(result(aio) == 0);
    nng_aio_free(aio);
    nng_aio_free(other);
}

#endif

int main(void)
{
    begin();
#ifdef DROPIN_URING
    check(setenv("NNG_URING_LIBNNG", "/no/such/libnng.so.1", 1) == 0);
    functions();
    operations();
#endif
    ok("without NNG");
    end();
    return 0;
}
