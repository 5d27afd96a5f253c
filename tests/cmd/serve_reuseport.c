/* SPDX-License-Identifier: MIT */
/* nng-uring serve --reuseport: who else may listen there. */
#include "support/child.h"
#include "support/peer.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(serve_reuseport, .timeout = 120);

static struct t_child children[2];
static char args[256];

/* Two loops each; a port of 0 becomes one. */
static void start(struct t_child *child, unsigned *port, const char *options)
{
    snprintf(args, sizeof args, "serve --listen 127.0.0.1:%u --loops 2 %s", *port, options);
    t_child_start(child, args, NULL);
    t_child_await_out(child, "\n");
    cr_assert_eq(sscanf(child->out_text, "http://127.0.0.1:%u/", port), 1);
}

static void end(struct t_child *child)
{
    kill(child->pid, SIGTERM);
    cr_assert_eq(t_child_end(child), 0, "%s", child->err_text);
}

static void assert_answers(unsigned port)
{
    struct t_http_client b;
    t_http_client_open(&b, port);
    t_http_client_get(&b, "/");
    t_http_client_hear(&b);
    cr_assert_eq(b.status, 200);
    t_http_client_close(&b);
}

/* As the kernel counts them. */
static unsigned sockets_at(unsigned port)
{
    char line[512];
    unsigned n = 0, at, state;
    FILE *from = fopen("/proc/net/tcp", "re");
    cr_assert_not_null(from);
    while (fgets(line, sizeof line, from) != NULL) {
        bool listens = sscanf(line, " %*u: %*x:%x %*x:%*x %x", &at, &state) == 2 && state == 10;
        n += listens && at == port;
    }
    fclose(from);
    return n;
}

static void assert_refused(unsigned port, const char *options)
{
    snprintf(args, sizeof args, "serve --listen 127.0.0.1:%u %s", port, options);
    cr_assert_eq(t_child_run(&children[1], args, NULL), 3, "%s", children[1].err_text);
    cr_assert_not_null(strstr(children[1].err_text, "in use"));
}

/* Whichever of them goes, the other one is there. */
Test(serve_reuseport, on)
{
    unsigned port = 0;
    start(&children[0], &port, "--reuseport on");
    assert_refused(port, "");
    assert_refused(port, "--reuseport off");
    start(&children[1], &port, "--reuseport on");
    cr_assert_eq(sockets_at(port), 4);
    for (int round = 0; round < 2; round++) {
        assert_answers(port);
        end(&children[0]);
        assert_answers(port);
        start(&children[0], &port, "--reuseport on");
    }
    end(&children[1]);
    assert_answers(port);
    end(&children[0]);
}

/* One socket, which is handed over as it is. */
Test(serve_reuseport, off)
{
    unsigned port = 0;
    char options[128];
    snprintf(options, sizeof options, "--reuseport off --upgrade /tmp/nng-uring-reuse.%d",
             (int) getpid());
    start(&children[0], &port, options);
    assert_refused(port, "--reuseport on");
    cr_assert_eq(sockets_at(port), 1);
    for (int i = 0; i < 8; i++) {
        assert_answers(port);
    }
    unsigned again = 0;
    start(&children[1], &again, options);
    cr_assert_eq(again, port);
    t_child_await_err(&children[0], "has taken over");
    cr_assert_eq(t_child_end(&children[0]), 0, "%s", children[0].err_text);
    cr_assert_eq(sockets_at(port), 1);
    for (int i = 0; i < 8; i++) {
        assert_answers(port);
    }
    end(&children[1]);
}

Test(serve_reuseport, neither)
{
    unsigned port = 0;
    start(&children[0], &port, "");
    cr_assert_eq(sockets_at(port), 2);
    assert_refused(port, "");
    end(&children[0]);
    cr_assert_eq(t_child_run(&children[0], "serve --check --reuseport yes", NULL), 2);
    cr_assert_not_null(strstr(children[0].err_text, "takes on or off"));
}
