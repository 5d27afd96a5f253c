/* SPDX-License-Identifier: MIT */
#include "http/error_pages.h"

#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(pages, .timeout = 60);

static void answer(nng_aio *aio, nng_http_res *res)
{
    nng_aio_set_output(aio, 0, res);
    nng_aio_finish(aio, 0);
}

static void fail(nng_aio *aio)
{
    nng_aio_finish(aio, NNG_EINTERNAL);
}

static void make_404(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc_error(&res, 404), 0);
    answer(aio, res);
}

/* An error page at first, and then something of its own. */
static void make_own_404(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc_error(&res, 404), 0);
    cr_assert_eq(nng_http_res_copy_data(res, "own", 3), 0);
    answer(aio, res);
}

static void make_plain_404(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_status(res, 404), 0);
    answer(aio, res);
}

static void res_error(nng_aio *aio)
{
    nng_http_res *res;
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_status(res, 404), 0);
    cr_assert_eq(nng_http_res_copy_data(res, "own", 3), 0);
    cr_assert_eq(
        nng_http_server_res_error(nng_http_handler_get_data(nng_aio_get_input(aio, 1)), res), 0);
    answer(aio, res);
}

static void open_site(struct t_web *web)
{
    nng_http_handler *h;
    t_web_open(web);
    t_web_static(web, "/", "home");
    t_web_callback(web, "/fail", fail);
    t_web_callback(web, "/404", make_404);
    t_web_callback(web, "/own", make_own_404);
    t_web_callback(web, "/plain", make_plain_404);
    t_web_directory(web, "/dir", "/proc/self/task/no such");
    cr_assert_eq(nng_http_handler_alloc(&h, "/res", res_error), 0);
    cr_assert_eq(nng_http_handler_set_data(h, web->server, NULL), 0);
    t_web_add(web, h);
    t_web_start(web);
}

static void set(struct t_web *web, uint16_t status, const char *html)
{
    cr_assert_eq(nng_http_server_set_error_page(web->server, status, html), 0);
}

/* ---- Who uses them ------------------------------------------------------------------------ */

Test(pages, made_by_the_server)
{
    static const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        { "GET /dir/x HTTP/1.1\r\nHost: x\r\n\r\n", 404 },
        { "PUT / HTTP/1.1\r\nHost: x\r\n\r\n", 405 },
        { "GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", 500 },
        { "POST /fail HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413 },
        { "nonsense\r\n\r\n", 400 },
        { "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505 },
    };
    struct t_web web;
    struct t_http_client b;
    char html[32];
    open_site(&web);
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t c = i / 2;
        t_http_client_open(&b, web.port);
        t_http_client_say(&b, cases[c].request);
        t_http_client_hear(&b);
        cr_assert_eq(b.status, cases[c].status, "%u: %s", b.status, cases[c].request);
        cr_assert(t_http_client_line(&b, "Content-Type: text/html; charset=utf-8"));
        if (i % 2 == 0) {
            snprintf(html, sizeof html, "<h1>%u ", cases[c].status);
            cr_assert_not_null(memmem(b.body, b.size, html, strlen(html)));
            snprintf(html, sizeof html, "page %zu", c);
            set(&web, (uint16_t) cases[c].status, html);
        } else {
            cr_assert_eq(b.size, 6);
            cr_assert_arr_eq(b.body, html, 6);
        }
        t_http_client_close(&b);
    }
    t_web_close(&web);
}

Test(pages, made_by_handlers)
{
    struct t_web web;
    open_site(&web);
    t_web_assert(&web, "/own", 404, "own");
    set(&web, 404, "page");
    t_web_assert(&web, "/404", 404, "page");
    t_web_assert(&web, "/res", 404, "page");
    t_web_assert(&web, "/own", 404, "own");
    t_web_assert(&web, "/plain", 404, "");
    set(&web, 404, "");
    t_web_assert(&web, "/404", 404, "");
    t_web_assert(&web, "/none", 404, "");
    set(&web, 404, "another");
    set(&web, 405, "that of 405");
    t_web_assert(&web, "/404", 404, "another");
    nng_http_server_stop(web.server);
    t_web_start(&web);
    t_web_assert(&web, "/404", 404, "another");
    t_web_close(&web);
}

Test(pages, head)
{
    static const char *const targets[] = { "/none", "/404", "/res" };
    struct t_web web;
    struct t_http_client b;
    char text[64];
    open_site(&web);
    set(&web, 404, "a page");
    t_http_client_open(&b, web.port);
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        t_http_client_say(&b, text);
        t_http_client_get(&b, "/");
        t_http_client_head(&b);
        cr_assert_eq(b.status, 404);
        cr_assert(t_http_client_line(&b, "Content-Length: 6"));
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

/* Without a connection in sight. */
Test(pages, res_error)
{
    struct t_web web;
    nng_http_res *res;
    void *data;
    size_t size;
    t_web_open(&web);
    set(&web, 404, "page");
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_http_res_set_status(res, 404), 0);
    cr_assert_eq(nng_http_server_res_error(web.server, res), 0);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_eq(size, 4);
    cr_assert_arr_eq(data, "page", 4);
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Length"), "4");
    cr_assert_str_eq(nng_http_res_get_header(res, "Content-Type"), "text/html; charset=utf-8");
    cr_assert_eq(nng_http_res_set_status(res, 410), 0);
    cr_assert_eq(nng_http_server_res_error(web.server, res), 0);
    cr_assert_eq(nng_http_res_get_status(res), 410);
    nng_http_res_get_data(res, &data, &size);
    cr_assert_not_null(memmem(data, size, "<h1>410 Gone</h1>", 17));
    nng_http_res_free(res);
    t_web_close(&web);
}

