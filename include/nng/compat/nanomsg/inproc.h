/* SPDX-License-Identifier: MIT */
/* nanomsg's sockets within a process. */
#ifndef NNG_COMPAT_INPROC_H
#define NNG_COMPAT_INPROC_H

#define NN_INPROC (-1)

#endif
