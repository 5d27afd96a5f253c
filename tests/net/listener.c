/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include "support/owner.h"
#include "support/proc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

TestSuite(listener, .timeout = 30, .fini = nng_fini);

static void any_port(struct sockaddr_storage *ss)
{
    struct sockaddr_in *sin = (struct sockaddr_in *) ss;
    *ss = (struct sockaddr_storage){ .ss_family = AF_INET };
    sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void close_all(const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        close(fds[i]);
    }
}

/* ---- Binding ------------------------------------------------------------------------------ */

Test(listener, bind_several_to_one_port)
{
    struct sockaddr_storage ss, name;
    socklen_t len = sizeof name;
    int fds[4];
    any_port(&ss);
    cr_assert_eq(nu_listen_bind(fds, 4, &ss, false, false), 0);
    in_port_t port = ((struct sockaddr_in *) &ss)->sin_port;
    cr_assert_neq(port, 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(getsockname(fds[i], (struct sockaddr *) &name, &len), 0);
        cr_assert_eq(((struct sockaddr_in *) &name)->sin_port, port);
    }
    close_all(fds, 4);
}

Test(listener, bind_in_use)
{
    struct sockaddr_storage ss;
    int fds[2], others[2];
    unsigned open = t_proc_fds();
    any_port(&ss);
    cr_assert_eq(nu_listen_bind(fds, 2, &ss, false, false), 0);
    for (unsigned n = 1; n <= 2; n++) {
        cr_assert_eq(nu_listen_bind(others, n, &ss, false, false), NNG_EADDRINUSE);
    }
    close_all(fds, 2);
    cr_assert_eq(nu_listen_bind(others, 2, &ss, false, false), 0); /* free again at once */
    close_all(others, 2);
    cr_assert_eq(t_proc_fds(), open);
}

Test(listener, bind_to_nowhere)
{
    struct sockaddr_storage ss;
    int fd;
    any_port(&ss);
    ((struct sockaddr_in *) &ss)->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
    cr_assert_eq(nu_listen_bind(&fd, 1, &ss, false, false), NNG_EADDRINVAL);
}

/* ---- Accepting ---------------------------------------------------------------------------- */

struct place {
    struct nu_listener listener;
    atomic_int room; /* connections that are taken yet; below 0: any number */
    struct sockaddr_storage ss;
    int fd;
    atomic_int accepted, gone;
    atomic_bool idle; /* its op was seen to be */
};

static void accepted(struct nu_listener *listener, int fd)
{
    struct place *p = (struct place *) listener;
    cr_assert_eq(nu_loop_self(), listener->loop);
    close(fd);
    atomic_fetch_add(&p->accepted, 1);
    if (atomic_load(&p->room) > 0) {
        atomic_fetch_sub(&p->room, 1);
    }
}

static bool may_accept(struct nu_listener *listener)
{
    return atomic_load(&((struct place *) listener)->room) != 0;
}

static void gone(struct nu_listener *listener)
{
    atomic_fetch_add(&((struct place *) listener)->gone, 1);
}

static void start(void *arg)
{
    nu_listener_start(arg);
}

static void stop(void *arg)
{
    nu_listener_stop(arg);
}

static void make_place(struct place *p)
{
    *p = (struct place){ .listener = { .accepted = accepted, .gone = gone }, .room = -1 };
    p->listener.may_accept = may_accept;
    any_port(&p->ss);
    cr_assert_eq(nu_listen_bind(&p->fd, 1, &p->ss, false, false), 0);
    nu_listener_init(&p->listener, t_a_loop(0), p->fd);
}

static void open_place(struct place *p)
{
    make_place(p);
    t_run_on(p->listener.loop, start, &p->listener);
}

static void close_place(struct place *p)
{
    t_run_on(p->listener.loop, stop, &p->listener);
    while (atomic_load(&p->gone) == 0) {
        usleep(200);
    }
    cr_assert_eq(atomic_load(&p->gone), 1);
}

static int dial(const struct place *p)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *) &p->ss, sizeof(struct sockaddr_in)), 0);
    return fd;
}

static void await_accepted(struct place *p, int n)
{
    while (atomic_load(&p->accepted) < n) {
        usleep(200);
    }
}

