/* SPDX-License-Identifier: MIT */
/*
 * NNG 1.x's HTTP API on io_uring. Names, values and behaviour are NNG 1.x's; where nng-uring is
 * stricter or says more, the comment says so. Statuses and header fields are those of RFC 9110,
 * the syntax on the wire is that of RFC 9112 (HTTP/1.1).
 *
 * Strings passed in are copied unless a comment says otherwise; they may lie in the object itself.
 * Functions that return int return 0 or an NNG_E* code, and leave the object as it was on error.
 */
#ifndef NNG_SUPPLEMENTAL_HTTP_HTTP_H
#define NNG_SUPPLEMENTAL_HTTP_HTTP_H

#include <nng/nng.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nng_tls_config;

/* Status codes (RFC 9110 section 15 and the IANA registry). Any other from 100 to 999 is fine. */
enum nng_http_status {
    NNG_HTTP_STATUS_CONTINUE = 100,
    NNG_HTTP_STATUS_SWITCHING = 101,
    NNG_HTTP_STATUS_PROCESSING = 102,
    NNG_HTTP_STATUS_OK = 200,
    NNG_HTTP_STATUS_CREATED = 201,
    NNG_HTTP_STATUS_ACCEPTED = 202,
    NNG_HTTP_STATUS_NOT_AUTHORITATIVE = 203,
    NNG_HTTP_STATUS_NO_CONTENT = 204,
    NNG_HTTP_STATUS_RESET_CONTENT = 205,
    NNG_HTTP_STATUS_PARTIAL_CONTENT = 206,
    NNG_HTTP_STATUS_MULTI_STATUS = 207,
    NNG_HTTP_STATUS_ALREADY_REPORTED = 208,
    NNG_HTTP_STATUS_IM_USED = 226,
    NNG_HTTP_STATUS_MULTIPLE_CHOICES = 300,
    NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY = 301,
    NNG_HTTP_STATUS_FOUND = 302,
    NNG_HTTP_STATUS_SEE_OTHER = 303,
    NNG_HTTP_STATUS_NOT_MODIFIED = 304,
    NNG_HTTP_STATUS_USE_PROXY = 305,
    NNG_HTTP_STATUS_TEMPORARY_REDIRECT = 307,
    NNG_HTTP_STATUS_PERMANENT_REDIRECT = 308,
    NNG_HTTP_STATUS_BAD_REQUEST = 400,
    NNG_HTTP_STATUS_UNAUTHORIZED = 401,
    NNG_HTTP_STATUS_PAYMENT_REQUIRED = 402,
    NNG_HTTP_STATUS_FORBIDDEN = 403,
    NNG_HTTP_STATUS_NOT_FOUND = 404,
    NNG_HTTP_STATUS_METHOD_NOT_ALLOWED = 405,
    NNG_HTTP_STATUS_NOT_ACCEPTABLE = 406,
    NNG_HTTP_STATUS_PROXY_AUTH_REQUIRED = 407,
    NNG_HTTP_STATUS_REQUEST_TIMEOUT = 408,
    NNG_HTTP_STATUS_CONFLICT = 409,
    NNG_HTTP_STATUS_GONE = 410,
    NNG_HTTP_STATUS_LENGTH_REQUIRED = 411,
    NNG_HTTP_STATUS_PRECONDITION_FAILED = 412,
    NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE = 413,
    NNG_HTTP_STATUS_ENTITY_TOO_LONG = 414,
    NNG_HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE = 415,
    NNG_HTTP_STATUS_RANGE_NOT_SATISFIABLE = 416,
    NNG_HTTP_STATUS_EXPECTATION_FAILED = 417,
    NNG_HTTP_STATUS_TEAPOT = 418,
    NNG_HTTP_STATUS_UNPROCESSABLE_ENTITY = 422,
    NNG_HTTP_STATUS_LOCKED = 423,
    NNG_HTTP_STATUS_FAILED_DEPENDENCY = 424,
    NNG_HTTP_STATUS_UPGRADE_REQUIRED = 426,
    NNG_HTTP_STATUS_PRECONDITION_REQUIRED = 428,
    NNG_HTTP_STATUS_TOO_MANY_REQUESTS = 429,
    NNG_HTTP_STATUS_HEADERS_TOO_LARGE = 431,
    NNG_HTTP_STATUS_UNAVAIL_LEGAL_REASONS = 451,
    NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR = 500,
    NNG_HTTP_STATUS_NOT_IMPLEMENTED = 501,
    NNG_HTTP_STATUS_BAD_GATEWAY = 502,
    NNG_HTTP_STATUS_SERVICE_UNAVAILABLE = 503,
    NNG_HTTP_STATUS_GATEWAY_TIMEOUT = 504,
    NNG_HTTP_STATUS_HTTP_VERSION_NOT_SUPP = 505,
    NNG_HTTP_STATUS_VARIANT_ALSO_NEGOTIATES = 506,
    NNG_HTTP_STATUS_INSUFFICIENT_STORAGE = 507,
    NNG_HTTP_STATUS_LOOP_DETECTED = 508,
    NNG_HTTP_STATUS_NOT_EXTENDED = 510,
    NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED = 511,
};

/* ---- Requests ----------------------------------------------------------------------------- */

/*
 * A request: method, URI, version, header fields and a body. It belongs to whoever allocated it
 * (one that a handler receives belongs to the server) and is used by one thread at a time.
 */
typedef struct nng_http_req nng_http_req;

/*
 * Makes a request.
 *
 * It is a GET, HTTP/1.1, for `url`: the URI is its path and query ("/" when the path is empty; the
 * fragment is left out, it is not for servers), and the Host field is set from it, with the port
 * unless it is the scheme's own, or to "localhost" where it has a socket's path. With a NULL `url`
 * both are left for the caller to set. The URL is not needed afterwards. nng_http_req_free() frees
 * the request.
 *
 * Errors: NNG_EINVAL: a URL without a host part; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_req_set_method(), nng_http_req_set_header(), nng_http_req_set_data(),
 * nng_http_conn_transact(), nng_http_client_transact().
 */
NNG_DECL int nng_http_req_alloc(nng_http_req **reqp, const nng_url *url);

/*
 * Frees a request, and a body that was copied.
 *
 * NULL is allowed.
 *
 * Threads: any; nobody else may be using it.
 */
NNG_DECL void nng_http_req_free(nng_http_req *req);

/*
 * Makes a request new again.
 *
 * It is then what nng_http_req_alloc() gives for a NULL URL.
 *
 * Threads: any, one at a time for each request.
 */
NNG_DECL void nng_http_req_reset(nng_http_req *req);

