/* SPDX-License-Identifier: MIT */
/*
 * Sockets that are none: TCP as two queues of bytes with FIN, RST and delay, in one process. A
 * descriptor is the lowest free number from SIM_FD on. What is done here never waits.
 */
#ifndef NU_TESTS_SIM_TCP_H
#define NU_TESTS_SIM_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SIM_FD 5000
#define SIM_FDS 512
#define SIM_BACKLOG 16U

struct sim_bytes {
    uint8_t *p;
    size_t len, room; /* allocated */
};

struct sim_sock {
    int fd;                /* -1 when closed */
    struct sim_file *file; /* it is one's (files.h), and no socket */
    unsigned port;
    struct sim_sock *peer;    /* NULL: not connected */
    struct sim_bytes out, in; /* sent and not delivered; delivered and not received */
    size_t out_max, in_max;
    struct sim_sock *queue[SIM_BACKLOG]; /* a listener's */
    unsigned nqueue, backlog;
    unsigned uses; /* operations of a ring's that hold it */
    int error;     /* SO_ERROR */
    bool listening, shut_write, shut_read, fin_in, fin_sent, reset, reset_due, linger_reset;
    bool nonblocking;
    bool datagrams;        /* it is UDP's (udp.h) */
    bool lost;             /* as if its process had died: the peer is told that it has ended */
    bool local;            /* of a socket pair: what the peer does is known at once */
    bool close_due;        /* its descriptor is closed, and operations hold it yet */
    struct sim_bytes sent; /* all that its owner ever sent; NULL where nobody asked */
    bool recorded;
    size_t delivered; /* to the peer's `in` */
    unsigned place;   /* among those that something may happen to, from 1 on; 0: nothing may */
};

/* Nothing is left of the last run's. 0 to 5: how small buffers may be. */
void sim_tcp_reset(unsigned from);

/* For checks: bytes go and come as far as there is room and as there are any; else fewer, too. And
 * a descriptor may be closed under an operation. */
void sim_tcp_set_exact(bool exact);

/* Descriptors are less than this from now on; a run begins without a limit. */
void sim_tcp_set_limit(int fd);
bool sim_has_room(void); /* for another one */

/* About how many bytes a socket's buffers hold in this run. */
size_t sim_tcp_scale(void);

/* The socket behind a descriptor; NULL: none. */
struct sim_sock *sim_sock(int fd);
static inline bool sim_is_fd(int fd)
{
    return fd >= SIM_FD && fd < SIM_FD + SIM_FDS;
}

struct sim_sock *sim_sock_new(void);
int sim_bind(struct sim_sock *sock, unsigned port);
void sim_listen(struct sim_sock *sock, unsigned backlog);

/* Who listens on a port, or NULL. */
struct sim_sock *sim_listener(unsigned port);

/* Connects to a listener with room in its queue. */
void sim_connect(struct sim_sock *sock, struct sim_sock *listener);
struct sim_sock *sim_accept(struct sim_sock *listener); /* NULL: nobody is there */

/* Bytes or -errno; -EAGAIN: it has to wait. At most `n`, or fewer. */
ssize_t sim_send(struct sim_sock *sock, const void *p, size_t n);
ssize_t sim_send_whole(struct sim_sock *sock, const void *p,
                       size_t n); /* as far as there is room */
ssize_t sim_recv(struct sim_sock *sock, void *p, size_t n, bool peek);
void sim_shutdown(struct sim_sock *sock, bool read, bool write);
void sim_close(struct sim_sock *sock);

/* An operation of a ring's holds it no more. */
void sim_sock_unuse(struct sim_sock *sock);

bool sim_readable(const struct sim_sock *sock);
bool sim_writable(const struct sim_sock *sock);

/* Whatever was done to a socket's fields beside these functions: who waits for it looks again. */
void sim_sock_changed(struct sim_sock *sock);

/* How often something has changed that somebody may wait for. */
extern uint64_t sim_tcp_changes;

/* The network: what it could do now, and does. */
unsigned sim_tcp_events(void);
void sim_tcp_happen(unsigned nth);

/* One end of some connection is lost, as if its process had died; false: there is none. */
bool sim_tcp_lose(void);

/* Descriptors that are open. */
unsigned sim_tcp_open(void);

void sim_append(struct sim_bytes *bytes, const void *p, size_t n);
void sim_drop(struct sim_bytes *bytes, size_t n); /* the first of them */

#endif
