/* SPDX-License-Identifier: MIT */
/* nanomsg's API, as NNG's compatibility layer has it: see nng_compat(3compat). All of it is the
 * system's libnng.so.1's. Returns -1 and sets nn_errno() to ENOTSUP where that is not installed. */
#ifndef NNG_COMPAT_NN_H
#define NNG_COMPAT_NN_H

#ifndef NNG_URING_NNG
#error "nanomsg's API comes with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NN_DECL
#define NN_DECL __attribute__((visibility("default"))) extern
#endif

#define AF_SP 1
#define AF_SP_RAW 2

#define NN_SOCKADDR_MAX 128
#define NN_SOL_SOCKET 0
#define NN_DONTWAIT 1
#define PROTO_SP 1
#define SP_HDR 1

/* Of errors that Linux has no number for. */
#define NN_ERRBASE (0x10000000)
#ifndef ETERM
#define ETERM (NN_ERRBASE + 29)
#endif
#ifndef EFSM
#define EFSM (NN_ERRBASE + 30)
#endif

/* Options of NN_SOL_SOCKET. */
#define NN_LINGER 1
#define NN_SNDBUF 2
#define NN_RCVBUF 3
#define NN_SNDTIMEO 4
#define NN_RCVTIMEO 5
#define NN_RECONNECT_IVL 6
#define NN_RECONNECT_IVL_MAX 7
#define NN_SNDPRIO 8
#define NN_RCVPRIO 9
#define NN_SNDFD 10
#define NN_RCVFD 11
#define NN_DOMAIN 12
#define NN_PROTOCOL 13
#define NN_IPV4ONLY 14
#define NN_SOCKET_NAME 15
#define NN_RCVMAXSIZE 16
#define NN_MAXTTL 17

#define NN_POLLIN 1
#define NN_POLLOUT 2

struct nn_pollfd {
    int fd;
    uint16_t events;
    uint16_t revents;
};

/* As a size: the buffer is one of nn_allocmsg()'s, or is to be. */
#define NN_MSG ((size_t) -1)

struct nn_iovec {
    void *iov_base;
    size_t iov_len;
};

struct nn_msghdr {
    struct nn_iovec *msg_iov;
    int msg_iovlen;
    void *msg_control;
    size_t msg_controllen;
};

struct nn_cmsghdr {
    size_t cmsg_len;
    int cmsg_level;
    int cmsg_type;
};

#define NN_CMSG_ALIGN(len) (((len) + sizeof(size_t) - 1) & (size_t) ~(sizeof(size_t) - 1))
#define NN_CMSG_FIRSTHDR(mh) nn_cmsg_next((struct nn_msghdr *) (mh), NULL)
#define NN_CMSG_NXTHDR(mh, ch) nn_cmsg_next((struct nn_msghdr *) (mh), (struct nn_cmsghdr *) (ch))
#define NN_CMSG_DATA(ch) ((unsigned char *) (((struct nn_cmsghdr *) (ch)) + 1))
#define NN_CMSG_SPACE(len) (NN_CMSG_ALIGN(len) + NN_CMSG_ALIGN(sizeof(struct nn_cmsghdr)))
#define NN_CMSG_LEN(len) (NN_CMSG_ALIGN(sizeof(struct nn_cmsghdr)) + (len))

NN_DECL struct nn_cmsghdr *nn_cmsg_next(struct nn_msghdr *mh, struct nn_cmsghdr *ch);
NN_DECL int nn_socket(int domain, int protocol);
NN_DECL int nn_setsockopt(int s, int level, int option, const void *value, size_t size);
NN_DECL int nn_getsockopt(int s, int level, int option, void *value, size_t *size);
NN_DECL int nn_bind(int s, const char *url);
NN_DECL int nn_connect(int s, const char *url);
NN_DECL int nn_shutdown(int s, int endpoint);
NN_DECL int nn_send(int s, const void *data, size_t size, int flags);
NN_DECL int nn_recv(int s, void *buf, size_t size, int flags);
NN_DECL int nn_sendmsg(int s, const struct nn_msghdr *mh, int flags);
NN_DECL int nn_recvmsg(int s, struct nn_msghdr *mh, int flags);
NN_DECL int nn_close(int s);
NN_DECL int nn_poll(struct nn_pollfd *fds, int n, int ms);
NN_DECL int nn_device(int s1, int s2);
NN_DECL uint64_t nn_get_statistic(int s, int statistic);
NN_DECL void *nn_allocmsg(size_t size, int type);
NN_DECL void *nn_reallocmsg(void *msg, size_t size);
NN_DECL int nn_freemsg(void *msg);
NN_DECL int nn_errno(void);
NN_DECL const char *nn_strerror(int err);
NN_DECL void nn_term(void);

#ifdef __cplusplus
}
#endif

#endif
