/* SPDX-License-Identifier: MIT */
#include "net/address.h"

#include <stdio.h>

const char *nng_str_sockaddr(const nng_sockaddr *sa, char *buf, size_t bufsz)
{
    switch (sa->s_family) {
    case NNG_AF_INPROC:
        snprintf(buf, bufsz, "inproc[%.*s]", NNG_MAXADDRLEN, sa->s_inproc.sa_name);
        break;
    case NNG_AF_IPC:
        snprintf(buf, bufsz, "%.*s", NNG_MAXADDRLEN, sa->s_ipc.sa_path);
        break;
    case NNG_AF_ABSTRACT:
        snprintf(buf, bufsz, "abstract[%.*s]", (int) sizeof(sa->s_abstract.sa_name),
                 (const char *) sa->s_abstract.sa_name);
        break;
    case NNG_AF_ZT:
        snprintf(buf, bufsz, "ZT[%llx:%llx:%u]", (unsigned long long) sa->s_zt.sa_nodeid,
                 (unsigned long long) sa->s_zt.sa_nwid, sa->s_zt.sa_port);
        break;
    default:
        nu_address_print(sa, buf, bufsz);
        break;
    }
    return buf;
}
