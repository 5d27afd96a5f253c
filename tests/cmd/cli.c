/* SPDX-License-Identifier: MIT */
#include "support/child.h"
#include "support/confine.h"
#include "support/json.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void setup(void)
{
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1); /* there may be no name server */
}

TestSuite(cli, .init = setup, .timeout = 120);

static struct t_child child, other;

#define PATH_SIZE 64 /* of the temporary files */

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

/* ---- A client ------------------------------------------------------------------------------ */

/* Starts `serve` with these arguments on a port of the system's choice; returns the port. */
static unsigned serve(struct t_child *server, const char *args, void (*prepare)(void))
{
    char words[512];
    unsigned port = 0;
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 %s", args);
    t_child_start(server, words, prepare);
    t_child_await_out(server, "\nloops ");
    cr_assert_eq(sscanf(server->out_text, "http://127.0.0.1:%u/\n", &port), 1, "%s",
                 server->out_text);
    return port;
}

static int stop(struct t_child *server, int sig)
{
    kill(server->pid, sig);
    return t_child_end(server);
}

static int try_connect(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *) &to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int request(unsigned port, const char *method, const char *path)
{
    char text[256];
    int fd = try_connect(port);
    cr_assert_geq(fd, 0);
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     method, path);
    cr_assert_eq(send(fd, text, (size_t) n, MSG_NOSIGNAL), n);
    return fd;
}

/* Reads to the end; the number of bytes, of which the first are in `text`. */
static size_t read_all(int fd, char *text, size_t size)
{
    static char buffer[65536];
    size_t have = 0, kept = 0;
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0) {
        size_t keep = (size_t) n < size - 1 - kept ? (size_t) n : size - 1 - kept;
        memcpy(text + kept, buffer, keep);
        kept += keep;
        have += (size_t) n;
    }
    cr_assert_eq(n, 0, "%s", strerror(errno));
    text[kept] = '\0';
    close(fd);
    return have;
}

/* A GET and a HEAD give this content, of this type. */
static void assert_served(unsigned port, const char *path, const char *content, size_t size,
                          const char *type)
{
    static char text[65536];
    char line[128];
    size_t n = read_all(request(port, "GET", path), text, sizeof text);
    assert_has(text, "HTTP/1.1 200 ");
    snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n", size);
    assert_has(text, line);
    snprintf(line, sizeof line, "\r\nContent-Type: %s", type);
    assert_has(text, line);
    const char *body = strstr(text, "\r\n\r\n");
    cr_assert_not_null(body);
    cr_assert_eq(n - (size_t) (body + 4 - text), size);
    cr_assert_arr_eq(body + 4, content, size);

    n = read_all(request(port, "HEAD", path), text, sizeof text);
    assert_has(text, "HTTP/1.1 200 ");
    snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n", size);
    assert_has(text, line);
    cr_assert_str_eq(text + n - 4, "\r\n\r\n");
}

static void assert_file_served(unsigned port, const char *path, const char *file, const char *type)
{
    char name[256];
    snprintf(name, sizeof name, "src/cmd/site/%s", file);
    static char content[65536];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s: run the tests in the top directory", name);
    size_t size = read_all(fd, content, sizeof content);
    cr_assert_lt(size, sizeof content);
    assert_served(port, path, content, size, type);
}

/* ---- Usage --------------------------------------------------------------------------------- */

