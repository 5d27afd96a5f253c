/* SPDX-License-Identifier: MIT */
/* Transports were once to be registered; programs of that time still do so. */
#include <nng/transport/inproc/inproc.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tcp/tcp.h>
#include <nng/transport/tls/tls.h>
#include <nng/transport/ws/websocket.h>
#include <nng/transport/zerotier/zerotier.h>

int nng_inproc_register(void)
{
    return 0;
}

int nng_ipc_register(void)
{
    return 0;
}

int nng_tcp_register(void)
{
    return 0;
}

int nng_tls_register(void)
{
    return 0;
}

int nng_ws_register(void)
{
    return 0;
}

int nng_wss_register(void)
{
    return 0;
}

int nng_zt_register(void)
{
    return NNG_ENOTSUP;
}