/*
 * Return the method, the version and the URI of a request.
 *
 * As sent or received; "GET", "HTTP/1.1" and "" at first.
 *
 * Returns: a text, never NULL, valid until the same thing is set, or the request is reset or freed.
 * Threads: any, one at a time for each request.
 * See: nng_http_req_set_method().
 */
NNG_DECL const char *nng_http_req_get_method(nng_http_req *req);
NNG_DECL const char *nng_http_req_get_version(nng_http_req *req);
NNG_DECL const char *nng_http_req_get_uri(nng_http_req *req);

/*
 * Set the method, the version and the URI of a request.
 *
 * NULL stands for the first value again. The method is case-sensitive. The URI is what goes on the
 * request line: usually a path with an optional query; a fragment is not sent, and spaces, "\" and
 * bytes above 127 are sent percent-encoded.
 *
 * Errors: NNG_EINVAL: a method that is not a token, a version other than "HTTP/digit.digit", a URI
 * with a control character; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each request.
 * NNG: it sends all of these as they are, and with control characters lets a request be split.
 * See: nng_http_req_get_method(), RFC 9110 section 9, RFC 9112 section 3.
 */
NNG_DECL int nng_http_req_set_method(nng_http_req *req, const char *method);
NNG_DECL int nng_http_req_set_version(nng_http_req *req, const char *version);
NNG_DECL int nng_http_req_set_uri(nng_http_req *req, const char *uri);

/*
 * Returns the value of a header field of a request.
 *
 * Names are compared without regard to case. Several fields of one name are one value, joined with
 * ", ".
 *
 * Returns: the value, or NULL when there is no such field. It is valid until that field changes, or
 * the request is reset or freed.
 * Threads: any, one at a time for each request.
 * See: nng_http_req_set_header(), RFC 9110 section 5.
 */
NNG_DECL const char *nng_http_req_get_header(nng_http_req *req, const char *name);

/*
 * Set, add to, and delete a header field of a request.
 *
 * Set replaces every field of that name, add appends to it (", " between the values), del removes
 * it. White space around a value is dropped, and so is a line end behind it.
 *
 * Errors: NNG_EINVAL: a name that is not a token, or a value with CR, LF or another control
 * character but HTAB; NNG_ENOENT: there is no such field to delete; NNG_EMSGSIZE: all header fields
 * would have more than 1 GiB; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each request.
 * NNG: it sends such names and values, which lets whoever chose them split the message, and line
 * ends.
 * See: nng_http_req_get_header(), RFC 9110 section 5.
 */
NNG_DECL int nng_http_req_set_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_add_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_del_header(nng_http_req *req, const char *name);

/*
 * Give a request its body.
 *
 * The header field Content-Length comes with it; a previous body is dropped.
 * nng_http_req_set_data() borrows: the data must stay alive and unchanged as long as the request
 * uses it. nng_http_req_copy_data() copies.
 *
 * Errors: NNG_EINVAL: `data` is NULL, and `size` is not 0; NNG_EMSGSIZE: all header fields would
 * have more than 1 GiB; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each request.
 * See: nng_http_req_get_data().
 */
NNG_DECL int nng_http_req_set_data(nng_http_req *req, const void *data, size_t size);
NNG_DECL int nng_http_req_copy_data(nng_http_req *req, const void *data, size_t size);

/*
 * Tells where the body of a request is.
 *
 * `*datap` and `*sizep` become NULL and 0 when there is none. The body stays the request's (or its
 * lender's).
 *
 * Threads: any, one at a time for each request.
 * See: nng_http_req_set_data().
 */
NNG_DECL void nng_http_req_get_data(nng_http_req *req, void **datap, size_t *sizep);

/* ---- Responses ---------------------------------------------------------------------------- */

/* A response: status, reason, version, header fields and a body. Ownership as for requests. */
typedef struct nng_http_res nng_http_res;

/*
 * Makes a response.
 *
 * With status 200, HTTP/1.1, no field and no body. nng_http_res_free() frees it.
 *
 * Errors: NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_res_alloc_error(), nng_http_res_set_status(), nng_http_res_set_header(),
 * nng_http_res_set_data().
 */
NNG_DECL int nng_http_res_alloc(nng_http_res **resp);

/*
 * Makes a response that reports an error.
 *
 * As nng_http_res_alloc(), with the given status and a small HTML page for it as body, which a
 * server replaces by its own page for that status if it has one.
 *
 * Errors: NNG_EINVAL: a status that is not 100 to 999; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_server_set_error_page().
 */
NNG_DECL int nng_http_res_alloc_error(nng_http_res **resp, uint16_t status);

/*
 * Frees a response, and a body that was copied.
 *
 * NULL is allowed.
 *
 * Threads: any; nobody else may be using it.
 */
NNG_DECL void nng_http_res_free(nng_http_res *res);

/*
 * Makes a response new again.
 *
 * It is then what nng_http_res_alloc() gives.
 *
 * Threads: any, one at a time for each response.
 */
NNG_DECL void nng_http_res_reset(nng_http_res *res);

/*
 * The status code of a response.
 *
 * 200 at first.
 *
 * Returns: the getter the status; the setter 0 or an error.
 * Errors: NNG_EINVAL: not 100 to 999.
 * Threads: any, one at a time for each response.
 * See: nng_http_res_get_reason(), RFC 9110 section 15.
 */
NNG_DECL uint16_t nng_http_res_get_status(nng_http_res *res);
NNG_DECL int nng_http_res_set_status(nng_http_res *res, uint16_t status);

/*
 * The phrase after the status of a response.
 *
 * It is the one that was set or received, else the standard one for the status; NULL sets that one
 * again.
 *
 * Returns: the getter a text, never NULL, valid until it is set, or the response is reset or freed;
 * the setter 0 or an error.
 * Errors: NNG_EINVAL: control characters; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each response.
 * See: nng_http_res_get_status().
 */
NNG_DECL const char *nng_http_res_get_reason(nng_http_res *res);
NNG_DECL int nng_http_res_set_reason(nng_http_res *res, const char *reason);

/*
 * The version of a response.
 *
 * "HTTP/1.1" at first, which NULL sets again.
 *
 * Returns: the getter a text, never NULL, valid until it is set, or the response is reset or freed;
 * the setter 0 or an error.
 * Errors: NNG_EINVAL: other than "HTTP/digit.digit"; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each response.
 */
NNG_DECL const char *nng_http_res_get_version(nng_http_res *res);
NNG_DECL int nng_http_res_set_version(nng_http_res *res, const char *version);

