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
 * A GET request, HTTP/1.1, for `url`: the URI is its path and query ("/" when the path is empty;
 * the fragment is left out, it is not for servers), and the Host field is set from it, with the
 * port unless it is the scheme's own. With a NULL url both are left for the caller to set.
 * The URL is not needed afterwards. NNG_ENOMEM; NNG_EINVAL for a URL without a host part.
 * nng_http_req_alloc(3).
 */
NNG_DECL int nng_http_req_alloc(nng_http_req **reqp, const nng_url *url);

/* Frees the request and a body that was copied. NULL is allowed. nng_http_req_free(3). */
NNG_DECL void nng_http_req_free(nng_http_req *req);

/* Back to what nng_http_req_alloc() gives for a NULL url. nng_http_req_reset(3). */
NNG_DECL void nng_http_req_reset(nng_http_req *req);

/*
 * Method, version and URI as sent or received; never NULL ("GET", "HTTP/1.1" and "" at first).
 * Valid until the same thing is set, or the request is reset or freed.
 * nng_http_req_get_method(3), nng_http_req_get_version(3), nng_http_req_get_uri(3).
 */
NNG_DECL const char *nng_http_req_get_method(nng_http_req *req);
NNG_DECL const char *nng_http_req_get_version(nng_http_req *req);
NNG_DECL const char *nng_http_req_get_uri(nng_http_req *req);

/*
 * NULL stands for the first value again. The method is case-sensitive. The URI is what goes on the
 * request line: usually a path with an optional query; a fragment is not sent, and spaces, '\' and
 * bytes above 127 are sent percent-encoded (NNG sends them as they are).
 * NNG_EINVAL: a method that is not a token, a version other than "HTTP/digit.digit", a URI with a
 * control character (NNG sends them: request splitting). NNG_ENOMEM.
 * nng_http_req_set_method(3), nng_http_req_set_version(3), nng_http_req_set_uri(3).
 */
NNG_DECL int nng_http_req_set_method(nng_http_req *req, const char *method);
NNG_DECL int nng_http_req_set_version(nng_http_req *req, const char *version);
NNG_DECL int nng_http_req_set_uri(nng_http_req *req, const char *uri);

/*
 * The value of a header field, or NULL. Names are compared without regard to case. Several fields
 * of one name are one value, joined with ", ". Valid until that field changes, or the request is
 * reset or freed. nng_http_req_get_header(3).
 */
NNG_DECL const char *nng_http_req_get_header(nng_http_req *req, const char *name);

/*
 * Set replaces every field of that name, add appends to it (", " between the values), del removes
 * it: NNG_ENOENT when there is none. White space around a value is dropped, and so is a line end
 * behind it (NNG sends them).
 * NNG_EINVAL: a name that is not a token, or a value with CR, LF or another control character but
 * HTAB (NNG sends them: response splitting). NNG_ENOMEM, NNG_EMSGSIZE (1 GiB).
 * nng_http_req_set_header(3), nng_http_req_add_header(3), nng_http_req_del_header(3).
 */
NNG_DECL int nng_http_req_set_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_add_header(nng_http_req *req, const char *name, const char *value);
NNG_DECL int nng_http_req_del_header(nng_http_req *req, const char *name);

/*
 * The body, and with it Content-Length; a previous body is dropped. Set borrows: the data must stay
 * alive and unchanged as long as the request uses it. Copy copies. NNG_ENOMEM.
 * nng_http_req_set_data(3), nng_http_req_copy_data(3).
 */
NNG_DECL int nng_http_req_set_data(nng_http_req *req, const void *data, size_t size);
NNG_DECL int nng_http_req_copy_data(nng_http_req *req, const void *data, size_t size);

/*
 * The body: NULL and 0 when there is none. It stays the request's (or its lender's).
 * nng_http_req_get_data(3).
 */
NNG_DECL void nng_http_req_get_data(nng_http_req *req, void **datap, size_t *sizep);

/* ---- Responses ---------------------------------------------------------------------------- */

