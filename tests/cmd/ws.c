/* SPDX-License-Identifier: MIT */
/* nng-uring ws, and the echo of nng-uring serve. */
#include "support/child.h"

#include <criterion/criterion.h>
#include <nng/nng.h>
#include <nng/stream.h>
#include <nng/uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(cmd_ws, .timeout = 120);

static struct t_child server, client;
static int input[2]; /* the client's standard input */

/* In the client. */
static void t_take_input(void)
{
    dup2(input[0], STDIN_FILENO);
    close(input[1]);
}

/* `what` is served beside it: "", or a directory. */
static void t_serve_echo(const char *what, char *url, size_t size)
{
    unsigned port = 0;
    char args[128];
    snprintf(args, sizeof args, "serve --listen 127.0.0.1:0 --ws-echo /echo %s", what);
    t_child_start(&server, args, NULL);
    t_child_await_out(&server, "\nloops ");
    cr_assert_eq(sscanf(server.out_text, "http://127.0.0.1:%u/\n", &port), 1);
    snprintf(url, size, "ws://127.0.0.1:%u/echo", port);
}

static void t_start_client(const char *options, const char *url)
{
    char args[256];
    snprintf(args, sizeof args, "ws %s %s", options, url);
    cr_assert_eq(pipe(input), 0);
    t_child_start(&client, args, t_take_input);
    close(input[0]);
}

static void t_say(const char *text, size_t n)
{
    cr_assert_eq(write(input[1], text, n), (ssize_t) n);
}

/* The exit status after the end of what is said. */
static int t_end_client(void)
{
    close(input[1]);
    return t_child_end(&client);
}

/* A line is a message, and what comes at last is printed yet. */
Test(cmd_ws, lines)
{
    static const char text[] = "hello\n\nw\xc3\xb6rld\n";
    char url[64];
    t_serve_echo("", url, sizeof url);
    t_start_client("", url);
    t_say(text, strlen(text));
    t_child_await_out(&client, "rld\n"); /* while more may follow */
    t_say("no newline", 10);
    cr_assert_eq(t_end_client(), 0, "%s", client.err_text);
    cr_assert_str_eq(client.out_text, "hello\n\nw\xc3\xb6rld\nno newline\n");
    kill(server.pid, SIGTERM);
    cr_assert_eq(t_child_end(&server), 0, "%s", server.err_text);
}

/* One that is longer than a piece goes as one message. */
Test(cmd_ws, a_long_line_and_what_is_no_text)
{
    char url[64], *text = malloc(60001);
    t_serve_echo("/usr", url, sizeof url);
    memset(text, 'x', 60000);
    text[60000] = '\0';
    t_start_client("--binary --ping 1000", url);
    for (int i = 0; i < 60000; i += 1000) {
        text[i] = '\xff';
    }
    t_say(text, 60000);
    cr_assert_eq(t_end_client(), 0, "%s", client.err_text);
    cr_assert_str_eq(client.out_text, text);
    t_start_client("", url);
    t_say("\xff\n", 2);
    cr_assert_eq(t_end_client(), 1);
    cr_assert_not_null(strstr(client.err_text, "not UTF-8; there is --binary"));
    kill(server.pid, SIGTERM);
    cr_assert_eq(t_child_end(&server), 0, "%s", server.err_text);
    free(text);
}

/* What is asked for arrives, and how the server has closed it is said, though input goes on. */
Test(cmd_ws, request_and_close)
{
    nng_stream_listener *listener;
    nng_aio *aio;
    char url[64], *header;
    int port;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, 60000);
    cr_assert_eq(nng_stream_listener_alloc(&listener, "ws://127.0.0.1:0/"), 0);
    cr_assert_eq(nng_stream_listener_set_string(listener, NNG_OPT_WS_PROTOCOL, "chat"), 0);
    cr_assert_eq(nng_stream_listener_listen(listener), 0);
    cr_assert_eq(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(url, sizeof url, "ws://127.0.0.1:%d/", port);
    t_start_client("--header X-Who:me --header X-Where:here --subprotocol news --subprotocol chat",
                   url);
    nng_stream_listener_accept(listener, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0);
    nng_stream *stream = nng_aio_get_output(aio, 0);
    cr_assert_eq(nng_stream_get_string(stream, NNG_OPT_WS_REQUEST_HEADER "X-Where", &header), 0);
    cr_assert_str_eq(header, "here");
    nng_strfree(header);
    cr_assert_eq(nng_stream_get_string(stream, NNG_OPT_WS_PROTOCOL, &header), 0);
    cr_assert_str_eq(header, "chat");
    nng_strfree(header);
    cr_assert_eq(nng_uring_ws_close(stream, 4000, "go away"), 0);
    cr_assert_eq(t_child_end(&client), 1);
    cr_assert_str_eq(client.err_text, "nng-uring ws: the peer has closed it with 4000: go away\n");
    close(input[1]);
    nng_stream_free(stream);
    nng_stream_listener_free(listener);
    nng_aio_free(aio);
}

Test(cmd_ws, nobody_there)
{
    char url[64];
    t_serve_echo("/usr", url, sizeof url);
    strcpy(strstr(url, "/echo"), "/nix");
    cr_assert_eq(t_child_run(&client, strcat(strcpy((char[80]){ "" }, "ws "), url), NULL), 1);
    cr_assert_not_null(strstr(client.err_text, url), "%s", client.err_text);
    kill(server.pid, SIGTERM);
    cr_assert_eq(t_child_end(&server), 0, "%s", server.err_text);
}
