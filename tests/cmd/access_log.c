/* SPDX-License-Identifier: MIT */
/* The access log of nng-uring serve. */
#include "cmd/access_log.h"
#include "support/child.h"
#include "support/json.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(access_log, .timeout = 120);

static struct t_child child;
static char dir[] = "/tmp/nng-uring-XXXXXX", file[64], moved[64];
static unsigned port;

#define assert_has(text, part)                                                                     \
    cr_assert_not_null(strstr(text, part), "'%s' is not in:\n%s", part, text)

static void start(const char *format)
{
    char words[256];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/log", dir);
    snprintf(moved, sizeof moved, "%s/log.1", dir);
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --access-log %s --log-format %s",
             file, format);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
}

static void end(void)
{
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
}

static void remove_all(void)
{
    unlink(file);
    unlink(moved);
    rmdir(dir);
}

static void ask(const char *request)
{
    char answer[65536];
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t) port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t) strlen(request));
    while (read(fd, answer, sizeof answer) > 0) {
    }
    close(fd);
}

#define NONE "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

static const char *read_log(const char *path)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path);
    size_t have = 0;
    ssize_t n;
    while ((n = read(fd, text + have, sizeof text - 1 - have)) > 0) {
        have += (size_t) n;
    }
    text[have] = '\0';
    close(fd);
    return text;
}

static unsigned count_lines(const char *text)
{
    unsigned n = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++) {
        n++;
    }
    return n;
}

/* What a client sends cannot make a line of its own, nor speak to a terminal. */
Test(access_log, combined)
{
    start("combined");
    ask("HEAD / HTTP/1.0\r\n\r\n");
    ask(NONE "User-Agent: a \"b\" \\ \t\xff\x01z\r\n\r\n");
    ask(NONE "Referer: http://x/\r\nUser-Agent: me\r\n\r\n");
    ask("GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n");
    end();
    const char *text = read_log(file);
    cr_assert_eq(count_lines(text), 4, "%s", text);
    cr_assert_eq(strncmp(text, "127.0.0.1 - - [", 15), 0, "%s", text);
    assert_has(text, "] \"HEAD / HTTP/1.0\" 200 - \"-\" \"-\"\n");
    assert_has(text, "\"http://x/\" \"me\"\n");
    assert_has(text, "\"GET /none HTTP/1.1\" 404 ");
    assert_has(text, "\"-\" 400 ");
    for (const char *p = text; *p != '\0'; p++) {
        cr_assert(*p == '\n' || ((unsigned char) *p >= ' ' && (unsigned char) *p < 0x7f));
    }
    remove_all();
}

Test(access_log, json)
{
    char longest[4096];
    start("json");
    ask("GET /?q=\"\\ HTTP/1.0\r\nUser-Agent: a \"b\" \\ \xff\r\n\r\n");
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "GET /", 5);
    strcpy(longest + 3000, " HTTP/1.0\r\n\r\n");
    ask(longest);
    ask("GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n");
    end();
    char *text = strdup(read_log(file)), *line = strtok(text, "\n");
    cr_assert_not_null(line);
    cr_assert(t_is_json(line), "%s", line);
    assert_has(line, "\"status\":");
    assert_has(line, "\"peer\":\"127.0.0.1\"");
    line = strtok(NULL, "\n");
    cr_assert_not_null(line);
    cr_assert(t_is_json(line), "%s", line);
    assert_has(line, "xxx...\",\"status\":404");
    line = strtok(NULL, "\n");
    cr_assert_not_null(line);
    cr_assert(t_is_json(line), "%s", line);
    assert_has(line, "\"target\":\"\",\"status\":400");
    cr_assert_null(strtok(NULL, "\n"));
    free(text);
    remove_all();
}

/* Wherever it stands among others. */
Test(access_log, every_byte)
{
    char request[256], want[64];
    start("combined");
    for (int byte = 1; byte < 256; byte++) {
        if (byte != '\r' && byte != '\n') {
            snprintf(request, sizeof request, NONE "User-Agent: %.*s%cyzyzyzyzyz%c.\r\n\r\n",
                     byte % 9, "xxxxxxxx", byte, byte);
            ask(request);
        }
    }
    end();
    const char *text = read_log(file);
    cr_assert_eq(count_lines(text), 253);
    for (int byte = ' ' + 1; byte < 256; byte++) {
        bool bare = byte < 0x7f && byte != '"' && byte != '\\';
        char as[8];
        if (byte == 0x7f) {
            continue; /* such a head is refused, like one with another control character */
        }
        snprintf(as, sizeof as, bare ? "%c" : "\\x%02x", byte);
        snprintf(want, sizeof want, "\"%.*s%syzyzyzyzyz%s.\"\n", byte % 9, "xxxxxxxx", as, as);
        assert_has(text, want);
    }
    for (const char *p = text; *p != '\0'; p++) {
        cr_assert(*p == '\n' || ((unsigned char) *p >= ' ' && (unsigned char) *p < 0x7f));
    }
    remove_all();
}

