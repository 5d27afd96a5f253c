/* SPDX-License-Identifier: MIT */
#include "cmd/ws.h"

#include <errno.h>
#include <getopt.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum ws_status { WS_OK, WS_FAILED, WS_MISUSED };

#define PIECE ((size_t) 64 * 1024)

static struct {
    const char *url, *ca;
    bool binary;
    nng_duration ping;             /* 0: none */
    char headers[16384];           /* lines */
    char protocols[4096];          /* a list */
    nng_stream *stream;            /* once it is connected */
    atomic_bool failed;            /* a send has, and said why */
    atomic_bool input_ended;       /* the thread that reads it comes to its end */
    char input[PIECE], got[PIECE]; /* of the two directions, each its thread's */
} ws = { .ca = NNG_URING_TLS_SYSTEM_CA };

static enum ws_status ws_complain(enum ws_status status, const char *what, const char *why)
{
    fprintf(stderr, "nng-uring ws: %s%s%s\n", what, *why != '\0' ? ": " : "", why);
    return status;
}

/* ---- The command line ---------------------------------------------------------------------- */

/* Appends to text of `room` bytes. False: there is no room. */
static bool ws_append(char *text, size_t room, const char *before, const char *part,
                      const char *after)
{
    size_t n = strlen(text);
    int added = snprintf(text + n, room - n, "%s%s%s", n > 0 ? before : "", part, after);
    return added >= 0 && (size_t) added < room - n;
}

static enum ws_status ws_set_ping(const char *value)
{
    char *end;
    long ms = strtol(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || ms < 1 || ms > INT32_MAX) {
        return ws_complain(WS_MISUSED, "--ping takes a number of milliseconds, not", value);
    }
    ws.ping = (nng_duration) ms;
    return WS_OK;
}

static enum ws_status ws_add_header(const char *line)
{
    if (strchr(line, ':') == NULL || strpbrk(line, "\r\n") != NULL) {
        return ws_complain(WS_MISUSED, "--header takes NAME:VALUE, not", line);
    }
    return ws_append(ws.headers, sizeof ws.headers, "", line, "\r\n")
               ? WS_OK
               : ws_complain(WS_MISUSED, "these headers are too long", "");
}

static enum ws_status ws_take(int c, const char *option)
{
    switch (c) {
    case 'b':
        ws.binary = true;
        return WS_OK;
    case 'p':
        return ws_set_ping(optarg);
    case 'h':
        return ws_add_header(optarg);
    case 's':
        return ws_append(ws.protocols, sizeof ws.protocols, ", ", optarg, "")
                   ? WS_OK
                   : ws_complain(WS_MISUSED, "these subprotocols are too long", "");
    case 'c':
        ws.ca = optarg;
        return WS_OK;
    case 1:
        if (ws.url != NULL) {
            return ws_complain(WS_MISUSED, "it connects to one URL; what is this", optarg);
        }
        ws.url = optarg;
        return WS_OK;
    default:
        return ws_complain(
            WS_MISUSED,
            c == ':' ? "this option needs a value" : "there is no such option; see --help", option);
    }
}

static enum ws_status ws_read_options(int argc, char **argv)
{
    static const struct option longs[] = {
        { "binary", no_argument, NULL, 'b' },       { "ping", required_argument, NULL, 'p' },
        { "header", required_argument, NULL, 'h' }, { "subprotocol", required_argument, NULL, 's' },
        { "tls-ca", required_argument, NULL, 'c' }, { 0 },
    };
    enum ws_status status = WS_OK;
    int c, at = 1;
    opterr = 0;
    optind = 0; /* GNU's word for from the start */
    while (status == WS_OK && (c = getopt_long(argc, argv, "-:", longs, NULL)) != -1) {
        status = ws_take(c, argv[at]);
        at = optind;
    }
    if (status == WS_OK && ws.url == NULL && optind < argc) { /* behind a "--" */
        ws.url = argv[optind];
    }
    if (status == WS_OK && ws.url == NULL) {
        status = ws_complain(WS_MISUSED, "where to? It takes a URL, ws://HOST/PATH for one", "");
    }
    return status;
}

