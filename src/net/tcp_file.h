/* SPDX-License-Identifier: MIT */
/*
 * Sending a part of a file from the page cache, without a copy: what a write of the kind
 * NU_WRITE_FILE does in place of WRITEV. Owner thread only, all of it.
 *
 * Such a write's aio->io has the vector that goes first, which may be empty, and `file`; its total
 * counts both. The pages themselves are sent, so a change to the file may still be seen in what is
 * on its way. A file that ends too early ends the write with an error.
 *
 * The loop would wait for pages that must be read from the disk. That they are in the page cache is
 * for the caller to see to. Where they have left it while the write waited for room, it ends well,
 * but short.
 */
#ifndef NU_NET_TCP_FILE_H
#define NU_NET_TCP_FILE_H

#include "net/tcp.h"

/* A part of a file. It stays as it is, and the descriptor open, until the write has ended. */
struct nu_tcp_file {
    int fd;
    uint64_t from;
    size_t len;
};

/* For tcp_write.c: writes what there is room for; `later`: there was none before. 0 when it is
 * over, EAGAIN when the rest needs room, else the errno that it fails with. */
int nu_tcp_file_step(struct nu_tcp *tcp, struct nu_aio_io *io, bool later);

/* After the last step. */
void nu_tcp_file_end(struct nu_tcp *tcp);

#endif
