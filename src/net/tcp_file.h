/* SPDX-License-Identifier: MIT */
/*
 * Sending a part of a file from the page cache, without a copy: what a write of the kind
 * NU_WRITE_FILE does in place of WRITEV. Owner thread only, all of it.
 *
 * Such a write's aio->io has the vector that goes first, which may be empty, and the file
 * (net/stream.h); its total counts both. The pages themselves are sent, so a change to the file may
 * still be seen in what is on its way.
 */
#ifndef NU_NET_TCP_FILE_H
#define NU_NET_TCP_FILE_H

#include "net/tcp.h"

/* For tcp_write.c: writes what there is room for; `later`: there was none before. 0 when it is
 * over, NU_PENDING when the rest needs room, else the NNG error that it fails with. */
int nu_tcp_file_step(struct nu_tcp *tcp, struct nu_aio_io *io, bool later);

/* After the last step. */
void nu_tcp_file_end(struct nu_tcp *tcp);

#endif
