/* SPDX-License-Identifier: MIT */
/*
 * What is NNG's own in libnng-uring-nng: sockets, contexts, dialers, listeners, pipes, messages,
 * devices and statistics. <nng/nng.h> includes this under the compiler flags of that package
 * (pkg-config nng-uring-nng), which define NNG_URING_NNG.
 *
 * All of it is done by the system's libnng.so.1 (Debian: libnng1), which is opened privately when
 * the first of these functions is called; their manual is NNG's, nng(7). Where it is not installed,
 * functions that return an error return NNG_ENOTSUP, those that take an aio finish it with that,
 * and nng_uring_nng_reason() says what to do. So do functions that are newer than that library.
 *
 * An aio, though, is nng-uring's: it may be used for HTTP and for sockets in turn, and its time
 * limit, abort, stop and wait are as <nng/nng.h> says. Callbacks of the operations here usually run
 * on a thread of NNG's, where what blocks holds up others of NNG's, as with NNG alone.
 * NNG_DURATION_DEFAULT stands for the socket's own time limit (NNG_OPT_RECVTIMEO and so on), and
 * NNG_DURATION_ZERO still gives what is there. A message is the aio's until the operation has
 * ended: of a send that succeeded it is gone, of one that failed it is the caller's again.
 *
 * NNG_OPT_TLS_CONFIG takes a configuration of ours as it is when it is set: NNG is given one of
 * its own that was told the same. What only ours can do (the system's CAs, ALPN, OCSP) is
 * NNG_ENOTSUP or left out, and the option cannot be read.
 */
#ifndef NNG_SOCKETS_H
#define NNG_SOCKETS_H

#include <nng/nng.h>

#ifndef NNG_URING_NNG
#error "NNG's sockets come with libnng-uring-nng: compile and link with `pkg-config nng-uring-nng`"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why these functions answer NNG_ENOTSUP, and what to install, as English text; "" when they do
 * not. Opens NNG if it was not yet. Static storage, any thread. */
NNG_DECL const char *nng_uring_nng_reason(void);

/* ---- Types -------------------------------------------------------------------------------- */

typedef struct nng_ctx_s {
    uint32_t id;
} nng_ctx;

typedef struct nng_dialer_s {
    uint32_t id;
} nng_dialer;

typedef struct nng_listener_s {
    uint32_t id;
} nng_listener;

typedef struct nng_pipe_s {
    uint32_t id;
} nng_pipe;

typedef struct nng_socket_s {
    uint32_t id;
} nng_socket;

typedef struct nng_stat nng_stat;

/* clang-format off */
#define NNG_PIPE_INITIALIZER { 0 }
#define NNG_SOCKET_INITIALIZER { 0 }
#define NNG_DIALER_INITIALIZER { 0 }
#define NNG_LISTENER_INITIALIZER { 0 }
#define NNG_CTX_INITIALIZER { 0 }
/* clang-format on */

#define NNG_FLAG_ALLOC 1u    /* nng_send() gives the memory away, nng_recv() allocates it */
#define NNG_FLAG_NONBLOCK 2u /* does not wait */

/* ---- Options ------------------------------------------------------------------------------ */

#define NNG_OPT_SOCKNAME "socket-name"
#define NNG_OPT_RAW "raw"
#define NNG_OPT_PROTO "protocol"
#define NNG_OPT_PROTONAME "protocol-name"
#define NNG_OPT_PEER "peer"
#define NNG_OPT_PEERNAME "peer-name"
#define NNG_OPT_RECVBUF "recv-buffer"
#define NNG_OPT_SENDBUF "send-buffer"
#define NNG_OPT_RECVFD "recv-fd"
#define NNG_OPT_SENDFD "send-fd"
#define NNG_OPT_RECVTIMEO "recv-timeout"
#define NNG_OPT_SENDTIMEO "send-timeout"
#define NNG_OPT_MAXTTL "ttl-max"
#define NNG_OPT_RECONNMINT "reconnect-time-min"
#define NNG_OPT_RECONNMAXT "reconnect-time-max"

