/* SPDX-License-Identifier: MIT */
/*
 * The deadline of every state of a session comes, also where the peer sends a byte in every turn
 * (or takes none). Those in which a handler or a file has the request (HANDLING, LOADING, DEFERRED)
 * have none: nobody waits for the peer there. Who reads slowly, but reads, is no case of it:
 * limits_time/read_slowly_but_steadily.
 */
#include "support/counted.h"
#include "support/proc.h"
#include "support/web.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(limits_slip, .timeout = 120);

#define LIMIT 400 /* ms */
#define BIG ((size_t) 16 << 20)

struct set {
    enum nng_uring_limit limit;
    uint64_t value;
};

struct slip {
    const char *state;
    struct set set[2]; /* all other limits on time are off */
    const char *begin; /* said first, */
    const char *drop;  /* and then, for ever, a byte of this */
    unsigned status;   /* of the answer; 0: there is none, or it is not read */
};

#define POST "POST /echo HTTP/1.1\r\nHost: x\r\n"
#define HUGE "Content-Length: 1000000\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"
#define TOTAL                                                                                      \
    {                                                                                              \
        {                                                                                          \
            NNG_URING_BODY_TOTAL_TIMEOUT, LIMIT                                                    \
        }                                                                                          \
    }
#define RATE                                                                                       \
    {                                                                                              \
        { NNG_URING_BODY_TIMEOUT, LIMIT },                                                         \
        {                                                                                          \
            NNG_URING_BODY_RATE, 1000000                                                           \
        }                                                                                          \
    }

static const struct slip slips[] = {
    { "reading", { { NNG_URING_HEAD_TIMEOUT, LIMIT } }, "GET / HTTP/1.1\r\nX: ", "x", 408 },
    { "reading", { { NNG_URING_IDLE_TIMEOUT, LIMIT } }, "", "", 0 },
    { "collecting", TOTAL, POST HUGE, "x", 408 },
    { "collecting", TOTAL, POST CHUNKED, "1\r\nx\r\n", 408 },
    { "collecting", RATE, POST HUGE, "x", 408 },
    { "collecting", RATE, POST CHUNKED, "1\r\nx\r\n", 408 },
    { "draining", TOTAL, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n", "x", 200 },
    { "draining", TOTAL, "GET / HTTP/1.1\r\nHost: x\r\n" CHUNKED, "1\r\nx\r\n", 200 },
    { "draining", RATE, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n", "x", 200 },
    { "lingering",
      { { NNG_URING_LINGER_TIMEOUT, LIMIT } },
      POST "Content-Length: 9000000\r\n\r\n",
      "x",
      413 },
    { "writing",
      { { NNG_URING_WRITE_TIMEOUT, LIMIT } },
      "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
      "x",
      0 },
    { "sending",
      { { NNG_URING_WRITE_TIMEOUT, LIMIT } },
      "GET /file HTTP/1.1\r\nHost: x\r\n\r\n",
      "x",
      0 },
};

static char path[] = "/tmp/nu-slip-XXXXXX";

static void echo(nng_aio *aio)
{
    t_answer(aio, "echo", 4);
}

static void open_site(struct t_web *web, const struct slip *slip)
{
    nng_http_handler *h;
    static char big[BIG];
    t_web_open(web);
    t_web_static(web, "/", "home");
    h = t_web_callback(web, "/echo", echo);
    cr_assert_eq(nng_http_handler_alloc_static(&h, "/big", big, BIG, NULL), 0);
    t_web_add(web, h);
    cr_assert_eq(nng_http_handler_alloc_file(&h, "/file", path), 0);
    t_web_add(web, h);
    static const enum nng_uring_limit times[] = {
        NNG_URING_HEAD_TIMEOUT,  NNG_URING_IDLE_TIMEOUT,       NNG_URING_BODY_TIMEOUT,
        NNG_URING_WRITE_TIMEOUT, NNG_URING_BODY_TOTAL_TIMEOUT, NNG_URING_BODY_RATE,
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        cr_assert_eq(nng_uring_server_set_limit(web->server, times[i], 0), 0);
    }
    cr_assert_eq(nng_uring_server_set_limit(web->server, NNG_URING_LINGER_TIMEOUT, LIMIT), 0);
    for (int i = 0; i < 2 && (i == 0 || slip->set[i].value > 0); i++) {
        cr_assert_eq(
            nng_uring_server_set_limit(web->server, slip->set[i].limit, slip->set[i].value), 0);
    }
    t_web_start(web);
}

/* Where its end is counted. That of a connection without a request is none to speak of. */
static const char *counter_of(const struct slip *slip)
{
    if (slip->status == 408) {
        return strcmp(slip->state, "reading") == 0 ? "late_heads" : "late_bodies";
    }
    if (strcmp(slip->state, "draining") == 0) {
        return "late_bodies";
    }
    return strcmp(slip->state, "writing") == 0 || strcmp(slip->state, "sending") == 0
               ? "late_answers"
               : NULL;
}

static uint64_t late(void)
{
    return t_counted("late_heads") + t_counted("late_bodies") + t_counted("late_answers");
}

/* Says something until the server has closed. */
static void run(const struct slip *slip)
{
    struct t_web web;
    struct t_http_client b;
    open_site(&web, slip);
    unsigned fds = t_proc_fds();
    const char *counter = counter_of(slip);
    uint64_t before = t_counted("accepts"), late_before = late();
    uint64_t of_its_kind = counter != NULL ? t_counted(counter) : 0;
    nng_time began = nng_clock(), end;
    t_http_client_open_small(&b, web.port);
    t_http_client_say(&b, slip->begin);
    for (size_t i = 0; t_counted("accepts") == before || t_proc_fds() > fds + 1; i++) {
        if (*slip->drop != '\0') {
            (void) send(b.fd, slip->drop + i % strlen(slip->drop), 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        usleep(500);
        end = nng_clock();
        cr_assert_lt(end, began + 100 * LIMIT, "%s: it goes on", slip->state);
    }
    cr_assert_geq(nng_clock(), began + LIMIT - 10, "%s: it ends early", slip->state);
    cr_assert_eq(late(), late_before + (counter != NULL ? 1 : 0), "%s", slip->state);
    cr_assert(counter == NULL || t_counted(counter) == of_its_kind + 1, "%s", slip->state);
    if (slip->status != 0) {
        t_http_client_assert(&b, slip->status, NULL);
    }
    t_http_client_close(&b);
    t_web_close(&web);
}

Test(limits_slip, no_state_lets_time_slip_by)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(ftruncate(fd, (off_t) BIG), 0);
    close(fd);
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        run(&slips[i]);
    }
    unlink(path);
}

/* Fast enough on average is fast enough, though not at every moment. */
Test(limits_slip, fast_enough)
{
    static const struct slip slip = {
        "collecting",
        { { NNG_URING_BODY_TIMEOUT, 4 * LIMIT }, { NNG_URING_BODY_RATE, 10 } },
        POST "Content-Length: 400\r\n\r\n",
        "x",
        0,
    };
    struct t_web web;
    struct t_http_client b;
    open_site(&web, &slip);
    t_http_client_open(&b, web.port);
    t_http_client_say(&b, slip.begin);
    for (int i = 0; i < 40; i++) {
        t_http_client_say(&b, "xxxxxxxxxx");
        usleep(60000);
    }
    t_http_client_assert(&b, 200, "echo");
    t_http_client_close(&b);
    t_web_close(&web);
}
