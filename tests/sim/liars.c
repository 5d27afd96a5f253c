/* SPDX-License-Identifier: MIT */
#include "sim/liars.h"

#include "sim/faults.h"
#include "sim/sched.h"
#include "sim/seed.h"
#include "sim/tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIARS 128U
#define PATIENCE UINT64_C(30000000000) /* of one who says nothing */

struct liar {
    struct sim_sock *sock;
    struct sim_thread *thread;
    struct sim_bytes heard;
};

static struct liar liars[LIARS];
static unsigned nliars;
static struct sim_sock *listener;
static struct sim_thread *accepter;
static bool ending;

static bool liars_readable(void *arg)
{
    return sim_readable(arg);
}

static bool liars_writable(void *arg)
{
    return sim_writable(arg);
}

/* False: nobody listens any more. */
static bool liar_say(struct liar *l, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = sim_send(l->sock, p, sim_chance(4) ? 1 + sim_pick((unsigned) n) : n);
        if (sent == -EAGAIN) {
            if (!sim_wait(liars_writable, l->sock, sim_time + PATIENCE)) {
                return false;
            }
            continue;
        }
        if (sent < 0) {
            return false;
        }
        p += sent;
        n -= (size_t) sent;
        if (sim_chance(8)) {
            sim_dawdle(2000);
        }
    }
    return true;
}

/* The next request's head is here, and where it ends; NULL: there is none. */
static char *liar_hear_head(struct liar *l)
{
    char bytes[512], *end = NULL;
    while (end == NULL) {
        end = l->heard.len > 0 ? memmem(l->heard.p, l->heard.len, "\r\n\r\n", 4) : NULL;
        if (end == NULL) {
            ssize_t n = sim_wait(liars_readable, l->sock, sim_time + PATIENCE)
                            ? sim_recv(l->sock, bytes, 1 + sim_pick(sizeof bytes), false)
                            : 0;
            if (n <= 0 && n != -EAGAIN) {
                return NULL;
            }
            sim_append(&l->heard, bytes, n > 0 ? (size_t) n : 0);
        }
    }
    return end;
}

static bool liar_hear_body(struct liar *l, size_t n)
{
    char bytes[512];
    while (l->heard.len < n) {
        ssize_t got = sim_wait(liars_readable, l->sock, sim_time + PATIENCE)
                          ? sim_recv(l->sock, bytes, sizeof bytes, false)
                          : 0;
        if (got <= 0 && got != -EAGAIN) {
            return false;
        }
        sim_append(&l->heard, bytes, got > 0 ? (size_t) got : 0);
    }
    return true;
}

/* Takes a request, but for its body now and then; false: there is none. */
static bool liar_hear(struct liar *l, char uri[64])
{
    char *end = liar_hear_head(l);
    if (end == NULL) {
        return false;
    }
    const char *head = (char *) l->heard.p;
    size_t size = (size_t) (end + 4 - head);
    sim_check(sscanf(head, "%*s %63s", uri) == 1, "no request: %.*s", (int) size, head);
    const char *field = memmem(head, size, "Content-Length: ", 16);
    size_t body = field != NULL ? strtoul(field + 16, NULL, 10) : 0;
    sim_drop(&l->heard, size);
    if (!liar_hear_body(l, body)) {
        return false;
    }
    sim_drop(&l->heard, body);
    return true;
}

/* ---- What is said ------------------------------------------------------------------------- */

static bool liar_print(struct liar *l, const char *format, const char *uri)
{
    char text[512];
    int n = snprintf(text, sizeof text, format, strlen(uri), uri);
    return liar_say(l, text, (size_t) n);
}

static bool liar_whole(struct liar *l, const char *uri)
{
    return liar_print(l, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", uri);
}

static bool liar_chunks(struct liar *l, const char *uri)
{
    return liar_print(l,
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n"
                      "0\r\nTrailer: x\r\n\r\n",
                      uri);
}

static bool liar_early(struct liar *l, const char *uri)
{
    return liar_print(l,
                      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      uri);
}

/* The end says how long it is. */
static bool liar_to_the_end(struct liar *l, const char *uri)
{
    (void) liar_print(l, "HTTP/1.1 200 OK\r\nX: %zu\r\n\r\n%s", uri);
    return false;
}

static bool liar_last(struct liar *l, const char *uri)
{
    (void) liar_print(l, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                      uri);
    return false;
}

static bool liar_more(struct liar *l, const char *uri)
{
    return liar_whole(l, uri) && liar_say(l, "x", 1);
}

static bool liar_cut(struct liar *l, const char *uri)
{
    (void) liar_print(l, "HTTP/1.1 200 OK\r\nContent-Length: 1%zu\r\n\r\n%s", uri);
    return false;
}

static bool liar_two_lengths(struct liar *l, const char *uri)
{
    return liar_print(l, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nContent-Length: 1\r\n\r\n%s",
                      uri);
}

static bool liar_rubbish(struct liar *l, const char *uri)
{
    return liar_print(l, "HTTP/7 %zu\r\n\r\n%s", uri);
}

static bool liar_silence(struct liar *l, const char *uri)
{
    (void) uri;
    (void) liar_hear_body(l, SIZE_MAX); /* until the other one goes */
    return false;
}

static bool liar_leave(struct liar *l, const char *uri)
{
    (void) uri;
    l->sock->linger_reset = sim_chance(2);
    return false;
}

static bool (*const ways[])(struct liar *, const char *) = {
    liar_whole, liar_whole,       liar_chunks,  liar_early,   liar_to_the_end, liar_last,
    liar_more,  liar_two_lengths, liar_rubbish, liar_silence, liar_leave,      liar_cut
};

static void *liars_live(void *arg)
{
    struct liar *l = arg;
    char uri[64];
    while (!sim_chance(16) && liar_hear(l, uri) &&
           ways[sim_pick(sizeof ways / sizeof *ways)](l, uri)) {
    }
    sim_trace("a liar leaves");
    sim_close(l->sock);
    sim_release(l->heard.p);
    return NULL;
}

static bool liars_called(void *arg)
{
    (void) arg;
    return ending || listener->nqueue > 0;
}

static void *liars_accept(void *arg)
{
    (void) arg;
    while (sim_wait(liars_called, NULL, SIM_NEVER) && listener->nqueue > 0) {
        sim_check(nliars < LIARS, "more than %u liars", LIARS);
        struct liar *l = &liars[nliars++];
        *l = (struct liar){ .sock = sim_accept(listener) };
        l->thread = sim_spawn("a liar", liars_live, l);
    }
    return NULL;
}

void sim_liars_start(unsigned port)
{
    nliars = 0;
    ending = false;
    listener = sim_sock_new();
    (void) sim_bind(listener, port);
    sim_listen(listener, 1 + sim_pick(4));
    accepter = sim_spawn("who accepts", liars_accept, NULL);
}

void sim_liars_end(void)
{
    ending = true;
    (void) sim_join(accepter);
    sim_close(listener);
    for (unsigned i = 0; i < nliars; i++) {
        (void) sim_join(liars[i].thread);
    }
}
