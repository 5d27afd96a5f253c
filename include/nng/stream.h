/* SPDX-License-Identifier: MIT */
/*
 * Byte streams: NNG 1.x's nng_stream_*, to be included by <nng/nng.h>.
 *
 * A dialer makes streams to an address, a listener accepts them there. A URL says which kind:
 *
 *   tcp://host:port (tcp4, tcp6)          TCP
 *   tls+tcp://host:port (tls+tcp4, 6)     TLS over TCP; see <nng/supplemental/tls/tls.h>
 *   ipc:///path, unix:///path             a UNIX socket
 *   abstract://name                       a UNIX socket in Linux's abstract name space; bytes of
 *                                         the name may be percent-encoded, an empty name is chosen
 *                                         by the kernel
 *   socket://                             (listeners) connected sockets that are handed over
 *   ws://host:port/path (ws4, ws6)        WebSocket (RFC 6455)
 *   wss://host:port/path (wss4, wss6)     WebSocket over TLS
 *
 * A listener of WebSockets is a handler of the HTTP server of its host and port, beside others that
 * nng_http_server_hold() gives it. A send is one message, of NNG_OPT_WS_SENDMAXFRAME bytes at most;
 * a receive gives bytes of one message, and does not say which; <nng/uring.h> has functions that
 * know types and ends of messages, and more options.
 *
 * Sends and receives are queued, first come first served in each direction; the outcome of each is
 * as of nng_http_conn_write() and nng_http_conn_read(): done with at least one byte, and the count
 * is what was really moved, on errors too. A cancellation or a timeout takes its own aio only, and
 * leaves the stream.
 */
#ifndef NNG_STREAM_H
#define NNG_STREAM_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_stream nng_stream;
typedef struct nng_stream_dialer nng_stream_dialer;
typedef struct nng_stream_listener nng_stream_listener;

/* ---- Options ------------------------------------------------------------------------------ */

#define NNG_OPT_LOCADDR "local-address"         /* addr; a dialer's: where from, with any port */
#define NNG_OPT_REMADDR "remote-address"        /* addr */
#define NNG_OPT_TCP_NODELAY "tcp-nodelay"       /* bool, false: small writes wait for each other */
#define NNG_OPT_TCP_KEEPALIVE "tcp-keepalive"   /* bool, false */
#define NNG_OPT_TCP_BOUND_PORT "tcp-bound-port" /* int; a listener's, once it listens */
#define NNG_OPT_IPC_PERMISSIONS "ipc:permissions" /* int, a listener's, before it listens: mode */
#define NNG_OPT_PEER_UID "ipc:peer-uid"           /* uint64 */
#define NNG_OPT_PEER_GID "ipc:peer-gid"           /* uint64 */
#define NNG_OPT_PEER_PID "ipc:peer-pid"           /* uint64 */
#define NNG_OPT_SOCKET_FD "socket:fd"   /* int, a socket:// listener's: handed over, its own then */
#define NNG_OPT_TLS_CONFIG "tls-config" /* ptr: an nng_tls_config, which it then holds */
#define NNG_OPT_TLS_AUTH_MODE "tls-authmode"          /* int, as nng_tls_config_auth_mode() */
#define NNG_OPT_TLS_CERT_KEY_FILE "tls-cert-key-file" /* string, a file's path */
#define NNG_OPT_TLS_CA_FILE "tls-ca-file"             /* string, a file's path */
#define NNG_OPT_TLS_SERVER_NAME "tls-server-name"     /* string */
#define NNG_OPT_TLS_VERIFIED "tls-verified"           /* bool: the peer is who it says */
#define NNG_OPT_TLS_PEER_CN "tls-peer-cn"             /* string */
#define NNG_OPT_TLS_PEER_ALT_NAMES                                                                 \
    "tls-peer-alt-names" /* ptr: char **, NULL at the end; each and                                \
                          * the vector itself is for free() */

