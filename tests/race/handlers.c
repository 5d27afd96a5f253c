/* SPDX-License-Identifier: MIT */
/*
 * Handlers that are finished from workers, loops and foreign threads, in their call and later, that
 * hijack, close, read, write and defer, while their clients leave one way or another, limits pass,
 * and their servers are drained, stopped and released; for NNG_URING_RACE_SECONDS (5). What must
 * hold: every call of a handler comes to its end, nothing hangs, no descriptor is left, and
 * sanitizers have nothing to say.
 */
#include "support/proc.h"
#include "support/random.h"
#include "support/web.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/uring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 6
#define FOREIGN 3
#define BACKLOG 400 /* calls that are not at their end; the desk is larger */

static struct t_pending_queue desk = NU_DESK;
static atomic_uint called, ended; /* handlers */
static atomic_uint seeds;
static atomic_uint port; /* of the server there is, or was */
static atomic_bool over;

static void finish(nng_aio *aio, int err)
{
    nng_aio_finish(aio, err);
    atomic_fetch_add(&ended, 1);
}

static void answer(nng_aio *aio)
{
    t_answer(aio, "answer", 6);
    atomic_fetch_add(&ended, 1);
}

/* ---- What a handler does ------------------------------------------------------------------ */

/* Writes and closes what is its own. Nobody else knows the operation, and it frees itself. */
struct farewell {
    nng_http_conn *conn;
    nng_aio *aio;
};

static void said_farewell(void *arg)
{
    struct farewell *f = arg;
    nng_http_conn_close(f->conn);
    nng_aio_reap(f->aio);
    free(f);
}

static void say_farewell(nng_http_conn *conn)
{
    static char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct farewell *f = malloc(sizeof *f);
    cr_assert_not_null(f);
    f->conn = conn;
    cr_assert_eq(nng_aio_alloc(&f->aio, said_farewell, f), 0);
    cr_assert_eq(nng_aio_set_iov(f->aio, 1, &(nng_iov){ text, sizeof text - 1 }), 0);
    nng_aio_set_timeout(f->aio, 100);
    nng_http_conn_write_all(conn, f->aio);
}

/* It fails where the server has been stopped meanwhile, or the aio was aborted: any code will do.
 */
static void hijack(nng_aio *aio, unsigned *seed)
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    bool early = t_random(seed, 2) == 0, close = t_random(seed, 2) == 0;
    if (nng_http_hijack(conn) != 0) {
        answer(aio);
        return;
    }
    if (early) {
        finish(aio, 0);
    }
    nng_http_req_free(req);
    if (close) {
        nng_http_conn_close(conn);
    } else {
        say_farewell(conn);
    }
    if (!early) {
        finish(aio, 0);
    }
}

/* An operation of the handler's own, whose end is its own end, too. */
struct work {
    nng_aio *handlers, *own;
    char data[2000];
};

static void work_over(void *arg)
{
    struct work *work = arg;
    nng_aio *own = work->own;
    finish(work->handlers, nng_aio_result(own));
    nng_aio_reap(own);
    free(work);
}