/* Of endpoints and pipes. Those of streams are in <nng/nng.h>, too; they are the same. */
#define NNG_OPT_LOCADDR "local-address"
#define NNG_OPT_REMADDR "remote-address"
#define NNG_OPT_URL "url"
#define NNG_OPT_RECVMAXSZ "recv-size-max"
#define NNG_OPT_TLS_CONFIG "tls-config"
#define NNG_OPT_TLS_AUTH_MODE "tls-authmode"
#define NNG_OPT_TLS_CERT_KEY_FILE "tls-cert-key-file"
#define NNG_OPT_TLS_CA_FILE "tls-ca-file"
#define NNG_OPT_TLS_SERVER_NAME "tls-server-name"
#define NNG_OPT_TLS_VERIFIED "tls-verified"
#define NNG_OPT_TLS_PEER_CN "tls-peer-cn"
#define NNG_OPT_TLS_PEER_ALT_NAMES "tls-peer-alt-names"
#define NNG_OPT_TCP_NODELAY "tcp-nodelay"
#define NNG_OPT_TCP_KEEPALIVE "tcp-keepalive"
#define NNG_OPT_TCP_BOUND_PORT "tcp-bound-port"
#define NNG_OPT_IPC_SECURITY_DESCRIPTOR "ipc:security-descriptor"
#define NNG_OPT_IPC_PERMISSIONS "ipc:permissions"
#define NNG_OPT_PEER_UID "ipc:peer-uid"
#define NNG_OPT_IPC_PEER_UID NNG_OPT_PEER_UID
#define NNG_OPT_PEER_GID "ipc:peer-gid"
#define NNG_OPT_IPC_PEER_GID NNG_OPT_PEER_GID
#define NNG_OPT_PEER_PID "ipc:peer-pid"
#define NNG_OPT_IPC_PEER_PID NNG_OPT_PEER_PID
#define NNG_OPT_PEER_ZONEID "ipc:peer-zoneid"
#define NNG_OPT_IPC_PEER_ZONEID NNG_OPT_PEER_ZONEID
#define NNG_OPT_WS_REQUEST_HEADERS "ws:request-headers"
#define NNG_OPT_WS_RESPONSE_HEADERS "ws:response-headers"
#define NNG_OPT_WS_RESPONSE_HEADER "ws:response-header:"
#define NNG_OPT_WS_REQUEST_HEADER "ws:request-header:"
#define NNG_OPT_WS_REQUEST_URI "ws:request-uri"
#define NNG_OPT_WS_SENDMAXFRAME "ws:txframe-max"
#define NNG_OPT_WS_RECVMAXFRAME "ws:rxframe-max"
#define NNG_OPT_WS_PROTOCOL "ws:protocol"
#define NNG_OPT_WS_SEND_TEXT "ws:send-text"
#define NNG_OPT_WS_RECV_TEXT "ws:recv-text"
#define NNG_OPT_SOCKET_FD "socket:fd"

/* ---- Sockets ------------------------------------------------------------------------------ */

NNG_DECL int nng_close(nng_socket sock);
NNG_DECL int nng_socket_close(nng_socket sock);
NNG_DECL void nng_closeall(void);
NNG_DECL int nng_socket_id(nng_socket sock);

NNG_DECL int nng_socket_set(nng_socket sock, const char *opt, const void *value, size_t size);
NNG_DECL int nng_socket_set_bool(nng_socket sock, const char *opt, bool value);
NNG_DECL int nng_socket_set_int(nng_socket sock, const char *opt, int value);
NNG_DECL int nng_socket_set_size(nng_socket sock, const char *opt, size_t value);
NNG_DECL int nng_socket_set_uint64(nng_socket sock, const char *opt, uint64_t value);
NNG_DECL int nng_socket_set_string(nng_socket sock, const char *opt, const char *value);
NNG_DECL int nng_socket_set_ptr(nng_socket sock, const char *opt, void *value);
NNG_DECL int nng_socket_set_ms(nng_socket sock, const char *opt, nng_duration value);
NNG_DECL int nng_socket_set_addr(nng_socket sock, const char *opt, const nng_sockaddr *value);