#define NNG_OPT_URL "url"                 /* string; a ws listener's, with the port it has */
#define NNG_OPT_RECVMAXSZ "recv-size-max" /* size, ws: bytes of a message, 0: any; 1 MiB */
#define NNG_OPT_WS_REQUEST_HEADERS                                                                 \
    "ws:request-headers" /* string of "Name: value\r\n"; a dialer's                                \
                          * to set, a stream's to get */
#define NNG_OPT_WS_RESPONSE_HEADERS "ws:response-headers" /* likewise, a listener's */
#define NNG_OPT_WS_REQUEST_HEADER "ws:request-header:"    /* and a name: that one's value */
#define NNG_OPT_WS_RESPONSE_HEADER "ws:response-header:"  /* likewise */
#define NNG_OPT_WS_REQUEST_URI "ws:request-uri"           /* string; a stream's */
#define NNG_OPT_WS_SENDMAXFRAME "ws:txframe-max"          /* size, 64 KiB; 0: any */
#define NNG_OPT_WS_RECVMAXFRAME "ws:rxframe-max"          /* size, 1 MiB; 0: any */
#define NNG_OPT_WS_PROTOCOL                                                                        \
    "ws:protocol" /* string: subprotocols, commas between; a stream's: the                         \
                   * one that was agreed upon */
#define NNG_OPT_WS_SEND_TEXT "ws:send-text" /* bool, false: messages are sent as text */
#define NNG_OPT_WS_RECV_TEXT "ws:recv-text" /* bool, false: text is taken, and not refused */

/* ---- Streams ------------------------------------------------------------------------------ */

/*
 * Sends from the aio's vector, at least one byte of it.
 *
 * Errors: NNG_EINVAL: no vector with a byte in it; NNG_ECLOSED: the stream was closed;
 * NNG_ECONNRESET: the peer has closed it; NNG_ETIMEDOUT: the aio's time is up, or that of a TLS
 * handshake; NNG_ECANCELED: the aio was cancelled; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a
 * forked child; NNG_EPEERAUTH: over TLS: the peer is not who it should be; NNG_ECRYPTO: TLS failed
 * for another reason; NNG_EPROTO: the peer does not speak TLS, or sends handshakes without end;
 * NNG_ESTATE: (WebSocket) a message of another type has not ended.
 * Threads: any.
 * See: nng_stream_recv(), nng_aio_count().
 */
NNG_DECL void nng_stream_send(nng_stream *stream, nng_aio *aio);

/*
 * Receives at least one byte into the aio's vector.
 *
 * Errors: those of nng_stream_send(); NNG_ECONNSHUT: the peer has sent its last; NNG_EMSGSIZE:
 * (WebSocket) its message or frame is longer than a limit allows.
 * Threads: any.
 * See: nng_stream_send(), nng_aio_count().
 */
NNG_DECL void nng_stream_recv(nng_stream *stream, nng_aio *aio);

/*
 * Closes a stream: what is pending on it ends NNG_ECLOSED, and so does what is begun afterwards.
 *
 * It returns at once. What was sent before still reaches the peer. The stream stays until
 * nng_stream_free(). NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_stream_close(nng_stream *stream);

/*
 * Closes a stream and lets go of it.
 *
 * It does not wait. NULL is allowed.
 *
 * Threads: any; nobody uses the stream any more.
 */
NNG_DECL void nng_stream_free(nng_stream *stream);

/*
 * Gets and sets an option of a stream.
 *
 * The functions with a type want an option of that type; those without take and give its bytes, a
 * string's with its NUL, and *size says how many. What _get_string gives is for nng_strfree().
 *
 * Errors: NNG_ENOTSUP: it has no such option; NNG_EBADTYPE: the option has another type;
 * NNG_EINVAL: a value it cannot have, or a size that is not the type's; NNG_EREADONLY: it can only
 * be got; NNG_EWRITEONLY: it can only be set; NNG_ECLOSED: it was closed; NNG_ENOMEM: no memory;
 * NNG_ENOENT: there is none; NNG_EAGAIN: TLS does not know yet.
 * Threads: any.
 */
