/* SPDX-License-Identifier: MIT */
/*
 * A TLS connection's state, and what lies between OpenSSL and the stream that carries the records.
 * Only the owner of the loop touches the SSL; application threads put their operations into the
 * queues and wake it.
 *
 * What OpenSSL writes is gathered in `out->next`. When the carrier is free it becomes
 * `out->flight`, which a write of the carrier's sends. Once encrypted a record has its number: it
 * can be neither taken back nor cut. So no more is encrypted than is about to be sent, and what is
 * goes out first, whatever becomes of the aio it came from; and counts as written.
 */
#ifndef NU_TLS_RECORD_H
#define NU_TLS_RECORD_H

#include "base/buf.h"
#include "net/stream.h"
#include "tls/info.h"

#include <nng/supplemental/tls/tls.h>
#include <openssl/ssl.h>

#define NU_TLS_RECORD 16384U /* bytes of plaintext in the largest record */
#define NU_TLS_AHEAD                                                                               \
    ((size_t) 64 * 1024) /* of ciphertext, after which the carrier has to be free again            \
                          */
#define NU_TLS_MARKS 16U /* records on their way, whose ends are remembered */

enum nu_tls_state {
    NU_TLS_HANDSHAKE,
    NU_TLS_OPEN,
    NU_TLS_FAILED, /* stream.end says why; what is owed (an alert) still goes out */
};

/* Where in the ciphertext a record of some aio ends. */
struct nu_tls_mark {
    uint64_t end;
    size_t plain; /* its bytes */
    nng_aio *aio; /* NULL: it has ended already */
};

/* What is on its way to the peer, and all that this takes. */
struct nu_tls_out {
    struct nu_tls *tls;
    struct nu_buf next, flight; /* ciphertext */
    size_t flight_sent;
    struct nu_buf held;       /* plaintext that nu_tls_write_now() could not write at once */
    uint64_t encrypted, sent; /* bytes of ciphertext, since there has been something */
    unsigned first_mark, nmarks;
    struct nu_tls_mark marks[NU_TLS_MARKS]; /* a ring */
    struct iovec iov;
    nng_aio aio; /* the carrier's write */
};

struct nu_tls {
    struct nu_stream stream;

    /* constant */
    struct nu_stream *lower; /* carries the records */
    nng_tls_config *config;  /* held */
    const char *plain_reply; /* what a client is told that does not speak TLS; NULL: nothing */
    const char *alpn;        /* a server's: what is spoken unless the configuration says, or NULL */
    bool read_ahead;         /* what comes is decrypted before anybody asks for it */
    void (*wrote)(void *tls); /* what `out->aio` ends with */

    /* under lock */
    bool abortive;    /* what the peer has not received may be thrown away */
    bool released;    /* it was closed by its user: the memory may go */
    bool wake_posted; /* `wake` is posted */
    enum nu_tls_state state;
    int write_end; /* the error that writes end with; 0: they go on */
    struct nu_tls_facts facts;
    struct nu_task wake;

    /* the owner's alone */
    SSL *ssl;
    struct nu_resume_place *resume; /* a client's, or NULL */
    bool receiving;                 /* `rx` is under way: nothing is left to decrypt */
    bool sending;                   /* `out->aio` is */
    bool ending;         /* the peer is to be told that no more will follow, once it can be */
    bool close_notified; /* the peer is told that no more will follow */
    bool finished;       /* and so is its kernel */
    bool lower_closed;
    bool expects_tickets;               /* the server's may still come: nothing was decrypted yet */
    bool lingering;                     /* until linger_until, for the peer to have what was sent */
    uint64_t linger_until, linger_look; /* a time, and how long to the next look */
    int lower_end;    /* what the carrier's reads have ended with; 0: they go on */
    unsigned chatter; /* handshake messages since there was data */
    bool heard;       /* OpenSSL has had something of the peer's */
    bool starved;     /* there was no memory for what OpenSSL wrote in its last call */
    atomic_uint aios; /* rx_aio and those of what is on its way, if they are not disposed of */
    struct nu_tls_out *out; /* NULL: nothing is on its way */
    nng_aio rx_aio;
    struct nu_timer timer; /* the handshake's deadline; then that of our last words */
    struct nu_loop_hook hook;
};

static inline struct nu_tls *nu_tls_of(const struct nu_stream *stream)
{
    return nu_container(stream, struct nu_tls, stream);
}

/* One of the aios is gone; the last one takes the connection's memory with it. */
void nu_tls_drop_aio(struct nu_tls *tls);

/* All below: owner, with the lock held. */

/* What is on its way, and if nothing is, room for it. NULL: no memory. */
struct nu_tls_out *nu_tls_out(struct nu_tls *tls);

/* It, if there is any, goes. */
void nu_tls_free_out(struct nu_tls *tls);

/* Makes room for that much ciphertext; puts some in. False: no memory, `starved` says so, too. */
bool nu_tls_reserve(struct nu_tls *tls, size_t n);
bool nu_tls_put(struct nu_tls *tls, const void *data, size_t n);

/* Sends what was encrypted, unless the carrier is still at work; after our last words, has it say
 * that this was the end. */
void nu_tls_flush(struct nu_tls *tls);

/* Bytes that were encrypted and that the carrier has not taken. */
size_t nu_tls_owed(const struct nu_tls *tls);

/* The carrier's write has ended. */
void nu_tls_sent(struct nu_tls *tls);

/* Receives more, once all that was received is decrypted. */
void nu_tls_receive(struct nu_tls *tls);

/* What the carrier's end is to those above it, who have not heard of an end: 0: there is none. */
int nu_tls_carrier_error(const struct nu_tls *tls);

/* The connection is over, for reads and writes alike. */
void nu_tls_fail(struct nu_tls *tls, int err);

/* Has the owner look at the queues. With the lock held; any thread. */
void nu_tls_wake(struct nu_tls *tls);

#endif
