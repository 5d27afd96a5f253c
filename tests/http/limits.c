/* SPDX-License-Identifier: MIT */
#include "http/limits.h"

#include "support/peer.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits, .timeout = 120);

static void set(struct t_web *web, enum nng_uring_limit limit, uint64_t value)
{
    cr_assert_eq(nng_uring_server_set_limit(web->server, limit, value), 0);
}

static void echo(nng_aio *aio)
{
    void *data;
    size_t size;
    nng_http_req_get_data(nng_aio_get_input(aio, 0), &data, &size);
    t_answer(aio, data, size);
}

/* A server that is not started yet, with a static handler and a callback. */
static void open_site(struct t_web *web)
{
    t_web_open(web);
    t_web_static(web, "/", "home");
    t_web_callback(web, "/echo", echo);
}

/* ---- Setting them ------------------------------------------------------------------------- */

static const struct {
    enum nng_uring_limit limit;
    uint64_t value, min, max;
} table[] = {
    { NNG_URING_HEAD_TIMEOUT, 10000, 0, INT32_MAX },
    { NNG_URING_IDLE_TIMEOUT, 60000, 0, INT32_MAX },
    { NNG_URING_BODY_TIMEOUT, 30000, 0, INT32_MAX },
    { NNG_URING_WRITE_TIMEOUT, 60000, 0, INT32_MAX },
    { NNG_URING_HEAD_BYTES, 16384, 64, 1 << 20 },
    { NNG_URING_HEAD_FIELDS, 128, 1, 4096 },
    { NNG_URING_DRAIN_BYTES, 262144, 0, INT64_MAX },
    { NNG_URING_CONNECTIONS, 0, 0, UINT32_MAX },
    { NNG_URING_LINGER_TIMEOUT, 30000, 0, INT32_MAX },
    { NNG_URING_LINGER_BYTES, 16 << 20, 0, INT64_MAX },
    { NNG_URING_COLLECT_BYTES, 0, 0, INT64_MAX },
    { NNG_URING_BODY_TOTAL_TIMEOUT, 3600000, 0, INT32_MAX },
    { NNG_URING_BODY_RATE, 500, 0, INT32_MAX },
    { NNG_URING_CLIENT_CONNECTIONS, 0, 0, UINT32_MAX },
    { NNG_URING_CLIENT_REQUESTS, 0, 0, 1000000 },
    { NNG_URING_WRITE_RATE, 500, 0, INT32_MAX },
};

static int hold_with(const char *limits, nng_http_server **serverp)
{
    nng_url *url;
    setenv("NNG_URING_LIMITS", limits, 1);
    cr_assert_eq(nng_url_parse(&url, "http://127.0.0.1:0"), 0);
    int err = nng_http_server_hold(serverp, url);
    nng_url_free(url);
    unsetenv("NNG_URING_LIMITS");
    return err;
}

/* For programs whose source is not to be touched. */
Test(limits, environment)
{
    static const char *const nonsense[] = {
        "idle-timeout",
        "idle-timeout=",
        "idle-timeout=x",
        "idle-timeout=-1",
        "idle-timeout=1 ",
        "idle-timeout=99999999999999999999",
        "sing=1",
        "head-bytes=63",
        "head-bytes=1048577",
        "idle-timeout=1,,",
        "=1",
        "idle-timeout=1;head-fields=2",
        "idle-timeout=1,sing=",
        "idle-timeout=00000000000000000000000000001",
    };
    static const struct {
        enum nng_uring_limit limit;
        uint64_t value;
    } want[] = {
        { NNG_URING_IDLE_TIMEOUT, 0 },
        { NNG_URING_HEAD_FIELDS, 512 },
        { NNG_URING_HEAD_TIMEOUT, 10000 },
    };
    nng_http_server *server;
    uint64_t value;
    cr_assert_eq(hold_with("idle-timeout=0,head-fields=512", &server), 0);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        cr_assert_eq(nng_uring_server_get_limit(server, want[i].limit, &value), 0);
        cr_assert_eq(value, want[i].value);
    }
    cr_assert_eq(nng_uring_server_set_limit(server, NNG_URING_HEAD_FIELDS, 100), 0); /* wins */
    nng_http_server_release(server);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        cr_assert_eq(hold_with(nonsense[i], &server), NNG_EINVAL, "%s", nonsense[i]);
        cr_assert_not_null(strstr(nng_uring_reason(), "NNG_URING_LIMITS"));
    }
    cr_assert_eq(hold_with("", &server), 0);
    nng_http_server_release(server);
}