static void start_work(nng_aio *aio, unsigned kind, unsigned *seed)
{
    static char part[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct work *work = malloc(sizeof *work);
    cr_assert_not_null(work);
    work->handlers = aio;
    cr_assert_eq(nng_aio_alloc(&work->own, work_over, work), 0);
    nng_aio_set_timeout(work->own, 1 + (int) t_random(seed, 40));
    if (kind == 0) {
        nng_sleep_aio((nng_duration) t_random(seed, 40), work->own);
    } else if (kind == 1) {
        cr_assert_eq(nng_aio_set_iov(work->own, 1, &(nng_iov){ work->data, sizeof work->data }), 0);
        nng_http_conn_read_all(nng_aio_get_input(aio, 2), work->own);
    } else {
        cr_assert_eq(nng_aio_set_iov(work->own, 1, &(nng_iov){ part, sizeof part - 1 }), 0);
        nng_http_conn_write_all(nng_aio_get_input(aio, 2), work->own);
    }
}

/* One that can be ended from outside: by its cancel function or by a foreign thread, whoever is
 * first. These are never given back, for the function may be under way for a little longer. */
struct deferred {
    nng_aio *aio;
    atomic_bool taken;
};

static struct deferred deferrals[1 << 16];
static atomic_uint ndeferred;

static void cancel(nng_aio *aio, void *arg, int err)
{
    struct deferred *d = arg;
    cr_assert_eq(d->aio, aio);
    if (!atomic_exchange(&d->taken, true)) {
        finish(aio, err);
    }
}

/* What is on the desk are these: the aio itself may be over, and gone, when somebody takes it. */
static struct deferred *new_deferred(nng_aio *aio)
{
    unsigned n = atomic_fetch_add(&ndeferred, 1);
    if (n >= sizeof deferrals / sizeof deferrals[0]) {
        answer(aio);
        return NULL;
    }
    deferrals[n].aio = aio;
    return &deferrals[n];
}

static void defer(nng_aio *aio, unsigned *seed)
{
    struct deferred *d = new_deferred(aio);
    if (d != NULL) {
        nng_aio_set_timeout(aio, t_random(seed, 3) == 0 ? 1 + (int) t_random(seed, 30) : -1);
        t_pending_queue_put(&desk, (nng_aio *) d); /* before: somebody may finish it at once */
        nng_aio_defer(aio, cancel, d);
    }
}

static void leave_on_the_desk(nng_aio *aio)
{
    struct deferred *d = new_deferred(aio);
    if (d != NULL) {
        t_pending_queue_put(&desk, (nng_aio *) d);
    }
}

static void act(nng_aio *aio, unsigned *seed)
{
    switch (t_random(seed, 12)) {
    case 0:
    case 1:
        hijack(aio, seed);
        break;
    case 2:
        start_work(aio, t_random(seed, 3), seed);
        break;
    case 3:
        nng_http_conn_close(nng_aio_get_input(aio, 2));
        answer(aio);
        break;
    case 4:
        finish(aio, NNG_EINTERNAL);
        break;
    case 5:
        nng_msleep((nng_duration) t_random(seed, 4));
        answer(aio);
        break;
    default:
        answer(aio);
    }
}

static void handle(nng_aio *aio)
{
    unsigned seed = atomic_fetch_add(&seeds, 7919);
    atomic_fetch_add(&called, 1);
    switch (t_random(&seed, 4)) {
    case 0:
        leave_on_the_desk(aio);
        break;
    case 1:
        defer(aio, &seed);
        break;
    default:
        act(aio, &seed);
    }
}

/* Until there is a NULL. */
static void *work_elsewhere(void *arg)
{
    unsigned seed = (unsigned) (uintptr_t) arg;
    struct deferred *d;
    while ((d = (struct deferred *) t_pending_queue_take(&desk)) != NULL) {
        usleep(t_random(&seed, 3) == 0 ? t_random(&seed, 30000) : t_random(&seed, 200));
        if (!atomic_exchange(&d->taken, true)) {
            act(d->aio, &seed);
        }
    }
    return NULL;
}

/* ---- Clients ------------------------------------------------------------------------------ */

static const char *const requests[] = {
    "GET /inline HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /worker HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /auto HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /static HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\nhello",
    "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
};

static int dial(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t) atomic_load(&port)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_usec = 200000 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void) connect(fd, (struct sockaddr *) &sin, sizeof sin); /* there may be no server just now */
    return fd;
}