NNG_DECL int nng_socket_get(nng_socket sock, const char *opt, void *value, size_t *size);
NNG_DECL int nng_socket_get_bool(nng_socket sock, const char *opt, bool *value);
NNG_DECL int nng_socket_get_int(nng_socket sock, const char *opt, int *value);
NNG_DECL int nng_socket_get_size(nng_socket sock, const char *opt, size_t *value);
NNG_DECL int nng_socket_get_uint64(nng_socket sock, const char *opt, uint64_t *value);
NNG_DECL int nng_socket_get_string(nng_socket sock, const char *opt, char **value);
NNG_DECL int nng_socket_get_ptr(nng_socket sock, const char *opt, void **value);
NNG_DECL int nng_socket_get_ms(nng_socket sock, const char *opt, nng_duration *value);
NNG_DECL int nng_socket_get_addr(nng_socket sock, const char *opt, nng_sockaddr *value);

NNG_DECL int nng_socket_proto_id(nng_socket sock, uint16_t *id);
NNG_DECL int nng_socket_peer_id(nng_socket sock, uint16_t *id);
NNG_DECL int nng_socket_proto_name(nng_socket sock, const char **name);
NNG_DECL int nng_socket_peer_name(nng_socket sock, const char **name);
NNG_DECL int nng_socket_raw(nng_socket sock, bool *raw);

NNG_DECL int nng_send(nng_socket sock, void *data, size_t size, int flags);
NNG_DECL int nng_recv(nng_socket sock, void *data, size_t *size, int flags);
NNG_DECL int nng_sendmsg(nng_socket sock, nng_msg *msg, int flags);
NNG_DECL int nng_recvmsg(nng_socket sock, nng_msg **msgp, int flags);

/* Two names each. */
NNG_DECL void nng_sock_send(nng_socket sock, nng_aio *aio);
NNG_DECL void nng_send_aio(nng_socket sock, nng_aio *aio);
NNG_DECL void nng_sock_recv(nng_socket sock, nng_aio *aio);
NNG_DECL void nng_recv_aio(nng_socket sock, nng_aio *aio);

/* ---- Contexts ----------------------------------------------------------------------------- */

NNG_DECL int nng_ctx_open(nng_ctx *ctx, nng_socket sock);
NNG_DECL int nng_ctx_close(nng_ctx ctx);
NNG_DECL int nng_ctx_id(nng_ctx ctx);
NNG_DECL void nng_ctx_recv(nng_ctx ctx, nng_aio *aio);
NNG_DECL int nng_ctx_recvmsg(nng_ctx ctx, nng_msg **msgp, int flags);
NNG_DECL void nng_ctx_send(nng_ctx ctx, nng_aio *aio);
NNG_DECL int nng_ctx_sendmsg(nng_ctx ctx, nng_msg *msg, int flags);

NNG_DECL int nng_ctx_get(nng_ctx ctx, const char *opt, void *value, size_t *size);
NNG_DECL int nng_ctx_get_bool(nng_ctx ctx, const char *opt, bool *value);
NNG_DECL int nng_ctx_get_int(nng_ctx ctx, const char *opt, int *value);
NNG_DECL int nng_ctx_get_size(nng_ctx ctx, const char *opt, size_t *value);
NNG_DECL int nng_ctx_get_uint64(nng_ctx ctx, const char *opt, uint64_t *value);
NNG_DECL int nng_ctx_get_string(nng_ctx ctx, const char *opt, char **value);
NNG_DECL int nng_ctx_get_ptr(nng_ctx ctx, const char *opt, void **value);
NNG_DECL int nng_ctx_get_ms(nng_ctx ctx, const char *opt, nng_duration *value);
NNG_DECL int nng_ctx_get_addr(nng_ctx ctx, const char *opt, nng_sockaddr *value);

