/* SPDX-License-Identifier: MIT */
/* Servers that listen before they start, for those who give up privileges in between. */
#include "support/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(server_bind, .timeout = 120);

#define SOMEBODY 65534 /* who owns no file */

static unsigned port_of(nng_http_server *server)
{
    nng_sockaddr addr;
    cr_assert_eq(nng_http_server_get_addr(server, &addr), 0);
    return ntohs(addr.s_in.sa_port);
}

/* Whoever connects before it starts has its answer afterwards. */
Test(server_bind, nobody_is_accepted_yet)
{
    struct t_web web;
    struct t_http_client early;
    nng_sockaddr addr;
    t_web_open(&web);
    t_web_static(&web, "/", "here");
    cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(nng_uring_server_bind(web.server), 0);
    }
    unsigned port = port_of(web.server);
    t_http_client_open(&early, port);
    t_http_client_get(&early, "/");
    t_http_client_assert_silent(&early);
    t_web_start(&web);
    cr_assert_eq(web.port, port);
    t_http_client_assert(&early, 200, "here");
    t_http_client_close(&early);
    t_web_assert(&web, "/", 200, "here");
    cr_assert_eq(nng_uring_server_bind(web.server), NNG_EBUSY);
    t_web_close(&web);
}

/* It may be started, or given up, by whoever likes; nothing is left of it. */
Test(server_bind, given_up)
{
    static void (*const ways[])(nng_http_server *) = { NULL, nng_http_server_stop };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct t_web web;
        nng_sockaddr addr;
        t_web_open(&web);
        cr_assert_eq(nng_uring_server_bind(web.server), 0);
        if (ways[i] != NULL) {
            ways[i](web.server); /* which it is not: it stays bound */
            cr_assert_gt(port_of(web.server), 0);
        }
        cr_assert_eq(nng_uring_server_drain(web.server, 1000), 0);
        cr_assert_eq(nng_http_server_get_addr(web.server, &addr), NNG_ESTATE);
        cr_assert_eq(nng_uring_server_bind(web.server), 0);
        t_web_close(&web); /* looks at descriptors */
    }
}

/* The address is its own, and what belongs to it cannot be changed any more. */
Test(server_bind, the_address_is_taken)
{
    struct t_web web;
    nng_http_server *other;
    nng_url *url;
    char text[64];
    t_web_open(&web);
    cr_assert_eq(nng_uring_server_bind(web.server), 0);
    snprintf(text, sizeof text, "http://127.0.0.1:%u", port_of(web.server));
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_server_hold(&other, url), 0);
    cr_assert_eq(nng_uring_server_bind(other), NNG_EADDRINUSE);
    nng_http_server_release(other);
    nng_url_free(url);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(nng_uring_server_add_socket(web.server, fd), NNG_EBUSY);
    close(fd);
    t_web_close(&web);
}

/* With a connection of its last run still open, which ends later. */
Test(server_bind, file_of_a_unix_socket)
{
    char dir[] = "/tmp/nng-uring-bind-XXXXXX", text[128];
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    nng_http_server *server;
    nng_url *url;
    struct stat st;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
    snprintf(text, sizeof text, "http+unix://%%2Ftmp%%2F%s%%2Fs", dir + 5);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    nng_url_free(url);
    cr_assert_eq(nng_uring_server_bind(server), 0);
    cr_assert_eq(nng_uring_loops(), 0, "it has started loops");
    cr_assert_eq(nng_http_server_start(server), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &un, sizeof un), 0);
    nng_http_server_stop(server);
    cr_assert_eq(nng_uring_server_set_permissions(server, 0600), 0);
    cr_assert_eq(nng_uring_server_bind(server), 0);
    cr_assert_eq(nng_uring_server_set_permissions(server, 0660), NNG_EBUSY);
    cr_assert(read(fd, text, 1) <= 0, "its last run goes on");
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert(lstat(un.sun_path, &st) == 0 && (st.st_mode & 0777) == 0600);
    close(fd);
    nng_http_server_release(server);
    cr_assert_neq(lstat(un.sun_path, &st), 0);
    cr_assert_eq(rmdir(dir), 0);
}

static void write_file(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "text", 4), 4);
    close(fd);
}

/* Rings that were made with root's rights do nothing with them once the process has given them up:
 * the kernel asks for those of the thread that submits. */
Test(server_bind, rights_of_rings)
{
    char dir[] = "/tmp/nng-uring-bind-XXXXXX", open_file[64], closed[64];
    struct t_web web;
    if (geteuid() != 0) {
        cr_skip_test("only root has rights to give up");
    }
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chmod(dir, 0755), 0);
    snprintf(open_file, sizeof open_file, "%s/open", dir);
    snprintf(closed, sizeof closed, "%s/closed", dir);
    umask(0022);
    write_file(open_file, 0644);
    write_file(closed, 0600);
    t_web_open(&web);
    t_web_directory(&web, "/", dir);
    t_web_start(&web);
    if (seteuid(SOMEBODY) == 0) { /* else in a container without that user */
        t_web_assert(&web, "/open", 200, "text");
        struct t_http_client b;
        t_http_client_open(&b, web.port);
        t_http_client_get(&b, "/closed");
        t_http_client_hear(&b);
        cr_assert_eq(b.status, 403);
        t_http_client_close(&b);
        cr_assert_eq(seteuid(0), 0);
        t_web_assert(&web, "/closed", 200, "text");
    }
    t_web_close(&web);
    unlink(open_file);
    unlink(closed);
    rmdir(dir);
}

/* ---- Who shares the port ------------------------------------------------------------------- */

Test(server_bind, one_socket_for_all_loops)
{
    struct t_web web;
    t_web_open(&web);
    t_web_static(&web, "/", "here");
    cr_assert_eq(nng_uring_server_set_reuseport(web.server, NNG_URING_REUSEPORT_OFF), 0);
    t_web_start(&web);
    for (int i = 0; i < 16; i++) {
        t_web_assert(&web, "/", 200, "here");
    }
    cr_assert_eq(nng_uring_server_set_reuseport(web.server, NNG_URING_REUSEPORT_ON), NNG_EBUSY);
    cr_assert_eq(nng_uring_server_drain(web.server, 10000), 0);
    enum nng_uring_reuseport none = NNG_URING_REUSEPORT_OFF + 1;
    cr_assert_eq(nng_uring_server_set_reuseport(web.server, none), NNG_EINVAL);
    t_web_close(&web);
}
