/* SPDX-License-Identifier: MIT */
#include "http/session_tls.h"

#include "tls/tls.h"

/* What a client hears that speaks HTTP where it should have begun with a handshake. */
static const char no_plain_http[] =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 61\r\n"
    "Connection: close\r\n"
    "\r\n"
    "This port speaks https: put https:// in place of http:// ...\n";

int nu_session_secure(struct nu_session *s)
{
    if (s->service->get_tls == NULL) {
        return 0;
    }
    struct nu_tls_params params = { .alpn = "http/1.1", .plain_reply = no_plain_http };
    int err = s->service->get_tls(s->service->server, &params.config);
    if (err == 0) {
        err = nu_conn_secure(s->conn, &params);
        nng_tls_config_free(params.config);
    }
    return err;
}