/* As logrotate does it: each line is in one of both files. */
Test(access_log, moved_away)
{
    start("common");
    for (int i = 0; i < 10; i++) {
        ask(NONE "\r\n");
    }
    cr_assert_eq(rename(file, moved), 0);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "reloaded");
    for (int i = 0; i < 10; i++) {
        ask(NONE "\r\n");
    }
    end();
    cr_assert_null(strstr(child.err_text, "lost"));
    unsigned old = count_lines(read_log(moved)), new = count_lines(read_log(file));
    cr_assert_eq(old + new, 20);
    cr_assert_geq(new, 10);
    remove_all();
}

/* A disk that takes nothing holds nobody up; what is lost is said. */
Test(access_log, full)
{
    t_child_start(&child, "serve --listen 127.0.0.1:0 --access-log /dev/full", NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    ask(NONE "\r\n");
    t_child_await_err(&child, "1 lines of the access log were lost");
    ask(NONE "\r\n");
    end();
}

/* What comes right before the end, for which its writer has not looked again, is not forgotten. */
Test(access_log, the_last_line)
{
    static const char head[] = "GET /last HTTP/1.0\r\n\r\n";
    const nng_uring_request request = { .method = head,
                                        .method_len = 3,
                                        .target = head + 4,
                                        .target_len = 5,
                                        .head = head,
                                        .head_len = sizeof head - 1,
                                        .status = 200 };
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/log", dir);
    cr_assert_eq(access_log_open(file, "common"), 0);
    nng_msleep(300); /* it sleeps, or is about to: either way the line is to be there */
    access_log_add(&request);
    access_log_close();
    const char *text = read_log(file);
    cr_assert_eq(count_lines(text), 1, "'%s'", text);
    remove_all();
}

#define SLOW 250 /* requests, with lines of 12 KB: thrice what waits for the disk */

static char read_slowly[SLOW * 16384];
static size_t nread;

/* What is there, or (true) all there is until the server ends. */
static void read_some(int fd, bool all)
{
    size_t until = all ? sizeof read_slowly - 1 : nread + 60000;
    struct pollfd more = { .fd = fd, .events = POLLIN };
    ssize_t n = 1;
    while (n != 0 && nread < until && poll(&more, 1, all ? -1 : 0) == 1) {
        n = read(fd, read_slowly + nread, until - nread);
        cr_assert(n >= 0 || errno == EAGAIN, "%s", strerror(errno));
        nread += n > 0 ? (size_t) n : 0;
    }
}

/* A disk that is slower than requests come: each line is there, whole and in order, or is counted
 * among the lost. */
Test(access_log, slow)
{
    char words[256], request[4096], quotes[2001] = "", *at;
    unsigned lines = 0, lost = 0, last = 0, number;
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/log", dir);
    cr_assert_eq(mkfifo(file, 0600), 0);
    memset(quotes, '"', sizeof quotes - 1);
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --loops 1 --access-log %s", file);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    for (unsigned i = 1; i <= SLOW; i++) {
        snprintf(request, sizeof request,
                 "GET /%u/%s HTTP/1.0\r\nReferer: %.512s\r\nUser-Agent: %.512s\r\n\r\n", i, quotes,
                 quotes, quotes);
        ask(request);
        if (i % 10 == 0) {
            read_some(fd, false);
        }
    }
    kill(child.pid, SIGTERM);
    read_some(fd, true);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    close(fd);
    for (char *line = strtok_r(read_slowly, "\n", &at); line != NULL;
         line = strtok_r(NULL, "\n", &at)) {
        cr_assert_eq(sscanf(line, "127.0.0.1 - - [%*[^]]] \"GET /%u/\\x22", &number), 1, "%s",
                     line);
        cr_assert_gt(number, last);
        cr_assert_eq(strcmp(line + strlen(line) - 5, "\\x22\""), 0, "%s", line);
        last = number;
        lines++;
    }
    for (char *p = child.err_text; (p = strstr(p, "nng-uring serve: ")) != NULL; p++) {
        lost += sscanf(p, "nng-uring serve: %u lines of the", &number) == 1 ? number : 0;
    }
    cr_assert_gt(lost, 0);
    cr_assert_gt(lines, SLOW / 3);
    cr_assert_eq(lines + lost, SLOW, "%u and %u", lines, lost);
    remove_all();
}

