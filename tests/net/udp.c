/* SPDX-License-Identifier: MIT */
/* nng_udp_*: every datagram is received whole, once, in order, from where it came; and every end.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <nng/nng.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_TIME 20000 /* milliseconds */
#define MANY 8

static nng_sockaddr in(const char *address, unsigned port)
{
    nng_sockaddr sa = { .s_in = { NNG_AF_INET, htons((uint16_t) port), inet_addr(address) } };
    return sa;
}

/* A socket at the loopback address, and what it is bound to. */
static nng_udp *open_socket(nng_sockaddr *sa)
{
    nng_udp *udp;
    *sa = in("127.0.0.1", 0);
    cr_assert_eq(nng_udp_open(&udp, sa), 0);
    cr_assert_eq(nng_udp_sockname(udp, sa), 0);
    cr_assert_eq(sa->s_family, NNG_AF_INET);
    cr_assert_neq(sa->s_in.sa_port, 0);
    return udp;
}

static nng_aio *new_aio(void *p, size_t n, nng_sockaddr *peer)
{
    nng_aio *aio;
    nng_iov iov = { p, n };
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    cr_assert_eq(nng_aio_set_iov(aio, 1, &iov), 0);
    cr_assert_eq(nng_aio_set_input(aio, 0, peer), 0);
    nng_aio_set_timeout(aio, IN_TIME);
    return aio;
}

static int result(nng_aio *aio)
{
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

static int send_to(nng_udp *udp, nng_sockaddr *to, const void *p, size_t n)
{
    nng_aio *aio = new_aio((void *) p, n, to);
    nng_udp_send(udp, aio);
    int err = result(aio);
    cr_assert_eq(nng_aio_count(aio), err == 0 ? n : 0);
    nng_aio_free(aio);
    return err;
}

static bool same_address(const nng_sockaddr *a, const nng_sockaddr *b)
{
    return a->s_family == b->s_family && a->s_in.sa_addr == b->s_in.sa_addr &&
           a->s_in.sa_port == b->s_in.sa_port;
}

/* ---- Datagrams ---------------------------------------------------------------------------- */

struct echo {
    nng_udp *udp;
    nng_aio *aio;
    nng_sockaddr peer;
    char text[64];
    atomic_bool sending;
    atomic_int answered;
};

static void echo_buffer(struct echo *echo, size_t n)
{
    nng_iov iov = { echo->text, n };
    cr_assert_eq(nng_aio_set_iov(echo->aio, 1, &iov), 0);
}

/* What has come goes back; what has gone makes room for more. */
static void echo_done(void *arg)
{
    struct echo *echo = arg;
    if (nng_aio_result(echo->aio) != 0) {
        return;
    }
    bool sent = atomic_exchange(&echo->sending, !echo->sending);
    echo->answered += sent;
    echo_buffer(echo, sent ? sizeof echo->text : nng_aio_count(echo->aio));
    if (sent) {
        nng_udp_recv(echo->udp, echo->aio);
    } else {
        nng_udp_send(echo->udp, echo->aio);
    }
}

static void check_echoes(const char *where, int rounds)
{
    setenv("NNG_URING_CALLBACKS", where, 1);
    struct echo echo = { .sending = false };
    nng_sockaddr here, there, from;
    nng_udp *udp = open_socket(&here);
    char text[64];
    echo.udp = open_socket(&there);
    cr_assert_eq(nng_aio_alloc(&echo.aio, echo_done, &echo), 0);
    cr_assert_eq(nng_aio_set_input(echo.aio, 0, &echo.peer), 0);
    echo_buffer(&echo, sizeof echo.text);
    nng_udp_recv(echo.udp, echo.aio);
    nng_aio *aio = new_aio(text, sizeof text, &from);
    for (int i = 0; i < rounds; i++) {
        char want[64];
        int n = snprintf(want, sizeof want, "datagram %d", i);
        if (i % 2 == 0) { /* it waits for its datagram, or the other way round */
            nng_udp_recv(udp, aio);
        }
        cr_assert_eq(send_to(udp, &there, want, (size_t) n), 0);
        if (i % 2 != 0) {
            nng_udp_recv(udp, aio);
        }
        cr_assert_eq(result(aio), 0);
        cr_assert_eq(nng_aio_count(aio), (size_t) n);
        cr_assert_eq(memcmp(text, want, (size_t) n), 0);
        cr_assert(same_address(&from, &there));
    }
    nng_aio_stop(echo.aio);
    cr_assert_geq(echo.answered, rounds - 1); /* of the last one it may not have heard */
    nng_aio_free(echo.aio);
    nng_aio_free(aio);
    nng_udp_close(udp);
    nng_udp_close(echo.udp);
}

Test(udp, echoes_from_callbacks_on_the_loop, .timeout = 60)
{
    check_echoes("inline", 500);
}

Test(udp, echoes_from_callbacks_on_workers, .timeout = 60)
{
    check_echoes("workers", 500);
}

Test(udp, in_the_order_of_the_calls, .timeout = 60)
{
    nng_sockaddr here, there;
    nng_udp *from = open_socket(&here), *to = open_socket(&there);
    char got[MANY][32], sent[MANY][32];
    nng_aio *receives[MANY], *sends[MANY];
    for (int i = 0; i < MANY; i++) {
        receives[i] = new_aio(got[i], sizeof got[i], NULL);
        nng_udp_recv(to, receives[i]);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(sent[i], sizeof sent[i], "number %d", i);
        sends[i] = new_aio(sent[i], strlen(sent[i]) + 1, &there);
        nng_udp_send(from, sends[i]);
    }
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(result(sends[i]), 0);
        cr_assert_eq(result(receives[i]), 0);
        cr_assert_str_eq(got[i], sent[i]);
        nng_aio_free(sends[i]);
        nng_aio_free(receives[i]);
    }
    nng_udp_close(from);
    nng_udp_close(to);
}

