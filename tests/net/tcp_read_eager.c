/* Connections that we have dialed: reads that other threads serve themselves. */
#include "io/counters.h"
#include "support/talk.h"

#include <criterion/criterion.h>
#include <nng/uring.h>
#include <string.h>

TestSuite(tcp_read_eager, .timeout = 60);

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

static uint64_t counted(enum nu_count what)
{
    nng_uring_counter list[NU_COUNTS];
    cr_assert_leq(nng_uring_counters(list, NU_COUNTS), NU_COUNTS);
    return list[what].value;
}

static void read_res(struct nu_talk *t)
{
    nng_http_conn_read_res(t->pair.conn, t->res, t->track.aio);
}

/* What has come with a head is here, and no other thread is needed to hand it out. */
Test(tcp_read_eager, in_place)
{
    for (unsigned mode = 0; mode < NU_MODES; mode += NU_CALLED) {
        struct nu_talk t;
        char           body[6] = { 0 };
        nu_talk_open(&t, mode);
        nu_talk_say(&t, HEAD "hello");
        nu_talk_start(&t, read_res);
        nu_talk_finish(&t, 0);
        uint64_t wake_ups = counted(NU_COUNT_WAKE_UPS);
        for (int i = 0; i < 5; i++) {
            nu_track_buffer(&t.track, body + i, 1);
            nng_http_conn_read_all(t.pair.conn, t.track.aio);
            cr_assert(mode & NU_CALLED || !nng_aio_busy(t.track.aio));
            nu_talk_finish_count(&t, 0, 1);
        }
        cr_assert_str_eq(body, "hello");
        cr_assert(mode & NU_CALLED || counted(NU_COUNT_WAKE_UPS) == wake_ups);
        nu_talk_close(&t);
    }
}