Test(limits, values)
{
    struct t_web web;
    uint64_t value;
    t_web_open(&web);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum nng_uring_limit limit = table[i].limit;
        if (limit != NNG_URING_CONNECTIONS && limit != NNG_URING_COLLECT_BYTES) {
            cr_assert_eq(nng_uring_server_get_limit(web.server, limit, &value), 0);
            cr_assert_eq(value, table[i].value, "limit %u is %lu", limit, value);
        }
        cr_assert_eq(nng_uring_server_set_limit(web.server, limit, table[i].max + 1), NNG_EINVAL);
        if (table[i].min > 0) {
            cr_assert_eq(nng_uring_server_set_limit(web.server, limit, table[i].min - 1),
                         NNG_EINVAL);
        }
        cr_assert_eq(nng_uring_server_set_limit(web.server, limit, UINT64_MAX), NNG_EINVAL);
        set(&web, limit, table[i].max);
        cr_assert_eq(nng_uring_server_get_limit(web.server, limit, &value), 0);
        cr_assert_eq(value, table[i].max);
        set(&web, limit, table[i].min);
    }
    cr_assert_eq(nng_uring_server_set_limit(web.server, (enum nng_uring_limit) NU_LIMITS, 1),
                 NNG_EINVAL);
    cr_assert_eq(nng_uring_server_set_limit(web.server, (enum nng_uring_limit) - 1, 1), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_get_limit(web.server, (enum nng_uring_limit) NU_LIMITS, &value),
                 NNG_EINVAL);
    cr_assert_eq(nng_uring_server_get_limit(web.server, (enum nng_uring_limit) - 1, &value),
                 NNG_EINVAL);
    t_web_close(&web);
}

/* Of a server that runs: what is asked for from now on goes by it, on whatever connection. */
Test(limits, change)
{
    struct t_web web;
    struct t_http_client b;
    uint64_t value;
    char text[600];
    open_site(&web);
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_CONNECTIONS, 7), 0);
    t_web_start(&web);
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_CONNECTIONS, 8), NNG_EBUSY);
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_HEAD_FIELDS, 8), NNG_EBUSY);
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_HEAD_BYTES, 0), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_BYTES, 0), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_set_limit(web.server, NNG_URING_HEAD_BYTES, 400), NNG_EBUSY);
    cr_assert_eq(nng_uring_server_change_limit(web.server, (enum nng_uring_limit) NU_LIMITS, 1),
                 NNG_EINVAL);
    snprintf(text, sizeof text, "HEAD /none HTTP/1.1\r\nHost: x\r\nX: %0500d\r\n\r\n", 0);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, text);
    t_http_client_head(&b);
    cr_assert_eq(b.status, 404);
    cr_assert_eq(nng_uring_server_change_limit(web.server, NNG_URING_HEAD_BYTES, 400), 0);
    cr_assert_eq(nng_uring_server_get_limit(web.server, NNG_URING_HEAD_BYTES, &value), 0);
    cr_assert_eq(value, 400);
    do { /* its loop hears of it, soon */
        t_http_client_say(&b, text);
        t_http_client_head(&b);
    } while (b.status == 404);
    cr_assert_eq(b.status, 431);
    t_http_client_close(&b);
    t_web_close(&web);
}

static uint64_t connections(const struct t_web *web)
{
    uint64_t value;
    cr_assert_eq(nng_uring_server_get_limit(web->server, NNG_URING_CONNECTIONS, &value), 0);
    return value;
}

/* 0 stands for what the process may have, less an eighth and what is open; half of that, where each
 * may have a file open, too. */
Test(limits, default_of_connections)
{
    struct t_web web;
    struct rlimit files;
    t_web_open(&web);
    t_proc_limit_fds();
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    uint64_t most = files.rlim_cur - files.rlim_cur / 8 - t_proc_fds();
    cr_assert_eq(connections(&web), most);
    set(&web, NNG_URING_CONNECTIONS, 7);
    cr_assert_eq(connections(&web), 7);
    set(&web, NNG_URING_CONNECTIONS, 0);
    cr_assert_eq(connections(&web), most);
    t_web_directory(&web, "/files", "/tmp");
    cr_assert_eq(connections(&web), most / 2);
    t_web_start(&web);
    cr_assert_leq(connections(&web), most / 2);
    cr_assert_gt(connections(&web), most / 3);
    t_web_close(&web);
}

/* What is set counts from the next start on. */
Test(limits, busy_while_it_runs)
{
    struct t_web web;
    uint64_t value;
    open_site(&web);
    t_web_start(&web);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(nng_uring_server_set_limit(web.server, table[i].limit, 100), NNG_EBUSY);
        cr_assert_eq(nng_uring_server_set_limit(web.server, table[i].limit, UINT64_MAX),
                     NNG_EINVAL);
        cr_assert_eq(nng_uring_server_get_limit(web.server, table[i].limit, &value), 0);
    }
    nng_http_server_stop(web.server);
    set(&web, NNG_URING_HEAD_BYTES, 64);
    t_web_start(&web);
    t_web_assert(&web, "/?the-target-alone-takes-more-than-sixty-four-bytes-of-the-head", 431,
                 NULL);
    nng_http_server_stop(web.server);
    set(&web, NNG_URING_HEAD_BYTES, 16384);
    t_web_start(&web);
    t_web_assert(&web, "/?the-target-alone-takes-more-than-sixty-four-bytes-of-the-head", 200,
                 "home");
    t_web_close(&web);
}