/*
 * Get, set, add to, and delete a header field of a response.
 *
 * Names are compared without regard to case. Several fields of one name are one value, joined with
 * ", ": so get returns them, and add appends. Set replaces every field of that name, del removes
 * it. White space around a value is dropped. Values of Set-Cookie are sent as a field each, for
 * they cannot be told apart otherwise (RFC 6265 section 3).
 *
 * Returns: get the value, or NULL when there is no such field, valid until that field changes, or
 * the response is reset or freed; the others 0 or an error.
 * Errors: those of nng_http_req_set_header().
 * Threads: any, one at a time for each response.
 * See: nng_http_req_get_header(), RFC 9110 section 5.
 */
NNG_DECL const char *nng_http_res_get_header(nng_http_res *res, const char *name);
NNG_DECL int nng_http_res_set_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_add_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_del_header(nng_http_res *res, const char *name);

/*
 * The body of a response.
 *
 * It comes with Content-Length; a previous body is dropped. Set borrows: the data must stay alive
 * and unchanged as long as the response uses it. Copy copies. nng_http_res_get_data() tells where
 * the body is: `*datap` and `*sizep` become NULL and 0 when there is none.
 *
 * Errors: those of nng_http_req_set_data().
 * Threads: any, one at a time for each response.
 */
NNG_DECL int nng_http_res_set_data(nng_http_res *res, const void *data, size_t size);
NNG_DECL int nng_http_res_copy_data(nng_http_res *res, const void *data, size_t size);
NNG_DECL void nng_http_res_get_data(nng_http_res *res, void **datap, size_t *sizep);

/* ---- Connections -------------------------------------------------------------------------- */

/*
 * A connection comes from nng_http_client_connect(), or is a server's and is lent to a handler.
 * Reads and writes are asynchronous and take the data from, or put it into, the aio's vector
 * (nng_aio_set_iov()), or a message. Each direction has a queue of its own: operations are carried
 * out one after the other, in the order they were started, and never interleave. A failed,
 * timed-out or cancelled operation leaves the connection open and the other operations alone, but
 * for what is said below.
 *
 * Whatever the result, nng_aio_count() is the number of bytes really moved, if nothing else is
 * said.
 */
typedef struct nng_http_conn nng_http_conn;

/*
 * Close and free a connection.
 *
 * `conn` must not be used any more. Operations that are pending end with NNG_ECLOSED and their
 * counts, each when the kernel has let go of its buffers; this does not wait for them. Bytes
 * already counted as written still reach the peer, unless it goes on sending: the reset that this
 * provokes may overtake them (RFC 9112 section 9.6). NULL is allowed.
 *
 * A connection that a handler was lent, and has not hijacked, is not freed by this, but ends when
 * the handler has finished its aio; the response goes nowhere. Until then it may be used and closed
 * again: what the handler reads and writes ends with NNG_ECLOSED. What it has written before, and
 * the answers to earlier requests, still reach the peer; requests behind its own are not answered.
 *
 * Threads: any; callbacks of this connection, too.
 * See: nng_http_hijack(), nng_http_handler_alloc().
 */
NNG_DECL void nng_http_conn_close(nng_http_conn *conn);

/*
 * Writes some bytes to an HTTP connection.
 *
 * It starts to write the vector of `aio`, see nng_aio_set_iov(), and returns at once. The operation
 * is over when at least one byte is written, or on error. Then nng_aio_result() is 0 or the error,
 * nng_aio_count() is the number of bytes that were really written (on error, too), and the aio's
 * callback runs. The bytes that were not written are the caller's to write again.
 * nng_http_conn_write_all() does so itself.
 *
 * Writes of a connection are carried out one after the other, in the order in which they were
 * started, and never mix; reads go on meanwhile. The buffers must stay alive and unchanged until
 * the operation is over: they are the kernel's until then. The aio's time limit,
 * nng_aio_set_timeout(), covers the time in the queue as well.
 *
 * A write that failed, timed out or was cancelled leaves the connection open, and the writes behind
 * it are carried out.
 *
 * Errors: NNG_ECANCELED: nng_aio_cancel() or nng_aio_stop() was called (nng_aio_abort() gives the
 * caller's own code), or an nng_http_conn_write_all() before this one failed with a part of its
 * bytes sent;
 * NNG_ECLOSED: this side has closed the connection, the aio was freed, or nng_fini() was called;
 * NNG_ECONNRESET: the peer has closed or reset the connection; NNG_EINVAL: the aio has no vector to
 * write: none was set, all lengths are zero, or a base is NULL with a length that is not zero;
 * NNG_ENOMEM: no memory, in the library or in the kernel; NNG_ENOTSUP: there is no backend here,
 * or this is a forked child: nng_uring_reason() has it in words; NNG_ETIMEDOUT: the aio's time
 * limit passed, or that of a TLS handshake (NNG_URING_TLS_TIMEOUT, see nng-uring(7));
 * NNG_EPEERAUTH: over https: the peer is not who it should be; NNG_ECRYPTO: over https: TLS failed
 * for a reason that has no code of its own; NNG_EPROTO: over https: the peer does not speak TLS, or
 * sends handshakes without end.
 * Threads: any. The callback runs on a thread of the library, never within this call.
 * NNG: it closes the connection when a write fails, and gives a count of 0; without a vector it
 * succeeds with a count of 0.
 * Example:
 *   // Writes `text`, however many writes it takes.
 *   int write_text(nng_http_conn *conn, nng_aio *aio, char *text)
 *   {
 *       nng_iov iov = { text, strlen(text) };
 *       int err = 0;
 *       while (err == 0 && iov.iov_len > 0) {
 *           nng_aio_set_iov(aio, 1, &iov);
 *           nng_http_conn_write(conn, aio);
 *           nng_aio_wait(aio);
 *           err = nng_aio_result(aio);
 *           iov.iov_buf = (char *) iov.iov_buf + nng_aio_count(aio);
 *           iov.iov_len -= nng_aio_count(aio);
 *       }
 *       return err;
 *   }
 * See: nng_http_conn_write_all(), nng_http_conn_read(), nng_aio_set_iov(), nng_aio_set_timeout(),
 * nng_aio_count(), nng_http_client_connect(), nng_http_hijack().
 */
NNG_DECL void nng_http_conn_write(nng_http_conn *conn, nng_aio *aio);

