/* SPDX-License-Identifier: MIT */
/*
 * Compiling this is the test: values, layouts and prototypes are those of NNG 1.x (on a 64-bit
 * machine). It names NNG's headers alone, so that scripts/check-dropin can compile it against NNG,
 * too. A prototype that differs from a header's is an error; one that no header has says nothing.
 */
#include <nng/nng.h>
#include <nng/supplemental/http/http.h>
#include <nng/supplemental/util/options.h>
#include <nng/supplemental/util/platform.h>

#include <stddef.h>

/* Which release the headers are those of. */
#define SINCE(minor) (NNG_MAJOR_VERSION == 1 && NNG_MINOR_VERSION >= (minor))

_Static_assert(SINCE(0), "NNG 1.x");

/* ---- Values ------------------------------------------------------------------------------- */

#define VALUE(name, value) _Static_assert((name) == (value), #name)

VALUE(NNG_EINTR, 1);
VALUE(NNG_ENOMEM, 2);
VALUE(NNG_EINVAL, 3);
VALUE(NNG_EBUSY, 4);
VALUE(NNG_ETIMEDOUT, 5);
VALUE(NNG_ECONNREFUSED, 6);
VALUE(NNG_ECLOSED, 7);
VALUE(NNG_EAGAIN, 8);
VALUE(NNG_ENOTSUP, 9);
VALUE(NNG_EADDRINUSE, 10);
VALUE(NNG_ESTATE, 11);
VALUE(NNG_ENOENT, 12);
VALUE(NNG_EPROTO, 13);
VALUE(NNG_EUNREACHABLE, 14);
VALUE(NNG_EADDRINVAL, 15);
VALUE(NNG_EPERM, 16);
VALUE(NNG_EMSGSIZE, 17);
VALUE(NNG_ECONNABORTED, 18);
VALUE(NNG_ECONNRESET, 19);
VALUE(NNG_ECANCELED, 20);
VALUE(NNG_ENOFILES, 21);
VALUE(NNG_ENOSPC, 22);
VALUE(NNG_EEXIST, 23);
VALUE(NNG_EREADONLY, 24);
VALUE(NNG_EWRITEONLY, 25);
VALUE(NNG_ECRYPTO, 26);
VALUE(NNG_EPEERAUTH, 27);
VALUE(NNG_ENOARG, 28);
VALUE(NNG_EAMBIGUOUS, 29);
VALUE(NNG_EBADTYPE, 30);
VALUE(NNG_ECONNSHUT, 31);
VALUE(NNG_EINTERNAL, 1000);
VALUE(NNG_ESYSERR, 0x10000000);
VALUE(NNG_ETRANERR, 0x20000000);

VALUE(NNG_AF_UNSPEC, 0);
VALUE(NNG_AF_INPROC, 1);
VALUE(NNG_AF_IPC, 2);
VALUE(NNG_AF_INET, 3);
VALUE(NNG_AF_INET6, 4);
VALUE(NNG_AF_ZT, 5);
VALUE(NNG_AF_ABSTRACT, 6);

VALUE(NNG_MAXADDRLEN, 128);
VALUE(NNG_DURATION_INFINITE, -1);
VALUE(NNG_DURATION_DEFAULT, -2);
VALUE(NNG_DURATION_ZERO, 0);

