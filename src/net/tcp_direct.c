/* SPDX-License-Identifier: MIT */
#include "net/tcp_direct.h"

#include "base/clock.h"
#include "io/try_inline.h"
#include "net/aio_queue.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_EVERY (20 * NU_MS)

/* A read that was begun since then has its thread on the way to wait for it. A thread that waits
 * for longer may as well sleep. */
static void tcp_direct_look(struct nu_timer *timer)
{
    struct nu_tcp_direct *direct = nu_container(timer, struct nu_tcp_direct, look);
    struct nu_tcp *tcp = direct->tcp;
    struct nu_loop *loop = tcp->stream.loop;
    nu_lock(&tcp->stream.lock);
    if (direct->begun == 0 || loop->stopping || tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_direct_end(tcp);
    } else {
        direct->begun = 0;
        nu_timer_arm(&loop->timers, timer, nu_now() + LOOK_EVERY);
    }
    nu_unlock(&tcp->stream.lock);
}

void nu_tcp_direct_begin(struct nu_tcp *tcp, nu_aio_help help)
{
    struct nu_loop *loop = tcp->stream.loop;
    struct nu_tcp_direct *direct = calloc(1, sizeof *direct);
    int fd = direct != NULL ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (fd < 0 || loop->stopping) {
        free(direct);
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    direct->tcp = tcp;
    direct->wake_fd = fd;
    direct->helper.help = help;
    direct->look.fire = tcp_direct_look;
    nu_timer_arm(&loop->timers, &direct->look, nu_now() + LOOK_EVERY);
    tcp->direct = direct;
}

static bool tcp_direct_used(const struct nu_tcp_direct *direct)
{
    return atomic_load(&direct->helper.users) > 0;
}

/* Nobody keeps its deadline until its thread waits, or the owner has looked twice. */
bool nu_tcp_direct_suits(const nng_aio *aio)
{
    return aio->cb == NULL && aio->args != NULL &&
           (aio->deadline == NU_NEVER || aio->deadline > nu_now() + 2 * LOOK_EVERY);
}

bool nu_tcp_direct_free_for(const struct nu_tcp *tcp, const nng_aio *aio)
{
    const struct nu_tcp_direct *direct = tcp->direct;
    return direct != NULL && !direct->over && tcp->reading == NU_TCP_READ_NONE &&
           nu_list_empty(&tcp->stream.reads) && !tcp_direct_used(direct) &&
           nu_tcp_direct_suits(aio);
}

void nu_tcp_direct_offer(struct nu_tcp *tcp, nng_aio *aio)
{
    tcp->direct->begun++;
    tcp->direct->released = false;
    aio->args->helper = &tcp->direct->helper;
}

bool nu_tcp_direct_wait(struct nu_tcp *tcp, uint64_t until)
{
    struct nu_tcp_direct *direct = tcp->direct;
    nu_unlock(&tcp->stream.lock);
    nu_wait_readable(tcp->fd, direct->wake_fd, until);
    nu_lock(&tcp->stream.lock);
    return !direct->released;
}

void nu_tcp_direct_release(struct nu_tcp *tcp)
{
    tcp->reading = NU_TCP_READ_NONE;
    tcp->direct->released = true;
    (void) eventfd_write(tcp->direct->wake_fd, 1);
}

void nu_tcp_direct_end(struct nu_tcp *tcp)
{
    tcp->direct->over = true;
    if (tcp->reading == NU_TCP_READ_DIRECT) {
        nu_tcp_direct_release(tcp);
    }
    nu_tcp_wake(tcp);
}

void nu_tcp_direct_leave(struct nu_tcp *tcp)
{
    struct nu_tcp_direct *direct = tcp->direct;
    eventfd_t count;
    if (direct->released) {
        (void) eventfd_read(direct->wake_fd, &count);
    }
    atomic_fetch_sub(&direct->helper.users, 1);
    if (tcp->stream.life != NU_STREAM_OPEN) {
        nu_tcp_wake(tcp);
    }
}

bool nu_tcp_direct_free(struct nu_tcp *tcp)
{
    struct nu_tcp_direct *direct = tcp->direct;
    if (direct == NULL) {
        return true;
    }
    if (tcp_direct_used(direct)) {
        return false;
    }
    nu_timer_disarm(&tcp->stream.loop->timers, &direct->look);
    close(direct->wake_fd);
    free(direct);
    tcp->direct = NULL;
    return true;
}

bool nu_tcp_direct_over(struct nu_tcp *tcp)
{
    nng_aio *first = nu_aio_queue_first(&tcp->stream.reads);
    if (tcp->direct == NULL || !tcp->direct->over) {
        return false;
    }
    if (first != NULL) {
        nu_aio_drop_helper(first);
    }
    (void) nu_tcp_direct_free(tcp);
    return true;
}