/*
 * Writes every byte to an HTTP connection.
 *
 * It starts to write the vector of `aio`, see nng_aio_set_iov(), and returns at once. The operation
 * is over when every byte is written, however many attempts that takes, or on error. Then
 * nng_aio_result() is 0 or the error, nng_aio_count() is the number of bytes that were really
 * written (on error, too), and the aio's callback runs.
 *
 * Writes of a connection are carried out one after the other, in the order in which they were
 * started, and never mix; reads go on meanwhile. The buffers must stay alive and unchanged until
 * the operation is over: they are the kernel's until then. The aio's time limit,
 * nng_aio_set_timeout(), covers all of it: the time in the queue, and every attempt.
 *
 * A write that fails leaves the connection open. If some of its bytes were sent by then, the
 * peer has a message that was cut in the middle: so that nothing is taken for its end, the writes
 * that are queued behind it end with NNG_ECANCELED, and none of their bytes is sent. What to do
 * about the rest, nng_aio_count() being known, or whether to close, is the caller's decision.
 *
 * Errors: NNG_ECANCELED: nng_aio_cancel() or nng_aio_stop() was called (nng_aio_abort() gives the
 * caller's own code), or an nng_http_conn_write_all() before this one failed with a part of its
 * bytes sent;
 * NNG_ECLOSED: this side has closed the connection, the aio was freed, or nng_fini() was called;
 * NNG_ECONNRESET: the peer has closed or reset the connection; NNG_EINVAL: the aio has no vector to
 * write: none was set, all lengths are zero, or a base is NULL with a length that is not zero;
 * NNG_ENOMEM: no memory, in the library or in the kernel; NNG_ENOTSUP: there is no backend here,
 * or this is a forked child: nng_uring_reason() has it in words; NNG_ETIMEDOUT: the aio's time
 * limit passed before all was written, or that of a TLS handshake (NNG_URING_TLS_TIMEOUT, see
 * nng-uring(7)); NNG_EPEERAUTH: over https: the peer is not who it should be; NNG_ECRYPTO: over
 * https: TLS failed for a reason that has no code of its own; NNG_EPROTO: over https: the peer does
 * not speak TLS, or sends handshakes without end.
 * Threads: any. The callback runs on a thread of the library, never within this call.
 * NNG: it closes the connection when a write fails, and gives a count of 0; without a vector it
 * succeeds with a count of 0.
 * Example:
 *   // Sends `text` within a second; the aio's callback learns how it went.
 *   void send_text(nng_http_conn *conn, nng_aio *aio, char *text)
 *   {
 *       nng_iov iov = { text, strlen(text) };
 *       nng_aio_set_iov(aio, 1, &iov);
 *       nng_aio_set_timeout(aio, 1000);
 *       nng_http_conn_write_all(conn, aio);
 *   }
 * See: nng_http_conn_write(), nng_http_conn_read_all(), nng_aio_set_iov(), nng_aio_set_timeout(),
 * nng_aio_count(), nng_http_client_connect(), nng_http_hijack().
 */
NNG_DECL void nng_http_conn_write_all(nng_http_conn *conn, nng_aio *aio);

/*
 * Reads some bytes from an HTTP connection.
 *
 * Reads at least one byte into the aio's vector, see nng_aio_set_iov(), and returns at once. When
 * the operation is over, nng_aio_count() is the number of bytes read. Reads of a connection are
 * carried out one after the other, in the order in which they were started; a read that fails,
 * times out or is cancelled leaves the connection open, and the bytes it did not take are there for
 * the next one.
 *
 * Errors: NNG_ECANCELED: the read was cancelled (nng_aio_abort() gives the caller's own code);
 * NNG_ECLOSED: this side has closed the connection, the aio was freed, or nng_fini() was called;
 * NNG_ECONNRESET: the peer has reset the connection; NNG_ECONNSHUT: the peer has sent its last
 * byte, or the body of the request that a handler reads is at its end; NNG_EINVAL: the aio has no
 * vector to fill: none was set, all lengths are zero, or a base is NULL with a length that is not
 * zero; NNG_ENOMEM: no memory; where bytes had to be thrown away for that, all later reads end so,
 * too; NNG_ENOTSUP: there is no backend here, or this is a forked child; NNG_EPROTO: a chunk of
 * the body that a handler reads is malformed, or over https, the peer does not speak TLS;
 * NNG_ETIMEDOUT: the aio's time limit passed, or that of a TLS handshake; NNG_EPEERAUTH: over
 * https: the peer is not who it should be; NNG_ECRYPTO: over https: TLS failed for another reason.
 * Threads: any.
 * NNG: it closes the connection when a read fails.
 * See: nng_http_conn_read_all(), nng_http_conn_read_req(), nng_http_handler_collect_body().
 */
NNG_DECL void nng_http_conn_read(nng_http_conn *conn, nng_aio *aio);

/*
 * Fills the whole vector from an HTTP connection.
 *
 * As nng_http_conn_read(), but the operation is over when every byte of the vector has come, or on
 * error. nng_aio_count() says how many have come, on error, too.
 *
 * Errors: NNG_ECONNSHUT: the peer's last byte, or that of the body that a handler reads, came
 * before the vector was full; those of nng_http_conn_read().
 * Threads: any.
 * NNG: it closes the connection when a read fails.
 */
NNG_DECL void nng_http_conn_read_all(nng_http_conn *conn, nng_aio *aio);

/*
 * Read the head of a request or a response.
 *
 * Up to and including its blank line it goes into the given message, which is reset first. The
 * body, if any, is the next to be read: how long it is, and whether it is chunked, is in the header
 * fields. The message must be left alone until the operation has ended. nng_aio_count() is the
 * bytes of the head. The aio's vector is not used.
 *
 * An operation that is cut short consumes nothing, the next one reads the same head; the bytes of a
 * head that is refused stay unread.
 *
 * They are not for a connection that a handler was lent: its bytes belong to the request in hand,
 * and to the next ones, which the server reads. nng_http_hijack() makes it the handler's own.
 *
 * Errors: NNG_ESTATE: the connection is lent to a handler, and not hijacked; the message is left as
 * it is; NNG_EPROTO: the head is malformed, or could be understood in two ways (a request without
 * Host is, if it is HTTP/1.1); NNG_EMSGSIZE: more than 16 KiB, 128 fields, or 8 KiB of URI;
 * NNG_ECONNSHUT: the peer's last byte came first; NNG_ECANCELED: the operation was cancelled
 * (nng_aio_abort() gives the caller's own code); NNG_ECLOSED: this side has closed the connection,
 * the aio was freed, or nng_fini() was called; NNG_ECONNRESET: the peer has reset the connection;
 * NNG_ENOMEM: no memory; where bytes had to be thrown away for that, all later reads end so, too;
 * NNG_ENOTSUP: there is no backend here, or this is a forked child; NNG_ETIMEDOUT: the aio's time
 * limit passed, or that of a TLS handshake; NNG_EPEERAUTH and NNG_ECRYPTO: over https, as for
 * nng_http_conn_read().
 * Threads: any.
 * NNG: it closes the connection on any error.
 * See: nng_http_conn_read(), nng_http_conn_transact(), nng_http_hijack(), RFC 9112.
 */
