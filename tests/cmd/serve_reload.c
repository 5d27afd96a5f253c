/* SPDX-License-Identifier: MIT */
/* nng-uring serve: SIGHUP takes over the directory that the file names, and no request is lost. */
#include "support/child.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(serve_reload, .timeout = 240);

#define BIG ((size_t) 16 << 20) /* more than sockets hold */
#define ROUNDS 6

static struct t_child child;
static char dir[] = "/tmp/nng-uring-reload-XXXXXX", path[96];
static unsigned port;
static atomic_bool enough;

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *to = fopen(in_dir(name), "we");
    cr_assert_not_null(to);
    fputs(text, to);
    cr_assert_eq(fclose(to), 0);
}

static void write_big(const char *name, int byte)
{
    char *text = malloc(BIG + 1);
    memset(text, byte, BIG);
    text[BIG] = '\0';
    write_file(name, text);
    free(text);
}

/* Until the verdict has been read as well: what is left of it would be taken for the next one's. */
static void reload(const char *text, const char *says)
{
    char all[512];
    snprintf(all, sizeof all, "listen 127.0.0.1:0\nlisten 127.0.0.2:0\n%s", text);
    write_file("options", all);
    child.err_text[0] = '\0';
    kill(child.pid, SIGHUP);
    t_child_await_err(&child, says);
    t_child_await_err(&child, "reloaded");
}

static void serve(const char *www)
{
    char text[128];
    snprintf(text, sizeof text, "dir %s/%s\n", dir, www);
    reload(text, "nng-uring: reloaded");
}

/* Always one of the two, whoever is asked when. */
static void *client_run(void *arg)
{
    struct t_http_client b;
    t_http_client_open(&b, port);
    while (!atomic_load(&enough)) {
        t_http_client_get(&b, "/name");
        t_http_client_hear(&b);
        cr_assert_eq(b.status, 200);
        cr_assert(b.size == 3 && (memcmp(b.body, "one", 3) == 0 || memcmp(b.body, "two", 3) == 0));
    }
    t_http_client_close(&b);
    return arg;
}

static void start(void)
{
    char words[128];
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(mkdir(in_dir("1"), 0755), 0);
    cr_assert_eq(mkdir(in_dir("2"), 0755), 0);
    write_file("1/name", "one");
    write_file("2/name", "two");
    write_big("1/big", '1');
    write_big("2/big", '2');
    snprintf(path, sizeof path, "listen 127.0.0.1:0\nlisten 127.0.0.2:0\ndir %s/1\n", dir);
    char *options = strdup(path);
    write_file("options", options);
    free(options);
    snprintf(words, sizeof words, "serve --config %s/options", dir);
    t_child_start(&child, words, NULL);
    t_child_await_out(&child, "backend");
    cr_assert_eq(sscanf(child.out_text, "http://127.0.0.1:%u/", &port), 1);
}

static void end(void)
{
    char words[64];
    kill(child.pid, SIGTERM);
    cr_assert_eq(t_child_end(&child), 0, "%s", child.err_text);
    snprintf(words, sizeof words, "rm -rf %s", dir);
    cr_assert_eq(system(words), 0); /* NOLINT(cert-env33-c): of our own */
}

static void assert_says(struct t_http_client *b, const char *text)
{
    t_http_client_get(b, "/name");
    t_http_client_assert(b, 200, text);
}

/* Back and forth; what has begun goes on from where it was begun. */
Test(serve_reload, directory)
{
    pthread_t thread;
    struct t_http_client kept, slow;
    start();
    cr_assert_eq(pthread_create(&thread, NULL, client_run, NULL), 0);
    t_http_client_open(&kept, port);
    for (int round = 0; round < ROUNDS; round++) {
        assert_says(&kept, round % 2 == 0 ? "one" : "two");
        t_http_client_open_small(&slow, port);
        t_http_client_get(&slow, "/big");
        t_http_client_head(&slow);
        serve(round % 2 == 0 ? "2" : "1");
        assert_says(&kept, round % 2 == 0 ? "two" : "one");
        size_t n = 0;
        char text[65536];
        ssize_t got;
        while (slow.len - slow.used + n < BIG && (got = read(slow.fd, text, sizeof text)) > 0) {
            cr_assert_eq(text[got - 1], round % 2 == 0 ? '1' : '2');
            n += (size_t) got;
        }
        cr_assert_eq(slow.len - slow.used + n, BIG, "it was cut short");
        t_http_client_close(&slow);
    }
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    t_http_client_close(&kept);
    end();
}

/* What is said of files counts, too; what is wrong changes nothing. */
Test(serve_reload, options_of_files)
{
    struct t_http_client b;
    char text[256];
    start();
    t_http_client_open(&b, port);
    reload("dir /nowhere/at/all\n", "not reloaded");
    cr_assert_not_null(strstr(child.err_text, "/nowhere/at/all"));
    assert_says(&b, "one");
    snprintf(text, sizeof text, "dir %s/2\ncors nonsense\n", dir);
    reload(text, "not reloaded");
    assert_says(&b, "one");
    snprintf(text, sizeof text, "dir %s/2\nerror-pages /nowhere/at/all\n", dir);
    reload(text, "not reloaded");
    assert_says(&b, "one");
    snprintf(text, sizeof text, "dir %s/1\ncache-control name max-age=7\nspa name\n", dir);
    reload(text, "nng-uring: reloaded");
    assert_says(&b, "one");
    cr_assert(t_http_client_line(&b, "Cache-Control: max-age=7"));
    t_http_client_get(&b, "/nothing");
    t_http_client_assert(&b, 200, "one");
    reload("", "--dir has changed");
    assert_says(&b, "one");
    serve("2");
    assert_says(&b, "two");
    cr_assert_not(t_http_client_line(&b, "Cache-Control: max-age=7"));
    t_http_client_close(&b);
    end();
}
