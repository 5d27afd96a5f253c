/* SPDX-License-Identifier: MIT */
/* Names with several addresses, some of which do not answer, or refuse (RFC 8305). */
#include "net/dialer.h"

#include "base/clock.h"
#include "support/aio_probe.h"
#include "support/names.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(dialer_race, .timeout = 60, .fini = nng_fini);

#define HEAD_START (250 * NU_MS)

/* ---- Places ------------------------------------------------------------------------------- */

static in_port_t port; /* of all of them, so that they can be one name's */

static socklen_t address(struct sockaddr_storage *ss, const char *host)
{
    struct sockaddr_in *in = (struct sockaddr_in *) ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) ss;
    *ss = (struct sockaddr_storage){ .ss_family = AF_INET6 };
    if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_port = port;
        return sizeof *in6;
    }
    ss->ss_family = AF_INET;
    cr_assert_eq(inet_pton(AF_INET, host, &in->sin_addr), 1);
    in->sin_port = port;
    return sizeof *in;
}

static int listen_at(const char *host, int backlog)
{
    struct sockaddr_storage ss;
    socklen_t len = address(&ss, host);
    int on = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &ss, len), 0, "%s: %m", host);
    cr_assert_eq(listen(fd, backlog), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *) &ss, &len), 0);
    port = ((struct sockaddr_in *) &ss)->sin_port; /* where sin6_port is, too */
    return fd;
}

/* A place that drops SYNs: its queue is full. */
struct silence {
    int listener;
    int fillers[4];
};

static void fall_silent(struct silence *s, const char *host)
{
    struct sockaddr_storage ss;
    s->listener = listen_at(host, 0);
    socklen_t len = address(&ss, host);
    for (int i = 0; i < 4; i++) {
        s->fillers[i] = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        cr_assert_geq(s->fillers[i], 0);
        (void) connect(s->fillers[i], (struct sockaddr *) &ss, len);
    }
}

static void end_silence(struct silence *s)
{
    close(s->listener);
    for (int i = 0; i < 4; i++) {
        close(s->fillers[i]);
    }
}

/* ---- Dialling ----------------------------------------------------------------------------- */

static atomic_int dialed_fd;

static int keep(void *arg, struct nu_loop *loop, int fd, void **made)
{
    (void) arg;
    (void) loop;
    atomic_store(&dialed_fd, fd);
    *made = &dialed_fd;
    return 0;
}

static uint64_t begun;

static void dial(struct t_aio_probe *track, const char *names)
{
    char text[16];
    snprintf(text, sizeof text, "%u", ntohs(port));
    begun = nu_now();
    cr_assert(nng_aio_begin(track->aio));
    struct nu_dial_user user = { .dialed = keep };
    nu_dial(track->aio, t_a_loop(0), names, text, AF_UNSPEC, &user);
}

/* Who answered. */
static void assert_peer(const char *host)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    cr_assert_eq(getpeername(atomic_load(&dialed_fd), (struct sockaddr *) &ss, &len), 0);
    const void *addr = ss.ss_family == AF_INET
                           ? (const void *) &((struct sockaddr_in *) &ss)->sin_addr
                           : (const void *) &((struct sockaddr_in6 *) &ss)->sin6_addr;
    cr_assert_str_eq(inet_ntop(ss.ss_family, addr, text, sizeof text), host);
    close(atomic_load(&dialed_fd));
}

Test(dialer_race, the_next_starts_beside_one_that_does_not_answer)
{
    struct silence silence;
    struct t_aio_probe track;
    port = htons((uint16_t) t_port());
    fall_silent(&silence, "127.0.0.2");
    int listener = listen_at("127.0.0.3", 8);
    t_aio_probe_open(&track, NU_CALLED);
    nng_aio_set_timeout(track.aio, 100000);
    dial(&track, "127.0.0.3,127.0.0.2"); /* whoever answers in time is alone */
    t_aio_probe_assert(&track, 1, 0);
    assert_peer("127.0.0.3");
    unsigned open = t_proc_fds();
    uint64_t least = NU_NEVER;
    for (int i = 2; i < 6; i++) {
        dial(&track, "127.0.0.2,127.0.0.3");
        t_aio_probe_assert(&track, i, 0);
        uint64_t took = nu_now() - begun;
        cr_assert_eq(t_proc_fds(), open + 1); /* that of the other is closed by then */
        cr_assert_geq(took, HEAD_START);
        assert_peer("127.0.0.3");
        least = took < least ? took : least;
    }
    cr_assert_lt(least, 3 * HEAD_START); /* on a busy machine one of them is in time, too */
    t_aio_probe_close(&track);
    end_silence(&silence);
    close(listener);
}

/* Ten that refuse cost less than ten times the head start. */
Test(dialer_race, the_next_starts_at_once_when_one_has_failed)
{
    struct t_aio_probe track;
    port = htons((uint16_t) t_port());
    int listener = listen_at("127.0.0.3", 8);
    t_aio_probe_open(&track, NU_CALLED);
    uint64_t least = NU_NEVER;
    int dials = 0;
    while (least >= 9 * HEAD_START && dials < 5) { /* the machine may be busy */
        dial(&track, "127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.7,127.0.0.8,127.0.0.9,127.0.0.10,"
                     "127.0.0.11,127.0.0.12,127.0.0.13,127.0.0.3");
        t_aio_probe_assert(&track, ++dials, 0);
        uint64_t took = nu_now() - begun;
        least = took < least ? took : least;
        assert_peer("127.0.0.3");
    }
    cr_assert_lt(least, 9 * HEAD_START);
    dial(&track, "127.0.0.4,127.0.0.5");
    t_aio_probe_assert(&track, dials + 1, NNG_ECONNREFUSED);
    t_aio_probe_close(&track);
    close(listener);
}