Test(cli, wrong_usage)
{
    static const struct {
        const char *args;
        int status;
        const char *says;
    } table[] = {
        { "", 2, "usage: " },
        { "sing", 2, "no command 'sing'" },
        { "--sing", 2, "no option '--sing'" },
        { "serve --sing", 2, "no option '--sing'" },
        { "serve -s", 2, "no option '-s'" },
        { "serve /tmp --listen", 2, "--listen needs a value" },
        { "serve --loops", 2, "--loops needs a value" },
        { "serve --loops 0", 2, "1 to 256" },
        { "serve --loops 257", 2, "1 to 256" },
        { "serve --loops 1x", 2, "1 to 256" },
        { "serve --loops=", 2, "1 to 256" },
        { "serve --loops 99999999999999999999", 2, "1 to 256" },
        { "serve --listen 8080", 2, "ADDRESS:PORT" },
        { "serve --listen 127.0.0.1", 2, "ADDRESS:PORT" },
        { "serve --listen 127.0.0.1:", 2, "ADDRESS:PORT" },
        { "serve --listen 127.0.0.1:65536", 2, "ADDRESS:PORT" },
        { "serve --listen 127.0.0.1:http", 2, "ADDRESS:PORT" },
        { "serve --listen ::1:8080", 2, "ADDRESS:PORT" },
        { "serve --listen [::1", 2, "ADDRESS:PORT" },
        { "serve --listen 127.0.0.1:0/x", 2, "ADDRESS:PORT" },
        { "serve --listen me@127.0.0.1:0", 2, "ADDRESS:PORT" },
        { "serve /tmp /tmp", 2, "one directory" },
        { "serve -- /tmp /tmp", 2, "one directory" },
        { "serve --ws-echo echo", 2, "takes a path" },
        { "ws", 2, "ws://HOST/PATH" },
        { "ws http://127.0.0.1/", 2, "no URL of a WebSocket" },
        { "ws ws://127.0.0.1/ ws://127.0.0.1/", 2, "one URL" },
        { "ws --ping soon ws://127.0.0.1/", 2, "milliseconds, not: soon" },
        { "ws --header nix ws://127.0.0.1/", 2, "NAME:VALUE" },
        { "ws ws://127.0.0.1/ --header", 2, "needs a value" },
        { "ws --nix ws://127.0.0.1/", 2, "no such option; see --help: --nix" },
        { "probe --sing", 3, "no option '--sing'" },
        { "probe --json x", 3, "no option 'x'" },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(t_child_run(&child, table[i].args, NULL), table[i].status, "%s",
                     table[i].args);
        assert_has(child.err_text, table[i].says);
        cr_assert_str_empty(child.out_text);
    }
}

/* What is said ends with its line, however long it is. */
Test(cli, a_long_complaint)
{
    char args[2048] = "serve --listen ";
    size_t n = strlen(args);
    memset(args + n, 'x', sizeof args - n - 1);
    cr_assert_eq(t_child_run(&child, args, NULL), 2);
    const char *end = strchr(child.err_text, '\n');
    cr_assert_not_null(end, "%s", child.err_text);
    cr_assert_eq(strncmp(end - 3, "...\n", 5), 0, "%s", child.err_text);
}

Test(cli, help_and_version)
{
    static const char *const helps[] = { "--help", "serve --help", "probe --json --help" };
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++) {
        cr_assert_eq(t_child_run(&child, helps[i], NULL), 0);
        assert_has(child.out_text, "usage: nng-uring serve ");
    }
    cr_assert_eq(t_child_run(&child, "--version", NULL), 0);
    cr_assert_eq(strncmp(child.out_text, "nng-uring ", 10), 0);
    cr_assert(isdigit((unsigned char) child.out_text[10]));
}

Test(cli, directories_that_cannot_be_served)
{
    cr_assert_eq(t_child_run(&child, "serve /no/such/directory", NULL), 1);
    assert_has(child.err_text, "No such file or directory");
    cr_assert_eq(t_child_run(&child, "serve /etc/passwd", NULL), 1);
    assert_has(child.err_text, "is not a directory");
}

Test(cli, addresses_that_cannot_be_served)
{
    cr_assert_eq(t_child_run(&child, "serve --listen 192.0.2.1:0", NULL), 3); /* RFC 5737 */
    assert_has(child.err_text, "not an address of this machine");
    cr_assert_eq(t_child_run(&child, "serve --listen name.invalid:0", NULL), 3);
    assert_has(child.err_text, "name.invalid");
}

/* ---- Serving ------------------------------------------------------------------------------- */

Test(cli, serves_its_site)
{
    unsigned port = serve(&child, "", NULL);
    const char *backend = getenv("NNG_URING_BACKEND");
    bool epoll = backend != NULL && strcmp(backend, "epoll") == 0;
    assert_has(child.out_text, epoll ? "backend  epoll" : "IORING_OP_WRITEV");
    assert_file_served(port, "/", "index.html", "text/html");
    assert_file_served(port, "/write-path.html", "write-path.html", "text/html");
    assert_file_served(port, "/style.css", "style.css", "text/css");
    assert_file_served(port, "/favicon.svg", "favicon.svg", "image/svg+xml");
    char text[1024];
    read_all(request(port, "GET", "/nothing"), text, sizeof text);
    assert_has(text, "HTTP/1.1 404 ");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
}