NNG_DECL int nng_stream_get(nng_stream *stream, const char *name, void *value, size_t *size);
NNG_DECL int nng_stream_get_bool(nng_stream *stream, const char *name, bool *value);
NNG_DECL int nng_stream_get_int(nng_stream *stream, const char *name, int *value);
NNG_DECL int nng_stream_get_ms(nng_stream *stream, const char *name, nng_duration *value);
NNG_DECL int nng_stream_get_size(nng_stream *stream, const char *name, size_t *value);
NNG_DECL int nng_stream_get_uint64(nng_stream *stream, const char *name, uint64_t *value);
NNG_DECL int nng_stream_get_ptr(nng_stream *stream, const char *name, void **value);
NNG_DECL int nng_stream_get_string(nng_stream *stream, const char *name, char **value);
NNG_DECL int nng_stream_get_addr(nng_stream *stream, const char *name, nng_sockaddr *value);
NNG_DECL int nng_stream_set(nng_stream *stream, const char *name, const void *value, size_t size);
NNG_DECL int nng_stream_set_bool(nng_stream *stream, const char *name, bool value);
NNG_DECL int nng_stream_set_int(nng_stream *stream, const char *name, int value);
NNG_DECL int nng_stream_set_ms(nng_stream *stream, const char *name, nng_duration value);
NNG_DECL int nng_stream_set_size(nng_stream *stream, const char *name, size_t value);
NNG_DECL int nng_stream_set_uint64(nng_stream *stream, const char *name, uint64_t value);
NNG_DECL int nng_stream_set_ptr(nng_stream *stream, const char *name, void *value);
NNG_DECL int nng_stream_set_string(nng_stream *stream, const char *name, const char *value);
NNG_DECL int nng_stream_set_addr(nng_stream *stream, const char *name, const nng_sockaddr *value);

/* ---- Dialers ------------------------------------------------------------------------------ */

/*
 * Makes a dialer for a URL's address. nng_stream_dialer_free() frees it.
 *
 * Errors: NNG_ENOTSUP: no such scheme; NNG_EINVAL: malformed; NNG_EADDRINVAL: no host or port, a
 * path or name that is too long; NNG_ENOMEM: no memory; NNG_ENOTSUP: there is no backend here.
 * Threads: any.
 */
NNG_DECL int nng_stream_dialer_alloc(nng_stream_dialer **dialerp, const char *url);
NNG_DECL int nng_stream_dialer_alloc_url(nng_stream_dialer **dialerp, const nng_url *url);

/*
 * Connects. Output 0 of the aio is the new stream.
 *
 * All addresses of a name are tried (RFC 8305). Several dials of one dialer run side by side. With
 * TLS it is done when TCP is: the handshake goes on in the background, and if it fails, that is the
 * first send's or receive's error. A WebSocket's dial is done when the server has upgraded the
 * connection. A UNIX socket whose backlog is full is waited for.
 *
 * Errors: NNG_ECLOSED: the dialer was closed; NNG_ECONNREFUSED: nobody is there, or (WebSocket) the
 * server has answered with 404 or 405; NNG_EPERM: not allowed, or it has answered with 401 or 403;
 * NNG_EPROTO: it has not upgraded, or not as it has to; NNG_EADDRINVAL: no such name;
 * NNG_ETIMEDOUT: the aio's time is up; NNG_ECANCELED: the aio was cancelled; NNG_ENOMEM: no memory;
 * NNG_ENOFILES: no descriptor; NNG_EAGAIN: the name servers do not answer now; NNG_ECRYPTO: a TLS
 * configuration that is of no use, or (WebSocket) TLS failed; NNG_EPEERAUTH: (WebSocket) the server
 * is not who it should be; NNG_ECONNSHUT and NNG_ECONNRESET: (WebSocket) it has closed or reset the
 * connection before it answered; NNG_EMSGSIZE: (WebSocket) header fields of the request or of the
 * answer are too many or too long; NNG_ENOTSUP: there is no backend here, or this is a forked
 * child.
 * Threads: any.
 */
