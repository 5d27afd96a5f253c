/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/transport/inproc/inproc.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tcp/tcp.h>
#include <nng/transport/tls/tls.h>
#include <nng/transport/ws/websocket.h>
#include <nng/transport/zerotier/zerotier.h>
#include <sys/resource.h>
#include <unistd.h>

Test(socket_pair, both_ways, .timeout = 10)
{
    int fds[2];
    char byte;
    cr_assert_eq(nng_socket_pair(fds), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(write(fds[i], "x", 1), 1);
        cr_assert_eq(read(fds[1 - i], &byte, 1), 1);
        cr_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
    }
    close(fds[0]);
    cr_assert_eq(read(fds[1], &byte, 1), 0);
    close(fds[1]);
}

Test(socket_pair, no_descriptors, .timeout = 10)
{
    int fds[2];
    struct rlimit was, none;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = (struct rlimit){ 0, was.rlim_max };
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int err = nng_socket_pair(fds);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    cr_assert_eq(err, NNG_ENOFILES);
}

Test(socket_pair, transports_are_registered, .timeout = 10)
{
    cr_assert_eq(nng_inproc_register(), 0);
    cr_assert_eq(nng_ipc_register(), 0);
    cr_assert_eq(nng_tcp_register(), 0);
    cr_assert_eq(nng_tls_register(), 0);
    cr_assert_eq(nng_ws_register(), 0);
    cr_assert_eq(nng_wss_register(), 0);
    cr_assert_eq(nng_zt_register(), NNG_ENOTSUP);
}