/* A response: status, reason, version, header fields and a body. Ownership as for requests. */
typedef struct nng_http_res nng_http_res;

/* A response with status 200, HTTP/1.1, no field and no body. NNG_ENOMEM. nng_http_res_alloc(3). */
NNG_DECL int nng_http_res_alloc(nng_http_res **resp);

/*
 * The same with the given status and a small HTML page for it as body, which a server replaces by
 * its own page for that status if it has one. NNG_EINVAL: not 100 to 999. NNG_ENOMEM.
 * nng_http_res_alloc_error(3).
 */
NNG_DECL int nng_http_res_alloc_error(nng_http_res **resp, uint16_t status);

/* Frees the response and a body that was copied. NULL is allowed. nng_http_res_free(3). */
NNG_DECL void nng_http_res_free(nng_http_res *res);

/* Back to what nng_http_res_alloc() gives. nng_http_res_reset(3). */
NNG_DECL void nng_http_res_reset(nng_http_res *res);

/* nng_http_res_get_status(3), nng_http_res_set_status(3). NNG_EINVAL: not 100 to 999. */
NNG_DECL uint16_t nng_http_res_get_status(nng_http_res *res);
NNG_DECL int nng_http_res_set_status(nng_http_res *res, uint16_t status);

/*
 * The phrase behind the status, never NULL: the one that was set or received, else the standard
 * one for the status; NULL sets that one again. Valid until it is set, or the response is reset or
 * freed. NNG_EINVAL: control characters. NNG_ENOMEM.
 * nng_http_res_get_reason(3), nng_http_res_set_reason(3).
 */
NNG_DECL const char *nng_http_res_get_reason(nng_http_res *res);
NNG_DECL int nng_http_res_set_reason(nng_http_res *res, const char *reason);

/* As for requests. nng_http_res_get_version(3), nng_http_res_set_version(3). */
NNG_DECL const char *nng_http_res_get_version(nng_http_res *res);
NNG_DECL int nng_http_res_set_version(nng_http_res *res, const char *version);

/*
 * As for requests. Values of Set-Cookie are joined by get, but are sent as a field each: they
 * cannot be told apart otherwise (RFC 6265 section 3).
 * nng_http_res_get_header(3) and so on.
 */
NNG_DECL const char *nng_http_res_get_header(nng_http_res *res, const char *name);
NNG_DECL int nng_http_res_set_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_add_header(nng_http_res *res, const char *name, const char *value);
NNG_DECL int nng_http_res_del_header(nng_http_res *res, const char *name);