/* ---- Heads -------------------------------------------------------------------------------- */

/* A GET for "/" of `fields` fields, Host included, that takes `size` bytes, or a little more. */
static char *request(unsigned fields, size_t size)
{
    char *text = malloc(size + 64 + (size_t) fields * 16);
    cr_assert_not_null(text);
    char *p = stpcpy(text, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (unsigned i = 1; i < fields; i++) {
        p += sprintf(p, "X%u: y\r\n", i);
        if (i + 1 == fields) {
            p -= 2;
            while ((size_t) (p - text) + 4 < size) {
                *p++ = 'y';
            }
            p = stpcpy(p, "\r\n");
        }
    }
    strcpy(p, "\r\n");
    return text;
}

static void assert_request(const struct t_web *web, char *text, unsigned status)
{
    struct t_http_client b;
    t_http_client_open(&b, web->port);
    t_http_client_say(&b, text);
    t_http_client_assert(&b, status, NULL);
    if (status != 200) {
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
    }
    t_http_client_close(&b);
    free(text);
}

Test(limits, head_bytes)
{
    static const size_t sizes[] = { 64, 100, 16384, 1 << 20 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct t_web web;
        open_site(&web);
        set(&web, NNG_URING_HEAD_BYTES, sizes[i]);
        t_web_start(&web);
        assert_request(&web, request(2, sizes[i]), 200);
        assert_request(&web, request(2, sizes[i] + 1), 431);
        t_web_close(&web);
    }
}

Test(limits, head_fields)
{
    static const unsigned numbers[] = { 1, 2, 128, 4096 };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct t_web web;
        open_site(&web);
        set(&web, NNG_URING_HEAD_BYTES, 1 << 20);
        set(&web, NNG_URING_HEAD_FIELDS, numbers[i]);
        t_web_start(&web);
        assert_request(&web, request(numbers[i], 0), 200);
        assert_request(&web, request(numbers[i] + 1, 0), 431);
        t_web_close(&web);
    }
}

Test(limits, target_bytes)
{
    struct t_web web;
    char target[8194];
    open_site(&web);
    set(&web, NNG_URING_HEAD_BYTES, 1 << 20);
    t_web_start(&web);
    memset(target, 'a', sizeof target);
    memcpy(target, "/?", 2);
    target[8192] = '\0';
    t_web_assert(&web, target, 200, "home");
    target[8192] = 'a';
    target[8193] = '\0';
    t_web_assert(&web, target, 414, NULL);
    t_web_close(&web);
}

/* ---- Bodies that nobody reads ------------------------------------------------------------- */

static void post(struct t_http_client *b, size_t size)
{
    char head[128];
    uint8_t *data = t_pattern_new(size + 1, 1);
    snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    t_http_client_say(b, head);
    t_http_client_send(b, data, size);
    free(data);
}

static void post_chunks(struct t_http_client *b, size_t size)
{
    t_http_client_say(b, "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < size; at += 100) {
        char text[128];
        memset(text, 'x', sizeof text);
        memcpy(text, "5e\r\n", 4);
        memcpy(text + 98, "\r\n", 2); /* 100 bytes with what frames them */
        t_http_client_send(b, text, 100);
    }
}

Test(limits, drain_bytes)
{
    static const size_t sizes[] = { 0, 1, 1000, 262144, 1 << 19 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct t_web web;
        struct t_http_client b;
        open_site(&web);
        set(&web, NNG_URING_DRAIN_BYTES, sizes[i]);
        t_web_start(&web);
        t_http_client_open(&b, web.port);
        post(&b, sizes[i]);
        t_http_client_assert(&b, 200, "home");
        cr_assert_not(t_http_client_line(&b, "Connection: close"));
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        post(&b, sizes[i] + 1);
        t_http_client_get(&b, "/");
        t_http_client_assert(&b, 200, "home");
        cr_assert(t_http_client_line(&b, "Connection: close"));
        t_http_client_assert_end(&b);
        t_http_client_close(&b);
        t_web_close(&web);
    }
}

/* How long it will be is not known beforehand. */
Test(limits, drain_bytes_in_chunks)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web);
    set(&web, NNG_URING_DRAIN_BYTES, 200000);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    post_chunks(&b, 100000);
    t_http_client_say(&b, "0\r\n\r\n");
    t_http_client_get(&b, "/");
    t_http_client_assert(&b, 200, "home");
    t_http_client_assert(&b, 200, "home");
    post_chunks(&b, 400000);
    t_http_client_assert(&b, 200, "home");
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
}
