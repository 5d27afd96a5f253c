/* SPDX-License-Identifier: MIT */
/*
 * Server and client in a process that is refused io_uring, in the ways in which that comes: both
 * work, on epoll, and why is said once.
 */
#include "support/confine.h"
#include "support/peer.h"
#include "support/site.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define LIMIT 20000 /* ms; nothing takes as long */

/* What the library has said. */
static atomic_int warnings;
static char said[1024];

static void listen_to_log(nng_log_level level, nng_log_facility facility, const char *msgid,
                          const char *msg)
{
    (void) facility;
    if (level <= NNG_LOG_WARN && strcmp(msgid, "NNG-URING") == 0) {
        snprintf(said, sizeof said, "%s", msg);
        atomic_fetch_add(&warnings, 1);
    }
}

static void as_usual(void)
{
    unsetenv("NNG_URING_BACKEND");
    nng_log_set_logger(listen_to_log);
}

TestSuite(confined, .init = as_usual, .timeout = 60);

static void answer(nng_aio *aio)
{
    t_answer(aio, "from a handler", strlen("from a handler"));
}

/* The client asks for that, and gets this. */
static void ask(unsigned port, const char *path, const char *text)
{
    nng_http_client *client = t_client(port);
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    void *data;
    size_t size;
    cr_assert_eq(nng_http_req_alloc(&req, NULL), 0);
    cr_assert_eq(nng_http_req_set_uri(req, path), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, LIMIT);
    nng_http_client_transact(client, req, res, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0, "%s", nng_strerror(nng_aio_result(aio)));
    cr_assert_eq(nng_http_res_get_status(res), 200);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_eq(size, strlen(text));
    cr_assert_arr_eq(data, text, size);
    nng_aio_free(aio);
    nng_http_res_free(res);
    nng_http_req_free(req);
    nng_http_client_free(client);
}

static void serve_and_ask(void)
{
    struct t_site site;
    t_site_open(&site);
    t_site_text(&site, "root/file.txt", "from a file");
    t_web_callback(&site.web, "/handler", answer);
    for (int i = 0; i < 3; i++) {
        ask(site.web.port, "/handler", "from a handler");
        ask(site.web.port, "/file.txt", "from a file");
    }
    t_site_close(&site);
}

static void assert_works_on_epoll(const char *reason, const char *remedy)
{
    for (int i = 0; i < 2; i++) { /* also when the library starts anew */
        serve_and_ask();
        cr_assert_str_eq(nng_uring_backend(), "epoll");
        cr_assert_not_null(strstr(nng_uring_reason(), reason), "%s", nng_uring_reason());
        cr_assert_not_null(strstr(nng_uring_remedy(), remedy), "%s", nng_uring_remedy());
        nng_fini();
    }
    cr_assert_eq(atomic_load(&warnings), 1, "%s", said);
    cr_assert_not_null(strstr(said, reason), "%s", said);
    cr_assert_not_null(strstr(said, remedy), "%s", said);
}

/* ---- Ways to be refused ------------------------------------------------------------------- */

Test(confined, by_docker)
{
    t_as_in_docker();
    assert_works_on_epoll("io_uring_setup: Operation not permitted", "seccomp profile");
}

Test(confined, by_a_profile_that_forgets_enter)
{
    t_refuse_enter();
    assert_works_on_epoll("Operation not permitted", "seccomp profile");
}

Test(confined, to_a_kernel_without)
{
    t_lack_setup();
    assert_works_on_epoll("io_uring_setup: Function not implemented", "CONFIG_IO_URING");
}

/* Before 5.12 rings counted as locked memory. */
Test(confined, without_lockable_memory)
{
    t_refuse(__NR_io_uring_setup, ENOMEM);
    t_no_memlock();
    assert_works_on_epoll("io_uring_setup: Cannot allocate memory", "ulimit -l");
}

/* What gVisor lacks, say. */
Test(confined, to_a_kernel_of_another_make)
{
    t_lack_setup();
    t_refuse(__NR_openat2, ENOSYS);
    t_refuse(T_NR_CACHESTAT, ENOSYS);
    assert_works_on_epoll("io_uring_setup: Function not implemented", "CONFIG_IO_URING");
}

/* ---- Those who must know ------------------------------------------------------------------ */

Test(confined, io_uring_or_nothing)
{
    nng_aio *aio;
    nng_http_server *server;
    nng_url *url;
    t_as_in_docker();
    setenv("NNG_URING_BACKEND", "io_uring", 1);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), NNG_ENOTSUP);
    cr_assert_eq(nng_url_parse(&url, "http://127.0.0.1:0"), 0);
    int err = nng_http_server_hold(&server, url);
    if (err == 0) {
        err = nng_http_server_start(server);
        nng_http_server_release(server);
    }
    cr_assert_eq(err, NNG_ENOTSUP);
    nng_url_free(url);
    cr_assert_str_eq(nng_uring_backend(), "");
    cr_assert_eq(atomic_load(&warnings), 0, "%s", said); /* the caller has been told */
}