NNG_DECL void nng_http_conn_read_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_read_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

/*
 * Write a request or a response, head and body.
 *
 * The message is sent as it is now: nothing is added that was not set, be it Host or Content-Length
 * (which nng_http_req_set_data() sets), but a response whose status never has a body (1xx, 204,
 * 304) is sent without its own. Otherwise as nng_http_conn_write_all(), with the bytes of head and
 * body as the count; the aio's vector is not used.
 *
 * The message and its body must stay alive and unchanged until the operation has ended, and take
 * part in one write at a time.
 *
 * A peer that is gone is reported as NNG does it, for programs that connect anew on NNG_ECLOSED: a
 * reset is NNG_ECONNRESET the first time; whatever comes after it, or after the peer had closed, is
 * NNG_ECLOSED. A request is not sent where the peer is known to have closed: one that finds its
 * kept connection closed while it was idle ends with NNG_ECLOSED before a byte is sent. (A response
 * is: who has sent its last may still read.)
 *
 * Errors: NNG_EINVAL: the request has no URI; NNG_ECLOSED: the connection is closed, by this side
 * or, as said above, the peer's; NNG_ECONNRESET: the peer has reset the connection, which is said
 * once; those of nng_http_conn_write_all().
 * Threads: any.
 * NNG: it sends the request first, and says 0 or NNG_ECONNSHUT the first time; header fields that
 * change between two writes of one message do not count there; here they do.
 * See: nng_http_conn_write_all(), nng_http_conn_transact().
 */
NNG_DECL void nng_http_conn_write_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_write_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

/*
 * Send a request and receive the response to it.
 *
 * The response comes, all of it, into `res`, which is reset first. nng_http_res_get_data() gives
 * the body, nng_aio_count() its length. The request is written as by nng_http_conn_write_req().
 * Both messages must be left alone until the operation has ended. The aio's time limit is for the
 * whole of it, and it counts as a write and a read in the connection's queues: any number of
 * transacts can be started one after the other, each gets the response to its own request.
 *
 * Bodies end after Content-Length bytes, with the last chunk, or with the connection, whichever the
 * response says; answers to HEAD, and 204 and 304, have none. A body that came in chunks is put
 * together, and `res` then says how long it is and nothing of chunks, so that it can be sent on as
 * it is; trailers are dropped. 100 to 199 are skipped, but for 101 (and the success of a CONNECT):
 * that ends the operation, and what follows on the connection is for the caller to read.
 *
 * A response that has come in full is success even though not all of the request was sent: a server
 * that has heard enough answers, and closes the connection without waiting for the rest. A response
 * that says so (or that ends with the connection) stops the write.
 *
 * After an error `res` may hold the head, but no body. The connection is still open then but out of
 * step, close it: bytes of that response may still come, or part of the request was not sent. A
 * later transact ends with NNG_ESTATE instead of taking them for its own, and so it does when more
 * has come than was asked for.
 *
 * Errors: NNG_EINVAL: the request has no URI; NNG_EPROTO: the response is malformed, or over https,
 * the server does not speak TLS; NNG_EMSGSIZE:
 * more than 16 KiB or 128 fields of head, 256 bytes before a chunk, 8 KiB of trailers, or
 * NNG_URING_MAX_BODY bytes of body, see <nng/uring.h>; NNG_ECONNSHUT: the server closed before the
 * end of the response, or had said that the one before was the last of the connection; NNG_ESTATE:
 * the connection is out of step since an earlier error, or is lent to a handler that has not
 * hijacked it: then nothing is sent, and `res` is left as it is; NNG_ECLOSED and NNG_ECONNRESET: as
 * for nng_http_conn_write_req(), so after an idle connection was closed by the server, NNG_ECLOSED
 * says that nothing was sent; those of nng_http_conn_write_all().
 * Threads: any.
 * Example:
 *   // Asks for `path` and prints what came.
 *   int ask(nng_http_conn *conn, nng_aio *aio, nng_http_req *req,
 *           nng_http_res *res, const char *path)
 *   {
 *       int err = nng_http_req_set_uri(req, path);
 *       if (err == 0) {
 *           nng_http_conn_transact(conn, req, res, aio);
 *           nng_aio_wait(aio);
 *           err = nng_aio_result(aio);
 *       }
 *       if (err == 0) {
 *           void *body;
 *           size_t size;
 *           nng_http_res_get_data(res, &body, &size);
 *           printf("%u, %zu bytes\n", nng_http_res_get_status(res), size);
 *       }
 *       return err;
 *   }
 * See: nng_http_client_connect(), nng_http_client_transact(), RFC 9112 section 6.
 */
NNG_DECL void nng_http_conn_transact(nng_http_conn *conn, nng_http_req *req, nng_http_res *res,
                                     nng_aio *aio);

/* ---- Handlers ----------------------------------------------------------------------------- */

/*
 * A handler answers the requests for one URI: that path itself ("/x" also as "/x/") or, as a tree,
 * all below it. It is set up, then added to a server; from then on the setters say NNG_EBUSY, but
 * for nng_http_handler_collect_body(). Any thread, but one at a time while it is set up. Paths are
 * matched after percent-decoding, without query, and without dot segments.
 *
 * A URI of NULL or "" is "/". One that does not start with '/', and a callback that is NULL, are
 * taken here and refused by nng_http_server_add_handler().
 */
typedef struct nng_http_handler nng_http_handler;