/* The second of the race is the other family's, whatever the resolver's order. */
Test(dialer_race, families_take_turns)
{
    struct silence silence;
    struct t_aio_probe track;
    if (!t_ipv6_here()) {
        cr_skip_test("no IPv6 here");
    }
    port = htons((uint16_t) t_port());
    fall_silent(&silence, "127.0.0.2");
    int v4 = listen_at("127.0.0.3", 8);
    int v6 = listen_at("::1", 8);
    t_aio_probe_open(&track, NU_CALLED);
    dial(&track, "127.0.0.2,127.0.0.3,127.0.0.4,::1");
    t_aio_probe_assert(&track, 1, 0);
    assert_peer("::1");
    t_aio_probe_close(&track);
    end_silence(&silence);
    close(v4);
    close(v6);
}

/* There is one descriptor to be had, and each attempt gives it back before the next needs it. */
Test(dialer_race, a_failed_attempt_is_closed_first)
{
    struct t_aio_probe track;
    t_proc_limit_fds();
    port = htons((uint16_t) t_port());
    int listener = listen_at("127.0.0.3", 8);
    t_aio_probe_open(&track, NU_CALLED);
    dial(&track, "127.0.0.3");
    t_aio_probe_assert(&track, 1, 0);
    int spare = atomic_load(&dialed_fd);
    t_proc_take_fds();
    close(spare);
    dial(&track, "127.0.0.4,127.0.0.5,127.0.0.6,127.0.0.3");
    t_aio_probe_assert(&track, 2, 0);
    t_proc_give_fds();
    assert_peer("127.0.0.3");
    t_aio_probe_close(&track);
    close(listener);
}

static void race_of_two(struct silence silences[2])
{
    port = htons((uint16_t) t_port());
    fall_silent(&silences[0], "127.0.0.2");
    fall_silent(&silences[1], "127.0.0.3");
}

/* However it ends, no descriptor is left when it does. */
Test(dialer_race, deadline_and_abort)
{
    struct silence silences[2];
    struct t_aio_probe track;
    race_of_two(silences);
    t_aio_probe_open(&track, NU_CALLED);
    unsigned open = 0;
    for (int i = 1; i <= 4; i++) {
        nng_aio_set_timeout(track.aio, i % 2 == 0 ? 350 : NNG_DURATION_INFINITE);
        dial(&track, "127.0.0.2,127.0.0.3");
        if (i % 2 == 1) {
            usleep(i == 1 ? 20000 : 350000); /* one attempt, or two */
            cr_assert_eq(t_aio_probe_calls(&track), i - 1);
            nng_aio_abort(track.aio, NNG_EINTR);
        }
        t_aio_probe_assert(&track, i, i % 2 == 0 ? NNG_ETIMEDOUT : NNG_EINTR);
        open = i == 1 ? t_proc_fds() : open;
        cr_assert_eq(t_proc_fds(), open);
    }
    t_aio_probe_close(&track);
    end_silence(&silences[0]);
    end_silence(&silences[1]);
}

Test(dialer_race, fini_in_the_middle)
{
    struct silence silences[2];
    struct t_aio_probe track;
    race_of_two(silences);
    t_aio_probe_open(&track, NU_CALLED);
    dial(&track, "127.0.0.2,127.0.0.3");
    usleep(300000);
    nng_fini();
    t_aio_probe_assert(&track, 1, NNG_ECLOSED);
    t_aio_probe_close(&track);
    end_silence(&silences[0]);
    end_silence(&silences[1]);
}

/* A host in numbers, in whatever form, does not stand in the queue of names. */
Test(dialer_race, numbers_do_not_queue)
{
    struct t_aio_probe names[8], track;
    port = htons((uint16_t) t_port());
    int listener = listen_at("127.0.0.3", 8);
    for (int i = 0; i < 8; i++) {
        t_aio_probe_open(&names[i], NU_CALLED);
        dial(&names[i], "held");
    }
    t_aio_probe_open(&track, NU_CALLED);
    static const char *const hosts[] = { "127.0.0.3", "127.3", "0x7f000003", "::ffff:127.0.0.3" };
    for (int i = 0; i < 4; i++) {
        dial(&track, hosts[i]);
        t_aio_probe_assert(&track, i + 1, 0);
        close(atomic_load(&dialed_fd));
    }
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(t_aio_probe_calls(&names[i]), 0);
        nng_aio_cancel(names[i].aio);
        t_aio_probe_assert(&names[i], 1, NNG_ECANCELED);
        t_aio_probe_close(&names[i]);
    }
    for (int i = 0; i < 8; i++) {
        sem_post(&t_names_released); /* all are given up, so the answers are nobody's */
    }
    t_aio_probe_close(&track);
    close(listener);
}
