/* SPDX-License-Identifier: MIT */
/* nng-uring serve with few descriptors, and every place taken by who reads slowly. */
#include "support/child.h"
#include "support/site.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

TestSuite(serve_full, .timeout = 120);

#define MOST 600

static struct t_child child;
static rlim_t descriptors;
static int fds[MOST];

static void limit_descriptors(void)
{
    struct rlimit limit = { descriptors, descriptors };
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        _exit(127);
    }
}

static void set_descriptors(rlim_t n)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = n;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static unsigned start(const char *dir)
{
    char args[600];
    snprintf(args, sizeof args, "serve %s --listen 127.0.0.1:0 --loops 2", dir);
    t_child_start(&child, args, limit_descriptors);
    t_child_await_out(&child, "http://127.0.0.1:");
    t_child_await_out(&child, "\n");
    return (unsigned) atoi(strstr(child.out_text, "http://127.0.0.1:") + 17);
}

/* Asks, and waits for the first bytes of the answer. The status, or 0: it waits to be served. */
static int ask(int *fdp, unsigned port, const char *path)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { 15, 0 };
    int small = 4096, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[256], answer[16] = "";
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    cr_assert_eq(send(fd, text, (size_t) n, MSG_NOSIGNAL), n);
    *fdp = fd;
    return recv(fd, answer, 12, MSG_WAITALL) == 12 ? atoi(answer + 9) : 0;
}

static void run(rlim_t n, int clients, int least)
{
    struct t_site site;
    int served = 0, status = 200, fd;
    descriptors = n;
    t_site_open(&site);
    t_site_make(&site, "big", NULL, 0);
    cr_assert_eq(truncate(t_site_at(&site, "big"), 8 << 20), 0);
    t_site_text(&site, "small", "small");
    unsigned port = start(t_site_at(&site, ""));
    while (served < clients && (status = ask(&fds[served], port, "/big")) == 200) {
        served++;
    }
    cr_assert(status == 200 || status == 0, "after %d, %d", served, status);
    cr_assert_geq(served, least, "only %d", served);
    cr_assert_lt(served, clients, "so many files cannot be open");
    for (int i = 0; i <= served; i++) {
        close(fds[i]);
    }
    cr_assert_eq(ask(&fd, port, "/small"), 200);
    close(fd);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0);
    t_site_close(&site);
}

/* Whoever is accepted can have its file, though nobody lets go of one. */
Test(serve_full, few_descriptors)
{
    run(64, 64, 12);
}

Test(serve_full, slow_readers)
{
    set_descriptors(2 * MOST);
    run(1024, 508, 400);
}