Test(cli, serves_a_directory)
{
    char dir[] = "/tmp/nng-uring-XXXXXX", file[PATH_SIZE];
    unsigned port;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/a b.txt", dir);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(write(fd, "some text", 9), 9);
    close(fd);
    port = serve(&child, dir, NULL);
    assert_has(child.out_text, dir);
    assert_served(port, "/a%20b.txt", "some text", 9, "text/plain");
    cr_assert_eq(stop(&child, SIGINT), 0, "%s", child.err_text);
    unlink(file);
    rmdir(dir);
}

/* What is relative in the index of a directory is relative to a path that ends with '/'. */
Test(cli, redirects_to_directories)
{
    char dir[] = "/tmp/nng-uring-XXXXXX", docs[PATH_SIZE], file[PATH_SIZE + 16], text[1024];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(docs, sizeof docs, "%s/docs", dir);
    snprintf(file, sizeof file, "%s/index.html", docs);
    cr_assert_eq(mkdir(docs, 0755), 0);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(write(fd, "docs", 4), 4);
    close(fd);
    unsigned port = serve(&child, dir, NULL);
    read_all(request(port, "GET", "/docs?a=b"), text, sizeof text);
    assert_has(text, "HTTP/1.1 301 ");
    assert_has(text, "\r\nLocation: /docs/?a=b\r\n");
    assert_served(port, "/docs/", "docs", 4, "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
    unlink(file);
    rmdir(docs);
    rmdir(dir);
}

Test(cli, as_many_loops_as_told)
{
    serve(&child, "--loops 3", NULL);
    assert_has(child.out_text, "\nloops    3,");
    cr_assert_eq(stop(&child, SIGTERM), 0);
    serve(&child, "--loops=1", NULL);
    assert_has(child.out_text, "\nloops    1,");
    cr_assert_eq(stop(&child, SIGTERM), 0);
}

Test(cli, ipv6_and_every_address)
{
    unsigned port;
    t_child_start(&child, "serve --listen [::1]:0", NULL);
    t_child_await_out(&child, "\n");
    cr_assert_eq(sscanf(child.out_text, "http://[::1]:%u/", &port), 1);
    cr_assert_eq(stop(&child, SIGTERM), 0);
    t_child_start(&child, "serve --listen :0", NULL);
    t_child_await_out(&child, "\n");
    cr_assert_eq(sscanf(child.out_text, "http://localhost:%u/", &port), 1);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0);
}

/* The URL it prints is what was given, with the port that was chosen. */
Test(cli, names_and_interfaces)
{
    unsigned port;
    t_child_start(&child, "serve --listen LOCALHOST:0", NULL);
    t_child_await_out(&child, "\n");
    cr_assert_eq(sscanf(child.out_text, "http://localhost:%u/", &port), 1, "%s", child.out_text);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0);
    if (t_ipv6_here()) {
        t_child_start(&child, "serve --listen [::1%25lo]:0", NULL);
        t_child_await_out(&child, "\n");
        cr_assert_eq(sscanf(child.out_text, "http://[::1%%25lo]:%u/", &port), 1);
        cr_assert_eq(stop(&child, SIGTERM), 0);
        cr_assert_eq(t_child_run(&child, "serve --listen [fe80::1%nosuchif]:0", NULL), 3);
        assert_has(child.err_text, "--listen");
    }
}

Test(cli, link_local)
{
    struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
    unsigned port;
    char text[1024];
    if (!t_link_local()) {
        cr_skip_test("no network of its own here");
    }
    t_child_start(&child, "serve --listen [" T_LINK_LOCAL "%25lo]:0", NULL);
    t_child_await_out(&child, "\n");
    cr_assert_eq(sscanf(child.out_text, "http://[" T_LINK_LOCAL "%%25lo]:%u/", &port), 1);
    cr_assert_eq(inet_pton(AF_INET6, T_LINK_LOCAL, &to.sin6_addr), 1);
    to.sin6_port = htons((uint16_t) port);
    to.sin6_scope_id = if_nametoindex("lo");
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0, "%s", strerror(errno));
    cr_assert_eq(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    read_all(fd, text, sizeof text);
    assert_has(text, "HTTP/1.1 200 ");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
}