VALUE(NNG_HTTP_STATUS_CONTINUE, 100);
VALUE(NNG_HTTP_STATUS_SWITCHING, 101);
VALUE(NNG_HTTP_STATUS_PROCESSING, 102);
VALUE(NNG_HTTP_STATUS_OK, 200);
VALUE(NNG_HTTP_STATUS_CREATED, 201);
VALUE(NNG_HTTP_STATUS_ACCEPTED, 202);
VALUE(NNG_HTTP_STATUS_NOT_AUTHORITATIVE, 203);
VALUE(NNG_HTTP_STATUS_NO_CONTENT, 204);
VALUE(NNG_HTTP_STATUS_RESET_CONTENT, 205);
VALUE(NNG_HTTP_STATUS_PARTIAL_CONTENT, 206);
VALUE(NNG_HTTP_STATUS_MULTI_STATUS, 207);
VALUE(NNG_HTTP_STATUS_ALREADY_REPORTED, 208);
VALUE(NNG_HTTP_STATUS_IM_USED, 226);
VALUE(NNG_HTTP_STATUS_MULTIPLE_CHOICES, 300);
VALUE(NNG_HTTP_STATUS_STATUS_MOVED_PERMANENTLY, 301);
VALUE(NNG_HTTP_STATUS_FOUND, 302);
VALUE(NNG_HTTP_STATUS_SEE_OTHER, 303);
VALUE(NNG_HTTP_STATUS_NOT_MODIFIED, 304);
VALUE(NNG_HTTP_STATUS_USE_PROXY, 305);
VALUE(NNG_HTTP_STATUS_TEMPORARY_REDIRECT, 307);
VALUE(NNG_HTTP_STATUS_PERMANENT_REDIRECT, 308);
VALUE(NNG_HTTP_STATUS_BAD_REQUEST, 400);
VALUE(NNG_HTTP_STATUS_UNAUTHORIZED, 401);
VALUE(NNG_HTTP_STATUS_PAYMENT_REQUIRED, 402);
VALUE(NNG_HTTP_STATUS_FORBIDDEN, 403);
VALUE(NNG_HTTP_STATUS_NOT_FOUND, 404);
VALUE(NNG_HTTP_STATUS_METHOD_NOT_ALLOWED, 405);
VALUE(NNG_HTTP_STATUS_NOT_ACCEPTABLE, 406);
VALUE(NNG_HTTP_STATUS_PROXY_AUTH_REQUIRED, 407);
VALUE(NNG_HTTP_STATUS_REQUEST_TIMEOUT, 408);
VALUE(NNG_HTTP_STATUS_CONFLICT, 409);
VALUE(NNG_HTTP_STATUS_GONE, 410);
VALUE(NNG_HTTP_STATUS_LENGTH_REQUIRED, 411);
VALUE(NNG_HTTP_STATUS_PRECONDITION_FAILED, 412);
VALUE(NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE, 413);
VALUE(NNG_HTTP_STATUS_ENTITY_TOO_LONG, 414);
VALUE(NNG_HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE, 415);
VALUE(NNG_HTTP_STATUS_RANGE_NOT_SATISFIABLE, 416);
VALUE(NNG_HTTP_STATUS_EXPECTATION_FAILED, 417);
VALUE(NNG_HTTP_STATUS_TEAPOT, 418);
VALUE(NNG_HTTP_STATUS_UNPROCESSABLE_ENTITY, 422);
VALUE(NNG_HTTP_STATUS_LOCKED, 423);
VALUE(NNG_HTTP_STATUS_FAILED_DEPENDENCY, 424);
VALUE(NNG_HTTP_STATUS_UPGRADE_REQUIRED, 426);
VALUE(NNG_HTTP_STATUS_PRECONDITION_REQUIRED, 428);
VALUE(NNG_HTTP_STATUS_TOO_MANY_REQUESTS, 429);
VALUE(NNG_HTTP_STATUS_HEADERS_TOO_LARGE, 431);
VALUE(NNG_HTTP_STATUS_UNAVAIL_LEGAL_REASONS, 451);
VALUE(NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR, 500);
VALUE(NNG_HTTP_STATUS_NOT_IMPLEMENTED, 501);
VALUE(NNG_HTTP_STATUS_BAD_GATEWAY, 502);
VALUE(NNG_HTTP_STATUS_SERVICE_UNAVAILABLE, 503);
VALUE(NNG_HTTP_STATUS_GATEWAY_TIMEOUT, 504);
VALUE(NNG_HTTP_STATUS_HTTP_VERSION_NOT_SUPP, 505);
VALUE(NNG_HTTP_STATUS_VARIANT_ALSO_NEGOTIATES, 506);
VALUE(NNG_HTTP_STATUS_INSUFFICIENT_STORAGE, 507);
VALUE(NNG_HTTP_STATUS_LOOP_DETECTED, 508);
VALUE(NNG_HTTP_STATUS_NOT_EXTENDED, 510);
VALUE(NNG_HTTP_STATUS_NETWORK_AUTH_REQUIRED, 511);

#if SINCE(8)
VALUE(NNG_MAXADDRSTRLEN, 144);

VALUE(NNG_LOG_NONE, 0);
VALUE(NNG_LOG_ERR, 3);
VALUE(NNG_LOG_WARN, 4);
VALUE(NNG_LOG_NOTICE, 5);
VALUE(NNG_LOG_INFO, 6);
VALUE(NNG_LOG_DEBUG, 7);

