/* SPDX-License-Identifier: MIT */
/* What a server's hook is told of its requests. */
#include "support/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(request_hook, .timeout = 120);

#define MOST 256

/* What it was told, in order. */
static struct told {
    char method[32], target[64], agent[32];
    nng_uring_request as;
} told[MOST];

static unsigned ntold;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct t_pending_queue desk = NU_DESK;

static void copy(char *to, size_t room, const char *p, size_t n)
{
    cr_assert_lt(n, room);
    memcpy(to, p, n);
    to[n] = '\0';
}

static void hook(void *arg, const nng_uring_request *request)
{
    size_t len = 0;
    cr_assert_eq(arg, told);
    pthread_mutex_lock(&lock);
    cr_assert_lt(ntold, MOST);
    struct told *t = &told[ntold++];
    t->as = *request;
    copy(t->method, sizeof t->method, request->method, request->method_len);
    copy(t->target, sizeof t->target, request->target, request->target_len);
    const char *agent = nng_uring_request_header(request, "user-agent", &len);
    copy(t->agent, sizeof t->agent, agent != NULL ? agent : "none", agent != NULL ? len : 4);
    cr_assert_null(nng_uring_request_header(request, "user-agen", &len));
    pthread_cond_broadcast(&came);
    pthread_mutex_unlock(&lock);
}

static const struct told *await(unsigned n)
{
    pthread_mutex_lock(&lock);
    while (ntold < n) {
        pthread_cond_wait(&came, &lock);
    }
    cr_assert_eq(ntold, n);
    pthread_mutex_unlock(&lock);
    return &told[n - 1];
}

static void assert_told(const struct told *t, const char *method, const char *target,
                        unsigned status, uint64_t bytes)
{
    cr_assert_str_eq(t->method, method);
    cr_assert_str_eq(t->target, target);
    cr_assert_eq(t->as.status, status, "%s: %u", target, t->as.status);
    cr_assert_eq(t->as.bytes, bytes, "%s: %ju", target, (uintmax_t) t->as.bytes);
    cr_assert(t->as.complete);
    cr_assert_eq(t->as.peer.s_in.sa_addr, htonl(INADDR_LOOPBACK));
}

static void put_on_desk(nng_aio *aio)
{
    t_pending_queue_put(&desk, aio);
}

static void answer_at_once(nng_aio *aio)
{
    t_answer(aio, "at once", 7);
}

static void write_itself(nng_aio *aio)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    nng_aio *write;
    nng_iov iov = { (void *) (uintptr_t) text, sizeof text - 1 };
    cr_assert_eq(nng_aio_alloc(&write, NULL, NULL), 0);
    nng_aio_set_iov(write, 1, &iov);
    nng_http_conn_write_all(nng_aio_get_input(aio, 2), write);
    nng_aio_wait(write);
    nng_aio_free(write);
    nng_aio_finish(aio, 0);
}

static void open_web(struct t_web *web)
{
    t_web_open(web);
    cr_assert_eq(nng_uring_server_set_request_hook(web->server, hook, told), 0);
}

