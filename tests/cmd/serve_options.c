/* SPDX-License-Identifier: MIT */
/* nng-uring serve: its file of options, --check, and how it ends. */
#include "support/child.h"
#include "support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(serve_options, .timeout = 120);

static struct t_child child;
static char dir[] = "/tmp/nng-uring-XXXXXX", file[64];

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static void open_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/options", dir);
}

static void close_dir(void)
{
    unlink(file);
    rmdir(dir);
}

static void write_file(const char *text)
{
    FILE *to = fopen(file, "we");
    cr_assert_not_null(to);
    fputs(text, to);
    cr_assert_eq(fclose(to), 0);
}

static int run(const char *args)
{
    char words[512];
    snprintf(words, sizeof words, args, file);
    return t_child_run(&child, words, NULL);
}

/* ---- The file ------------------------------------------------------------------------------ */

Test(serve_options, what_is_good)
{
    static const char *const good[] = {
        "",
        "\n# nothing\n   \n\t# nothing\n",
        "listen 127.0.0.1:0\nlisten [::]:0",
        "  idle-timeout \t 5  \r\nloops 2\r\n",
        "tls-self-signed\nlisten 127.0.0.1:0\n",
        "tls-self-signed yes\ntls-verify no\nlisten http://127.0.0.1:0\n",
        "dir /tmp\ndrain-delay 10\ndrain-timeout 0\n",
        "dir /tmp\nprecompressed\nautoindex\nspa index.html\ncors *\nerror-pages /tmp\n",
        "dir /tmp\ncache-control *.css max-age=1\ncache-control /a/* public, no-cache\n",
    };
    open_dir();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        write_file(good[i]);
        cr_assert_eq(run("serve --check --config %s"), 0, "%s: %s", good[i], child.err_text);
        assert_has(child.out_text, "good");
    }
    close_dir();
}

Test(serve_options, what_is_not)
{
    static const struct {
        const char *text;
        int status;
        const char *says;
    } table[] = {
        { "listen 127.0.0.1:0\nsing loudly\n", 2, "line 2" },
        { "sing\n", 2, "no 'sing'" },
        { "--listen 127.0.0.1:0\n", 2, "no '--listen'" },
        { "listen\n", 2, "listen needs a value" },
        { "\n\nidle-timeout never\n", 2, "line 3" },
        { "drain-timeout -1\n", 2, "milliseconds" },
        { "loops 0\n", 2, "1 to 256" },
        { "config /dev/null\n", 2, "no 'config'" },
        { "check\n", 2, "no 'check'" },
        { "tls-verify maybe\n", 2, "yes or no" },
        { "tls-verify\n", 2, "--tls-ca" },
        { "dir /tmp\ndir /\n", 2, "one directory" },
        { "autoindex\n", 2, "--autoindex" },
        { "dir /tmp\nspa /\n", 2, "--spa" },
        { "dir /tmp\ncors example.org\n", 2, "https://example.org" },
        { "dir /tmp\ncache-control *.css\n", 2, "*.css max-age=3600" },
        { "error-pages /no/such/directory\n", 1, "No such file" },
        { "listen 8080\n", 2, "ADDRESS:PORT" },
        { "head-bytes 1\n", 2, "out of range for --head-bytes" },
        { "dir /no/such/directory\n", 1, "No such file" },
        { "tls-cert /dev/null\ntls-key /dev/null\n", 1, "no certificate" },
    };
    open_dir();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        write_file(table[i].text);
        cr_assert_eq(run("serve --check --config %s"), table[i].status, "%s", table[i].text);
        assert_has(child.err_text, table[i].says);
        cr_assert_str_empty(child.out_text);
    }
    cr_assert_eq(run("serve --config %s.none"), 2);
    assert_has(child.err_text, "No such file");
    close_dir();
}

/* The command line counts more, wherever the file is named. */
Test(serve_options, both)
{
    open_dir();
    write_file("listen 192.0.2.1:1\nlisten 192.0.2.1:2\ndir /no/such/directory\nloops 3\n");
    char words[512];
    snprintf(words, sizeof words, "serve --loops 2 /tmp --listen 127.0.0.1:0 --config %s", file);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops    2,");
    assert_has(child.out_text, "serving  /tmp\n");
    cr_assert_eq(strncmp(child.out_text, "http://127.0.0.1:", 17), 0);
    cr_assert_null(strstr(child.out_text, "192.0.2.1"));
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    close_dir();
}