NNG_DECL int nng_ctx_set(nng_ctx ctx, const char *opt, const void *value, size_t size);
NNG_DECL int nng_ctx_set_bool(nng_ctx ctx, const char *opt, bool value);
NNG_DECL int nng_ctx_set_int(nng_ctx ctx, const char *opt, int value);
NNG_DECL int nng_ctx_set_size(nng_ctx ctx, const char *opt, size_t value);
NNG_DECL int nng_ctx_set_uint64(nng_ctx ctx, const char *opt, uint64_t value);
NNG_DECL int nng_ctx_set_string(nng_ctx ctx, const char *opt, const char *value);
NNG_DECL int nng_ctx_set_ptr(nng_ctx ctx, const char *opt, void *value);
NNG_DECL int nng_ctx_set_ms(nng_ctx ctx, const char *opt, nng_duration value);
NNG_DECL int nng_ctx_set_addr(nng_ctx ctx, const char *opt, const nng_sockaddr *value);

/* ---- Dialers and listeners ---------------------------------------------------------------- */

NNG_DECL int nng_dial(nng_socket sock, const char *url, nng_dialer *dialer, int flags);
NNG_DECL int nng_dialer_create(nng_dialer *dialer, nng_socket sock, const char *url);
NNG_DECL int nng_dialer_start(nng_dialer dialer, int flags);
NNG_DECL int nng_dialer_close(nng_dialer dialer);
NNG_DECL int nng_dialer_id(nng_dialer dialer);
NNG_DECL int nng_dialer_get_url(nng_dialer dialer, const nng_url **urlp);

NNG_DECL int nng_dialer_set(nng_dialer dialer, const char *opt, const void *value, size_t size);
NNG_DECL int nng_dialer_set_bool(nng_dialer dialer, const char *opt, bool value);
NNG_DECL int nng_dialer_set_int(nng_dialer dialer, const char *opt, int value);
NNG_DECL int nng_dialer_set_size(nng_dialer dialer, const char *opt, size_t value);
NNG_DECL int nng_dialer_set_uint64(nng_dialer dialer, const char *opt, uint64_t value);
NNG_DECL int nng_dialer_set_string(nng_dialer dialer, const char *opt, const char *value);
NNG_DECL int nng_dialer_set_ptr(nng_dialer dialer, const char *opt, void *value);
NNG_DECL int nng_dialer_set_ms(nng_dialer dialer, const char *opt, nng_duration value);
NNG_DECL int nng_dialer_set_addr(nng_dialer dialer, const char *opt, const nng_sockaddr *value);

NNG_DECL int nng_dialer_get(nng_dialer dialer, const char *opt, void *value, size_t *size);
NNG_DECL int nng_dialer_get_bool(nng_dialer dialer, const char *opt, bool *value);
NNG_DECL int nng_dialer_get_int(nng_dialer dialer, const char *opt, int *value);
NNG_DECL int nng_dialer_get_size(nng_dialer dialer, const char *opt, size_t *value);
NNG_DECL int nng_dialer_get_uint64(nng_dialer dialer, const char *opt, uint64_t *value);
NNG_DECL int nng_dialer_get_string(nng_dialer dialer, const char *opt, char **value);
NNG_DECL int nng_dialer_get_ptr(nng_dialer dialer, const char *opt, void **value);
NNG_DECL int nng_dialer_get_ms(nng_dialer dialer, const char *opt, nng_duration *value);
NNG_DECL int nng_dialer_get_addr(nng_dialer dialer, const char *opt, nng_sockaddr *value);

