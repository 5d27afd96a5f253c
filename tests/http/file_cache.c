/* SPDX-License-Identifier: MIT */
/* Files as the page cache has them: whole, in part or not at all. What is sent is the same. */
#include "base/page_cache.h"
#include "http/file.h"
#include "support/peer.h"
#include "support/proc.h"
#include "support/random.h"
#include "support/scale.h"
#include "support/site.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(file_cache, .timeout = 120);

#define SIZE (((size_t) 5 << 20) + 12345)
#define SEED 4

/* Answers with the file's bytes, from memory. */
static void from_memory(nng_aio *aio)
{
    uint8_t *data = t_pattern_new(SIZE, SEED);
    t_answer(aio, data, SIZE);
    free(data);
}

/* The file "/f", the same bytes at "/memory", and a descriptor of the file. */
static int open_place(struct t_site *site)
{
    uint8_t *data = t_pattern_new(SIZE, SEED);
    t_site_open(site);
    t_site_make(site, "root/f", data, SIZE);
    free(data);
    t_web_callback(&site->web, "/memory", from_memory);
    int fd = open(t_site_at(site, "root/f"), O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    site->fds++;
    return fd;
}

static void close_place(struct t_site *site, int fd)
{
    close(fd);
    t_site_close(site);
}

/* Not where the file system is nothing but cache. */
static void evict(int fd, off_t from, off_t len)
{
    cr_assert_eq(fsync(fd), 0);
    cr_assert_eq(posix_fadvise(fd, from, len, POSIX_FADV_DONTNEED), 0);
}

static void assert_part(struct t_http_client *b, unsigned status, size_t from, size_t end)
{
    t_http_client_hear(b);
    cr_assert_eq(b->status, status);
    cr_assert_eq(b->size, end - from);
    t_pattern_assert((uint8_t *) b->body, from, end - from, SEED);
}

static void ask_part(struct t_http_client *b, size_t from, size_t end)
{
    char text[128];
    snprintf(text, sizeof text, "GET /f HTTP/1.1\r\nHost: x\r\nRange: bytes=%zu-%zu\r\n\r\n", from,
             end - 1);
    t_http_client_say(b, text);
}

/* ---- What is sent ------------------------------------------------------------------------- */

Test(file_cache, not_cached)
{
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open(&b, site.web.port);
    for (int i = 0; i < 3; i++) {
        evict(fd, 0, 0);
        t_http_client_get(&b, "/f");
        assert_part(&b, 200, 0, SIZE);
    }
    t_http_client_get(&b, "/f"); /* reading it has put it there */
    assert_part(&b, 200, 0, SIZE);
    t_http_client_close(&b);
    close_place(&site, fd);
}

/* From one to the other and back, in the midst of it. */
Test(file_cache, holes)
{
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open(&b, site.web.port);
    for (off_t at = 0; at < (off_t) SIZE; at += 700000) {
        t_http_client_get(&b, "/f");
        assert_part(&b, 200, 0, SIZE);
        evict(fd, at, 300000);
        evict(fd, at + 1000000, 4096);
    }
    t_http_client_close(&b);
    close_place(&site, fd);
}

Test(file_cache, parts)
{
    static const size_t ends[] = { 0,      1,      4095,       4096,    16384,   16385,
                                   262143, 262144, 262145 + 7, 1048577, SIZE - 1 };
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open(&b, site.web.port);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t left = SIZE - ends[i];
        ask_part(&b, ends[i], SIZE);
        ask_part(&b, ends[i], ends[i] + (left < 300001 ? left : 300001));
        t_http_client_get(&b, "/static");
        assert_part(&b, 206, ends[i], SIZE);
        assert_part(&b, 206, ends[i], ends[i] + (left < 300001 ? left : 300001));
        t_http_client_assert(&b, 200, "home");
    }
    t_http_client_close(&b);
    close_place(&site, fd);
}

/* To one that reads late, so that everything has to wait for room, and with all sorts behind. */
Test(file_cache, keep_alive)
{
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open_small(&b, site.web.port);
    for (int i = 0; i < 3; i++) {
        t_http_client_get(&b, "/static");
        t_http_client_get(&b, "/f");
        t_http_client_get(&b, "/memory");
        t_http_client_say(&b, "HEAD /f HTTP/1.1\r\nHost: x\r\n\r\n");
        ask_part(&b, 1000, 2000001);
        t_http_client_get(&b, "/f");
        usleep(20000);
        t_http_client_assert(&b, 200, "home");
        assert_part(&b, 200, 0, SIZE);
        assert_part(&b, 200, 0, SIZE);
        t_http_client_head(&b);
        assert_part(&b, 206, 1000, 2000001);
        assert_part(&b, 200, 0, SIZE);
    }
    t_http_client_close(&b);
    close_place(&site, fd);
}