Test(cli, refuses_a_port_in_use)
{
    char args[64];
    snprintf(args, sizeof args, "serve --listen 127.0.0.1:%u", serve(&child, "", NULL));
    cr_assert_eq(t_child_run(&other, args, NULL), 3);
    assert_has(other.err_text, "in use");
    assert_has(other.err_text, "--listen");
    cr_assert_eq(stop(&child, SIGTERM), 0);
}

/* ---- Ending -------------------------------------------------------------------------------- */

#define BIG ((size_t) 256 << 20)

/* A directory with a big file in it, and a request for it that has been answered in part. */
static int begin_download(char *dir, char *file)
{
    char line[16];
    unsigned port;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, PATH_SIZE, "%s/big", dir);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(fd, BIG), 0);
    close(fd);
    port = serve(&child, dir, NULL);
    fd = request(port, "GET", "/big");
    cr_assert_eq(recv(fd, line, sizeof line, MSG_WAITALL), (ssize_t) sizeof line);
    return fd;
}

static void end_download(const char *dir, const char *file)
{
    unlink(file);
    rmdir(dir);
}

Test(cli, finishes_a_download)
{
    char dir[] = "/tmp/nng-uring-XXXXXX", file[PATH_SIZE], text[256];
    unsigned port;
    int fd = begin_download(dir, file), refused = 0;
    sscanf(child.out_text, "http://127.0.0.1:%u/", &port);
    kill(child.pid, SIGTERM);
    t_child_await_err(&child, "finishing");
    while (refused >= 0) { /* it takes no new connections */
        refused = try_connect(port);
        close(refused);
        usleep(1000);
    }
    cr_assert_gt(read_all(fd, text, sizeof text), BIG);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    end_download(dir, file);
}

Test(cli, a_second_signal_ends_it_at_once)
{
    char dir[] = "/tmp/nng-uring-XXXXXX", file[PATH_SIZE];
    int fd = begin_download(dir, file);
    kill(child.pid, SIGINT);
    t_child_await_err(&child, "finishing");
    kill(child.pid, SIGINT);
    cr_assert_eq(t_child_end(&child), -SIGINT, "%s", child.err_text);
    close(fd);
    end_download(dir, file);
}

/* ---- What the kernel offers, and what it refuses -------------------------------------------- */

Test(cli, probe)
{
    int status = t_child_run(&child, "probe", NULL);
    cr_assert(status == 0 || status == 1, "%d", status);
    assert_has(child.out_text, "io_uring_setup");
    assert_has(child.out_text, status == 0 ? "\nfull: " : "\ndegraded: ");
    cr_assert_eq(t_child_run(&child, "probe --json", NULL), status);
    cr_assert(t_is_json(child.out_text), "%s", child.out_text);
    assert_has(child.out_text, status == 0 ? "\"verdict\": \"full\"" : "\"verdict\": \"degraded\"");
}

Test(cli, what_cannot_be_printed)
{
    cr_assert_eq(t_child_run(&child, "probe --json", t_full_stdout), 1);
    assert_has(child.err_text, "No space left on device");
}

static void refuse_setup(void)
{
    t_refuse(__NR_io_uring_setup, EPERM);
}

static void assert_unavailable(void (*prepare)(void), const char *reason, const char *remedy)
{
    cr_assert_eq(t_child_run(&child, "probe", prepare), 2, "%s", child.out_text);
    assert_has(child.out_text, "\nunavailable: ");
    assert_has(child.out_text, reason);
    assert_has(child.out_text, remedy);
    cr_assert_eq(t_child_run(&child, "probe --json", prepare), 2);
    cr_assert(t_is_json(child.out_text), "%s", child.out_text);
    assert_has(child.out_text, "\"verdict\": \"unavailable\"");
    assert_has(child.out_text, remedy);
    setenv("NNG_URING_BACKEND", "io_uring", 1);
    cr_assert_eq(t_child_run(&child, "serve --listen 127.0.0.1:0", prepare), 1);
    unsetenv("NNG_URING_BACKEND");
    cr_assert_str_empty(child.out_text);
    assert_has(child.err_text, "no io_uring");
    assert_has(child.err_text, reason);
    assert_has(child.err_text, remedy);
}