/* ---- Connecting ---------------------------------------------------------------------------- */

/* What comes is printed as it comes, so that no message is too long. */
static int ws_set_dialer(nng_stream_dialer *dialer)
{
    int err = nng_stream_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, 0);
    if (err == 0) {
        err = nng_stream_dialer_set_size(dialer, NNG_OPT_WS_RECVMAXFRAME, 0);
    }
    if (err == 0) {
        err = nng_stream_dialer_set_bool(dialer, NNG_OPT_WS_RECV_TEXT, true);
    }
    if (err == 0) {
        err = nng_stream_dialer_set_ms(dialer, NNG_URING_OPT_WS_PING_INTERVAL, ws.ping);
    }
    if (err == 0 && ws.headers[0] != '\0') {
        err = nng_stream_dialer_set_string(dialer, NNG_OPT_WS_REQUEST_HEADERS, ws.headers);
    }
    if (err == 0 && ws.protocols[0] != '\0') {
        err = nng_stream_dialer_set_string(dialer, NNG_OPT_WS_PROTOCOL, ws.protocols);
    }
    if (err == 0 && strncmp(ws.url, "wss", 3) == 0) {
        err = nng_stream_dialer_set_string(dialer, NNG_OPT_TLS_CA_FILE, ws.ca);
    }
    return err;
}

static int ws_dial(nng_stream_dialer *dialer)
{
    nng_aio *aio;
    int err = nng_aio_alloc(&aio, NULL, NULL);
    if (err == 0) {
        nng_stream_dialer_dial(dialer, aio);
        nng_aio_wait(aio);
        err = nng_aio_result(aio);
        ws.stream = err == 0 ? nng_aio_get_output(aio, 0) : NULL;
        nng_aio_free(aio);
    }
    return err;
}

static enum ws_status ws_connect(void)
{
    nng_stream_dialer *dialer;
    if (strncmp(ws.url, "ws", 2) != 0 || nng_stream_dialer_alloc(&dialer, ws.url) != 0) {
        return ws_complain(WS_MISUSED, "that is no URL of a WebSocket, ws://HOST/PATH or wss://",
                           ws.url);
    }
    int err = ws_set_dialer(dialer);
    enum ws_status status = WS_OK;
    if (err != 0) {
        status = ws_complain(WS_FAILED, "one of the options is not good", nng_strerror(err));
    } else if ((err = ws_dial(dialer)) != 0) {
        status = ws_complain(WS_FAILED, ws.url, nng_strerror(err));
    }
    nng_stream_dialer_free(dialer);
    return status;
}

/* ---- Standard input to messages, on a thread of its own ------------------------------------- */

/* False: it has failed. */
static bool ws_send(nng_aio *aio, char *data, size_t n, bool ended)
{
    nng_iov iov = { .iov_buf = data, .iov_len = n };
    (void) nng_aio_set_iov(aio, 1, &iov);
    nng_uring_ws_send(ws.stream, aio, ws.binary ? NNG_URING_WS_BINARY : NNG_URING_WS_TEXT, ended);
    nng_aio_wait(aio);
    int err = nng_aio_result(aio);
    if (err != 0 && err != NNG_ECLOSED) { /* which the other direction has to say something about */
        atomic_store(&ws.failed, true);
        ws_complain(WS_FAILED, "cannot send",
                    err == NNG_EINVAL ? "a line that is not UTF-8; there is --binary"
                                      : nng_strerror(err));
    }
    return err == 0;
}

/* The lines there are, each a message; what is left, the beginning of one, stays. */
static bool ws_send_lines(nng_aio *aio, size_t *n)
{
    char *at = ws.input, *end = ws.input + *n, *newline;
    while ((newline = memchr(at, '\n', (size_t) (end - at))) != NULL) {
        if (!ws_send(aio, at, (size_t) (newline - at), true)) {
            return false;
        }
        at = newline + 1;
    }
    *n = (size_t) (end - at);
    memmove(ws.input, at, *n);
    if (*n == sizeof ws.input) { /* a long one goes in parts */
        *n = 0;
        return ws_send(aio, ws.input, sizeof ws.input, false);
    }
    return true;
}

