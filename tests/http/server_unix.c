/* SPDX-License-Identifier: MIT */
/* A server on a UNIX socket: the file, the permissions, the addresses, the Host field. */
#include "http/conn.h"
#include "io/runtime.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/tmp/nng-uring-unix-XXXXXX";
static struct sockaddr_un at = { .sun_family = AF_UNIX };
static nng_url *url; /* of that, with a path behind it */

static void open_dir(void)
{
    char text[256];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(at.sun_path, sizeof at.sun_path, "%s/A b", dir); /* which is no name of a host */
    snprintf(text, sizeof text, "http+unix://%%2Ftmp%%2f%s%%2FA%%20b/hello?x",
             strrchr(dir, '/') + 1);
    cr_assert_eq(nng_url_parse(&url, text), 0);
    cr_assert_str_eq(url->u_hostname, at.sun_path);
}

static void close_dir(void)
{
    nng_url_free(url);
    unlink(at.sun_path);
    cr_assert_eq(rmdir(dir), 0, "%s", strerror(errno));
}

TestSuite(server_unix, .init = open_dir, .fini = close_dir, .timeout = 60);

static nng_http_server *hold(void)
{
    nng_http_server *server;
    nng_http_handler *handler;
    cr_assert_eq(nng_http_server_hold(&server, url), 0);
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/hello", "hi", 2, "text/plain"), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    return server;
}

static bool there(void)
{
    struct stat st;
    return lstat(at.sun_path, &st) == 0;
}

/* A socket that is bound there, and listens or not. */
static int bind_there(bool listens)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &at, sizeof at), 0);
    cr_assert(!listens || listen(fd, 8) == 0);
    return fd;
}

static int try_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *) &at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The response to `request`, to its end. */
static void expect(const char *request, const char *begins, const char *ends)
{
    char text[4096];
    size_t len = 0;
    ssize_t n;
    int fd = try_connect();
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    cr_assert_eq(send(fd, request, strlen(request), 0), (ssize_t) strlen(request));
    while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t) n;
    }
    text[len] = '\0';
    close(fd);
    cr_assert_eq(strncmp(text, begins, strlen(begins)), 0, "%s", text);
    cr_assert(len >= strlen(ends) && strcmp(text + len - strlen(ends), ends) == 0, "%s", text);
}

static void expect_hello(void)
{
    expect("GET /hello HTTP/1.1\r\nHost: a.name\r\nConnection: close\r\n\r\n", "HTTP/1.1 200",
           "\r\n\r\nhi");
}

/* ---- Requests ----------------------------------------------------------------------------- */

static void describe(nng_aio *aio)
{
    nng_http_req *req = nng_aio_get_input(aio, 0);
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_sockaddr local, remote;
    char text[512], names[2][NNG_MAXADDRLEN];
    cr_assert_eq(nng_uring_conn_local_addr(conn, &local), 0);
    cr_assert_eq(nng_uring_conn_remote_addr(conn, &remote), 0);
    int n = snprintf(text, sizeof text, "%s|%s|%s|%s", nng_http_req_get_header(req, "Host"),
                     nng_http_req_get_uri(req), nng_str_sockaddr(&local, names[0], sizeof names[0]),
                     nng_str_sockaddr(&remote, names[1], sizeof names[1]));
    t_answer(aio, text, (size_t) n);
}

Test(server_unix, a_client_of_ours)
{
    nng_http_server *server = hold();
    nng_http_handler *handler;
    nng_http_client *client;
    nng_http_req *req;
    nng_http_res *res;
    nng_aio *aio;
    nng_sockaddr addr;
    void *data;
    size_t size;
    char want[512];
    cr_assert_eq(nng_http_handler_alloc(&handler, "/", describe), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(nng_http_server_get_addr(server, &addr), 0);
    cr_assert_eq(addr.s_family, NNG_AF_IPC);
    cr_assert_str_eq(addr.s_ipc.sa_path, at.sun_path);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    cr_assert_eq(nng_http_req_alloc(&req, url), 0);
    cr_assert_eq(nng_http_req_set_uri(req, "/"), 0);
    cr_assert_eq(nng_http_res_alloc(&res), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_http_client_transact(client, req, res, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), 0, "%s", nng_strerror(nng_aio_result(aio)));
    nng_http_res_get_data(res, &data, &size);
    snprintf(want, sizeof want, "localhost|/|%s|%s", at.sun_path, at.sun_path);
    cr_assert(size == strlen(want) && memcmp(data, want, size) == 0, "%.*s", (int) size,
              (char *) data);
    nng_aio_free(aio);
    nng_http_req_free(req);
    nng_http_res_free(res);
    nng_http_client_free(client);
    nng_http_server_release(server);
}

/* RFC 9112 3.2 has no exception for them. */
Test(server_unix, a_host_field_is_wanted)
{
    nng_http_server *server = hold();
    nng_http_handler *handler;
    cr_assert_eq(nng_http_handler_alloc_static(&handler, "/of", "it", 2, "text/plain"), 0);
    cr_assert_eq(nng_http_handler_set_host(handler, "Some.host"), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    expect("GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400", "");
    expect("GET /of HTTP/1.1\r\nHost: some.host\r\nConnection: close\r\n\r\n", "HTTP/1.1 200",
           "it");
    expect("GET /of HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 404", "");
    nng_http_server_release(server);
}

/* ---- The file ----------------------------------------------------------------------------- */

Test(server_unix, the_file_goes_with_the_server)
{
    nng_http_server *server = hold();
    cr_assert(!there());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_http_server_start(server), 0);
        expect_hello();
        nng_http_server_stop(server);
        cr_assert(!there());
        cr_assert_lt(try_connect(), 0);
    }
    cr_assert_eq(nng_http_server_start(server), 0);
    expect_hello();
    cr_assert_eq(nng_uring_server_drain(server, 10000), 0);
    cr_assert(!there());
    cr_assert_eq(nng_http_server_start(server), 0);
    nng_http_server_release(server);
    cr_assert(!there());
}