Test(udp, scattered_empty_and_too_long, .timeout = 60)
{
    nng_sockaddr here, there;
    nng_udp *from = open_socket(&here), *to = open_socket(&there);
    char head[4] = "", rest[4] = "";
    nng_iov two[] = { { head, 4 }, { rest, 4 } };
    nng_aio *aio = new_aio(head, 4, NULL);

    cr_assert_eq(send_to(from, &there, "", 0), 0);
    nng_udp_recv(to, aio);
    cr_assert_eq(result(aio), 0);
    cr_assert_eq(nng_aio_count(aio), 0);

    nng_aio_set_iov(aio, 2, two);
    cr_assert_eq(send_to(from, &there, "abcdefg", 7), 0);
    nng_udp_recv(to, aio);
    cr_assert_eq(result(aio), 0);
    cr_assert_eq(nng_aio_count(aio), 7);
    cr_assert_arr_eq(head, "abcd", 4);
    cr_assert_arr_eq(rest, "efg", 3);

    for (int waits = 0; waits < 2; waits++) { /* and what was cut off does not come later */
        if (waits) {
            nng_udp_recv(to, aio);
        }
        cr_assert_eq(send_to(from, &there, "0123456789", 10), 0);
        if (!waits) {
            nng_udp_recv(to, aio);
        }
        cr_assert_eq(result(aio), NNG_EMSGSIZE);
        cr_assert_eq(nng_aio_count(aio), 8);
        cr_assert_arr_eq(rest, "4567", 4);
    }
    cr_assert_eq(send_to(from, &there, "next", 4), 0);
    nng_udp_recv(to, aio);
    cr_assert_eq(result(aio), 0);
    cr_assert_arr_eq(head, "next", 4);
    nng_aio_free(aio);
    nng_udp_close(from);
    nng_udp_close(to);
}

Test(udp, ipv6, .timeout = 60)
{
    nng_sockaddr sa = { .s_in6 = { .sa_family = NNG_AF_INET6 } }, from = { 0 };
    sa.s_in6.sa_addr[15] = 1;
    nng_udp *udp;
    char text[8];
    int err = nng_udp_open(&udp, &sa);
    if (err == NNG_ENOTSUP || err == NNG_EADDRINVAL) {
        cr_skip_test("no IPv6 here");
    }
    cr_assert_eq(err, 0);
    cr_assert_eq(nng_udp_sockname(udp, &sa), 0);
    nng_aio *aio = new_aio(text, sizeof text, &from);
    nng_udp_recv(udp, aio);
    cr_assert_eq(send_to(udp, &sa, "six", 3), 0);
    cr_assert_eq(result(aio), 0);
    cr_assert_eq(from.s_family, NNG_AF_INET6);
    cr_assert_eq(from.s_in6.sa_port, sa.s_in6.sa_port);
    cr_assert_arr_eq(from.s_in6.sa_addr, sa.s_in6.sa_addr, sizeof sa.s_in6.sa_addr);
    nng_aio_free(aio);
    nng_udp_close(udp);
}

/* ---- Early ends --------------------------------------------------------------------------- */

