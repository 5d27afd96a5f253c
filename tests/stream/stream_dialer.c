/* SPDX-License-Identifier: MIT */
/*
 * Dialing a UNIX socket whose backlog is full: nothing tells when there is room, and yet it is
 * waited for, as for an answer over TCP.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <nng/nng.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT 120000 /* ms; nothing takes as long */
#define MOMENT 100   /* ms */

static struct sockaddr_un name;
static char address[128];
static int listener, waiting[8]; /* those that fill the backlog */
static unsigned nwaiting;
static nng_stream_dialer *dialer;
static nng_aio *aio;

static void fill_backlog(void)
{
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(fd, (struct sockaddr *) &name, sizeof name) != 0) {
            cr_assert_eq(errno, EAGAIN);
            close(fd);
            return;
        }
        cr_assert_lt(nwaiting, sizeof waiting / sizeof *waiting);
        waiting[nwaiting++] = fd;
    }
}

static void open_full(void)
{
    name.sun_family = AF_UNIX;
    snprintf(name.sun_path, sizeof name.sun_path, "/tmp/nng-uring-full-%d", (int) getpid());
    snprintf(address, sizeof address, "ipc://%s", name.sun_path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *) &name, sizeof name), 0);
    cr_assert_eq(listen(listener, 1), 0);
    fill_backlog();
    cr_assert_eq(nng_stream_dialer_alloc(&dialer, address), 0);
    cr_assert_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_aio_set_timeout(aio, LIMIT);
}

static void close_full(void)
{
    nng_aio_free(aio);
    nng_stream_dialer_free(dialer);
    for (unsigned i = 0; i < nwaiting; i++) {
        close(waiting[i]);
    }
    close(listener);
    unlink(name.sun_path);
}

TestSuite(stream_dialer, .init = open_full, .fini = close_full, .timeout = 60);

static void assert_waits(void)
{
    nng_msleep(MOMENT);
    cr_assert(nng_aio_busy(aio), "%s", nng_strerror(nng_aio_result(aio)));
}

static int end(void)
{
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

Test(stream_dialer, waits_for_room)
{
    nng_stream_dialer_dial(dialer, aio);
    assert_waits();
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(end(), 0);
    nng_stream_free(nng_aio_get_output(aio, 0));
    close(fd);
}

Test(stream_dialer, waits_until_its_deadline)
{
    nng_time before = nng_clock();
    nng_aio_set_timeout(aio, MOMENT);
    nng_stream_dialer_dial(dialer, aio);
    cr_assert_eq(end(), NNG_ETIMEDOUT);
    cr_assert_geq(nng_clock() - before, MOMENT);
}

Test(stream_dialer, waits_until_it_is_cancelled)
{
    nng_stream_dialer_dial(dialer, aio);
    assert_waits();
    nng_aio_cancel(aio);
    cr_assert_eq(end(), NNG_ECANCELED);
}

Test(stream_dialer, waits_until_the_listener_is_gone)
{
    nng_stream_dialer_dial(dialer, aio);
    assert_waits();
    close(listener);
    listener = -1;
    cr_assert_eq(end(), NNG_ECONNREFUSED);
}
