/* SPDX-License-Identifier: MIT */
/*
 * UNIX sockets for tests that know ports only: NU_TESTS_UNIX names a directory, in which the socket
 * of a port is. Ports are counted up; they are of one process.
 */
#ifndef NU_TESTS_SUPPORT_UNIX_PLACE_H
#define NU_TESTS_SUPPORT_UNIX_PLACE_H

#include <nng/nng.h>
#include <stdbool.h>
#include <sys/un.h>

/* Whether the tests that can run over UNIX sockets are to do so: NU_TESTS_UNIX is set. */
bool t_unix_wanted(void);

/* A port that nobody has had. */
unsigned t_unix_port(void);

/* Where the socket of that port is. */
struct sockaddr_un t_unix_address(unsigned port);

/* The URL of that, for servers and clients. */
nng_url *t_unix_url(unsigned port);

#endif
