/* SPDX-License-Identifier: MIT */
/* Details of nng_udp_*, which NNG has since 1.9, as a table (rows.h). */
#include "rows.h"

#if defined(DROPIN_URING) || NNG_MINOR_VERSION >= 9

static nng_udp *open_udp(nng_sockaddr *sa)
{
    nng_udp *udp;
    *sa = (nng_sockaddr){ .s_in = { NNG_AF_INET, 0, htonl(INADDR_LOOPBACK) } };
    check_ok(nng_udp_open(&udp, sa));
    check_ok(nng_udp_sockname(udp, sa));
    return udp;
}

static nng_aio *aio_for(const char *data, size_t size, nng_sockaddr *peer)
{
    nng_aio *aio = new_aio();
    set_buffer(aio, data, size);
    check_ok(nng_aio_set_input(aio, 0, peer));
    return aio;
}

static int send_text(nng_udp *udp, const char *text, nng_sockaddr *to)
{
    nng_aio *aio = aio_for(text, strlen(text), to);
    nng_udp_send(udp, aio);
    int err = result(aio);
    nng_aio_free(aio);
    return err;
}

static void there_and_back(void)
{
    nng_sockaddr one, two, from;
    char text[16];
    nng_udp *a = open_udp(&one), *b = open_udp(&two);
    nng_aio *aio = aio_for(text, sizeof text, &from);
    nng_udp_recv(b, aio);
    check_ok(send_text(a, "hello", &two));
    check_ok(result(aio));
    bool right = from.s_family == NNG_AF_INET && from.s_in.sa_port == one.s_in.sa_port &&
                 from.s_in.sa_addr == one.s_in.sa_addr;
    say("%.*s, %s address", (int) nng_aio_count(aio), text, right ? "its" : "no");
    nng_aio_free(aio);
    nng_udp_close(a);
    nng_udp_close(b);
}

static void in_order(void)
{
    nng_sockaddr here;
    char text[2][16];
    nng_udp *udp = open_udp(&here);
    nng_aio *aios[] = { aio_for(text[0], 16, NULL), aio_for(text[1], 16, NULL) };
    nng_udp_recv(udp, aios[0]);
    nng_udp_recv(udp, aios[1]);
    check_ok(send_text(udp, "first", &here));
    check_ok(send_text(udp, "second", &here));
    check_ok(result(aios[0]));
    check_ok(result(aios[1]));
    say("%.5s, %.6s", text[0], text[1]);
    nng_aio_free(aios[0]);
    nng_aio_free(aios[1]);
    nng_udp_close(udp);
}

static void received(const char *sent, size_t room)
{
    nng_sockaddr here;
    char text[16];
    nng_udp *udp = open_udp(&here);
    nng_aio *aio = aio_for(text, room, NULL);
    nng_udp_recv(udp, aio);
    check_ok(send_text(udp, sent, &here));
    int err = result(aio);
    say("%s, count %zu", error_name(err), nng_aio_count(aio));
    nng_aio_free(aio);
    nng_udp_close(udp);
}

static void empty(void)
{
    received("", 16);
}

static void does_not_fit(void)
{
    received("too long", 4);
}

static void no_address(void)
{
    nng_sockaddr here, path = { .s_ipc = { NNG_AF_IPC, "/tmp/bogus" } };
    nng_udp *udp = open_udp(&here), *none;
    int err = send_text(udp, "x", NULL);
    say("send %s, open %s", error_name(err), error_name(nng_udp_open(&none, NULL)));
    check(send_text(udp, "x", &path) != 0 && nng_udp_open(&none, &path) != 0);
    nng_udp_close(udp);
}

static void bound_twice(void)
{
    nng_sockaddr here;
    nng_udp *udp = open_udp(&here), *none;
    say("%s", error_name(nng_udp_open(&none, &here)));
    nng_udp_close(udp);
}

static void stopped_waiting(void)
{
    nng_sockaddr here;
    char text[2][16];
    nng_udp *udp = open_udp(&here);
    nng_aio *aio = aio_for(text[0], 16, NULL), *other = aio_for(text[1], 16, NULL);
    nng_aio_set_timeout(aio, 10);
    nng_udp_recv(udp, aio);
    int late = result(aio);
    nng_aio_set_timeout(aio, SECONDS * 1000);
    nng_udp_recv(udp, aio);
    nng_udp_recv(udp, other);
    nng_aio_cancel(aio);
    int cancelled = result(aio);
    check_ok(send_text(udp, "kept", &here));
    check_ok(result(other));
    say("%s, %s, %.4s", error_name(late), error_name(cancelled), text[1]);
    nng_aio_free(aio);
    nng_aio_free(other);
    nng_udp_close(udp);
}

static void closed(void)
{
    nng_sockaddr here;
    char text[16];
    nng_udp *udp = open_udp(&here), *again;
    nng_aio *aio = aio_for(text, sizeof text, NULL);
    nng_udp_recv(udp, aio);
    nng_udp_close(udp);
    int err = result(aio);
    say("%s, the port again %s", nng_strerror(err), error_name(nng_udp_open(&again, &here)));
    nng_aio_free(aio);
    nng_udp_close(again);
}

static void groups(void)
{
    nng_sockaddr here, group = { .s_in = { NNG_AF_INET, 0, htonl(0xe00000fb) } };
    nng_sockaddr six = { .s_in6 = { .sa_family = NNG_AF_INET6, .sa_addr = { 0xff, 2 } } };
    nng_udp *udp = open_udp(&here);
    int join = nng_udp_multicast_membership(udp, &group, true);
    int leave = nng_udp_multicast_membership(udp, &group, false);
    say("join %s, leave %s, IPv6 %s", error_name(join), error_name(leave),
        nng_strerror(nng_udp_multicast_membership(udp, &six, true)));
    nng_udp_close(udp);
}

#else

#define there_and_back NULL
#define in_order NULL
#define empty NULL
#define does_not_fit NULL
#define no_address NULL
#define bound_twice NULL
#define stopped_waiting NULL
#define closed NULL
#define groups NULL

#endif

static const struct row rows[] = {
    SAME("a datagram", there_and_back, "hello, its address"),
    SAME("receives that wait", in_order, "first, second"),
    SAME("an empty datagram", empty, "0, count 0"),
    DIFFERS("a datagram that does not fit", does_not_fit, "0, count 4", "EMSGSIZE, count 4",
            "NNG's header says NNG_EMSGSIZE"),
    SAME("no address", no_address, "send Address invalid, open Address invalid"),
    SAME("an address that is in use", bound_twice, "EADDRINUSE"),
    SAME("a time limit, a cancellation", stopped_waiting, "ETIMEDOUT, ECANCELED, kept"),
    SAME("a close", closed, "Object closed, the port again 0"),
    SAME("multicast groups", groups, "join 0, leave 0, IPv6 Address invalid"),
};

int main(void)
{
    begin();
    return check_rows("udp", rows, sizeof rows / sizeof *rows, just_try);
}
