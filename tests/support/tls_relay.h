/* SPDX-License-Identifier: MIT */
/*
 * TLS for tests that know plain sockets only: a thread that speaks TLS on one socket and plain text
 * on the other, and passes on ends and resets both ways.
 */
#ifndef NU_TESTS_SUPPORT_TLS_RELAY_H
#define NU_TESTS_SUPPORT_TLS_RELAY_H

#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>

/* Whether the tests that can run over TLS are to do so: NU_TESTS_TLS is set. */
bool t_tls_wanted(void);

/* Takes over a connected socket whose other end speaks TLS, and starts the thread, as the server
 * or the client of the handshake. Returns the plain end; `buffer` is the size of its buffers, 0
 * what the kernel likes. The thread ends with either socket. */
int t_tls_relay(int fd, bool server, int buffer);

/* Until all threads have done their handshakes. */
void t_tls_relay_await_handshakes(void);

/* Descriptors that the threads have. */
unsigned t_tls_relay_fds(void);

/* For the other end: a server's configuration with a certificate for localhost and 127.0.0.1, and a
 * client's that takes any. */
nng_tls_config *t_tls_server_config(void);
nng_tls_config *t_tls_client_config(void);

#endif