static void leave(int fd, unsigned *seed)
{
    char bytes[4096];
    unsigned how = t_random(seed, 5);
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    if (how <= 1) {
        shutdown(fd, SHUT_WR);
    }
    if (how <= 2) {
        while (recv(fd, bytes, sizeof bytes, 0) > 0) {
        }
    }
    if (how == 3) {
        usleep(t_random(seed, 2) == 0 ? 30000 : t_random(seed, 300));
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(fd);
}

static void *ask(void *arg)
{
    unsigned seed = (unsigned) (uintptr_t) arg;
    while (!atomic_load(&over)) {
        char bytes[4096];
        int fd = dial();
        for (unsigned n = t_random(&seed, 5); n > 0; n--) {
            const char *text = requests[t_random(&seed, sizeof requests / sizeof *requests)];
            (void) send(fd, text, strlen(text), MSG_NOSIGNAL);
            if (t_random(&seed, 3) == 0) {
                (void) recv(fd, bytes, sizeof bytes, 0);
            }
        }
        leave(fd, &seed);
        while (atomic_load(&called) - atomic_load(&ended) > BACKLOG) {
            usleep(1000);
        }
    }
    return NULL;
}

/* ---- Servers ------------------------------------------------------------------------------ */

static void add(struct t_web *web, const char *uri, enum nng_uring_placement where, bool collect)
{
    nng_http_handler *h;
    cr_assert_eq(nng_http_handler_alloc(&h, uri, handle), 0);
    cr_assert_eq(nng_uring_handler_set_placement(h, where), 0);
    cr_assert_eq(nng_http_handler_set_method(h, collect ? "GET" : "POST"), 0);
    cr_assert_eq(nng_http_handler_collect_body(h, collect, 1000), 0);
    t_web_add(web, h);
}

static void open_web(struct t_web *web)
{
    t_web_open(web);
    t_web_static(web, "/static", "static");
    add(web, "/inline", NNG_URING_PLACE_INLINE, true);
    add(web, "/worker", NNG_URING_PLACE_WORKERS, true);
    add(web, "/auto", NNG_URING_PLACE_AUTO, true);
    add(web, "/read", NNG_URING_PLACE_AUTO, false);
    t_web_start(web);
    atomic_store(&port, web->port);
}

static void end_web(struct t_web *web, unsigned *seed)
{
    switch (t_random(seed, 4)) {
    case 0:
        nng_http_server_stop(web->server);
        break;
    case 1:
        (void) nng_uring_server_drain(web->server, (nng_duration) t_random(seed, 50));
        break;
    case 2:
        (void) nng_uring_server_drain(web->server, (nng_duration) t_random(seed, 50));
        nng_http_server_stop(web->server);
        break;
    default:
        break;
    }
    nng_http_server_release(web->server);
}

static void *watch(void *arg)
{
    unsigned before = 0, since = 0;
    atomic_bool *finished = arg;
    while (!atomic_load(finished)) {
        sleep(1);
        unsigned now = atomic_load(&ended);
        since = now == before ? since + 1 : 0;
        before = now;
        if (since == 60) {
            fprintf(stderr, "race: %u handlers were called, %u have ended, and nothing goes on\n",
                    (unsigned) called, now);
            abort();
        }
    }
    return NULL;
}

static void await_ends(void)
{
    while (atomic_load(&ended) != atomic_load(&called)) {
        usleep(1000);
    }
}

static void race_of_handlers(int seconds)
{
    pthread_t clients[CLIENTS], foreign[FOREIGN];
    unsigned seed = (unsigned) seconds, servers = 0;
    time_t end = time(NULL) + seconds;
    struct t_web web;
    open_web(&web);
    for (unsigned i = 0; i < FOREIGN; i++) {
        pthread_create(&foreign[i], NULL, work_elsewhere, (void *) (uintptr_t) (i + 1));
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_create(&clients[i], NULL, ask, (void *) (uintptr_t) (i + 100));
    }
    while (time(NULL) < end) {
        usleep(20000 + t_random(&seed, 200000));
        end_web(&web, &seed);
        open_web(&web);
        servers++;
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i], NULL);
    }
    end_web(&web, &seed);
    await_ends();
    for (unsigned i = 0; i < FOREIGN; i++) {
        t_pending_queue_put(&desk, NULL);
    }
    for (unsigned i = 0; i < FOREIGN; i++) {
        pthread_join(foreign[i], NULL);
    }
    fprintf(stderr, "race: %u handlers were called, %u deferred, by %u servers\n",
            (unsigned) called, (unsigned) ndeferred, servers);
}

Test(race, handlers, .timeout = 300)
{
    const char *value = getenv("NNG_URING_RACE_SECONDS");
    atomic_bool finished = false;
    pthread_t watchdog;
    cr_assert_eq(setenv("NNG_URING_LOOPS", "2", 1), 0);
    cr_assert_eq(setenv("NNG_URING_WORKERS", "8", 1), 0);
    cr_assert_eq(setenv("NNG_URING_LIMITS",
                        "head-timeout=40,idle-timeout=60,body-timeout=40,write-timeout=100", 1),
                 0);
    unsigned fds = t_proc_fds();
    cr_assert_eq(pthread_create(&watchdog, NULL, watch, &finished), 0);
    race_of_handlers(value != NULL ? atoi(value) : 5);
    nng_fini();
    t_proc_await_fds(fds);
    atomic_store(&finished, true);
    pthread_join(watchdog, NULL);
}