/* ---- Where they come from ----------------------------------------------------------------- */

static char dir[] = "/tmp/nu-pages-XXXXXX", path[64];

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void make_file(const char *name, const void *data, size_t size, off_t length)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, data, size), (ssize_t) size);
    cr_assert_eq(ftruncate(fd, length), 0);
    close(fd);
}

Test(pages, files)
{
    static const char bytes[] = "a\0b\r\n\r\nc\xff";
    struct t_web web;
    struct t_http_client b;
    cr_assert_not_null(mkdtemp(dir));
    open_site(&web);
    make_file("page", bytes, sizeof bytes, sizeof bytes);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, at("page")), 0);
    unlink(path);
    t_http_client_open(&b, web.port);
    t_http_client_get(&b, "/none");
    t_http_client_hear(&b);
    cr_assert_eq(b.size, sizeof bytes);
    cr_assert_arr_eq(b.body, bytes, sizeof bytes);
    make_file("page", "", 0, 0);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, at("page")), 0);
    t_http_client_get(&b, "/none");
    t_http_client_assert(&b, 404, "");
    make_file("page", "x", 1, 16 << 20);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, at("page")), 0);
    t_http_client_get(&b, "/none");
    t_http_client_hear(&b);
    cr_assert_eq(b.size, 16 << 20);
    cr_assert_eq(b.body[0], 'x');
    t_http_client_close(&b);
    unlink(path);
    rmdir(dir);
    t_web_close(&web);
}

/* What cannot be had leaves the page that was there. */
Test(pages, refused, .timeout = 20)
{
    static const uint16_t statuses[] = { 0, 1, 99, 1000, 65535 };
    struct t_web web;
    cr_assert_not_null(mkdtemp(dir));
    open_site(&web);
    set(&web, 404, "page");
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(nng_http_server_set_error_page(web.server, statuses[i], "x"), NNG_EINVAL);
        cr_assert_eq(nng_http_server_set_error_file(web.server, statuses[i], "/proc/self/stat"),
                     NNG_EINVAL);
    }
    cr_assert_eq(nng_http_server_set_error_page(web.server, 404, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, NULL), NNG_EINVAL);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, at("none")), NNG_ENOENT);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, ""), NNG_ENOENT);
    cr_assert_neq(nng_http_server_set_error_file(web.server, 404, dir), 0);
    cr_assert_neq(nng_http_server_set_error_file(web.server, 404, "/dev/zero"), 0);
    cr_assert_eq(mkfifo(at("fifo"), 0600), 0);
    cr_assert_neq(nng_http_server_set_error_file(web.server, 404, path), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_neq(nng_http_server_set_error_file(web.server, 404, path), 0);
    close(fd);
    unlink(path);
    make_file("large", "", 0, (16 << 20) + 1);
    cr_assert_eq(nng_http_server_set_error_file(web.server, 404, path), NNG_EMSGSIZE);
    unlink(path);
    make_file("secret", "x", 1, 1);
    cr_assert_eq(chmod(path, 0), 0);
    if (geteuid() != 0) {
        cr_assert_eq(nng_http_server_set_error_file(web.server, 404, path), NNG_EPERM);
    }
    unlink(path);
    rmdir(dir);
    t_web_assert(&web, "/none", 404, "page");
    t_web_close(&web);
}

/* ---- While requests run ------------------------------------------------------------------- */

static atomic_bool over;

static void *change(void *arg)
{
    struct t_web *web = arg;
    char text[2001];
    for (unsigned i = 0; !atomic_load(&over); i++) {
        memset(text, 'a' + (int) (i % 26), sizeof text);
        text[i * 77 % 2000 + 1] = '\0';
        set(web, 404, text);
    }
    return NULL;
}

/* Every page is of one piece. */
Test(pages, change_while_requests_run)
{
    struct t_web web;
    struct t_http_client b[4];
    pthread_t threads[2];
    open_site(&web);
    set(&web, 404, "a");
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, change, &web), 0);
    }
    for (int i = 0; i < 4; i++) {
        t_http_client_open(&b[i], web.port);
    }
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 4; i++) {
            t_http_client_get(&b[i], i % 2 == 0 ? "/none" : "/res");
        }
        for (int i = 0; i < 4; i++) {
            t_http_client_hear(&b[i]);
            cr_assert_eq(b[i].status, 404);
            cr_assert_gt(b[i].size, 0);
            for (size_t n = 1; n < b[i].size; n++) {
                cr_assert_eq(b[i].body[n], b[i].body[0]);
            }
        }
    }
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 4; i++) {
        t_http_client_close(&b[i]);
    }
    t_web_close(&web);
}
