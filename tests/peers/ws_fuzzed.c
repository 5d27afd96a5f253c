/* SPDX-License-Identifier: MIT */
/*
 * The client for a fuzzing server of the Autobahn Testsuite: ws_fuzzed URL [FIRST [LAST]]
 * Takes its cases, all of them or those, one after the other, sends each message back, and has it
 * write its report. `nng-uring serve --ws-echo /` is what its fuzzing client talks to.
 */
#include <nng/nng.h>
#include <nng/uring.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define AGENT "nng-uring"
#define LARGE ((size_t) 64 << 20) /* bytes of a message */
#define PATIENCE 120000           /* milliseconds; its reports take it their time */
#define PIECE ((size_t) 64 << 10)

static char piece[PIECE];

static void must(int err, const char *what)
{
    if (err != 0) {
        fprintf(stderr, "%s: %s\n", what, nng_strerror(err));
        exit(1);
    }
}

static nng_stream *dial(const char *url, nng_aio *aio)
{
    nng_stream_dialer *dialer;
    must(nng_stream_dialer_alloc(&dialer, url), url);
    must(nng_stream_dialer_set_bool(dialer, NNG_OPT_WS_RECV_TEXT, true), url);
    must(nng_stream_dialer_set_bool(dialer, NNG_URING_OPT_WS_DEFLATE, true), url);
    must(nng_stream_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, LARGE), url);
    must(nng_stream_dialer_set_size(dialer, NNG_OPT_WS_RECVMAXFRAME, LARGE), url);
    must(nng_stream_dialer_set_ms(dialer, NNG_URING_OPT_WS_HANDSHAKE_TIMEOUT, PATIENCE), url);
    nng_stream_dialer_dial(dialer, aio);
    nng_aio_wait(aio);
    must(nng_aio_result(aio), url);
    nng_stream_dialer_free(dialer);
    return nng_aio_get_output(aio, 0);
}

static bool receive(nng_stream *stream, nng_aio *aio)
{
    nng_iov iov = { piece, sizeof piece };
    must(nng_aio_set_iov(aio, 1, &iov), "a receive");
    nng_uring_ws_recv(stream, aio);
    nng_aio_wait(aio);
    return nng_aio_result(aio) == 0;
}

static bool send_back(nng_stream *stream, nng_aio *aio)
{
    enum nng_uring_ws_type type = nng_uring_ws_type(aio);
    bool ended = nng_uring_ws_ended(aio);
    nng_iov iov = { piece, nng_aio_count(aio) };
    must(nng_aio_set_iov(aio, 1, &iov), "a send");
    nng_uring_ws_send(stream, aio, type, ended);
    nng_aio_wait(aio);
    return nng_aio_result(aio) == 0;
}

static void talk(const char *url, nng_aio *aio)
{
    nng_stream *stream = dial(url, aio);
    while (receive(stream, aio) && send_back(stream, aio)) {
    }
    nng_stream_free(stream);
}

static int count(const char *base, nng_aio *aio)
{
    char url[512];
    snprintf(url, sizeof url, "%s/getCaseCount", base);
    nng_stream *stream = dial(url, aio);
    must(receive(stream, aio) ? 0 : nng_aio_result(aio), url);
    piece[nng_aio_count(aio)] = '\0';
    nng_stream_free(stream);
    return atoi(piece);
}

int main(int argc, char **argv)
{
    char url[512];
    nng_aio *aio;
    if (argc < 2 || argc > 4) {
        fputs("usage: ws_fuzzed URL [FIRST [LAST]]\n", stderr);
        return 2;
    }
    must(nng_aio_alloc(&aio, NULL, NULL), "an aio");
    int first = argc > 2 ? atoi(argv[2]) : 1;
    int last = argc > 3 ? atoi(argv[3]) : count(argv[1], aio);
    for (int i = first; i <= last; i++) {
        snprintf(url, sizeof url, "%s/runCase?case=%d&agent=" AGENT, argv[1], i);
        talk(url, aio);
    }
    snprintf(url, sizeof url, "%s/updateReports?agent=" AGENT, argv[1]);
    talk(url, aio);
    nng_aio_free(aio);
    nng_fini();
    return 0;
}
