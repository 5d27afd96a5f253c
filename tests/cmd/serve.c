/* SPDX-License-Identifier: MIT */
/* nng-uring serve: its signals, and standard streams that are closed, broken or full. */
#include "support/child.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(serve, .timeout = 120);

static struct t_child child;
static unsigned port;

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static int try_connect(void)
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

/* Starts it on a port that is free, and waits until it listens; it need not say so. */
static void start(const char *dir, void (*prepare)(void))
{
    char args[256];
    int fd;
    port = t_port();
    snprintf(args, sizeof args, "serve %s --listen 127.0.0.1:%u", dir, port);
    t_child_start(&child, args, prepare);
    while ((fd = try_connect()) < 0) {
        cr_assert_eq(kill(child.pid, 0), 0);
        usleep(2000);
    }
    close(fd);
}

static int request(const char *path)
{
    char text[256];
    int fd = try_connect();
    cr_assert_geq(fd, 0);
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     path);
    cr_assert_eq(send(fd, text, (size_t) n, MSG_NOSIGNAL), n);
    return fd;
}

/* Its response, whole and with no byte from elsewhere. */
static void assert_serves(void)
{
    static char text[65536];
    size_t have = 0;
    ssize_t n;
    int fd = request("/");
    while ((n = read(fd, text + have, sizeof text - 1 - have)) > 0) {
        have += (size_t) n;
    }
    text[have] = '\0';
    close(fd);
    cr_assert_eq(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0, "%s", text);
    assert_has(text, "</html>\n");
    cr_assert_str_eq(strstr(text, "</html>\n"), "</html>\n");
}

static void end(int sig, int status)
{
    kill(child.pid, sig);
    cr_assert_eq(t_child_end(&child), status, "%s", child.err_text);
}

/* ---- Standard streams ---------------------------------------------------------------------- */

/* As in `serve | head -1`. */
Test(serve, nobody_reads_its_output)
{
    start("", NULL);
    t_child_await_out(&child, "\n");
    close(child.out);
    child.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        kill(child.pid, SIGUSR1);
        assert_serves();
    }
    end(SIGTERM, 0);
}

static void close_streams(void)
{
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    close(STDERR_FILENO);
}

/* What is printed must not go to a descriptor that has its number. */
Test(serve, closed_streams)
{
    start("", close_streams);
    for (int i = 0; i < 8; i++) {
        kill(child.pid, SIGUSR1);
        assert_serves();
    }
    end(SIGTERM, 0);
    cr_assert_str_empty(child.out_text);
    cr_assert_eq(t_child_run(&child, "probe", close_streams), 1); /* it could not say it */
}

static void fill(int fd)
{
    static const char bytes[4096];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
    fcntl(fd, F_SETFL, 0);
}

static void fill_streams(void)
{
    fill(STDOUT_FILENO);
    fill(STDERR_FILENO);
}

/* Nobody reads them until it has ended. */
Test(serve, full_streams)
{
    int status;
    start("", fill_streams);
    for (int i = 0; i < 100; i++) {
        kill(child.pid, SIGUSR1);
    }
    assert_serves();
    kill(child.pid, SIGTERM);
    cr_assert_eq(waitpid(child.pid, &status, 0), child.pid);
    cr_assert_eq(status, 0);
    close(child.out);
    close(child.err);
}

/* ---- Signals ------------------------------------------------------------------------------- */

#define BIG ((size_t) 64 << 20)

static char dir[] = "/tmp/nng-uring-XXXXXX", file[64];

/* A big file, the first bytes of which have been served. */
static int begin_download(void)
{
    char line[16];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/big", dir);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(fd, BIG), 0);
    close(fd);
    start(dir, NULL);
    fd = request("/big");
    cr_assert_eq(recv(fd, line, sizeof line, MSG_WAITALL), (ssize_t) sizeof line);
    return fd;
}

static void end_download(int fd)
{
    static char bytes[65536];
    size_t have = 16;
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        have += (size_t) n;
    }
    close(fd);
    cr_assert_gt(have, BIG);
    unlink(file);
    rmdir(dir);
}

Test(serve, signals_in_a_drain)
{
    int fd = begin_download();
    kill(child.pid, SIGTERM);
    t_child_await_err(&child, "finishing");
    kill(child.pid, SIGUSR1);
    t_child_await_out(&child, "\nconnections");
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "reloaded");
    end_download(fd);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

Test(serve, reloads)
{
    start("", NULL);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "reloaded");
    assert_serves();
    end(SIGINT, 0);
}

static int pty; /* the master's end */

static void on_terminal(void)
{
    setsid();
    int fd = open(ptsname(pty), O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) != 0) {
        _exit(127);
    }
}

/* It was started in a window, and the window was closed. */
Test(serve, terminal_that_goes_away)
{
    pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    cr_assert(pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0);
    start("", on_terminal);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "reloaded");
    assert_serves();
    close(pty);
    t_child_await_err(&child, "finishing");
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

/* ---- UNIX sockets -------------------------------------------------------------------------- */

Test(serve, a_unix_socket)
{
    char args[256], text[256];
    struct stat st;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/nng-uring-serve-%d.%%", (int) getpid());
    snprintf(args, sizeof args, "serve --listen unix:%s --socket-mode 640", at.sun_path);
    t_child_start(&child, args, NULL);
    snprintf(text, sizeof text, "unix:%s\n", at.sun_path);
    t_child_await_out(&child, text);
    cr_assert(stat(at.sun_path, &st) == 0 && (st.st_mode & 07777) == 0640);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &at, sizeof at), 0);
    cr_assert_eq(send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, 0), 27);
    cr_assert_eq(recv(fd, text, 15, MSG_WAITALL), 15);
    cr_assert_eq(memcmp(text, "HTTP/1.1 200 OK", 15), 0);
    close(fd);
    end(SIGTERM, 0);
    cr_assert(stat(at.sun_path, &st) != 0 && errno == ENOENT);
}
