/* SPDX-License-Identifier: MIT */
/* What nng-uring serve says when it has to let somebody down. */
#include "support/child.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(serve_errors, .timeout = 120);

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct t_child child;
static unsigned port;

static void start(const char *args, void (*prepare)(void))
{
    char words[256];
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --loops 1 %s", args);
    t_child_start(&child, words, prepare);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
}

static int say(const char *text)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t) strlen(text));
    return fd;
}

static void end(void)
{
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* Once for all of them. */
Test(serve_errors, slow_heads)
{
    start("--head-timeout 100", NULL);
    for (int i = 0; i < 8; i++) {
        (void) say("GET /");
    }
    t_child_await_err(&child, "a request's head took too long");
    end();
}

/* And by which client. */
Test(serve_errors, clients_that_want_too_much)
{
    start("--client-connections 1 --client-requests 1", NULL);
    (void) say(GET GET GET);
    t_child_await_err(&child, "127.0.0.1 asks faster than one client may");
    (void) say("");
    t_child_await_err(&child, "127.0.0.1 has as many connections as one client may have");
    end();
}

/* That is no error. */
Test(serve_errors, idle_ones)
{
    char byte;
    start("--idle-timeout 100", NULL);
    int fd = say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    while (read(fd, &byte, 1) > 0) {
    }
    close(fd);
    end();
    cr_assert_null(strstr(child.err_text, "too long"), "%s", child.err_text);
}

/* Nor is that a server stops, whatever was accepting there. */
static void ends_in_silence(const char *listen)
{
    char words[256];
    snprintf(words, sizeof words, "serve --listen %s --loops 2", listen);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    end();
    cr_assert_null(strstr(child.err_text, "accept"), "%s", child.err_text);
}

Test(serve_errors, an_ordinary_end)
{
    char at[64];
    snprintf(at, sizeof at, "unix:/tmp/nng-uring-end-%d", (int) getpid());
    ends_in_silence("127.0.0.1:0");
    ends_in_silence(at);
}

/* A log that is a pipe which nobody reads is refused, and not waited for. */
Test(serve_errors, log_without_a_reader)
{
    char path[64], words[128];
    snprintf(path, sizeof path, "/tmp/nng-uring-fifo-%d", (int) getpid());
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --access-log %s", path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    t_child_start(&child, words, NULL);
    cr_assert_eq(t_child_end(&child), 1, "%s", child.err_text);
    cr_assert_not_null(strstr(child.err_text, "cannot be opened"), "%s", child.err_text);
    unlink(path);
}