/* A file of rules, of which the command line's take the place; and pages for errors. */
Test(serve_options, files)
{
    char words[512], page[80], answer[4096];
    struct sockaddr_in to = { .sin_family = AF_INET };
    unsigned port;
    open_dir();
    snprintf(page, sizeof page, "%s/404.html", dir);
    FILE *to_page = fopen(page, "we");
    cr_assert_not_null(to_page);
    fputs("not here", to_page);
    cr_assert_eq(fclose(to_page), 0);
    write_file("cache-control options no-store\nautoindex\n");
    snprintf(words, sizeof words,
             "serve %s --config %s --listen 127.0.0.1:0 --error-pages %s --cors *", dir, file, dir);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    to.sin_port = htons((uint16_t) port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    static const struct {
        const char *path, *has;
    } table[] = {
        { "/options", "\r\nCache-Control: no-store\r\n" },
        { "/options", "\r\nAccess-Control-Allow-Origin: *\r\n" },
        { "/", "<title>Index of /</title>" },
        { "/none", "\r\n\r\nnot here" },
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
        int len =
            snprintf(words, sizeof words, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                     table[i].path);
        cr_assert_eq(send(fd, words, (size_t) len, MSG_NOSIGNAL), len);
        ssize_t n = recv(fd, answer, sizeof answer - 1, MSG_WAITALL);
        cr_assert_gt(n, 0);
        answer[n] = '\0';
        assert_has(answer, table[i].has);
        close(fd);
    }
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    unlink(page);
    close_dir();
}

/* ---- The end ------------------------------------------------------------------------------- */

static unsigned start(const char *args)
{
    char words[512];
    unsigned port;
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 %s", args);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    return port;
}

/* Asks for what is not there; the answer is small. Whether it is the last one. */
static bool ask(int fd)
{
    static const char text[] = "HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[2048] = "";
    size_t have = 0;
    cr_assert_eq(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), (ssize_t) sizeof text - 1);
    while (strstr(answer, "\r\n\r\n") == NULL) {
        ssize_t n = read(fd, answer + have, sizeof answer - 1 - have);
        cr_assert_gt(n, 0, "no answer");
        have += (size_t) n;
        answer[have] = '\0';
    }
    return strstr(answer, "Connection: close\r\n") != NULL;
}

/* A connection that was idle has its answer, and new ones are accepted and have theirs. */
Test(serve_options, drain_delay)
{
    char byte;
    unsigned port = start("--drain-delay 600000");
    int idle = t_connect(port), fd;
    cr_assert_not(ask(idle));
    kill(child.pid, SIGTERM);
    t_child_await_err(&child, "finishing");
    for (bool last = false; !last; close(fd)) { /* each loop has to be told */
        fd = t_connect(port);
        last = ask(fd);
    }
    while (!ask(idle)) {
    }
    cr_assert_eq(read(idle, &byte, 1), 0);
    close(idle);
    fd = t_connect(port);
    (void) ask(fd);
    close(fd);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), -SIGTERM);
}

Test(serve_options, drain_timeout)
{
    char line[16], args[128];
    open_dir();
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert_eq(ftruncate(fd, 256 << 20), 0);
    close(fd);
    snprintf(args, sizeof args, "%s --drain-timeout 200", dir);
    fd = t_connect(start(args));
    static const char text[] = "GET /options HTTP/1.1\r\nHost: x\r\n\r\n";
    cr_assert_eq(send(fd, text, sizeof text - 1, MSG_NOSIGNAL), (ssize_t) sizeof text - 1);
    cr_assert_eq(recv(fd, line, sizeof line, MSG_WAITALL), (ssize_t) sizeof line);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 4, "%s", child.err_text);
    assert_has(child.err_text, "gave up");
    close(fd);
    close_dir();
}

/* ---- Again --------------------------------------------------------------------------------- */

/* Asks over a connection that is kept, with a field of so many bytes: the status. */
static int ask_with(int fd, size_t bytes)
{
    char text[1024], answer[8192];
    size_t have = 0;
    ssize_t got;
    int status = 0;
    int n = snprintf(text, sizeof text, "HEAD / HTTP/1.1\r\nHost: x\r\nX: %0*d\r\n\r\n",
                     (int) bytes, 0);
    cr_assert_eq(send(fd, text, (size_t) n, MSG_NOSIGNAL), n);
    *answer = '\0';
    while (strstr(answer, "\r\n\r\n") == NULL &&
           (got = recv(fd, answer + have, sizeof answer - 1 - have, 0)) > 0) {
        have += (size_t) got;
        answer[have] = '\0';
    }
    cr_assert_eq(sscanf(answer, "HTTP/1.1 %d", &status), 1);
    return status;
}

static void reload(const char *text, const char *says)
{
    write_file(text);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, says);
}

/* SIGHUP: limits are as the file has them now, also for who is connected; what cannot be changed so
 * is said, and nonsense changes nothing. */
Test(serve_options, again)
{
    char words[512];
    unsigned port;
    open_dir();
    write_file("listen 127.0.0.1:0\nloops 2\nhead-bytes 1024\n");
    snprintf(words, sizeof words, "serve --config %s", file);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops    2,");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    int fd = t_connect(port);
    cr_assert_eq(ask_with(fd, 500), 200);
    reload("listen 127.0.0.1:0\nloops 2\nhead-bytes 400\nsing loudly\n", "no 'sing'");
    reload("listen 127.0.0.1:0\nloops 2\nhead-bytes 400\nbody-rate 99999999999\n",
           "--body-rate 99999999999: that is out of range");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ask_with(fd, 500), 200);
    }
    reload("listen 127.0.0.1:0\nloops 2\nadmin 127.0.0.1:1\nhead-bytes 400\nhead-fields 7\n",
           "nng-uring: reloaded");
    assert_has(child.err_text, "--admin has changed");
    assert_has(child.err_text, "--head-fields has changed");
    int status;
    do { /* each loop hears of it, soon */
        status = ask_with(fd, 500);
    } while (status == 200);
    cr_assert_eq(status, 431);
    close(fd);
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    close_dir();
}