VALUE(NNG_LOG_USER, 1);
VALUE(NNG_LOG_DAEMON, 3);
VALUE(NNG_LOG_AUTH, 10);
VALUE(NNG_LOG_LOCAL0, 16);
VALUE(NNG_LOG_LOCAL1, 17);
VALUE(NNG_LOG_LOCAL2, 18);
VALUE(NNG_LOG_LOCAL3, 19);
VALUE(NNG_LOG_LOCAL4, 20);
VALUE(NNG_LOG_LOCAL5, 21);
VALUE(NNG_LOG_LOCAL6, 22);
VALUE(NNG_LOG_LOCAL7, 23);
#endif

/* ---- Layouts ------------------------------------------------------------------------------ */

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define MEMBER(type, member, offset, size)                                                         \
    _Static_assert(offsetof(type, member) == (offset) && sizeof(((type *) 0)->member) == (size),   \
                   #type "." #member)

SIZE(nng_duration, 4);
SIZE(nng_time, 8);
SIZE(nng_iov, 16);
MEMBER(nng_iov, iov_buf, 0, 8);
MEMBER(nng_iov, iov_len, 8, 8);
SIZE(nng_sockaddr_inproc, 130);
MEMBER(nng_sockaddr_inproc, sa_family, 0, 2);
MEMBER(nng_sockaddr_inproc, sa_name, 2, 128);
SIZE(nng_sockaddr_path, 130);
MEMBER(nng_sockaddr_path, sa_family, 0, 2);
MEMBER(nng_sockaddr_path, sa_path, 2, 128);
SIZE(nng_sockaddr_ipc, 130);
SIZE(nng_sockaddr_in6, 24);
MEMBER(nng_sockaddr_in6, sa_family, 0, 2);
MEMBER(nng_sockaddr_in6, sa_port, 2, 2);
MEMBER(nng_sockaddr_in6, sa_addr, 4, 16);
MEMBER(nng_sockaddr_in6, sa_scope, 20, 4);
SIZE(nng_sockaddr_in, 8);
MEMBER(nng_sockaddr_in, sa_family, 0, 2);
MEMBER(nng_sockaddr_in, sa_port, 2, 2);
MEMBER(nng_sockaddr_in, sa_addr, 4, 4);
SIZE(nng_sockaddr_zt, 32);
MEMBER(nng_sockaddr_zt, sa_family, 0, 2);
MEMBER(nng_sockaddr_zt, sa_nwid, 8, 8);
MEMBER(nng_sockaddr_zt, sa_nodeid, 16, 8);
MEMBER(nng_sockaddr_zt, sa_port, 24, 4);
SIZE(nng_sockaddr_abstract, 112);
MEMBER(nng_sockaddr_abstract, sa_family, 0, 2);
MEMBER(nng_sockaddr_abstract, sa_len, 2, 2);
MEMBER(nng_sockaddr_abstract, sa_name, 4, 107);
SIZE(nng_sockaddr_storage, 136);
MEMBER(nng_sockaddr_storage, sa_family, 0, 2);
MEMBER(nng_sockaddr_storage, sa_pad, 8, 128);
SIZE(nng_sockaddr, 136);
MEMBER(nng_sockaddr, s_family, 0, 2);
MEMBER(nng_sockaddr, s_ipc, 0, 130);
MEMBER(nng_sockaddr, s_inproc, 0, 130);
MEMBER(nng_sockaddr, s_in6, 0, 24);
MEMBER(nng_sockaddr, s_in, 0, 8);
MEMBER(nng_sockaddr, s_zt, 0, 32);
MEMBER(nng_sockaddr, s_abstract, 0, 112);
MEMBER(nng_sockaddr, s_storage, 0, 136);
SIZE(nng_url, 80);
MEMBER(nng_url, u_rawurl, 0, 8);
MEMBER(nng_url, u_scheme, 8, 8);
MEMBER(nng_url, u_userinfo, 16, 8);
MEMBER(nng_url, u_host, 24, 8);
MEMBER(nng_url, u_hostname, 32, 8);
MEMBER(nng_url, u_port, 40, 8);
MEMBER(nng_url, u_path, 48, 8);
MEMBER(nng_url, u_query, 56, 8);
MEMBER(nng_url, u_fragment, 64, 8);
MEMBER(nng_url, u_requri, 72, 8);
SIZE(nng_optspec, 24);
MEMBER(nng_optspec, o_name, 0, 8);
MEMBER(nng_optspec, o_short, 8, 4);
MEMBER(nng_optspec, o_val, 12, 4);
MEMBER(nng_optspec, o_arg, 16, 1);
SIZE(enum nng_errno_enum, 4);
SIZE(enum nng_sockaddr_family, 4);
SIZE(enum nng_http_status, 4);

/* ---- Prototypes --------------------------------------------------------------------------- */

void nng_fini(void);
const char *nng_strerror(int);
void *nng_alloc(size_t);
void nng_free(void *, size_t);
char *nng_strdup(const char *);
void nng_strfree(char *);
int nng_aio_alloc(nng_aio **, void (*)(void *), void *);
void nng_aio_free(nng_aio *);
void nng_aio_reap(nng_aio *);
void nng_aio_stop(nng_aio *);
int nng_aio_result(nng_aio *);
size_t nng_aio_count(nng_aio *);
void nng_aio_cancel(nng_aio *);
void nng_aio_abort(nng_aio *, int);
void nng_aio_wait(nng_aio *);
void nng_aio_set_msg(nng_aio *, nng_msg *);
nng_msg *nng_aio_get_msg(nng_aio *);
int nng_aio_set_input(nng_aio *, unsigned, void *);
void *nng_aio_get_input(nng_aio *, unsigned);
int nng_aio_set_output(nng_aio *, unsigned, void *);
void *nng_aio_get_output(nng_aio *, unsigned);
void nng_aio_set_timeout(nng_aio *, nng_duration);
int nng_aio_set_iov(nng_aio *, unsigned, const nng_iov *);
bool nng_aio_begin(nng_aio *);
void nng_aio_finish(nng_aio *, int);
void nng_aio_defer(nng_aio *, nng_aio_cancelfn, void *);
void nng_sleep_aio(nng_duration, nng_aio *);
int nng_url_parse(nng_url **, const char *);
void nng_url_free(nng_url *);
int nng_url_clone(nng_url **, const nng_url *);
const char *nng_version(void);
nng_time nng_clock(void);
void nng_msleep(nng_duration);
int nng_thread_create(nng_thread **, void (*)(void *), void *);
void nng_thread_set_name(nng_thread *, const char *);
void nng_thread_destroy(nng_thread *);
int nng_mtx_alloc(nng_mtx **);
void nng_mtx_free(nng_mtx *);
void nng_mtx_lock(nng_mtx *);
void nng_mtx_unlock(nng_mtx *);
int nng_cv_alloc(nng_cv **, nng_mtx *);
void nng_cv_free(nng_cv *);
void nng_cv_wait(nng_cv *);
int nng_cv_until(nng_cv *, nng_time);
void nng_cv_wake(nng_cv *);
void nng_cv_wake1(nng_cv *);
uint32_t nng_random(void);
int nng_opts_parse(int, char *const *, const nng_optspec *, int *, char **, int *);

int nng_http_req_alloc(nng_http_req **, const nng_url *);
void nng_http_req_free(nng_http_req *);
const char *nng_http_req_get_method(nng_http_req *);
const char *nng_http_req_get_version(nng_http_req *);
const char *nng_http_req_get_uri(nng_http_req *);
int nng_http_req_set_header(nng_http_req *, const char *, const char *);
int nng_http_req_add_header(nng_http_req *, const char *, const char *);
int nng_http_req_del_header(nng_http_req *, const char *);
const char *nng_http_req_get_header(nng_http_req *, const char *);
int nng_http_req_set_method(nng_http_req *, const char *);
int nng_http_req_set_version(nng_http_req *, const char *);
int nng_http_req_set_uri(nng_http_req *, const char *);
int nng_http_req_set_data(nng_http_req *, const void *, size_t);
int nng_http_req_copy_data(nng_http_req *, const void *, size_t);
void nng_http_req_get_data(nng_http_req *, void **, size_t *);
int nng_http_res_alloc(nng_http_res **);
int nng_http_res_alloc_error(nng_http_res **, uint16_t);
void nng_http_res_free(nng_http_res *);
uint16_t nng_http_res_get_status(nng_http_res *);
int nng_http_res_set_status(nng_http_res *, uint16_t);
const char *nng_http_res_get_reason(nng_http_res *);
int nng_http_res_set_reason(nng_http_res *, const char *);
int nng_http_res_set_header(nng_http_res *, const char *, const char *);
int nng_http_res_add_header(nng_http_res *, const char *, const char *);
int nng_http_res_del_header(nng_http_res *, const char *);
const char *nng_http_res_get_header(nng_http_res *, const char *);
int nng_http_res_set_version(nng_http_res *, const char *);
const char *nng_http_res_get_version(nng_http_res *);
void nng_http_res_get_data(nng_http_res *, void **, size_t *);
int nng_http_res_set_data(nng_http_res *, const void *, size_t);
int nng_http_res_copy_data(nng_http_res *, const void *, size_t);
void nng_http_conn_close(nng_http_conn *);
void nng_http_conn_read(nng_http_conn *, nng_aio *);
void nng_http_conn_read_all(nng_http_conn *, nng_aio *);
void nng_http_conn_write(nng_http_conn *, nng_aio *);
void nng_http_conn_write_all(nng_http_conn *, nng_aio *);
void nng_http_conn_write_req(nng_http_conn *, nng_http_req *, nng_aio *);
void nng_http_conn_write_res(nng_http_conn *, nng_http_res *, nng_aio *);
void nng_http_conn_read_req(nng_http_conn *, nng_http_req *, nng_aio *);
void nng_http_conn_read_res(nng_http_conn *, nng_http_res *, nng_aio *);
void nng_http_req_reset(nng_http_req *);
void nng_http_res_reset(nng_http_res *);
int nng_http_handler_alloc(nng_http_handler **, const char *, void (*)(nng_aio *));
void nng_http_handler_free(nng_http_handler *);
int nng_http_handler_alloc_file(nng_http_handler **, const char *, const char *);
int nng_http_handler_alloc_static(nng_http_handler **, const char *, const void *, size_t,
                                  const char *);
int nng_http_handler_alloc_redirect(nng_http_handler **, const char *, uint16_t, const char *);
int nng_http_handler_alloc_directory(nng_http_handler **, const char *, const char *);
int nng_http_handler_set_method(nng_http_handler *, const char *);
int nng_http_handler_set_host(nng_http_handler *, const char *);
int nng_http_handler_collect_body(nng_http_handler *, bool, size_t);
int nng_http_handler_set_tree(nng_http_handler *);
int nng_http_handler_set_tree_exclusive(nng_http_handler *);
int nng_http_handler_set_data(nng_http_handler *, void *, void (*)(void *));
void *nng_http_handler_get_data(nng_http_handler *);
int nng_http_server_hold(nng_http_server **, const nng_url *);
void nng_http_server_release(nng_http_server *);
int nng_http_server_start(nng_http_server *);
void nng_http_server_stop(nng_http_server *);
int nng_http_server_add_handler(nng_http_server *, nng_http_handler *);
int nng_http_server_del_handler(nng_http_server *, nng_http_handler *);
int nng_http_server_set_tls(nng_http_server *, struct nng_tls_config *);
int nng_http_server_get_tls(nng_http_server *, struct nng_tls_config **);
int nng_http_server_get_addr(nng_http_server *, nng_sockaddr *);
int nng_http_server_set_error_page(nng_http_server *, uint16_t, const char *);
int nng_http_server_set_error_file(nng_http_server *, uint16_t, const char *);
int nng_http_server_res_error(nng_http_server *, nng_http_res *);
int nng_http_hijack(nng_http_conn *);
int nng_http_client_alloc(nng_http_client **, const nng_url *);
void nng_http_client_free(nng_http_client *);
int nng_http_client_set_tls(nng_http_client *, struct nng_tls_config *);
int nng_http_client_get_tls(nng_http_client *, struct nng_tls_config **);
void nng_http_client_connect(nng_http_client *, nng_aio *);
void nng_http_conn_transact(nng_http_conn *, nng_http_req *, nng_http_res *, nng_aio *);
void nng_http_client_transact(nng_http_client *, nng_http_req *, nng_http_res *, nng_aio *);

#if SINCE(8)
const char *nng_str_sockaddr(const nng_sockaddr *, char *, size_t);
bool nng_aio_busy(nng_aio *);
void nng_aio_set_expire(nng_aio *, nng_time);
void nng_null_logger(nng_log_level, nng_log_facility, const char *, const char *);
void nng_stderr_logger(nng_log_level, nng_log_facility, const char *, const char *);
void nng_system_logger(nng_log_level, nng_log_facility, const char *, const char *);
void nng_log_set_logger(nng_logger);
void nng_log_set_level(nng_log_level);
nng_log_level nng_log_get_level(void);
void nng_log_set_facility(nng_log_facility);
void nng_log_err(const char *, const char *, ...);
void nng_log_warn(const char *, const char *, ...);
void nng_log_notice(const char *, const char *, ...);
void nng_log_info(const char *, const char *, ...);
void nng_log_debug(const char *, const char *, ...);
void nng_log_auth(nng_log_level, const char *, const char *, ...);
#endif