Test(server_unix, the_file_goes_with_the_library)
{
    nng_http_server *server = hold();
    cr_assert_eq(nng_http_server_start(server), 0);
    expect_hello();
    nng_fini();
    cr_assert(!there());
    nng_http_server_release(server);
}

/* Whoever has put it there wants it. */
Test(server_unix, anothers_file_stays)
{
    nng_http_server *server = hold();
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert_eq(unlink(at.sun_path), 0);
    int fd = bind_there(true);
    nng_http_server_release(server);
    cr_assert(there());
    close(fd);
}

Test(server_unix, a_file_that_is_no_socket_stays)
{
    nng_http_server *server = hold();
    int fd = open(at.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, "x", 1), 1);
    close(fd);
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    nng_http_server_release(server);
    struct stat st;
    cr_assert(lstat(at.sun_path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 1);
}

Test(server_unix, a_stale_socket_gives_way_and_a_live_one_does_not)
{
    nng_http_server *server = hold();
    int fd = bind_there(true);
    cr_assert_eq(nng_http_server_start(server), NNG_EADDRINUSE);
    cr_assert(there());
    close(fd); /* nobody listens now */
    cr_assert_eq(nng_http_server_start(server), 0);
    expect_hello();
    nng_http_server_release(server);
}

Test(server_unix, permissions)
{
    nng_http_server *server = hold(), *tcp;
    nng_url *other;
    struct stat st;
    umask(0077);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert(lstat(at.sun_path, &st) == 0 && (st.st_mode & 07777) == 0700);
    cr_assert_eq(nng_uring_server_set_permissions(server, 0660), NNG_EBUSY);
    nng_http_server_stop(server);
    cr_assert_eq(nng_uring_server_set_permissions(server, -1), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_set_permissions(server, 010000), NNG_EINVAL);
    cr_assert_eq(nng_uring_server_set_permissions(server, 0666), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    cr_assert(lstat(at.sun_path, &st) == 0 && (st.st_mode & 07777) == 0666);
    nng_http_server_release(server);
    cr_assert_eq(nng_url_parse(&other, "http://127.0.0.1:0"), 0);
    cr_assert_eq(nng_http_server_hold(&tcp, other), 0);
    cr_assert_eq(nng_uring_server_set_permissions(tcp, 0660), NNG_ENOTSUP);
    nng_http_server_release(tcp);
    nng_url_free(other);
}

/* ---- Paths -------------------------------------------------------------------------------- */

/* Paths differ in the case of a letter, which names of hosts do not. */
Test(server_unix, one_server_for_each_path)
{
    static const char *const texts[] = { "http+unix://%2Ftmp%2Fa", "http+unix://%2ftmp%2F%61/x",
                                         "HTTP+unix://%2Ftmp%2FA" };
    nng_http_server *servers[3];
    for (int i = 0; i < 3; i++) {
        nng_url *at_path;
        cr_assert_eq(nng_url_parse(&at_path, texts[i]), 0);
        cr_assert_eq(nng_http_server_hold(&servers[i], at_path), 0);
        nng_url_free(at_path);
    }
    cr_assert_eq(servers[0], servers[1]);
    cr_assert_neq(servers[0], servers[2]);
    for (int i = 0; i < 3; i++) {
        nng_http_server_release(servers[i]);
    }
}

Test(server_unix, paths_that_are_none)
{
    char text[160] = "http+unix://";
    nng_http_server *server;
    nng_http_client *client;
    nng_url *bad;
    memset(text + strlen(text), 'x', 108); /* one too many */
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(nng_url_parse(&bad, i == 0 ? text : "http+unix:///x"), 0);
        cr_assert_eq(nng_http_server_hold(&server, bad), NNG_EADDRINVAL);
        cr_assert_eq(nng_http_client_alloc(&client, bad), NNG_EADDRINVAL);
        nng_url_free(bad);
    }
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    nng_aio *aio;
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_http_client_connect(client, aio);
    nng_aio_wait(aio);
    cr_assert_eq(nng_aio_result(aio), NNG_ENOENT, "%s", nng_strerror(nng_aio_result(aio)));
    nng_aio_free(aio);
    nng_http_client_free(client);
    server = hold();
    cr_assert_eq(rmdir(dir), 0);
    cr_assert_eq(nng_http_server_start(server), NNG_ENOENT);
    cr_assert_eq(mkdir(dir, 0700), 0);
    nng_http_server_release(server);
}