NNG_DECL int nng_listen(nng_socket sock, const char *url, nng_listener *listener, int flags);
NNG_DECL int nng_listener_create(nng_listener *listener, nng_socket sock, const char *url);
NNG_DECL int nng_listener_start(nng_listener listener, int flags);
NNG_DECL int nng_listener_close(nng_listener listener);
NNG_DECL int nng_listener_id(nng_listener listener);
NNG_DECL int nng_listener_get_url(nng_listener listener, const nng_url **urlp);

NNG_DECL int nng_listener_set(nng_listener listener, const char *opt, const void *value,
                              size_t size);
NNG_DECL int nng_listener_set_bool(nng_listener listener, const char *opt, bool value);
NNG_DECL int nng_listener_set_int(nng_listener listener, const char *opt, int value);
NNG_DECL int nng_listener_set_size(nng_listener listener, const char *opt, size_t value);
NNG_DECL int nng_listener_set_uint64(nng_listener listener, const char *opt, uint64_t value);
NNG_DECL int nng_listener_set_string(nng_listener listener, const char *opt, const char *value);
NNG_DECL int nng_listener_set_ptr(nng_listener listener, const char *opt, void *value);
NNG_DECL int nng_listener_set_ms(nng_listener listener, const char *opt, nng_duration value);
NNG_DECL int nng_listener_set_addr(nng_listener listener, const char *opt,
                                   const nng_sockaddr *value);

NNG_DECL int nng_listener_get(nng_listener listener, const char *opt, void *value, size_t *size);
NNG_DECL int nng_listener_get_bool(nng_listener listener, const char *opt, bool *value);
NNG_DECL int nng_listener_get_int(nng_listener listener, const char *opt, int *value);
NNG_DECL int nng_listener_get_size(nng_listener listener, const char *opt, size_t *value);
NNG_DECL int nng_listener_get_uint64(nng_listener listener, const char *opt, uint64_t *value);
NNG_DECL int nng_listener_get_string(nng_listener listener, const char *opt, char **value);
NNG_DECL int nng_listener_get_ptr(nng_listener listener, const char *opt, void **value);
NNG_DECL int nng_listener_get_ms(nng_listener listener, const char *opt, nng_duration *value);
NNG_DECL int nng_listener_get_addr(nng_listener listener, const char *opt, nng_sockaddr *value);

/* ---- Pipes -------------------------------------------------------------------------------- */

typedef enum {
    NNG_PIPE_EV_ADD_PRE,
    NNG_PIPE_EV_ADD_POST,
    NNG_PIPE_EV_REM_POST,
    NNG_PIPE_EV_NUM,
} nng_pipe_ev;

/* Runs on a thread of NNG's. */
typedef void (*nng_pipe_cb)(nng_pipe pipe, nng_pipe_ev event, void *arg);

NNG_DECL int nng_pipe_notify(nng_socket sock, nng_pipe_ev event, nng_pipe_cb cb, void *arg);

NNG_DECL int nng_pipe_get(nng_pipe pipe, const char *opt, void *value, size_t *size);
NNG_DECL int nng_pipe_get_bool(nng_pipe pipe, const char *opt, bool *value);
NNG_DECL int nng_pipe_get_int(nng_pipe pipe, const char *opt, int *value);
NNG_DECL int nng_pipe_get_size(nng_pipe pipe, const char *opt, size_t *value);
NNG_DECL int nng_pipe_get_uint64(nng_pipe pipe, const char *opt, uint64_t *value);
NNG_DECL int nng_pipe_get_string(nng_pipe pipe, const char *opt, char **value);
NNG_DECL int nng_pipe_get_ptr(nng_pipe pipe, const char *opt, void **value);
NNG_DECL int nng_pipe_get_ms(nng_pipe pipe, const char *opt, nng_duration *value);
NNG_DECL int nng_pipe_get_addr(nng_pipe pipe, const char *opt, nng_sockaddr *value);