static void ws_send_all(nng_aio *aio)
{
    size_t n = 0;
    ssize_t got;
    bool good = true;
    while (good && (got = read(STDIN_FILENO, ws.input + n, sizeof ws.input - n)) != 0) {
        if (got < 0 && errno != EINTR) {
            break;
        }
        n += got > 0 ? (size_t) got : 0;
        if (ws.binary) {
            good = got < 0 || ws_send(aio, ws.input, n, true);
            n = 0;
        } else {
            good = ws_send_lines(aio, &n);
        }
    }
    if (good && n > 0) { /* a line without its end */
        (void) ws_send(aio, ws.input, n, true);
    }
}

static void ws_send_input(void *arg)
{
    nng_aio *aio = arg;
    ws_send_all(aio);
    atomic_store(&ws.input_ended, true);
    (void) nng_uring_ws_finish(ws.stream, 1000, NULL);
}

/* ---- Messages to standard output ------------------------------------------------------------ */

static bool ws_print(nng_aio *aio)
{
    (void) fwrite(ws.got, 1, nng_aio_count(aio), stdout);
    if (nng_uring_ws_ended(aio) && !ws.binary) {
        putchar('\n');
    }
    return fflush(stdout) == 0;
}

/* Why it has ended. */
static enum ws_status ws_judge(int err)
{
    int code = 0;
    char *reason = NULL, text[64] = "";
    if (atomic_load(&ws.failed)) {
        return WS_FAILED;
    }
    if (nng_stream_get_int(ws.stream, NNG_URING_OPT_WS_CLOSE_CODE, &code) != 0 || code == 1006) {
        return ws_complain(WS_FAILED, "the connection has ended", nng_strerror(err));
    }
    if (err == NNG_ECLOSED && (code == 1000 || code == 1001 || code == 1005)) {
        return WS_OK;
    }
    (void) nng_stream_get_string(ws.stream, NNG_URING_OPT_WS_CLOSE_REASON, &reason);
    snprintf(text, sizeof text, "the peer has closed it with %d", code);
    ws_complain(WS_FAILED, text, reason != NULL ? reason : "");
    nng_strfree(reason);
    return WS_FAILED;
}

static enum ws_status ws_receive(void)
{
    nng_aio *aio;
    int err = nng_aio_alloc(&aio, NULL, NULL);
    bool printed = true;
    while (err == 0 && printed) {
        nng_iov iov = { .iov_buf = ws.got, .iov_len = sizeof ws.got };
        (void) nng_aio_set_iov(aio, 1, &iov);
        nng_uring_ws_recv(ws.stream, aio);
        nng_aio_wait(aio);
        err = nng_aio_result(aio);
        printed = err != 0 || ws_print(aio);
    }
    nng_aio_free(aio);
    return printed ? ws_judge(err) : WS_FAILED; /* main() says why */
}

/* Both directions. A sender that waits for standard input is left to it, with what it needs, until
 * the process ends. */
static enum ws_status ws_run(void)
{
    nng_aio *aio;
    nng_thread *sender = NULL;
    int err = nng_aio_alloc(&aio, NULL, NULL);
    if (err == 0) {
        err = nng_thread_create(&sender, ws_send_input, aio);
    }
    if (err != 0) {
        return ws_complain(WS_FAILED, "no memory", nng_strerror(err));
    }
    enum ws_status status = ws_receive();
    if (atomic_load(&ws.input_ended)) {
        nng_thread_destroy(sender);
        nng_aio_free(aio);
        nng_stream_free(ws.stream);
        nng_fini();
    }
    return status;
}

int cmd_ws(int argc, char **argv)
{
    enum ws_status status = ws_read_options(argc, argv);
    if (status == WS_OK) {
        status = ws_connect();
    }
    if (status == WS_OK) {
        return (int) ws_run();
    }
    nng_fini();
    return (int) status;
}