NNG_DECL void nng_stream_dialer_dial(nng_stream_dialer *dialer, nng_aio *aio);

/*
 * Closes a dialer: dials in progress end NNG_ECLOSED, streams stay. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_stream_dialer_close(nng_stream_dialer *dialer);

/*
 * Closes a dialer and lets go of it. It does not wait. NULL is allowed.
 *
 * Threads: any; nobody uses the dialer any more.
 */
NNG_DECL void nng_stream_dialer_free(nng_stream_dialer *dialer);

/*
 * Gets and sets an option of a dialer, for the dials that follow. See nng_stream_get().
 *
 * Errors: those of nng_stream_get().
 * Threads: any.
 */
NNG_DECL int nng_stream_dialer_get(nng_stream_dialer *dialer, const char *name, void *value,
                                   size_t *size);
NNG_DECL int nng_stream_dialer_get_bool(nng_stream_dialer *dialer, const char *name, bool *value);
NNG_DECL int nng_stream_dialer_get_int(nng_stream_dialer *dialer, const char *name, int *value);
NNG_DECL int nng_stream_dialer_get_ms(nng_stream_dialer *dialer, const char *name,
                                      nng_duration *value);
NNG_DECL int nng_stream_dialer_get_size(nng_stream_dialer *dialer, const char *name, size_t *value);
NNG_DECL int nng_stream_dialer_get_uint64(nng_stream_dialer *dialer, const char *name,
                                          uint64_t *value);
NNG_DECL int nng_stream_dialer_get_ptr(nng_stream_dialer *dialer, const char *name, void **value);
NNG_DECL int nng_stream_dialer_get_string(nng_stream_dialer *dialer, const char *name,
                                          char **value);
NNG_DECL int nng_stream_dialer_get_addr(nng_stream_dialer *dialer, const char *name,
                                        nng_sockaddr *value);
NNG_DECL int nng_stream_dialer_set(nng_stream_dialer *dialer, const char *name, const void *value,
                                   size_t size);
NNG_DECL int nng_stream_dialer_set_bool(nng_stream_dialer *dialer, const char *name, bool value);
NNG_DECL int nng_stream_dialer_set_int(nng_stream_dialer *dialer, const char *name, int value);
NNG_DECL int nng_stream_dialer_set_ms(nng_stream_dialer *dialer, const char *name,
                                      nng_duration value);
NNG_DECL int nng_stream_dialer_set_size(nng_stream_dialer *dialer, const char *name, size_t value);
NNG_DECL int nng_stream_dialer_set_uint64(nng_stream_dialer *dialer, const char *name,
                                          uint64_t value);
NNG_DECL int nng_stream_dialer_set_ptr(nng_stream_dialer *dialer, const char *name, void *value);
NNG_DECL int nng_stream_dialer_set_string(nng_stream_dialer *dialer, const char *name,
                                          const char *value);
NNG_DECL int nng_stream_dialer_set_addr(nng_stream_dialer *dialer, const char *name,
                                        const nng_sockaddr *value);

/* ---- Listeners ---------------------------------------------------------------------------- */

/*
 * Makes a listener for a URL's address. nng_stream_listener_free() frees it.
 *
 * A host that is empty or "*" is every address; without a port the system chooses one. A name is
 * looked up here, which may take its time.
 *
 * Errors: NNG_ENOTSUP: no such scheme; NNG_EINVAL: malformed; NNG_EADDRINVAL: no such name, a path
 * or name that is too long; NNG_ENOMEM: no memory.
 * Threads: any.
 */
NNG_DECL int nng_stream_listener_alloc(nng_stream_listener **listenerp, const char *url);
NNG_DECL int nng_stream_listener_alloc_url(nng_stream_listener **listenerp, const nng_url *url);