/*
 * Makes a handler that calls a function for each request.
 *
 * `cb`(`aio`) is called on a thread of the library. The aio's inputs are the nng_http_req (0), the
 * nng_http_handler (1) and the nng_http_conn (2), all lent until the aio is finished. `cb`, now or
 * later and from any thread, sets output 0 to an nng_http_res, which it gives away, and calls
 * nng_aio_finish() with 0. The response's body may be borrowed from the request or the handler
 * (nng_http_res_set_data() with the request's body, URI, method or the value of a field, or with
 * what nng_http_handler_get_data() gave): they stay as they are until the response has been
 * written, or the connection has ended. The aio has been begun. Output 0 NULL means that the
 * handler has written the response itself. A result other than 0 gives the client a 500.
 *
 * A handler whose answer takes its time can hear that nobody waits for it any more: it says how its
 * work is ended by nng_aio_defer(). That function is called with NNG_ECONNRESET when the client has
 * reset its connection (noticed within some 20 ms), also where a reset came before; and with
 * NNG_ECLOSED when the server is stopped. The aio is to be finished all the same, with any result.
 * A client that has only sent its last byte, as after shutdown(2), still waits, and is answered;
 * one that has closed its socket looks the same until something is written to it.
 *
 * The handler answers GET and HEAD for `uri` itself, also with a "/" behind it (NULL and "" stand
 * for "/"), until nng_http_handler_set_method() and nng_http_handler_set_tree() say otherwise. It
 * is added to a server by nng_http_server_add_handler().
 *
 * Errors: NNG_ENOMEM: no memory.
 * Threads: any.
 * Example:
 *   // A handler that says hello.
 *   void hello(nng_aio *aio)
 *   {
 *       nng_http_res *res;
 *       int err = nng_http_res_alloc(&res);
 *       if (err == 0) {
 *           nng_aio_set_output(aio, 0, res);
 *           err = nng_http_res_copy_data(res, "hello\n", 6);
 *       }
 *       nng_aio_finish(aio, err);
 *   }
 * NNG: a handler does not hear of a client's end.
 * See: nng_http_server_add_handler(), nng_http_handler_collect_body(), nng_http_handler_set_data(),
 * nng_http_hijack(), nng_aio_defer().
 */
NNG_DECL int nng_http_handler_alloc(nng_http_handler **handlerp, const char *uri,
                                    void (*cb)(nng_aio *aio));

/*
 * Makes a handler that serves one file.
 *
 * It is read anew for every request. The content type goes by the path's suffix, as in NNG;
 * nng_uring_handler_set_current_types() gives today's.
 *
 * Errors: NNG_EINVAL: no path; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_handler_alloc_directory(), nng_http_server_add_handler().
 */
NNG_DECL int nng_http_handler_alloc_file(nng_http_handler **handlerp, const char *uri,
                                         const char *path);

/*
 * Makes a handler that serves the files below a directory.
 *
 * It is an exclusive tree, see nng_http_handler_set_tree_exclusive(); index.html or index.htm
 * stands for a directory. Content types are as for nng_http_handler_alloc_file(). Nothing outside
 * it is ever served, by whatever spelling of the path or symbolic link.
 *
 * Errors: NNG_EINVAL: no path; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_handler_alloc_file(), nng_http_server_add_handler().
 */
NNG_DECL int nng_http_handler_alloc_directory(nng_http_handler **handlerp, const char *uri,
                                              const char *path);

/*
 * Makes a handler that serves bytes from memory.
 *
 * They are `size` bytes of `data`, which are copied. A NULL `content_type` means
 * application/octet-stream.
 *
 * Errors: NNG_EINVAL: no data; NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_server_add_handler().
 */
NNG_DECL int nng_http_handler_alloc_static(nng_http_handler **handlerp, const char *uri,
                                           const void *data, size_t size, const char *content_type);

/*
 * Makes a handler that sends clients elsewhere.
 *
 * The answer has `status` (300 to 399; 0 means 301) and a Location of `location` followed by what
 * the request has beyond the handler's URI: the rest of the path if it is a tree (without dot
 * segments, and with one "/" in between), and the query. It answers all methods, unless
 * nng_http_handler_set_method() says otherwise. A body is not read, and the connection stays open.
 *
 * Errors: NNG_EINVAL: another status, or no location or one with control characters; NNG_ENOMEM: no
 * memory.
 * Threads: any.
 * NNG: it closes the connection.
 * See: nng_http_server_add_handler(), RFC 9110 section 15.4.
 */
NNG_DECL int nng_http_handler_alloc_redirect(nng_http_handler **handlerp, const char *uri,
                                             uint16_t status, const char *location);

/*
 * Gives up the creator's hold on a handler.
 *
 * It is freed when no server and no response uses it any more. NULL is allowed.
 *
 * Threads: any.
 * See: nng_http_server_add_handler().
 */
NNG_DECL void nng_http_handler_free(nng_http_handler *handler);

/*
 * Sets the method that a handler answers.
 *
 * "GET" at first, which includes HEAD. NULL or "" stands for all.
 *
 * Errors: NNG_EBUSY: the handler is a server's already; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each handler.
 */
NNG_DECL int nng_http_handler_set_method(nng_http_handler *handler, const char *method);

/*
 * Sets the host that a handler answers for.
 *
 * It is compared with the Host field, without its port, in any case of letters. NULL, "", "*" and
 * the unspecified address (0.0.0.0 or ::) stand for all, as at first.
 *
 * Errors: NNG_EBUSY: the handler is a server's already; NNG_ENOMEM: no memory.
 * Threads: any, one at a time for each handler.
 */
NNG_DECL int nng_http_handler_set_host(nng_http_handler *handler, const char *host);

/*
 * Make a handler answer for all paths below its URI, too.
 *
 * nng_http_handler_set_tree_exclusive() does it so that no other handler of the same host and
 * method may be there, and it may not be below a tree of such a one.
 *
 * Errors: NNG_EBUSY: the handler is a server's already.
 * Threads: any, one at a time for each handler.
 * See: nng_http_server_add_handler().
 */
NNG_DECL int nng_http_handler_set_tree(nng_http_handler *handler);
NNG_DECL int nng_http_handler_set_tree_exclusive(nng_http_handler *handler);

/*
 * Says whether a request's body is read before the handler is called.
 *
 * So it is at first, with at most 1 MiB; `max` is another limit, in bytes. A request with more is
 * refused with 413.
 *
 * Without, the body is the handler's to read: nng_http_conn_read() and nng_http_conn_read_all()
 * then give the bytes of the body, without the framing of chunks, and NNG_ECONNSHUT at its end
 * (NNG_EPROTO where a chunk is malformed, NNG_ECONNRESET where the client leaves before the end).
 * What it leaves is thrown away. A client that waits for 100 (Continue) is sent it when the handler
 * reads, unless it has begun to write its response.
 *
 * Errors: none.
 * Threads: any, and at any time, also when a server has the handler.
 * See: nng_http_handler_alloc(), RFC 9110 section 10.1.1.
 */
NNG_DECL int nng_http_handler_collect_body(nng_http_handler *handler, bool want, size_t max);

/*
 * A pointer of the user's that a handler carries.
 *
 * `dtor`(`data`) is called when the handler is freed, which may be on a thread of the library; NULL
 * stands for nothing.
 *
 * Returns: the setter 0 or an error; the getter what was set, NULL if nothing was.
 * Errors: NNG_EBUSY: the handler is a server's already.
 * Threads: any, one at a time for each handler.
 */