/* Of a balancer that is trusted: its client, which is the last address that it has added. */
Test(access_log, behind_a_balancer)
{
    static const struct {
        const char *fields, *peer;
    } cases[] = {
        { "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7" },
        { "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n", "203.0.113.7" },
        { "X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for:2001:db8::7\r\n", "2001:db8::7" },
        { "Forwarded: for=198.51.100.1, By=x;For=\"[2001:DB8::7]:4711\"\r\n", "2001:db8::7" },
        { "Forwarded: for=203.0.113.7:80;proto=https\r\n", "203.0.113.7" },
        { "Forwarded: for=_hidden\r\n", "127.0.0.1" },
        { "X-Forwarded-For: \" - - [evil]\r\n", "127.0.0.1" },
        { "X-Forwarded-For:\r\nForwarded: proto=https\r\n", "127.0.0.1" },
        { "", "127.0.0.1" },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    for (int round = 0; round < 2; round++) {
        char request[256], want[64];
        start(round == 0 ? "common --trusted 10.0.0.0/8,127.0.0.1" : "common --trusted 10.0.0.1");
        for (int i = 0; i < CASES; i++) {
            snprintf(request, sizeof request, NONE "%s\r\n", cases[i].fields);
            ask(request);
        }
        end();
        const char *line = read_log(file);
        cr_assert_eq(count_lines(line), CASES, "%s", line);
        for (int i = 0; i < CASES; i++, line = strchr(line, '\n') + 1) {
            snprintf(want, sizeof want, "%s - - [", round == 0 ? cases[i].peer : "127.0.0.1");
            cr_assert_eq(strncmp(line, want, strlen(want)), 0, "'%s' is not in:\n%s", want, line);
        }
        remove_all();
        strcpy(dir, "/tmp/nng-uring-XXXXXX");
    }
}

/* Of one that uses the PROXY protocol: who is named there, and not whom that one names in turn,
 * unless that is a balancer, too. */
Test(access_log, behind_the_proxy_protocol)
{
    static const struct {
        const char *proxy, *peer;
    } cases[] = {
        { "PROXY TCP4 203.0.113.7 192.0.2.1 4711 80\r\n", "203.0.113.7" },
        { "PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n", "2001:db8::7" },
        { "PROXY TCP4 10.1.2.3 192.0.2.1 4711 80\r\n", "198.51.100.1" },
        { "PROXY UNKNOWN\r\n", "127.0.0.1" },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    char request[256], want[64];
    start("common --trusted 10.0.0.0/8,127.0.0.1 --proxy-protocol");
    for (int i = 0; i < CASES; i++) {
        snprintf(request, sizeof request, "%s" NONE "X-Forwarded-For: 198.51.100.1\r\n\r\n",
                 cases[i].proxy);
        ask(request);
    }
    end();
    const char *line = read_log(file);
    cr_assert_eq(count_lines(line), CASES, "%s", line);
    for (int i = 0; i < CASES; i++, line = strchr(line, '\n') + 1) {
        snprintf(want, sizeof want, "%s - - [", cases[i].peer);
        cr_assert_eq(strncmp(line, want, strlen(want)), 0, "'%s' is not in:\n%s", want, line);
    }
    remove_all();
}

#define LIMIT 4096 /* bytes of a file: the disk */

/* A limit on a file's bytes stands for a disk that is full and then has room again. */
static void small_disk(void)
{
    struct rlimit limit;
    (void) getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = LIMIT;
    (void) setrlimit(RLIMIT_FSIZE, &limit);
}

/* The line that did not fit is no part of the next one, also when the file was opened anew. */
Test(access_log, torn)
{
    struct rlimit all;
    char words[256];
    struct stat st = { 0 };
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/log", dir);
    snprintf(words, sizeof words, "serve --listen 127.0.0.1:0 --access-log %s --log-format common",
             file);
    t_child_start(&child, words, small_disk);
    t_child_await_out(&child, "\nloops ");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
    while (st.st_size < LIMIT) {
        ask(NONE "\r\n");
        cr_assert_eq(stat(file, &st), 0);
    }
    t_child_await_err(&child, "of the access log were lost");
    cr_assert_eq(prlimit(child.pid, RLIMIT_FSIZE, NULL, &all), 0);
    all.rlim_cur = all.rlim_max;
    cr_assert_eq(prlimit(child.pid, RLIMIT_FSIZE, &all, NULL), 0);
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, "reloaded");
    ask(NONE "\r\n");
    end();
    char *text = strdup(read_log(file)), *last = NULL;
    for (char *p = strtok(text, "\n"); p != NULL; p = strtok(NULL, "\n")) {
        cr_assert_null(strstr(p + 1, "127.0.0.1"), "two in one: %s", p);
        last = p;
    }
    cr_assert_not_null(last);
    assert_has(last, "\"GET /none HTTP/1.1\" 404 ");
    free(text);
    remove_all();
}

Test(access_log, that_cannot_be)
{
    cr_assert_eq(t_child_run(&child, "serve --access-log /no/such/dir/log", NULL), 1);
    assert_has(child.err_text, "No such file");
    cr_assert_eq(t_child_run(&child, "serve --log-format odd", NULL), 2);
    assert_has(child.err_text, "common, combined or json");
    cr_assert_eq(t_child_run(&child, "serve --trusted 10.0.0.0/33", NULL), 2);
    assert_has(child.err_text, "10.0.0.0/33");
    cr_assert_eq(t_child_run(&child, "serve --proxy-protocol", NULL), 2);
    assert_has(child.err_text, "needs --trusted");
}