/* ---- Loops -------------------------------------------------------------------------------- */

#define MANY 64

static _Atomic(void *) loops[MANY];
static atomic_uint nrequests;

static void note_loop(nng_aio *aio)
{
    const nng_http_conn *conn = nng_aio_get_input(aio, 2);
    atomic_store(&loops[atomic_fetch_add(&nrequests, 1)], conn->stream->loop);
    t_answer(aio, "x", 1);
}

/* They all listen to one socket. Whoever is quick may take several in epoll's place. */
Test(server_unix, every_loop_has_connections)
{
    nng_http_server *server = hold();
    nng_http_handler *handler;
    unsigned first = 0;
    cr_assert_eq(nng_http_handler_alloc(&handler, "/loop", note_loop), 0);
    cr_assert_eq(nng_http_server_add_handler(server, handler), 0);
    cr_assert_eq(nng_http_server_start(server), 0);
    for (int i = 0; i < MANY; i++) {
        expect("GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "x");
        first += atomic_load(&loops[i]) == atomic_load(&loops[0]);
    }
    if (strcmp(nng_uring_backend(), "io_uring") == 0 && nng_uring_loops() > 1) {
        cr_assert_lt(first, MANY);
    }
    nng_http_server_release(server);
}

/* ---- Clients that are more than wait ------------------------------------------------------ */

#define CLIENTS 64

static int fill(int *fds)
{
    int n = 0;
    for (;; n++) {
        cr_assert_lt(n, 8);
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(fds[n], (struct sockaddr *) &at, sizeof at) != 0) {
            cr_assert_eq(errno, EAGAIN);
            close(fds[n]);
            return n;
        }
    }
}

/* Threads of the kernel that wait for us. */
static int kernel_threads(void)
{
    char path[300], name[16];
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "re");
        n += file != NULL && fgets(name, sizeof name, file) != NULL &&
             strncmp(name, "iou-wrk", 7) == 0;
        if (file != NULL) {
            fclose(file);
        }
    }
    closedir(tasks);
    return n;
}

/* Nor is a thread held for each who waits. */
Test(server_unix, a_full_backlog_is_waited_for)
{
    int listener = bind_there(true), fds[8], n;
    nng_http_client *client;
    nng_aio *aios[CLIENTS + 1];
    cr_assert_eq(listen(listener, 1), 0);
    n = fill(fds);
    cr_assert_eq(nng_http_client_alloc(&client, url), 0);
    for (int i = 0; i <= CLIENTS; i++) {
        cr_assert_eq(nng_aio_alloc(&aios[i], NULL, NULL), 0);
        nng_aio_set_timeout(aios[i], i < CLIENTS ? 60000 : 50);
        nng_http_client_connect(client, aios[i]);
    }
    nng_aio_wait(aios[CLIENTS]);
    cr_assert_eq(nng_aio_result(aios[CLIENTS]), NNG_ETIMEDOUT);
    int threads = kernel_threads(), most = 2 * (int) nu_runtime_count(); /* they tried in vain */
    cr_assert_leq(threads, most, "%d threads", threads);
    nng_aio_free(aios[CLIENTS]);
    nng_aio_cancel(aios[0]);
    nng_aio_wait(aios[0]);
    cr_assert_eq(nng_aio_result(aios[0]), NNG_ECANCELED);
    nng_aio_free(aios[0]);
    for (int i = 0; i < n + CLIENTS - 1; i++) {
        int fd = accept(listener, NULL, NULL);
        cr_assert_geq(fd, 0);
        close(fd);
    }
    for (int i = 1; i < CLIENTS; i++) {
        nng_aio_wait(aios[i]);
        cr_assert_eq(nng_aio_result(aios[i]), 0, "%s", nng_strerror(nng_aio_result(aios[i])));
        nng_http_conn_close(nng_aio_get_output(aios[i], 0));
        nng_aio_free(aios[i]);
    }
    for (int i = 0; i < n; i++) {
        close(fds[i]);
    }
    nng_http_client_free(client);
    close(listener);
}
