/* SPDX-License-Identifier: MIT */
/* libwebsockets, one service thread: each message comes back when all of it is there. */
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 65536

struct echo {
    size_t len;
    unsigned char text[LWS_PRE + ROOM];
};

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct echo **slot = user, *echo = slot != NULL ? *slot : NULL;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        *slot = calloc(1, sizeof **slot);
        return *slot == NULL ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
        free(echo);
        *slot = NULL;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        if (echo->len + len > ROOM) {
            return -1;
        }
        memcpy(echo->text + LWS_PRE + echo->len, in, len);
        echo->len += len;
        if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
            lws_callback_on_writable(wsi);
        }
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        len = echo->len;
        echo->len = 0;
        return lws_write(wsi, echo->text + LWS_PRE, len, LWS_WRITE_BINARY) < (int) len ? -1 : 0;
    default:
        return 0;
    }
}

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
    (void) sig;
    stopped = 1;
}

int main(int argc, char **argv)
{
    static const struct lws_protocols protocols[] = {
        { .name = "echo",
          .callback = on_event,
          .per_session_data_size = sizeof(struct echo *),
          .rx_buffer_size = ROOM },
        { .name = NULL },
    };
    struct lws_context_creation_info info = { .protocols = protocols,
                                              .iface = "127.0.0.1",
                                              .pt_serv_buf_size = ROOM };
    if (argc != 2) {
        fputs("usage: peer_lws PORT\n", stderr);
        return 2;
    }
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    lws_set_log_level(LLL_ERR, NULL);
    info.port = atoi(argv[1]);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL) {
        return 1;
    }
    while (!stopped && lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return 0;
}