/* As for requests.
 * nng_http_res_set_data(3), nng_http_res_copy_data(3), nng_http_res_get_data(3). */
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
 * Errors that they share: NNG_EINVAL (no vector, all lengths zero, a NULL base with a length),
 * NNG_ECLOSED (this side closed), NNG_ECONNRESET (the peer closed or reset; of reads, reset only),
 * NNG_ETIMEDOUT (the aio's time limit, which covers the whole operation), NNG_ECANCELED or the code
 * given to nng_aio_abort(), NNG_ENOMEM (of reads: for good, when bytes had to be thrown away),
 * NNG_ENOTSUP (in a forked child).
 * Whatever the result, nng_aio_count() is the number of bytes really moved, if nothing else is
 * said.
 */
typedef struct nng_http_conn nng_http_conn;

/*
 * Closes and frees the connection: `conn` must not be used any more. Operations that are pending
 * end with NNG_ECLOSED and their counts, each when the kernel has let go of its buffers; this does
 * not wait for them. Bytes already counted as written still reach the peer, unless it goes on
 * sending: the reset that this provokes may overtake them (RFC 9112 section 9.6). NULL is allowed.
 * Any thread, callbacks of this connection too. nng_http_conn_close(3).
 */
NNG_DECL void nng_http_conn_close(nng_http_conn *conn);

/*
 * Writes at least one byte of the vector. 0 as soon as some are written; nng_aio_count() says how
 * many. Any thread. nng_http_conn_write(3).
 */
NNG_DECL void nng_http_conn_write(nng_http_conn *conn, nng_aio *aio);

/*
 * Writes every byte of the vector, however many attempts it takes. If it fails after some of its
 * bytes were written, the writes queued behind it end with NNG_ECANCELED and none of theirs are
 * sent; the connection stays open, and what to make of the torn stream is the caller's decision
 * (NNG closes it and reports a count of 0). Any thread. nng_http_conn_write_all(3).
 */
NNG_DECL void nng_http_conn_write_all(nng_http_conn *conn, nng_aio *aio);

/*
 * Reads at least one byte into the vector. NNG_ECONNSHUT when the peer has sent its last byte.
 * Any thread. nng_http_conn_read(3).
 */
NNG_DECL void nng_http_conn_read(nng_http_conn *conn, nng_aio *aio);

/*
 * Fills the whole vector. NNG_ECONNSHUT when the peer's last byte came first. Any thread.
 * nng_http_conn_read_all(3).
 */
NNG_DECL void nng_http_conn_read_all(nng_http_conn *conn, nng_aio *aio);

/*
 * Reads the head of a request or a response, up to and including its blank line, into the given
 * message, which is reset first. The body, if any, is the next to be read: how long it is, and
 * whether it is chunked, is in the header fields. The message must be left alone until the
 * operation has ended. nng_aio_count() is the bytes of the head.
 * NNG_EPROTO: it is malformed, or could be understood in two ways (a request without Host is, if
 * it is HTTP/1.1). NNG_EMSGSIZE: more than 16 KiB, 128 fields, or 8 KiB of URI. In both cases its
 * bytes stay unread. NNG_ECONNSHUT: the peer's last byte came first. An operation that is cut short
 * consumes nothing, the next one reads the same head. (NNG closes the connection on all of these.)
 * The aio's vector is not used. Any thread.
 * nng_http_conn_read_req(3), nng_http_conn_read_res(3).
 */
NNG_DECL void nng_http_conn_read_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_read_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

/*
 * Writes a message, head and body, as it is now: nothing is added that was not set, be it Host or
 * Content-Length (which nng_http_req_set_data() sets), but a response whose status never has a body
 * (1xx, 204, 304) is sent without its own. Otherwise as nng_http_conn_write_all(), with the bytes
 * of head and body as the count; the aio's vector is not used.
 * The message and its body must stay alive and unchanged until the operation has ended, and take
 * part in one write at a time. Header fields that change between two writes count (with NNG they do
 * not). NNG_EINVAL: the request has no URI. Any thread.
 * nng_http_conn_write_req(3), nng_http_conn_write_res(3).
 */
NNG_DECL void nng_http_conn_write_req(nng_http_conn *conn, nng_http_req *req, nng_aio *aio);
NNG_DECL void nng_http_conn_write_res(nng_http_conn *conn, nng_http_res *res, nng_aio *aio);

/*
 * Sends the request and receives the response to it, all of it, into `res`, which is reset first.
 * nng_http_res_get_data() gives the body, nng_aio_count() its length.
 *
 * The request is written as by nng_http_conn_write_req(). Both messages must be left alone until
 * the operation has ended. The aio's time limit is for the whole of it, and it counts as a write
 * and a read in the connection's queues: any number of transacts can be started one behind the
 * other, each gets the response to its own request.
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
 * NNG_EINVAL (no URI), NNG_EPROTO (malformed), NNG_EMSGSIZE (more than 16 KiB or 128 fields of
 * head, 256 bytes before a chunk, 8 KiB of trailers, or NNG_URING_MAX_BODY bytes of body: see
 * <nng/uring.h>), NNG_ECONNSHUT (the server closed before the end of the response), and those of
 * nng_http_conn_write_all(). `res` may hold the head then, but no body.
 * After an error the connection is still open but out of step, close it: bytes of that response may
 * still come, or part of the request was not sent. A later transact ends with NNG_ESTATE instead of
 * taking them for its own, and so it does when more has come than was asked for; after a response
 * that was the last of the connection, it ends with NNG_ECONNSHUT.
 * Any thread. nng_http_conn_transact(3).
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
 * A handler that calls cb(aio), on a thread of the library, for each request. The aio's inputs are
 * the nng_http_req (0), the nng_http_handler (1) and the nng_http_conn (2), all lent until the aio
 * is finished. cb, now or later and from any thread, sets output 0 to an nng_http_res, which it
 * gives away, and calls nng_aio_finish(aio, 0). The response's body may be borrowed from the
 * request or the handler (nng_http_res_set_data() with the request's body, URI, method or the value
 * of a field, or with what nng_http_handler_get_data() gave): they stay as they are until the
 * response has been written, or the connection has ended. The aio has been begun. Output 0 NULL:
 * the handler has written the response itself. A result other than 0 gives the client a 500.
 * NNG_ENOMEM. nng_http_handler_alloc(3).
 */
NNG_DECL int nng_http_handler_alloc(nng_http_handler **handlerp, const char *uri,
                                    void (*cb)(nng_aio *aio));

/* Serves one file, read anew for every request; the content type goes by the path's suffix, as in
 * NNG (nng_uring_handler_set_current_types() in <nng/uring.h>: as today).
 * NNG_EINVAL (no path), NNG_ENOMEM. nng_http_handler_alloc_file(3). */
NNG_DECL int nng_http_handler_alloc_file(nng_http_handler **handlerp, const char *uri,
                                         const char *path);

/*
 * Serves the files below a directory, as an exclusive tree; index.html or index.htm for a
 * directory, content types as above. Nothing outside it is ever served, by whatever spelling of the
 * path or symbolic link. NNG_EINVAL (no path), NNG_ENOMEM. nng_http_handler_alloc_directory(3).
 */
NNG_DECL int nng_http_handler_alloc_directory(nng_http_handler **handlerp, const char *uri,
                                              const char *path);

/* Serves `size` bytes, which are copied. content_type NULL means application/octet-stream.
 * NNG_EINVAL, NNG_ENOMEM. nng_http_handler_alloc_static(3). */
NNG_DECL int nng_http_handler_alloc_static(nng_http_handler **handlerp, const char *uri,
                                           const void *data, size_t size, const char *content_type);

/*
 * Sends clients elsewhere: `status` (300 to 399; 0 means 301) with a Location of `location`
 * followed by what the request has beyond the handler's URI: the rest of the path if it is a tree
 * (without dot segments, and with one '/' in between), and the query. For all methods, unless
 * nng_http_handler_set_method() says otherwise. A body is not read, and the connection stays open
 * (NNG closes it). NNG_EINVAL: another status, or a location with control characters. NNG_ENOMEM.
 * nng_http_handler_alloc_redirect(3).
 */
NNG_DECL int nng_http_handler_alloc_redirect(nng_http_handler **handlerp, const char *uri,
                                             uint16_t status, const char *location);

/* Gives the creator's hold on it up: it is freed when no server and no response uses it any more.
 * NULL is allowed. nng_http_handler_free(3). */
NNG_DECL void nng_http_handler_free(nng_http_handler *handler);

/* The method it answers; NULL or "" for all. "GET" by default, which includes HEAD.
 * NNG_EBUSY, NNG_ENOMEM. nng_http_handler_set_method(3). */
NNG_DECL int nng_http_handler_set_method(nng_http_handler *handler, const char *method);

/* The host (of the Host field, without port, in any case) it answers; NULL, "", "*" or the
 * unspecified address (0.0.0.0 or ::) for all, the default. NNG_EBUSY, NNG_ENOMEM.
 * nng_http_handler_set_host(3). */
NNG_DECL int nng_http_handler_set_host(nng_http_handler *handler, const char *host);

/* Makes it answer for all paths below its URI, too; exclusively, if no other handler of the same
 * host and method may be there, and it may not be below a tree of such a one.
 * NNG_EBUSY. nng_http_handler_set_tree(3), nng_http_handler_set_tree_exclusive(3). */
NNG_DECL int nng_http_handler_set_tree(nng_http_handler *handler);
NNG_DECL int nng_http_handler_set_tree_exclusive(nng_http_handler *handler);

/*
 * Whether the request's body is read before cb is called (the default), and how many bytes of it at
 * most (default 1 MiB); a request with more is refused with 413. Without, the body is the handler's
 * to read: nng_http_conn_read() and nng_http_conn_read_all() then give the bytes of the body,
 * without the framing of chunks, and NNG_ECONNSHUT at its end (NNG_EPROTO where a chunk is
 * malformed, NNG_ECONNRESET where the client leaves before the end). What it leaves is thrown away.
 * A client that waits for 100 (Continue) is sent it when the handler reads, unless it has begun to
 * write its response. Any time, also when the handler was added. Returns 0.
 * nng_http_handler_collect_body(3).
 */
NNG_DECL int nng_http_handler_collect_body(nng_http_handler *handler, bool want, size_t max);

/* A pointer of the user's, and what to call with it (NULL: nothing) when the handler is freed,
 * which may be on a thread of the library.
 * NNG_EBUSY. nng_http_handler_set_data(3), nng_http_handler_get_data(3). */
NNG_DECL int nng_http_handler_set_data(nng_http_handler *handler, void *data,
                                       void (*dtor)(void *data));
NNG_DECL void *nng_http_handler_get_data(nng_http_handler *handler);

/* ---- Servers ------------------------------------------------------------------------------ */

/* A server for one host name and port. Its functions may be called from any thread. */
typedef struct nng_http_server nng_http_server;

/*
 * Finds the server for the URL's host and port, or makes it; each call counts as one hold. The
 * scheme is http (http4 and http6 for one address family), the host an address of this machine, a
 * name for one, or "" for all; port "0" lets the system choose. A host that is a name is looked up
 * here, which may block. NNG_EADDRINVAL, NNG_ENOTSUP (https: not yet there), NNG_ENOMEM.
 * nng_http_server_hold(3).
 */
NNG_DECL int nng_http_server_hold(nng_http_server **serverp, const nng_url *url);

/* Gives one hold up; with the last, a running server is stopped. NULL is allowed.
 * nng_http_server_release(3). */
NNG_DECL void nng_http_server_release(nng_http_server *server);

/*
 * Listens and serves, on every loop. Starts are counted. NNG_EBUSY during a drain, NNG_EADDRINUSE,
 * NNG_EADDRINVAL, NNG_EPERM, NNG_ENOFILES, NNG_ENOMEM, NNG_ENOTSUP. nng_http_server_start(3).
 */
NNG_DECL int nng_http_server_start(nng_http_server *server);

/* Undoes one start. With the last one, stops listening and closes all connections, whatever they
 * are doing; does not wait for that. (nng_uring_server_drain() lets them finish.)
 * nng_http_server_stop(3). */
NNG_DECL void nng_http_server_stop(nng_http_server *server);

/*
 * Adds a handler, which works at once, and takes the caller's hold on it over: it is freed with the
 * server. On error the hold stays the caller's. NNG_EINVAL: its URI does not start with '/', or it
 * has no callback. NNG_EADDRINUSE when another handler has the same host, method and URI, or an
 * exclusive tree of this host and method is concerned; NNG_EBUSY when another server has it (with
 * NNG the two share it, and lose it); NNG_ENOMEM. nng_http_server_add_handler(3).
 */
NNG_DECL int nng_http_server_add_handler(nng_http_server *server, nng_http_handler *handler);

/* Takes a handler out and gives its hold back to the caller; requests it is working on are
 * finished. NNG_ENOENT, NNG_ENOMEM. nng_http_server_del_handler(3). */
NNG_DECL int nng_http_server_del_handler(nng_http_server *server, nng_http_handler *handler);

/* The address it listens on, with the real port. NNG_ESTATE when it is not running.
 * nng_http_server_get_addr(3). */
NNG_DECL int nng_http_server_get_addr(nng_http_server *server, nng_sockaddr *addr);

/*
 * The page for responses with this status that the server makes itself, or that a handler made with
 * nng_http_res_alloc_error(): `html`, or what is in the file now (up to 16 MiB). It replaces the
 * one set before, and works at once. NNG_EINVAL (not 100 to 999, not a regular file), NNG_ENOMEM;
 * of files NNG_ENOENT, NNG_EPERM, NNG_ENOFILES, NNG_EMSGSIZE.
 * nng_http_server_set_error_page(3), nng_http_server_set_error_file(3).
 */
NNG_DECL int nng_http_server_set_error_page(nng_http_server *server, uint16_t status,
                                            const char *html);
NNG_DECL int nng_http_server_set_error_file(nng_http_server *server, uint16_t status,
                                            const char *path);

/*
 * Makes `res` the server's error response for the status that it has: its page becomes the body.
 * NNG_ENOMEM. nng_http_server_res_error(3).
 */
NNG_DECL int nng_http_server_res_error(nng_http_server *server, nng_http_res *res);

/* TLS is not there yet: NNG_ENOTSUP. nng_http_server_set_tls(3), nng_http_server_get_tls(3). */
NNG_DECL int nng_http_server_set_tls(nng_http_server *server, struct nng_tls_config *config);
NNG_DECL int nng_http_server_get_tls(nng_http_server *server, struct nng_tls_config **configp);

/*
 * For a handler's callback: takes the connection and the request away from the server. Both are the
 * caller's from here on (nng_http_conn_close(), nng_http_req_free()); bytes the client has sent
 * already can be read. The handler's aio still has to be finished, with no response. On the thread
 * the callback runs on. NNG_EINVAL when no handler is working on it. nng_http_hijack(3).
 */
NNG_DECL int nng_http_hijack(nng_http_conn *conn);

/* ---- Clients ------------------------------------------------------------------------------ */

/* Knows where to connect. Any number of threads may use one at a time. */
typedef struct nng_http_client nng_http_client;

/*
 * Makes a client for the host and port of `url`, which is copied. Schemes: http, ws (and http4,
 * http6, ws4, ws6 for one address family). NNG_EADDRINVAL for another scheme or no host,
 * NNG_ENOTSUP for https and wss (not yet there), NNG_ENOMEM. Any thread. nng_http_client_alloc(3).
 */
NNG_DECL int nng_http_client_alloc(nng_http_client **clientp, const nng_url *url);

/* Frees the client; connects in progress and connections go on. NULL is allowed. Any thread.
 * nng_http_client_free(3). */
NNG_DECL void nng_http_client_free(nng_http_client *client);

/*
 * Connects: looks the name up (on a thread apart) and tries its addresses in turn. On success the
 * aio's output 0 is an nng_http_conn that the caller owns and closes. NNG_ECONNREFUSED,
 * NNG_EADDRINVAL (no such name or port), NNG_EUNREACHABLE, NNG_ETIMEDOUT, NNG_ECANCELED or another
 * abort's code, NNG_ENOFILES, NNG_ENOMEM, NNG_ENOTSUP. Any thread. nng_http_client_connect(3).
 */
NNG_DECL void nng_http_client_connect(nng_http_client *client, nng_aio *aio);

/*
 * Connects, sends the request, receives the response, and closes the connection: as
 * nng_http_client_connect(), nng_http_conn_transact() and nng_http_conn_close(), with their errors,
 * within the aio's one time limit. Sets "Connection: close" in the request, and Host to the
 * client's host and port if it has none (NNG sends it without). Output 0 is not set. The client may
 * be freed meanwhile. Any thread. nng_http_client_transact(3).
 */
NNG_DECL void nng_http_client_transact(nng_http_client *client, nng_http_req *req,
                                       nng_http_res *res, nng_aio *aio);

/* TLS is not yet there: NNG_ENOTSUP. nng_http_client_set_tls(3), nng_http_client_get_tls(3). */
NNG_DECL int nng_http_client_set_tls(nng_http_client *client, struct nng_tls_config *config);
NNG_DECL int nng_http_client_get_tls(nng_http_client *client, struct nng_tls_config **configp);

#ifdef __cplusplus
}
#endif

#endif
