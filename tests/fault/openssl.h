/* SPDX-License-Identifier: MIT */
/*
 * OpenSSL's part of wrap.h: its allocations, all of them, and the calls that the library and the
 * tests make of it that can fail.
 */
#ifndef NU_TESTS_FAULT_OPENSSL_H
#define NU_TESTS_FAULT_OPENSSL_H

/* Blocks that OpenSSL has; -1: it had some before we came, so that they are not ours to count. */
long t_openssl_blocks(void);

#endif