/* One that has said all it had to say, and still wants to hear the rest. */
Test(file_cache, half_closed)
{
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open_small(&b, site.web.port);
    t_http_client_get(&b, "/f");
    shutdown(b.fd, SHUT_WR);
    usleep(20000);
    assert_part(&b, 200, 0, SIZE);
    t_http_client_assert_end(&b);
    t_http_client_close(&b);
    close_place(&site, fd);
}

/* The head does not go ahead by itself. */
Test(file_cache, head_and_pages_in_one)
{
    char text[4096];
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    for (int i = 0; i < 20; i++) {
        t_http_client_open(&b, site.web.port);
        t_http_client_get(&b, "/f");
        ssize_t n = recv(b.fd, text, sizeof text, 0);
        cr_assert_eq(n, (ssize_t) sizeof text);
        t_http_client_close(&b);
    }
    close_place(&site, fd);
}

/* ---- Ends in the midst -------------------------------------------------------------------- */

Test(file_cache, stop)
{
    struct t_site site;
    struct t_http_client b[8];
    int fd = open_place(&site);
    for (int i = 0; i < 8; i++) {
        t_http_client_open_small(&b[i], site.web.port);
        t_http_client_get(&b[i], "/f");
        t_http_client_head(&b[i]);
    }
    nng_http_server_stop(site.web.server);
    for (int i = 0; i < 8; i++) {
        cr_assert_lt(t_http_client_await_end(&b[i]), SIZE);
        t_http_client_close(&b[i]);
    }
    close_place(&site, fd);
}

Test(file_cache, library_ends)
{
    struct t_site site;
    struct t_http_client b;
    int fd = open_place(&site);
    t_http_client_open_small(&b, site.web.port);
    t_http_client_get(&b, "/f");
    t_http_client_head(&b);
    nng_fini();
    cr_assert_lt(t_http_client_await_end(&b), SIZE);
    t_http_client_close(&b);
    close_place(&site, fd);
}

/* ---- All at once -------------------------------------------------------------------------- */

#define CLIENTS 6
#define ROUNDS 40

struct race {
    struct t_site site;
    int fd;
    atomic_bool over;
};

struct client {
    struct race *race;
    unsigned seed;
    pthread_t thread;
};

static void slow_down(struct t_http_client *b, unsigned *seed)
{
    char bytes[8192];
    for (unsigned n = t_random(seed, 20); n > 0; n--) {
        cr_assert_gt(recv(b->fd, bytes, t_random(seed, sizeof bytes) + 1, MSG_PEEK), 0);
        usleep(t_random(seed, 300));
    }
}

static void one_download(struct race *race, unsigned *seed)
{
    struct t_http_client b;
    unsigned kind = t_random(seed, 6);
    size_t from = t_random(seed, SIZE), end = from + t_random(seed, SIZE - from) + 1;
    (kind % 2 == 0 ? t_http_client_open : t_http_client_open_small)(&b, race->site.web.port);
    ask_part(&b, from, end);
    t_http_client_get(&b, "/static");
    if (kind < 4) {
        slow_down(&b, seed);
        assert_part(&b, 206, from, end);
        t_http_client_assert(&b, 200, "home");
        t_http_client_close(&b);
    } else {
        usleep(t_random(seed, 2000));
        (kind == 4 ? t_http_client_reset : t_http_client_close)(&b);
    }
}

static void *download(void *arg)
{
    struct client *c = arg;
    for (int i = 0; i < NU_TIMES(ROUNDS); i++) {
        one_download(c->race, &c->seed);
    }
    return NULL;
}

static void *evict_now_and_then(void *arg)
{
    struct race *race = arg;
    unsigned seed = 1;
    while (!atomic_load(&race->over)) {
        off_t from = (off_t) t_random(&seed, SIZE);
        cr_assert_eq(posix_fadvise(race->fd, from, 1 << t_random(&seed, 22), POSIX_FADV_DONTNEED),
                     0);
        usleep(t_random(&seed, 1000));
    }
    return NULL;
}

Test(file_cache, race)
{
    struct race race;
    struct client clients[CLIENTS];
    pthread_t evictor;
    race.fd = open_place(&race.site);
    cr_assert_eq(fsync(race.fd), 0);
    atomic_init(&race.over, false);
    cr_assert_eq(pthread_create(&evictor, NULL, evict_now_and_then, &race), 0);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .race = &race, .seed = i + 1 };
        cr_assert_eq(pthread_create(&clients[i].thread, NULL, download, &clients[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    atomic_store(&race.over, true);
    pthread_join(evictor, NULL);
    t_proc_await_fds(race.site.fds);
    close_place(&race.site, race.fd);
}