Test(cli, seccomp_refuses_setup)
{
    assert_unavailable(refuse_setup, "io_uring_setup: Operation not permitted", "seccomp");
}

Test(cli, seccomp_refuses_enter)
{
    assert_unavailable(t_refuse_enter, "Operation not permitted", "seccomp");
}

Test(cli, kernel_without_io_uring)
{
    assert_unavailable(t_lack_setup, "io_uring_setup: Function not implemented", "CONFIG_IO_URING");
}

/* epoll does the work, and why is said once. */
static void assert_served_by_epoll(void (*prepare)(void), const char *reason)
{
    unsetenv("NNG_URING_BACKEND");
    unsigned port = serve(&child, "", prepare);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
    assert_has(child.out_text, "\nbackend  epoll\n");
    const char *said = strstr(child.out_text, reason);
    cr_assert_not_null(said, "%s", child.out_text);
    cr_assert_null(strstr(said + 1, reason), "%s", child.out_text);
    cr_assert_null(strstr(child.err_text, reason), "%s", child.err_text);
}

static void lack_openat2(void)
{
    t_refuse(__NR_io_uring_setup, ENOSYS);
    t_refuse(__NR_openat2, ENOSYS);
}

static void lack_memory(void)
{
    t_refuse(__NR_io_uring_setup, ENOMEM); /* as kernels before 5.12 say then */
    t_no_memlock();
}

Test(cli, epoll_where_io_uring_is_refused)
{
    assert_served_by_epoll(t_as_in_docker, "io_uring_setup: Operation not permitted");
    assert_served_by_epoll(t_refuse_enter, "Operation not permitted");
    assert_served_by_epoll(t_lack_setup, "io_uring_setup: Function not implemented");
    assert_served_by_epoll(lack_openat2, "io_uring_setup: Function not implemented");
    assert_served_by_epoll(lack_memory, "io_uring_setup: Cannot allocate memory");
}

/* Whatever this kernel makes of it. */
Test(cli, serves_without_lockable_memory)
{
    unsetenv("NNG_URING_BACKEND");
    unsigned port = serve(&child, "", t_no_memlock);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
    assert_has(child.out_text, "\nbackend  ");
}

Test(cli, backend_asked_for)
{
    setenv("NNG_URING_BACKEND", "epoll", 1);
    unsigned port = serve(&child, "", NULL);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
    assert_has(child.out_text, "\nbackend  epoll\n");
    setenv("NNG_URING_BACKEND", "io_uring", 1);
    port = serve(&child, "", NULL);
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
    assert_has(child.out_text, "\nbackend  io_uring\n");
    setenv("NNG_URING_BACKEND", "kqueue", 1);
    cr_assert_eq(t_child_run(&child, "serve --listen 127.0.0.1:0", NULL), 1);
    assert_has(child.err_text, "NNG_URING_BACKEND is neither io_uring nor epoll");
    cr_assert_eq(t_child_run(&child, "probe", NULL), 2);
    assert_has(child.out_text, "NNG_URING_BACKEND is neither io_uring nor epoll");
}

/* It works, or says that it does not. */
static void assert_consistent(void (*prepare)(void), const char *reason, const char *remedy)
{
    int status = t_child_run(&child, "probe", prepare);
    cr_assert(status >= 0 && status <= 2, "%d: %s", status, child.err_text);
    if (status == 2) {
        assert_unavailable(prepare, reason, remedy);
        return;
    }
    unsigned port = serve(&child, "", prepare);
    assert_file_served(port, "/", "index.html", "text/html");
    cr_assert_eq(stop(&child, SIGTERM), 0, "%s", child.err_text);
}

Test(cli, seccomp_refuses_register)
{
    assert_consistent(t_refuse_register, "Operation not permitted", "seccomp");
}

Test(cli, little_lockable_memory)
{
    assert_consistent(t_little_memlock, "Cannot allocate memory", "ulimit -l");
}
