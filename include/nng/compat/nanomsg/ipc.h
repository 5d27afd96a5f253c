/* SPDX-License-Identifier: MIT */
/* nanomsg's UNIX sockets. */
#ifndef NNG_COMPAT_IPC_H
#define NNG_COMPAT_IPC_H

#define NN_IPC (-2)

#define NN_IPC_SEC_ATTR 1
#define NN_IPC_OUTBUFSZ 2
#define NN_IPC_INBUFSZ 3

#endif