Test(udp, cancelled_and_timed_out, .timeout = 60)
{
    nng_sockaddr here;
    nng_udp *udp = open_socket(&here);
    char text[3][8];
    nng_aio *first = new_aio(text[0], 8, NULL), *second = new_aio(text[1], 8, NULL);
    nng_aio *third = new_aio(text[2], 8, NULL);
    nng_aio_set_timeout(second, 10);
    nng_udp_recv(udp, first);
    nng_udp_recv(udp, second);
    nng_udp_recv(udp, third);
    cr_assert_eq(result(second), NNG_ETIMEDOUT); /* by now the kernel has the first */
    nng_aio_abort(first, NNG_EPERM);
    cr_assert_eq(result(first), NNG_EPERM);
    cr_assert_eq(nng_aio_count(first), 0);
    cr_assert_eq(send_to(udp, &here, "3", 1), 0);
    cr_assert_eq(result(third), 0);
    cr_assert_eq(text[2][0], '3');
    nng_aio_set_timeout(first, NNG_DURATION_ZERO);
    nng_udp_recv(udp, first);
    cr_assert_eq(result(first), NNG_ETIMEDOUT);
    nng_aio_free(first);
    nng_aio_free(second);
    nng_aio_free(third);
    nng_udp_close(udp);
}

Test(udp, the_port_is_free_when_all_have_ended, .timeout = 60)
{
    nng_sockaddr here;
    nng_udp *udp = open_socket(&here);
    char text[2][8];
    nng_aio *receives[] = { new_aio(text[0], 8, NULL), new_aio(text[1], 8, NULL) };
    for (int i = 0; i < 200; i++) {
        int n = i % 3;
        for (int k = 0; k < n; k++) {
            nng_udp_recv(udp, receives[k]);
        }
        if (i % 2 != 0) { /* now and then the kernel has it already */
            nng_msleep(1);
        }
        nng_udp_close(udp);
        for (int k = 0; k < n; k++) {
            cr_assert_eq(result(receives[k]), NNG_ECLOSED);
        }
        cr_assert_eq(nng_udp_open(&udp, &here), 0);
    }
    nng_aio_free(receives[0]);
    nng_aio_free(receives[1]);
    nng_udp_close(udp);
}

Test(udp, open_when_the_library_ends, .timeout = 60)
{
    nng_sockaddr here;
    nng_udp *udp = open_socket(&here), *idle = open_socket(&here);
    char text[8];
    nng_aio *aio = new_aio(text, 8, NULL);
    nng_udp_recv(udp, aio);
    nng_fini();
    cr_assert_eq(result(aio), NNG_ECLOSED);
    cr_assert_eq(nng_udp_sockname(udp, &here), NNG_ECLOSED);
    nng_aio_free(aio);
    nng_udp_close(udp);
    nng_udp_close(idle);
    nng_udp_close(NULL);
}

/* ---- What is refused ---------------------------------------------------------------------- */

Test(udp, bad_addresses, .timeout = 60)
{
    static char text[65508];
    nng_sockaddr here, six = { .s_in6 = { .sa_family = NNG_AF_INET6 } };
    nng_sockaddr path = { .s_ipc = { NNG_AF_IPC, "/tmp/bogus" } };
    nng_sockaddr elsewhere = in("192.0.2.1", 0);
    nng_udp *udp = open_socket(&here), *other;
    cr_assert_eq(nng_udp_open(&other, NULL), NNG_EADDRINVAL);
    cr_assert_eq(nng_udp_open(&other, &path), NNG_EADDRINVAL);
    cr_assert_eq(nng_udp_open(&other, &elsewhere), NNG_EADDRINVAL);
    cr_assert_eq(nng_udp_open(&other, &here), NNG_EADDRINUSE);

    cr_assert_eq(send_to(udp, NULL, "x", 1), NNG_EADDRINVAL);
    cr_assert_eq(send_to(udp, &path, "x", 1), NNG_EADDRINVAL);
    cr_assert_eq(send_to(udp, &six, "x", 1), NNG_ENOTSUP);
    cr_assert_eq(send_to(udp, &here, text, sizeof text), NNG_EMSGSIZE);
    cr_assert_eq(send_to(udp, &here, NULL, 1), NNG_EINVAL);
    nng_udp_close(udp);
}

Test(udp, groups, .timeout = 60)
{
    nng_sockaddr here, group = in("224.0.0.251", 0), single = in("10.0.0.1", 0);
    nng_sockaddr six = { .s_in6 = { .sa_family = NNG_AF_INET6, .sa_addr = { 0xff, 2 } } };
    nng_udp *udp = open_socket(&here);
    cr_assert_eq(nng_udp_multicast_membership(udp, &group, true), 0);
    cr_assert_eq(nng_udp_multicast_membership(udp, &group, false), 0);
    cr_assert_eq(nng_udp_multicast_membership(udp, &group, false), NNG_EADDRINVAL);
    cr_assert_eq(nng_udp_multicast_membership(udp, &single, true), NNG_EINVAL);
    cr_assert_eq(nng_udp_multicast_membership(udp, &six, true), NNG_EADDRINVAL);
    cr_assert_eq(nng_udp_multicast_membership(udp, NULL, true), NNG_EADDRINVAL);
    nng_udp_close(udp);
}
