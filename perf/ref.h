/* SPDX-License-Identifier: MIT */
/*
 * What the two reference servers share. They are the practical limit for an HTTP server on a
 * kernel: a request is whatever ends with a blank line, and each is answered with the same bytes
 * from memory, of the same form as a static handler's of the library.
 */
#ifndef NU_PERF_REF_H
#define NU_PERF_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define REF_CONNS 16384 /* connections at once; their number is their index */
#define REF_GATHER 64   /* responses in one write, at most */

struct ref_options {
    unsigned port;
    size_t body;       /* bytes of it */
    bool send;         /* io_uring: SEND in place of WRITEV */
    bool direct;       /* io_uring: direct descriptors */
    bool mix;          /* io_uring: requests come as the generator's -x sends them */
    unsigned per_conn; /* io_uring: closes after that many responses; 0: never */
};

/* The response: `repeats` of them one behind the other, and a vector of REF_GATHER of them. */
struct ref_response {
    char *bytes;
    size_t len; /* of one */
    unsigned repeats;
    struct iovec each[REF_GATHER];
};

/* -p PORT (0: any), -b BYTES of body, -s: send, -d: direct, -x: mix, -k: REQUESTS per connection.
 * Exits when misused. */
void ref_parse(int argc, char **argv, struct ref_options *options);

/* Exits with a message that says what failed, and with which errno. */
_Noreturn void ref_die(const char *what, int err);

/* Sets *response up for good. */
void ref_prepare(struct ref_response *response, size_t body);

/* A listener on 127.0.0.1 with TCP_NODELAY, which accepted sockets inherit. Prints the port. */
int ref_listen(unsigned port, int flags);

/* The requests that end in these bytes; *tail has the last bytes before them, 0 at the start. */
unsigned ref_requests(uint32_t *tail, const uint8_t *data, size_t len);

/* How many requests end with that many blank lines when they come as the generator's -x sends them:
 * every third is in chunks and ends with its second one. *phase is 0 at the start. */
unsigned ref_mixed(unsigned *phase, unsigned blanks);

/* What to write next when that many bytes are owed: one piece, */
struct iovec ref_piece(const struct ref_response *response, size_t owed);

/* or a vector; *piece is where it is kept if it is a part of a response. Returns its length. */
unsigned ref_vector(const struct ref_response *response, size_t owed, struct iovec *piece,
                    const struct iovec **iov);

#endif