/*
 * Starts to listen.
 *
 * A UNIX socket's file whose server is gone is taken over; a file that is no socket stays as it is.
 *
 * Errors: NNG_EADDRINUSE: somebody else has the address, and goes on having it for a second;
 * NNG_ESTATE: it listens already, or was closed after it did; NNG_ECLOSED: it was closed;
 * NNG_EADDRINVAL: no such address; NNG_EPERM: not allowed; NNG_ENOMEM: no memory; NNG_ENOFILES: no
 * descriptor; NNG_ENOTSUP: there is no backend here.
 * Threads: any.
 */
NNG_DECL int nng_stream_listener_listen(nng_stream_listener *listener);

/*
 * Waits for the next stream, which is output 0 of the aio.
 *
 * Errors: NNG_ESTATE: it does not listen; NNG_ECLOSED: it was closed; NNG_ETIMEDOUT: the aio's time
 * is up; NNG_ECANCELED: the aio was cancelled; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a forked
 * child.
 * Threads: any.
 */
NNG_DECL void nng_stream_listener_accept(nng_stream_listener *listener, nng_aio *aio);

/*
 * Closes a listener: accepts end NNG_ECLOSED, who was not accepted is sent away, streams stay. A
 * UNIX socket's file goes. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_stream_listener_close(nng_stream_listener *listener);

/*
 * Closes a listener and lets go of it. It does not wait. NULL is allowed.
 *
 * Threads: any; nobody uses the listener any more.
 */
NNG_DECL void nng_stream_listener_free(nng_stream_listener *listener);

/*
 * Gets and sets an option of a listener. See nng_stream_get().
 *
 * Errors: those of nng_stream_get(); NNG_EBUSY: it listens already; NNG_ESTATE: it does not yet;
 * NNG_ENOSPC: 16 sockets wait to be accepted.
 * Threads: any.
 */
NNG_DECL int nng_stream_listener_get(nng_stream_listener *listener, const char *name, void *value,
                                     size_t *size);
NNG_DECL int nng_stream_listener_get_bool(nng_stream_listener *listener, const char *name,
                                          bool *value);
NNG_DECL int nng_stream_listener_get_int(nng_stream_listener *listener, const char *name,
                                         int *value);
NNG_DECL int nng_stream_listener_get_ms(nng_stream_listener *listener, const char *name,
                                        nng_duration *value);
NNG_DECL int nng_stream_listener_get_size(nng_stream_listener *listener, const char *name,
                                          size_t *value);
NNG_DECL int nng_stream_listener_get_uint64(nng_stream_listener *listener, const char *name,
                                            uint64_t *value);
NNG_DECL int nng_stream_listener_get_ptr(nng_stream_listener *listener, const char *name,
                                         void **value);
NNG_DECL int nng_stream_listener_get_string(nng_stream_listener *listener, const char *name,
                                            char **value);
NNG_DECL int nng_stream_listener_get_addr(nng_stream_listener *listener, const char *name,
                                          nng_sockaddr *value);
NNG_DECL int nng_stream_listener_set(nng_stream_listener *listener, const char *name,
                                     const void *value, size_t size);
NNG_DECL int nng_stream_listener_set_bool(nng_stream_listener *listener, const char *name,
                                          bool value);
NNG_DECL int nng_stream_listener_set_int(nng_stream_listener *listener, const char *name,
                                         int value);
NNG_DECL int nng_stream_listener_set_ms(nng_stream_listener *listener, const char *name,
                                        nng_duration value);
NNG_DECL int nng_stream_listener_set_size(nng_stream_listener *listener, const char *name,
                                          size_t value);
NNG_DECL int nng_stream_listener_set_uint64(nng_stream_listener *listener, const char *name,
                                            uint64_t value);
NNG_DECL int nng_stream_listener_set_ptr(nng_stream_listener *listener, const char *name,
                                         void *value);
NNG_DECL int nng_stream_listener_set_string(nng_stream_listener *listener, const char *name,
                                            const char *value);
NNG_DECL int nng_stream_listener_set_addr(nng_stream_listener *listener, const char *name,
                                          const nng_sockaddr *value);

#ifdef __cplusplus
}
#endif

#endif
