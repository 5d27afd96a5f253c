/* SPDX-License-Identifier: MIT */
#include "net/dialer.h"

#include "support/aio_probe.h"
#include "support/owner.h"
#include "support/peer.h"
#include "support/proc.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(dialer, .timeout = 30);

static atomic_int dialed_fd;

/* Makes something of the socket; the test closes it. */
static int keep(void *arg, struct nu_loop *loop, int fd, void **made)
{
    (void) arg;
    cr_assert_eq(loop, nu_loop_self());
    atomic_store(&dialed_fd, fd);
    *made = &dialed_fd;
    return 0;
}

static int refuse(void *arg, struct nu_loop *loop, int fd, void **made)
{
    (void) arg;
    (void) loop;
    (void) made;
    close(fd);
    return NNG_ENOMEM;
}

static void dial(struct t_aio_probe *track, const char *host, unsigned port,
                 int (*dialed)(void *arg, struct nu_loop *loop, int fd, void **made))
{
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    cr_assert(nng_aio_begin(track->aio));
    struct nu_dial_user user = { .dialed = dialed };
    nu_dial(track->aio, t_a_loop(0), host, text, AF_UNSPEC, &user);
}

Test(dialer, hands_the_socket_over)
{
    struct t_aio_probe track;
    unsigned port;
    int listener = nu_listen(&port, 0);
    t_aio_probe_open(&track, NU_CALLED);
    dial(&track, "127.0.0.1", port, keep);
    t_aio_probe_assert(&track, 1, 0);
    cr_assert_eq(nng_aio_get_output(track.aio, 0), &dialed_fd);
    cr_assert_eq(nng_aio_count(track.aio), 0);
    int fd = atomic_load(&dialed_fd);
    cr_assert_eq(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    close(fd);
    t_aio_probe_close(&track);
    close(listener);
}

/* When there is no memory for it, the socket is closed. */
Test(dialer, nothing_made_of_it)
{
    struct t_aio_probe track;
    unsigned port;
    int listener = nu_listen(&port, 0);
    t_aio_probe_open(&track, NU_CALLED);
    unsigned fds = t_proc_fds();
    for (int i = 1; i <= 10; i++) {
        dial(&track, "127.0.0.1", port, refuse);
        t_aio_probe_assert(&track, i, NNG_ENOMEM);
        cr_assert_null(nng_aio_get_output(track.aio, 0));
    }
    t_proc_await_fds(fds);
    t_aio_probe_close(&track);
    close(listener);
}

/* One address of a name after the other: nobody listens on ::1 here. */
Test(dialer, next_address)
{
    struct t_aio_probe track;
    unsigned port;
    int listener = nu_listen(&port, 0);
    t_aio_probe_open(&track, NU_CALLED);
    for (int i = 1; i <= 10; i++) {
        dial(&track, "localhost", port, keep);
        t_aio_probe_assert(&track, i, 0);
        close(atomic_load(&dialed_fd));
    }
    t_aio_probe_close(&track);
    close(listener);
}

Test(dialer, nonsense)
{
    struct t_aio_probe track;
    t_aio_probe_open(&track, NU_CALLED);
    dial(&track, "127.0.0.1", 65536, keep);
    t_aio_probe_assert(&track, 1, NNG_EADDRINVAL);
    dial(&track, "a b", 80, keep);
    nng_aio_wait(track.aio);
    cr_assert_neq(nng_aio_result(track.aio), 0);
    t_aio_probe_close(&track);
}
