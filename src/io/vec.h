/* SPDX-License-Identifier: MIT */
/* Scatter/gather vectors as the kernel takes them. */
#ifndef NU_IO_VEC_H
#define NU_IO_VEC_H

#include <stddef.h>
#include <sys/uio.h>

/*
 * Copies what is left of a vector after `skip` bytes, without empty entries, and no more than one
 * call can move (the kernel refuses vectors that sum past SSIZE_MAX). `to` has room for n entries.
 * Returns the entries in it. Any thread.
 */
unsigned nu_vec_copy(struct iovec *to, const struct iovec *from, unsigned n, size_t skip);

/* Copies as many of the n bytes at p as there is room for behind the first `skip`; returns how
 * many.
 */
size_t nu_vec_put(const struct iovec *iov, unsigned niov, size_t skip, const void *p, size_t n);

/* What lies together from that place on; empty behind the end. */
struct iovec nu_vec_piece(const struct iovec *iov, unsigned niov, size_t at);

/* The byte at that place, which the vector has. */
unsigned char nu_vec_byte(const struct iovec *iov, size_t at);

#endif