NNG_DECL int nng_http_handler_set_data(nng_http_handler *handler, void *data,
                                       void (*dtor)(void *data));
NNG_DECL void *nng_http_handler_get_data(nng_http_handler *handler);

/* ---- Servers ------------------------------------------------------------------------------ */

/* A server for one host name and port. Its functions may be called from any thread. */
typedef struct nng_http_server nng_http_server;

/*
 * Find the server for a URL's host and port, or make it.
 *
 * Each call counts as one hold, which nng_http_server_release() gives up. The scheme is http or
 * https (with a 4 or 6 behind it for one address family; nng_http_server_set_tls() says where the
 * certificate comes from), the host an address of this machine ("[fe80::1%25eth0]" with
 * its interface), a name, or "" for all; port "0" lets the system choose. A host that is a name is
 * looked up here, which may block; the server then has a listening socket for each address of the
 * name that this machine has, of both families ("localhost": ::1 and 127.0.0.1).
 * nng_http_server_start() then makes it listen.
 *
 * With "http+unix://%2Frun%2Fx.sock" it listens on the UNIX socket /run/x.sock (curl's
 * --unix-socket). A start makes that file, and takes the place of a socket whose server is gone,
 * but of no other file; the end removes it. Requests need a Host field there, too, with any host,
 * and handlers for one host go by it. nng_uring_server_set_permissions() says who may connect.
 *
 * Errors: NNG_EADDRINVAL: another scheme, a host that is no address or name, or a path that is
 * empty or too long (107 bytes); NNG_EINVAL: the environment variable NNG_URING_LIMITS is no list
 * of limits, see nng_uring_server_set_limit(); NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a forked
 * child.
 * Threads: any.
 * NNG: it takes one address of a name.
 * Example:
 *   // Serves the files below /srv on every address of this machine.
 *   int serve(nng_http_server **serverp)
 *   {
 *       nng_http_handler *handler;
 *       nng_url *url;
 *       int err = nng_url_parse(&url, "http://:8080");
 *       if (err != 0) {
 *           return err;
 *       }
 *       err = nng_http_server_hold(serverp, url);
 *       nng_url_free(url);
 *       if (err != 0) {
 *           return err;
 *       }
 *       err = nng_http_handler_alloc_directory(&handler, "/", "/srv");
 *       if (err == 0) {
 *           err = nng_http_server_add_handler(*serverp, handler);
 *       }
 *       return err != 0 ? err : nng_http_server_start(*serverp);
 *   }
 * See: nng_http_server_start(), nng_http_server_add_handler(), nng_uring_server_set_limit(),
 * nng_uring_server_drain().
 */
NNG_DECL int nng_http_server_hold(nng_http_server **serverp, const nng_url *url);

/*
 * Gives up a hold on a server.
 *
 * With the last one, a running server is stopped. NULL is allowed.
 *
 * Threads: any.
 * See: nng_http_server_hold().
 */
NNG_DECL void nng_http_server_release(nng_http_server *server);

/*
 * Listen and serve.
 *
 * It does so on every thread of the library. Starts are counted; nng_http_server_stop() undoes one.
 * An address that is in use is tried again for up to a second, for the sockets of a process that
 * was killed outlive it a little; not in a callback on a thread of the library, which never waits.
 *
 * Errors: NNG_EADDRINUSE: somebody else listens there; NNG_EADDRINVAL: it is not an address of this
 * machine; NNG_EBUSY: the server is being drained; NNG_ENOENT: there is no directory for the UNIX
 * socket; NNG_ENOFILES: no descriptors are left; NNG_ENOMEM: no memory; NNG_ENOTSUP: there is no
 * backend here; NNG_EPERM: the port (below 1024, as a rule) needs privileges, or the directory does
 * not let us.
 * Threads: any.
 * See: nng_http_server_hold(), nng_http_server_get_addr(), nng_uring_server_drain().
 */
NNG_DECL int nng_http_server_start(nng_http_server *server);

/*
 * Undoes one start of a server.
 *
 * With the last one, stops listening and closes all connections, whatever they are doing; it does
 * not wait for that.
 *
 * Threads: any.
 * See: nng_http_server_start(), nng_uring_server_drain().
 */
NNG_DECL void nng_http_server_stop(nng_http_server *server);

/*
 * Adds a handler to a server.
 *
 * It works at once. The server takes over the caller's hold on it: it is freed with the server. On
 * error the hold stays the caller's.
 *
 * Errors: NNG_EINVAL: its URI does not start with "/", or it has no callback; NNG_EADDRINUSE:
 * another handler has the same host, method and URI, or an exclusive tree of this host and method
 * is concerned; NNG_EBUSY: another server has it; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a
 * forked child.
 * Threads: any.
 * NNG: with it two servers can have a handler, and lose it.
 * See: nng_http_server_del_handler(), nng_http_handler_alloc(), nng_http_handler_alloc_file(),
 * nng_http_handler_alloc_directory(), nng_http_handler_alloc_static(),
 * nng_http_handler_alloc_redirect().
 */
NNG_DECL int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *handler);

/*
 * Takes a handler out of a server.
 *
 * The hold on it is the caller's again; requests it is working on are finished.
 *
 * Errors: NNG_ENOENT: the server does not have it; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a
 * forked child.
 * Threads: any.
 * See: nng_http_handler_free().
 */
NNG_DECL int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *handler);

/*
 * Tells the address that a server listens on.
 *
 * It has the real port where port 0 was asked for, and that is the same for all addresses of a
 * name, of which this is the first.
 *
 * Errors: NNG_ESTATE: the server is not running, nor bound; NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_http_server_start(), nng_uring_server_bind(), nng_str_sockaddr().
 */
NNG_DECL int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr);

/*
 * Set the page for responses with a status.
 *
 * It is for those that the server makes itself, or that a handler made with
 * nng_http_res_alloc_error(): `html`, or what is in the file now (up to 16 MiB). It replaces the
 * one set before, and works at once.
 *
 * Errors: NNG_EINVAL: a status that is not 100 to 999, or a file that is not a regular one;
 * NNG_ENOENT: there is no such file; NNG_EPERM: the file may not be read; NNG_EMSGSIZE: it is too
 * large; NNG_ENOFILES: no descriptors are left; NNG_ENOMEM: no memory; NNG_ENOTSUP: this is a
 * forked child.
 * Threads: any.
 * See: nng_http_server_res_error().
 */
NNG_DECL int nng_http_server_set_error_page(nng_http_server *server, uint16_t status,
                                            const char *html);
