/* SPDX-License-Identifier: MIT */
/* Connected sockets, and bytes that can be accounted for. What does not come off is broken. */
#ifndef NU_CHECK_SOCKETS_H
#define NU_CHECK_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Two connected sockets: within the kernel, where nothing happens late, or over loopback. Their
 * buffers are of fixed size; those of a tight pair are as small as can be. */
void nu_pair(int fd[2]);
void nu_tight_pair(int fd[2]);
void nu_tcp_pair(int fd[2]);

/* A listener on loopback, and a connection to it. The address is 127.0.0.1 and the port. */
int nu_listen(uint16_t *port);
int nu_connect(uint16_t port);

/* Resets what is connected to this socket, and closes it. */
void nu_reset(int fd);

/* Bytes on their way through a socket. Byte i has a value of its own, more or less. */
struct nu_stream {
    int out, in;   /* the two ends */
    uint64_t sent; /* what the sender was told */
    uint64_t received;
};

/* The next n bytes to be sent, n at most NU_STREAM_PIECE. They count when `sent` is raised. */
#define NU_STREAM_PIECE ((size_t) 1 << 20)
struct iovec nu_stream_next(const struct nu_stream *s, size_t n);

/* Sends until there is no room, and none comes by itself. */
void nu_stream_fill(struct nu_stream *s);

/* Receives up to n bytes without waiting, and compares them. How many there were; 0 at the end. */
size_t nu_stream_drain(struct nu_stream *s, size_t n);

/* Receives until the operation of that tag, a write, has ended. Its result. */
struct nu_uring;
int nu_stream_await(struct nu_stream *s, struct nu_uring *u, uint64_t tag);

/* Receives all that was sent, and no byte more. Not while a write is waiting for room. */
void nu_stream_balance(struct nu_stream *s);

#endif
