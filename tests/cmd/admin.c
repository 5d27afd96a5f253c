/* SPDX-License-Identifier: MIT */
/* What nng-uring serve tells of itself at --admin. */
#include "support/child.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

TestSuite(admin, .timeout = 120);

static struct t_child child;
static unsigned port, admin;
static char answer[65536];
static const char *host = "localhost";

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static void start(const char *args)
{
    char words[256];
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --admin 127.0.0.2:0 %s", args);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    const char *line = strstr(child.out_text, "\nadmin ");
    cr_assert_not_null(line);
    cr_assert_eq(sscanf(line, "\nadmin http://127.0.0.2:%u/", &admin), 1);
}

static int begin(unsigned to_port, const char *method, const char *path)
{
    char text[256];
    struct timeval patience = { 60, 0 };
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) to_port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (to_port == admin)) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                     method, path, host);
    cr_assert_eq(send(fd, text, (size_t) n, MSG_NOSIGNAL), n);
    return fd;
}

/* The answer, up to its end, or until there is that in it. */
static const char *hear(int fd, const char *until)
{
    size_t have = 0;
    ssize_t n;
    answer[0] = '\0';
    while (until == NULL || strstr(answer, until) == NULL) {
        n = read(fd, answer + have, sizeof answer - 1 - have);
        if (n <= 0) {
            cr_assert_eq(n, 0, "nothing comes any more");
            cr_assert_null(until, "'%s' is not in:\n%s", until, answer);
            break;
        }
        have += (size_t) n;
        answer[have] = '\0';
    }
    return answer;
}

static const char *get(unsigned to_port, const char *path)
{
    int fd = begin(to_port, "GET", path);
    hear(fd, NULL);
    close(fd);
    return answer;
}

static void assert_status(unsigned to_port, const char *path, const char *status)
{
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %s ", status);
    cr_assert_eq(strncmp(get(to_port, path), line, strlen(line)), 0, "%s: %s", path, answer);
}

Test(admin, counts_what_was_asked)
{
    start("");
    for (int i = 0; i < 20; i++) {
        assert_status(port, "/", "200");
    }
    for (int i = 0; i < 7; i++) {
        assert_status(port, "/none", "404");
    }
    close(begin(port, "GARBAGE", ""));
    assert_status(admin, "/none", "404"); /* which does not count */
    const char *text = get(admin, "/metrics");
    assert_has(text, "\r\nContent-Type: application/openmetrics-text; version=1.0.0");
    assert_has(text, "\nnng_uring_http_requests_total{status=\"2xx\"} 20\n");
    assert_has(text, "\nnng_uring_http_requests_total{status=\"5xx\"} 0\n");
    assert_has(text, "\nnng_uring_ready 1\n");
    assert_has(text, "\n# TYPE nng_uring_accepts counter\n");
    assert_has(text, "\n# TYPE nng_uring_sessions_reading gauge\n");
    assert_has(text, "\nnng_uring_sessions_handling 1\n"); /* ourselves */
    assert_has(text, "\nnng_uring_tls_handshakes_total 0\n");
    assert_has(text, "\n# TYPE nng_uring_workers gauge\n");
    assert_has(text, "\n# TYPE nng_uring_workers_idle gauge\n");
    cr_assert_str_eq(strstr(text, "# EOF"), "# EOF\n");
    unsigned buckets = 0, count = 0;
    const char *last = NULL;
    for (const char *p = text; (p = strstr(p, "_bucket{le=\"")) != NULL; p++) {
        unsigned n = (unsigned) atoi(strchr(p, ' '));
        cr_assert_geq(n, count, "they add up");
        count = n;
        buckets++;
        last = p;
    }
    cr_assert_gt(buckets, 10);
    cr_assert_eq(strncmp(last, "_bucket{le=\"+Inf\"}", 18), 0);
    cr_assert_geq(count, 27);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* A page that has its own name lead to this machine is told nothing. */
Test(admin, names)
{
    static const struct {
        const char *host, *status;
    } table[] = {
        { "localhost", "200" },
        { "LocalHost:80", "200" },
        { "127.0.0.2:9090", "200" },
        { "[::1]:9090", "200" },
        { "10.1.2.3", "200" },
        { "evil.example", "421" },
        { "evil.example:80", "421" },
        { "localhost.evil.example", "421" },
        { "127.0.0.1.evil.example", "421" },
    };
    static const char *const places[] = { "/", "/healthz", "/readyz", "/metrics", "/events" };
    start("");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        host = table[i].host;
        assert_status(admin, "/metrics", table[i].status);
    }
    host = "evil.example";
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_status(admin, places[i], "421");
    }
    assert_status(port, "/", "200"); /* which is for everybody */
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* Readiness goes down first; what is asked for then is still answered, and /metrics, too. */
Test(admin, health)
{
    start("--drain-delay 600000");
    assert_status(admin, "/healthz", "200");
    assert_status(admin, "/readyz", "200");
    kill(child.pid, SIGTERM);
    t_child_await_err(&child, "finishing");
    assert_status(admin, "/readyz", "503");
    assert_status(admin, "/healthz", "200");
    assert_status(port, "/", "200");
    assert_has(get(admin, "/metrics"), "\nnng_uring_ready 0\n");
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), -SIGTERM);
}

/* Who has begun to ask when it ends is answered. */
Test(admin, ends_after_its_answers)
{
    static const char half[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
    start("");
    to.sin_port = htons((uint16_t) admin);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    cr_assert_eq(send(fd, half, sizeof half - 1, MSG_NOSIGNAL), sizeof half - 1);
    assert_has(get(admin, "/readyz"), "200 OK"); /* by then that has come, too */
    kill(child.pid, SIGTERM);
    t_child_await_err(&child, "finishing what is in hand");
    usleep(100000); /* the other server is gone, and it is this one's turn */
    cr_assert_eq(send(fd, "\r\n", 2, MSG_NOSIGNAL), 2);
    assert_has(hear(fd, NULL), "200 OK");
    assert_has(answer, "Connection: close");
    close(fd);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* Who reads them does not keep it from its end, be it one that has stopped reading. */
Test(admin, events)
{
    start("");
    int fd = begin(admin, "GET", "/events"), other = begin(admin, "GET", "/events");
    hear(other, "\r\n\r\ndata: {");
    assert_status(port, "/", "200");
    hear(fd, "\"status\":[0,0,1,0,0,0]");
    assert_has(answer, "\r\nContent-Type: text/event-stream\r\n");
    close(other);
    assert_has(get(admin, "/"), "EventSource(\"/events\")");
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    hear(fd, NULL);
    close(fd);
}

Test(admin, for_this_machine_only)
{
    static const char *const wrong[] = {
        "0.0.0.0:0", ":0", "192.0.2.1:1", "[::]:0", "9090", "x/y:1"
    };
    char args[64];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(args, sizeof args, "serve --admin %s", wrong[i]);
        cr_assert_eq(t_child_run(&child, args, NULL), 2, "%s", wrong[i]);
        assert_has(child.err_text, "--admin takes");
    }
}