NNG_DECL int nng_http_server_set_error_file(nng_http_server *server, uint16_t status,
                                            const char *path);

/*
 * Makes a response the server's error response for its status.
 *
 * The server's page for it becomes the body.
 *
 * Errors: those of nng_http_res_set_data(); NNG_ENOTSUP: this is a forked child.
 * Threads: any.
 * See: nng_http_server_set_error_page().
 */
NNG_DECL int nng_http_server_res_error(nng_http_server *server, nng_http_res *res);

/*
 * Set and get the TLS configuration of a server.
 *
 * A server with an https or wss URL is born with a configuration that has no certificate: get it
 * and set it up, or put another one in its place. A server that runs gives the new one to the next
 * connections, so new certificates need no restart; those that are open keep theirs. Getting it
 * adds a hold, given up by nng_tls_config_free().
 *
 * Errors: NNG_ENOTSUP: its URL is not secure; NNG_EINVAL: NULL, or a configuration for the other
 * side.
 * Threads: any.
 * See: nng_tls_config_alloc().
 */
NNG_DECL int nng_http_server_set_tls(nng_http_server *server, struct nng_tls_config *config);
NNG_DECL int nng_http_server_get_tls(nng_http_server *server, struct nng_tls_config **configp);

/*
 * Takes a connection and its request away from the server.
 *
 * It is for a handler, until it has finished its aio. Both are the caller's from here on:
 * nng_http_conn_close() and nng_http_req_free() free them. Bytes the client has sent already can be
 * read. The handler's aio still has to be finished, with no response. It waits for nobody, so it
 * may be called with locks held.
 *
 * Errors: NNG_ECLOSED: the handler has closed it, nng_http_conn_close(), or the server has, which
 * was stopped, say; NNG_EINVAL: no handler is working on the connection; NNG_ENOTSUP: this is a
 * forked child.
 * Threads: any.
 * See: nng_http_handler_alloc(), nng_http_conn_read(), nng_http_conn_write_all().
 */
NNG_DECL int nng_http_hijack(nng_http_conn *conn);

/* ---- Clients ------------------------------------------------------------------------------ */

/* Knows where to connect. Any number of threads may use one at a time. */
typedef struct nng_http_client nng_http_client;

/*
 * Makes a client for a URL's host and port.
 *
 * The URL is copied. Its scheme is http, https, ws or wss (with a 4 or 6 behind it for one address
 * family), or http+unix with a socket's path: "http+unix://%2Frun%2Fx.sock". nng_http_client_free()
 * frees the client.
 *
 * Errors: NNG_EADDRINVAL: another scheme, no host, or a path that is too long (107 bytes);
 * NNG_ENOMEM: no memory.
 * Threads: any.
 * See: nng_http_client_connect(), nng_http_client_transact().
 */
NNG_DECL int nng_http_client_alloc(nng_http_client **clientp, const nng_url *url);

/*
 * Frees a client.
 *
 * Connects in progress and connections go on. NULL is allowed.
 *
 * Threads: any.
 */
NNG_DECL void nng_http_client_free(nng_http_client *client);

/*
 * Connects to a server.
 *
 * It looks the name up (on a thread apart) and tries its addresses in turn. On success output 0 of
 * the aio is an nng_http_conn that the caller owns, and closes with nng_http_conn_close(). Several
 * may be under way at a time. With https it is done when TCP is: the handshake goes on in the
 * background, and if it fails, that is the error of the first write or read.
 *
 * Errors: NNG_ECONNREFUSED: nobody listens there; NNG_EADDRINVAL: there is no such name or port;
 * NNG_EAGAIN: the name servers do not answer now; NNG_ECRYPTO: with https, a TLS configuration that
 * is of no use; NNG_ENOENT: there is no such UNIX socket; NNG_EPERM: its permissions do not let us;
 * NNG_EUNREACHABLE: the network has no way there; NNG_ETIMEDOUT: the aio's time limit, or the
 * kernel's, passed; NNG_ECANCELED: it was cancelled (nng_aio_abort() gives the caller's own code);
 * NNG_ECLOSED: the aio was freed, or nng_fini() called, meanwhile; NNG_ENOFILES: no descriptors are
 * left; NNG_ENOMEM: no memory; NNG_ENOTSUP: there is no backend here, or this is a forked child.
 * Threads: any.
 * Example:
 *   // Connects within two seconds.
 *   int dial(nng_http_client *client, nng_aio *aio, nng_http_conn **connp)
 *   {
 *       nng_aio_set_timeout(aio, 2000);
 *       nng_http_client_connect(client, aio);
 *       nng_aio_wait(aio);
 *       *connp = nng_aio_get_output(aio, 0);
 *       return nng_aio_result(aio);
 *   }
 * See: nng_http_client_alloc(), nng_http_client_transact(), nng_http_conn_transact(),
 * nng_http_conn_write_all().
 */
NNG_DECL void nng_http_client_connect(nng_http_client *client, nng_aio *aio);

/*
 * Connect, send a request, receive the response, and close.
 *
 * As nng_http_client_connect(), nng_http_conn_transact() and nng_http_conn_close(), with their
 * errors, within the aio's one time limit. It sets "Connection: close" in the request, and Host to
 * the client's host and port if it has none. Output 0 is not set. The client may be freed
 * meanwhile.
 *
 * Errors: NNG_EINVAL: the request has no URI; those of nng_http_client_connect(),
 * nng_http_conn_transact().
 * Threads: any.
 * NNG: it sends a request that has no Host without one.
 * See: nng_http_client_connect(), nng_http_conn_transact().
 */
NNG_DECL void nng_http_client_transact(nng_http_client *client, nng_http_req *req,
                                       nng_http_res *res, nng_aio *aio);

/*
 * Set and get the TLS configuration of a client.
 *
 * A client with an https or wss URL is born with a configuration that trusts nobody, and checks the
 * name in the URL: get it and add CAs (nng_tls_config_ca_file() with NNG_URING_TLS_SYSTEM_CA for
 * the system's), or put another one in its place, which counts for the next connections. Getting it
 * adds a hold, given up by nng_tls_config_free().
 *
 * Errors: NNG_ENOTSUP: its URL is not secure; NNG_EINVAL: NULL, or a configuration for the other
 * side.
 * Threads: any.
 * See: nng_tls_config_alloc().
 */
NNG_DECL int nng_http_client_set_tls(nng_http_client *client, struct nng_tls_config *config);
NNG_DECL int nng_http_client_get_tls(nng_http_client *client, struct nng_tls_config **configp);

#ifdef __cplusplus
}
#endif

#endif