Test(listener, accepts_until_it_is_stopped)
{
    struct place p;
    open_place(&p);
    unsigned open = t_proc_fds();
    for (int i = 0; i < 200; i++) {
        close(dial(&p));
    }
    await_accepted(&p, 200);
    cr_assert_eq(t_proc_fds(), open);
    close_place(&p);
    cr_assert_eq(t_proc_fds(), open - 1); /* its own is closed */
}

Test(listener, stopped_idle)
{
    for (int i = 0; i < 50; i++) {
        struct place p;
        open_place(&p);
        close_place(&p);
    }
}

/* Out of descriptors, it waits for some to come back, and does not spin meanwhile. */
Test(listener, out_of_descriptors)
{
    struct place p;
    struct timespec before, after;
    int fds[5];
    t_proc_limit_fds();
    open_place(&p);
    for (int i = 0; i < 5; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    }
    t_proc_take_fds();
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(connect(fds[i], (struct sockaddr *) &p.ss, sizeof(struct sockaddr_in)), 0);
    }
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    usleep(200000);
    cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    cr_assert_lt(after.tv_sec * 1000 + after.tv_nsec / 1000000,
                 before.tv_sec * 1000 + before.tv_nsec / 1000000 + 100);
    cr_assert_eq(atomic_load(&p.accepted), 0);
    t_proc_give_fds();
    await_accepted(&p, 5);
    close_all(fds, 5);
    close_place(&p);
}

/* Stopped while it waits for descriptors. */
Test(listener, stopped_out_of_descriptors)
{
    struct place p;
    t_proc_limit_fds();
    open_place(&p);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    t_proc_take_fds();
    cr_assert_eq(connect(fd, (struct sockaddr *) &p.ss, sizeof(struct sockaddr_in)), 0);
    usleep(20000);
    close_place(&p);
    t_proc_give_fds();
    close(fd);
}

/* Connects while nothing is reaped, then stops: what the kernel has accepted by then is nobody's.
 */
static void connect_and_stop(void *arg)
{
    struct place *p = arg;
    int fds[8];
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(p);
    }
    nu_loop_flush(p->listener.loop); /* now the kernel accepts */
    nu_listener_stop(&p->listener);
    close_all(fds, 8);
}

Test(listener, stopped_amid_connects)
{
    struct place p;
    open_place(&p);
    close_place(&p);
    unsigned open = t_proc_fds();
    for (int i = 0; i < 20; i++) {
        open_place(&p);
        t_run_on(p.listener.loop, connect_and_stop, &p);
        while (atomic_load(&p.gone) == 0) {
            usleep(200);
        }
        cr_assert_eq(t_proc_fds(), open);
    }
}

static void look_at_op(void *arg)
{
    struct place *p = arg;
    atomic_store(&p->idle, p->listener.op.state == NU_OP_IDLE);
}

static void await_idle(struct place *p)
{
    for (atomic_store(&p->idle, false); !atomic_load(&p->idle); usleep(200)) {
        t_run_on(p->listener.loop, look_at_op, p);
    }
}

/* The accept that was cancelled for want of room ends with a connection, and there is room again.
 */
static void end_full_accept(void *arg)
{
    struct place *p = arg;
    p->listener.full = true;
    p->listener.op.done(&p->listener.op, socket(AF_INET, SOCK_STREAM, 0), 0);
}

Test(listener, full_again_after_a_last_accept)
{
    struct place p;
    int fds[6];
    make_place(&p);
    t_run_on(p.listener.loop, end_full_accept, &p);
    cr_assert_eq(atomic_load(&p.accepted), 1);
    atomic_store(&p.room, 2);
    for (int i = 0; i < 6; i++) {
        fds[i] = dial(&p);
        if (i < 2) {
            await_accepted(&p, 2 + i);
        }
        if (i >= 1) {
            await_idle(&p); /* the cancellation is through */
        }
    }
    cr_assert_eq(atomic_load(&p.accepted), 3);
    atomic_store(&p.room, -1);
    await_accepted(&p, 7);
    close_all(fds, 6);
    close_place(&p);
}