NNG_DECL int nng_pipe_close(nng_pipe pipe);
NNG_DECL int nng_pipe_id(nng_pipe pipe);
NNG_DECL nng_socket nng_pipe_socket(nng_pipe pipe);
NNG_DECL nng_dialer nng_pipe_dialer(nng_pipe pipe);
NNG_DECL nng_listener nng_pipe_listener(nng_pipe pipe);

/* ---- Messages ----------------------------------------------------------------------------- */

NNG_DECL int nng_msg_alloc(nng_msg **msgp, size_t size);
NNG_DECL void nng_msg_free(nng_msg *msg);
NNG_DECL int nng_msg_realloc(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_reserve(nng_msg *msg, size_t capacity);
NNG_DECL size_t nng_msg_capacity(nng_msg *msg);
NNG_DECL int nng_msg_dup(nng_msg **msgp, const nng_msg *msg);
NNG_DECL void nng_msg_clear(nng_msg *msg);
NNG_DECL void nng_msg_header_clear(nng_msg *msg);
NNG_DECL void *nng_msg_header(nng_msg *msg);
NNG_DECL size_t nng_msg_header_len(const nng_msg *msg);
NNG_DECL void *nng_msg_body(nng_msg *msg);
NNG_DECL size_t nng_msg_len(const nng_msg *msg);
NNG_DECL void nng_msg_set_pipe(nng_msg *msg, nng_pipe pipe);
NNG_DECL nng_pipe nng_msg_get_pipe(const nng_msg *msg);
NNG_DECL int nng_msg_getopt(nng_msg *msg, int option, void *value, size_t *size);

NNG_DECL int nng_msg_append(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_insert(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_trim(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_chop(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_header_append(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_header_insert(nng_msg *msg, const void *data, size_t size);
NNG_DECL int nng_msg_header_trim(nng_msg *msg, size_t size);
NNG_DECL int nng_msg_header_chop(nng_msg *msg, size_t size);

/* In network byte order. */
NNG_DECL int nng_msg_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_chop_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_header_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_header_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_chop_u64(nng_msg *msg, uint64_t *value);

/* ---- Devices ------------------------------------------------------------------------------ */

NNG_DECL int nng_device(nng_socket s1, nng_socket s2);
NNG_DECL void nng_device_aio(nng_aio *aio, nng_socket s1, nng_socket s2);

/* ---- Statistics --------------------------------------------------------------------------- */

enum nng_stat_type_enum {
    NNG_STAT_SCOPE = 0,
    NNG_STAT_LEVEL = 1,
    NNG_STAT_COUNTER = 2,
    NNG_STAT_STRING = 3,
    NNG_STAT_BOOLEAN = 4,
    NNG_STAT_ID = 5,
};

enum nng_unit_enum {
    NNG_UNIT_NONE = 0,
    NNG_UNIT_BYTES = 1,
    NNG_UNIT_MESSAGES = 2,
    NNG_UNIT_MILLIS = 3,
    NNG_UNIT_EVENTS = 4,
};

/* NNG's own; what nng-uring counts is in nng_uring_counters(). */
NNG_DECL int nng_stats_get(nng_stat **statp);
NNG_DECL void nng_stats_free(nng_stat *stat);
NNG_DECL void nng_stats_dump(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_next(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_child(nng_stat *stat);
NNG_DECL const char *nng_stat_name(nng_stat *stat);
NNG_DECL int nng_stat_type(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_find(nng_stat *stat, const char *name);
NNG_DECL nng_stat *nng_stat_find_socket(nng_stat *stat, nng_socket sock);
NNG_DECL nng_stat *nng_stat_find_dialer(nng_stat *stat, nng_dialer dialer);
NNG_DECL nng_stat *nng_stat_find_listener(nng_stat *stat, nng_listener listener);
NNG_DECL int nng_stat_unit(nng_stat *stat);
NNG_DECL uint64_t nng_stat_value(nng_stat *stat);
NNG_DECL bool nng_stat_bool(nng_stat *stat);
NNG_DECL const char *nng_stat_string(nng_stat *stat);
NNG_DECL const char *nng_stat_desc(nng_stat *stat);
NNG_DECL uint64_t nng_stat_timestamp(nng_stat *stat);

/* ---- Old names ---------------------------------------------------------------------------- */

#ifndef NNG_ELIDE_DEPRECATED

NNG_DECL int nng_getopt(nng_socket sock, const char *opt, void *value, size_t *size);
NNG_DECL int nng_getopt_bool(nng_socket sock, const char *opt, bool *value);
NNG_DECL int nng_getopt_int(nng_socket sock, const char *opt, int *value);
NNG_DECL int nng_getopt_ms(nng_socket sock, const char *opt, nng_duration *value);
NNG_DECL int nng_getopt_size(nng_socket sock, const char *opt, size_t *value);
NNG_DECL int nng_getopt_uint64(nng_socket sock, const char *opt, uint64_t *value);
NNG_DECL int nng_getopt_string(nng_socket sock, const char *opt, char **value);
NNG_DECL int nng_getopt_ptr(nng_socket sock, const char *opt, void **value);
NNG_DECL int nng_setopt(nng_socket sock, const char *opt, const void *value, size_t size);
NNG_DECL int nng_setopt_bool(nng_socket sock, const char *opt, bool value);
NNG_DECL int nng_setopt_int(nng_socket sock, const char *opt, int value);
NNG_DECL int nng_setopt_ms(nng_socket sock, const char *opt, nng_duration value);
NNG_DECL int nng_setopt_size(nng_socket sock, const char *opt, size_t value);
NNG_DECL int nng_setopt_uint64(nng_socket sock, const char *opt, uint64_t value);
NNG_DECL int nng_setopt_string(nng_socket sock, const char *opt, const char *value);
NNG_DECL int nng_setopt_ptr(nng_socket sock, const char *opt, void *value);

NNG_DECL int nng_ctx_getopt(nng_ctx ctx, const char *opt, void *value, size_t *size);
NNG_DECL int nng_ctx_getopt_bool(nng_ctx ctx, const char *opt, bool *value);
NNG_DECL int nng_ctx_getopt_int(nng_ctx ctx, const char *opt, int *value);
NNG_DECL int nng_ctx_getopt_ms(nng_ctx ctx, const char *opt, nng_duration *value);
NNG_DECL int nng_ctx_getopt_size(nng_ctx ctx, const char *opt, size_t *value);
NNG_DECL int nng_ctx_setopt(nng_ctx ctx, const char *opt, const void *value, size_t size);
NNG_DECL int nng_ctx_setopt_bool(nng_ctx ctx, const char *opt, bool value);
NNG_DECL int nng_ctx_setopt_int(nng_ctx ctx, const char *opt, int value);
NNG_DECL int nng_ctx_setopt_ms(nng_ctx ctx, const char *opt, nng_duration value);
NNG_DECL int nng_ctx_setopt_size(nng_ctx ctx, const char *opt, size_t value);

NNG_DECL int nng_dialer_getopt(nng_dialer dialer, const char *opt, void *value, size_t *size);
NNG_DECL int nng_dialer_getopt_bool(nng_dialer dialer, const char *opt, bool *value);
NNG_DECL int nng_dialer_getopt_int(nng_dialer dialer, const char *opt, int *value);
NNG_DECL int nng_dialer_getopt_ms(nng_dialer dialer, const char *opt, nng_duration *value);
NNG_DECL int nng_dialer_getopt_size(nng_dialer dialer, const char *opt, size_t *value);
NNG_DECL int nng_dialer_getopt_sockaddr(nng_dialer dialer, const char *opt, nng_sockaddr *value);
NNG_DECL int nng_dialer_getopt_uint64(nng_dialer dialer, const char *opt, uint64_t *value);
NNG_DECL int nng_dialer_getopt_ptr(nng_dialer dialer, const char *opt, void **value);
NNG_DECL int nng_dialer_getopt_string(nng_dialer dialer, const char *opt, char **value);
NNG_DECL int nng_dialer_setopt(nng_dialer dialer, const char *opt, const void *value, size_t size);
NNG_DECL int nng_dialer_setopt_bool(nng_dialer dialer, const char *opt, bool value);
NNG_DECL int nng_dialer_setopt_int(nng_dialer dialer, const char *opt, int value);
NNG_DECL int nng_dialer_setopt_ms(nng_dialer dialer, const char *opt, nng_duration value);
NNG_DECL int nng_dialer_setopt_size(nng_dialer dialer, const char *opt, size_t value);
NNG_DECL int nng_dialer_setopt_uint64(nng_dialer dialer, const char *opt, uint64_t value);
NNG_DECL int nng_dialer_setopt_string(nng_dialer dialer, const char *opt, const char *value);
NNG_DECL int nng_dialer_setopt_ptr(nng_dialer dialer, const char *opt, void *value);

NNG_DECL int nng_listener_getopt(nng_listener listener, const char *opt, void *value, size_t *size);
NNG_DECL int nng_listener_getopt_bool(nng_listener listener, const char *opt, bool *value);
NNG_DECL int nng_listener_getopt_int(nng_listener listener, const char *opt, int *value);
NNG_DECL int nng_listener_getopt_ms(nng_listener listener, const char *opt, nng_duration *value);
NNG_DECL int nng_listener_getopt_size(nng_listener listener, const char *opt, size_t *value);
NNG_DECL int nng_listener_getopt_sockaddr(nng_listener listener, const char *opt,
                                          nng_sockaddr *value);
NNG_DECL int nng_listener_getopt_uint64(nng_listener listener, const char *opt, uint64_t *value);
NNG_DECL int nng_listener_getopt_ptr(nng_listener listener, const char *opt, void **value);
NNG_DECL int nng_listener_getopt_string(nng_listener listener, const char *opt, char **value);
NNG_DECL int nng_listener_setopt(nng_listener listener, const char *opt, const void *value,
                                 size_t size);
NNG_DECL int nng_listener_setopt_bool(nng_listener listener, const char *opt, bool value);
NNG_DECL int nng_listener_setopt_int(nng_listener listener, const char *opt, int value);
NNG_DECL int nng_listener_setopt_ms(nng_listener listener, const char *opt, nng_duration value);
NNG_DECL int nng_listener_setopt_size(nng_listener listener, const char *opt, size_t value);
NNG_DECL int nng_listener_setopt_uint64(nng_listener listener, const char *opt, uint64_t value);
NNG_DECL int nng_listener_setopt_string(nng_listener listener, const char *opt, const char *value);
NNG_DECL int nng_listener_setopt_ptr(nng_listener listener, const char *opt, void *value);

NNG_DECL int nng_pipe_getopt(nng_pipe pipe, const char *opt, void *value, size_t *size);
NNG_DECL int nng_pipe_getopt_bool(nng_pipe pipe, const char *opt, bool *value);
NNG_DECL int nng_pipe_getopt_int(nng_pipe pipe, const char *opt, int *value);
NNG_DECL int nng_pipe_getopt_ms(nng_pipe pipe, const char *opt, nng_duration *value);
NNG_DECL int nng_pipe_getopt_size(nng_pipe pipe, const char *opt, size_t *value);
NNG_DECL int nng_pipe_getopt_sockaddr(nng_pipe pipe, const char *opt, nng_sockaddr *value);
NNG_DECL int nng_pipe_getopt_uint64(nng_pipe pipe, const char *opt, uint64_t *value);
NNG_DECL int nng_pipe_getopt_ptr(nng_pipe pipe, const char *opt, void **value);
NNG_DECL int nng_pipe_getopt_string(nng_pipe pipe, const char *opt, char **value);

#endif

#ifdef __cplusplus
}
#endif

#endif