Test(request_hook, every_kind_of_answer)
{
    struct timespec now;
    struct t_web web;
    struct t_http_client b;
    open_web(&web);
    t_web_static(&web, "/static", "static");
    t_web_callback(&web, "/once", answer_at_once);
    t_web_callback(&web, "/desk", put_on_desk);
    t_web_callback(&web, "/itself", write_itself);
    t_web_start(&web);
    cr_assert_eq(nng_uring_server_set_request_hook(web.server, NULL, NULL), NNG_EBUSY);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, "GET /static?a=b HTTP/1.1\r\nHost: x\r\nUser-Agent:  me \r\n\r\n");
    t_http_client_assert(&b, 200, "static");
    assert_told(await(1), "GET", "/static?a=b", 200, 6);
    cr_assert_str_eq(told[0].agent, "me");
    cr_assert_eq(told[0].as.minor_version, 1);
    t_http_client_say(&b, "HEAD /static HTTP/1.1\r\nHost: x\r\n\r\n");
    t_http_client_head(&b);
    assert_told(await(2), "HEAD", "/static", 200, 0);
    clock_gettime(CLOCK_MONOTONIC, &now);
    cr_assert_gt(told[1].as.ended, told[0].as.ended);
    cr_assert_leq(told[1].as.ended, (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec);
    t_http_client_get(&b, "/none");
    t_http_client_hear(&b);
    assert_told(await(3), "GET", "/none", 404, b.size);
    t_http_client_get(&b, "/once");
    t_http_client_assert(&b, 200, "at once");
    assert_told(await(4), "GET", "/once", 200, 7);
    t_http_client_get(&b, "/itself");
    t_http_client_assert(&b, 200, "hi");
    assert_told(await(5), "GET", "/itself", 0, 0);
    t_http_client_say(&b, "POST /desk HTTP/1.1\r\nHost: x\r\nUser-Agent: late\r\n"
                          "Content-Length: 4\r\n\r\n");
    nng_msleep(20);
    t_http_client_say(&b, "body");
    nng_aio *aio = t_pending_queue_take(&desk);
    nng_msleep(20);
    t_answer(aio, "late", 4);
    t_http_client_assert(&b, 200, "late");
    assert_told(await(6), "POST", "/desk", 200, 4);
    cr_assert_str_eq(told[5].agent, "late");
    cr_assert_geq(told[5].as.duration, 20000);
    t_http_client_say(&b, "GARBAGE\r\n\r\n");
    t_http_client_hear(&b);
    assert_told(await(7), "", "", b.status, b.size);
    t_http_client_close(&b);
    t_web_close(&web);
    cr_assert_eq(ntold, 7); /* the connection's end was nobody's */
}

/* Pipelined, each once and in order. */
Test(request_hook, pipelined)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web);
    t_web_static(&web, "/static", "static");
    t_web_callback(&web, "/once", answer_at_once);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 50; i++) {
        t_http_client_say(&b, "GET /static HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /once HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (int i = 0; i < 50; i++) {
        t_http_client_assert(&b, 200, "static");
        t_http_client_assert(&b, 200, "at once");
    }
    await(100);
    for (int i = 0; i < 100; i++) {
        cr_assert_str_eq(told[i].target, i % 2 == 0 ? "/static" : "/once");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

static void make_file(const char *path, off_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(fd, size), 0);
    close(fd);
}

/* Who goes away before the answer, and in the midst of a file. */
Test(request_hook, cut_short)
{
    char root[] = "/tmp/nu-hook-XXXXXX", big[64], small[64];
    struct t_http_client b;
    struct t_web web;
    cr_assert_not_null(mkdtemp(root));
    snprintf(big, sizeof big, "%s/big", root);
    snprintf(small, sizeof small, "%s/small", root);
    make_file(big, 64 << 20);
    make_file(small, 5);
    open_web(&web);
    t_web_directory(&web, "/", root);
    t_web_callback(&web, "/desk", put_on_desk);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/small");
    t_http_client_hear(&b);
    t_http_client_close(&b);
    assert_told(await(1), "GET", "/small", 200, 5);
    t_http_client_open_small(&b, web.port);
    t_http_client_get(&b, "/big");
    t_http_client_head(&b);
    t_http_client_reset(&b);
    const struct told *t = await(2);
    cr_assert_str_eq(t->target, "/big");
    cr_assert_eq(t->as.status, 200);
    cr_assert_not(t->as.complete);
    cr_assert_lt(t->as.bytes, 64 << 20);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/desk");
    nng_aio *aio = t_pending_queue_take(&desk);
    t_http_client_reset(&b);
    nng_msleep(20);
    nng_aio_finish(aio, NNG_ECANCELED);
    await(3);
    unlink(big);
    unlink(small);
    rmdir(root);
    nng_http_server_release(web.server);
}

static nng_http_conn *_Atomic hijacked;

static void hijack(nng_aio *aio)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req_free(nng_aio_get_input(aio, 0));
    cr_assert_eq(nng_http_hijack(conn), 0);
    hijacked = conn;
    nng_aio_finish(aio, 0);
}

Test(request_hook, hijacked)
{
    struct t_web web;
    struct t_http_client b;
    open_web(&web);
    t_web_callback(&web, "/take", hijack);
    t_web_start(&web);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/take");
    assert_told(await(1), "GET", "/take", 0, 0);
    while (hijacked == NULL) {
        nng_msleep(1);
    }
    nng_http_conn_close(hijacked);
    (void) t_http_client_await_end(&b);
    t_http_client_close(&b);
    t_web_close(&web);
    cr_assert_eq(ntold, 1);
}
