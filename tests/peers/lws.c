/* SPDX-License-Identifier: MIT */
/*
 * libwebsockets, for scripts/check-peers-ws:
 *   lws serve PORT        each message comes back
 *   lws call PORT PATH    an echo at 127.0.0.1 is put to the test; exits 0, or 1 and says why
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE ((size_t) 16 << 20)
#define CODE 4001

/* A message that comes back, or did. */
struct message {
    size_t len;
    bool binary, whole;
    unsigned char *text; /* LWS_PRE bytes of room before it */
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
    (void) sig;
    stopped = 1;
}

static int take(struct lws *wsi, struct message *message, const void *data, size_t len)
{
    if (message->whole) {
        message->len = 0;
        message->whole = false;
    }
    if (message->text == NULL) {
        message->text = malloc(LWS_PRE + LARGE);
    }
    if (message->text == NULL || message->len + len > LARGE) {
        return -1;
    }
    memcpy(message->text + LWS_PRE + message->len, data, len);
    message->len += len;
    message->binary = lws_frame_is_binary(wsi);
    message->whole = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
    return 0;
}

static int put(struct lws *wsi, struct message *message)
{
    int n = lws_write(wsi, message->text + LWS_PRE, message->len,
                      message->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    return n < (int) message->len ? -1 : 0;
}

/* ---- The server --------------------------------------------------------------------------- */

static int on_server(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len)
{
    struct message *message = user;
    int err = 0;
    switch (reason) {
    case LWS_CALLBACK_RECEIVE:
        err = take(wsi, message, in, len);
        if (err == 0 && message->whole) {
            lws_rx_flow_control(wsi, 0); /* there is room for one */
            lws_callback_on_writable(wsi);
        }
        return err;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        if (message->whole) { /* once: it is called again when what it has buffered is sent */
            err = put(wsi, message);
            message->len = 0;
            message->whole = false;
            lws_rx_flow_control(wsi, 1);
        }
        return err;
    case LWS_CALLBACK_CLOSED:
        free(message->text);
        return 0;
    default:
        return 0;
    }
}

/* ---- The client --------------------------------------------------------------------------- */

static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, LARGE };
#define SIZES (sizeof sizes / sizeof sizes[0])

static struct {
    unsigned at; /* two messages of each size: text, and bytes */
    struct message sent, got;
    bool waits; /* for `sent` to come back; the socket may be writable meanwhile */
    bool passed;
} call;

static unsigned char call_byte(size_t i)
{
    return (unsigned char) (call.sent.binary ? i % 251 : 'a' + i % 26);
}

static int call_send(struct lws *wsi)
{
    if (call.waits) {
        return 0;
    }
    if (call.at == 2 * SIZES) {
        lws_close_reason(wsi, (enum lws_close_status) CODE, (unsigned char *) "bye", 3);
        call.passed = true;
        return -1;
    }
    call.sent.len = sizes[call.at / 2];
    call.sent.binary = call.at % 2 == 1;
    for (size_t i = 0; i < call.sent.len; i++) { /* each time: it is masked where it lies */
        call.sent.text[LWS_PRE + i] = call_byte(i);
    }
    call.waits = true;
    return put(wsi, &call.sent);
}

static int call_check(struct lws *wsi)
{
    const struct message *sent = &call.sent, *got = &call.got;
    size_t same = 0;
    while (same < got->len && got->text[LWS_PRE + same] == call_byte(same)) {
        same++;
    }
    if (got->len != sent->len || got->binary != sent->binary || same < got->len) {
        fprintf(stderr, "of a message of %zu bytes %zu came back, others from %zu on\n", sent->len,
                got->len, same);
        return -1;
    }
    call.at++;
    call.waits = false;
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_client(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len)
{
    (void) user;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return call_send(wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        if (take(wsi, &call.got, in, len) != 0) {
            return -1;
        }
        return call.got.whole ? call_check(wsi) : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        fprintf(stderr, "it does not connect: %s\n", in != NULL ? (const char *) in : "");
        stopped = 1;
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        stopped = 1;
        return 0;
    default:
        return 0;
    }
}

/* ---- Both --------------------------------------------------------------------------------- */

static struct lws_context *start(int port, lws_callback_function *callback)
{
    static struct lws_protocols protocols[] = {
        { .name = "echo",
          .per_session_data_size = sizeof(struct message),
          .rx_buffer_size = 65536 },
        { .name = NULL },
    };
    struct lws_context_creation_info info = {
        .port = port, .protocols = protocols, .iface = "127.0.0.1", .pt_serv_buf_size = 65536
    };
    protocols[0].callback = callback;
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    lws_set_log_level(LLL_ERR, NULL);
    return lws_create_context(&info);
}

static int run(struct lws_context *context)
{
    while (!stopped && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}

static int start_call(int port, const char *path)
{
    struct lws_context *context = start(CONTEXT_PORT_NO_LISTEN, on_client);
    call.sent.text = malloc(LWS_PRE + LARGE);
    struct lws_client_connect_info info = { .context = context,
                                            .address = "127.0.0.1",
                                            .port = port,
                                            .path = path,
                                            .host = "127.0.0.1",
                                            .origin = "http://127.0.0.1" };
    if (context == NULL || call.sent.text == NULL || lws_client_connect_via_info(&info) == NULL) {
        return 1;
    }
    run(context);
    return call.passed ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        struct lws_context *context = start(atoi(argv[2]), on_server);
        return context == NULL ? 1 : run(context);
    }
    if (argc == 4 && strcmp(argv[1], "call") == 0) {
        return start_call(atoi(argv[2]), argv[3]);
    }
    fputs("usage: lws serve PORT | call PORT PATH\n", stderr);
    return 2;
}
