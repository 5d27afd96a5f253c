/* SPDX-License-Identifier: MIT */
/*
 * A connection of the library and, at its other end, a plain socket that the test plays the peer
 * with. All of these fail the test where something does not work that is not what is tested.
 */
#ifndef NU_TESTS_SUPPORT_PEER_H
#define NU_TESTS_SUPPORT_PEER_H

#include <nng/supplemental/http/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than the buffers of a t_pair_open() connection can hold when the peer does not read. */
#define NU_PLENTY ((size_t) 2 << 20)

struct nu_pair {
    nng_http_conn *conn; /* NULL when closed */
    int fd;              /* the peer's; -1 when closed */
};

/* A listener on 127.0.0.1, with a receive buffer of that size or (0) what the kernel likes; its
 * port goes to *port. */
int nu_listen(unsigned *port, int buffer);

/* A connection to a port of 127.0.0.1. What waits on it for two minutes fails. */
int t_connect(unsigned port);

/* A port that nobody listens at, nor will unless the test does: it is none of those that the kernel
 * chooses for others, and none of another test's. */
unsigned t_port(void);

/* Whether this machine has ::1. */
bool t_ipv6_here(void);

/* The URL of 127.0.0.1:port. */
nng_url *t_url(unsigned port);

/* A client of ours for that. */
nng_http_client *t_client(unsigned port);

/* Connects. The buffers in between are small and of fixed size, */
void t_pair_open(struct nu_pair *pair);

/* or as large as the kernel likes. */
void t_pair_open_wide(struct nu_pair *pair);

/* Connects, with a listener and a client that are there already. */
void t_pair_connect(struct nu_pair *pair, int listener, nng_http_client *client);

/* Sends the bytes of stream `seed` from `from` on until nothing fits any more. Returns how many. */
size_t t_pair_fill(struct nu_pair *pair, size_t from, unsigned seed);

/* Closes what is open. */
void t_pair_close(struct nu_pair *pair);

/* Closes the peer's end so that we are reset; _now() does not wait until we are, so that another
 * thread may free the connection meanwhile; */
void t_pair_reset(struct nu_pair *pair);
void t_pair_reset_now(struct nu_pair *pair);

/* resets us without closing it, for another thread may use it. */
void t_pair_abort(struct nu_pair *pair);

/* Runs fn(arg) on the thread of the loop that `conn` lives on, and waits for it. */
void t_on_owner(nng_http_conn *conn, void (*fn)(void *arg), void *arg);

/* ---- Bytes that can be checked ------------------------------------------------------------ */

/* What byte `i` of stream `seed` is. */
static inline uint8_t t_pattern(size_t i, unsigned seed)
{
    return (uint8_t) (i * 167 + (i >> 8) * 31 + (i >> 16) * 11 + seed * 59);
}

/* `size` bytes from the start of stream `seed`; for free(). */
uint8_t *t_pattern_new(size_t size, unsigned seed);

/* Bytes `from` to `from + n` of the stream `seed` are at p. */
void t_pattern_assert(const uint8_t *p, size_t from, size_t n, unsigned seed);

/* ---- Reading at the peer ------------------------------------------------------------------ */

/* Reads exactly n bytes of stream `seed`, beginning with byte `from`. */
void t_peer_read(int fd, size_t from, size_t n, unsigned seed);

/* Reads to the end of the stream, which is of `seed` and begins with byte `from`. Returns the
 * bytes. */
size_t t_peer_rest(int fd, size_t from, unsigned seed);

/* Closes our end; then the peer must see exactly n bytes more of stream `seed` from byte `from`. */
void t_pair_assert_rest(struct nu_pair *pair, size_t from, size_t n, unsigned seed);

/* A thread that reads stream `seed` to its end, or to a reset. */
struct t_drain {
    int fd;
    unsigned seed;
    atomic_uint pause_us; /* between two reads of at most `chunk` bytes */
    size_t chunk;
    const uint8_t *period; /* not NULL: the stream is this, over and over, and `seed` is not used */
    size_t period_size;
    atomic_size_t bytes;
    pthread_t thread;
};

/* Starts reading as fast as it can; fields that are set say otherwise. */
void t_drain_start(struct t_drain *drain);

/* Waits for the end; returns the bytes. */
size_t t_drain_join(struct t_drain *drain);

#endif
