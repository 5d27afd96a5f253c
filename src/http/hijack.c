/* SPDX-License-Identifier: MIT */
#include "http/hijack.h"

#include "http/exchange.h"
#include "http/report.h"
#include "http/session_io.h"
#include "io/runtime.h"

/* ---- The owner's part --------------------------------------------------------------------- */

bool nu_hijack_settle(struct nu_session *s)
{
    struct nu_service *service = s->service;
    struct nu_exchange *exchange = s->request.exchange;
    if (atomic_load(&s->request.lease) < NU_LEASE_HIJACKED || service == NULL) {
        return false;
    }
    if (nu_gate_is_shut(&s->gate)) {
        nu_session_open_gate(s);
    }
    nu_session_leave(s);
    nu_report_end(&s->request, true);
    nu_report_free(&s->request);
    s->service = NULL;
    s->request.service = NULL;
    s->request.exchange = NULL;
    exchange->req = NULL;
    nu_exchange_leave(exchange);
    service->session_ended(service);
    return true;
}

/* Once the lease is over, the caller may close the connection, and the session may be gone. */
void nu_hijack_run(struct nu_task *task)
{
    struct nu_session *s = nu_container(task, struct nu_session, hijacked);
    (void) nu_hijack_settle(s);
    if (atomic_exchange(&s->request.lease, NU_LEASE_OVER) == NU_LEASE_RETURNED) {
        nu_stream_close(s->conn->stream, false);
    }
}

/* ---- What is kept ------------------------------------------------------------------------- */

void nu_hijack_shed_written(struct nu_session *s)
{
    if (s->conn == NULL) {
        nng_aio_reap(&s->aio); /* which frees it */
    }
}

void nu_hijack_shed(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    if (s == NULL || s->service != NULL || atomic_load(&s->request.lease) != NU_LEASE_OVER) {
        return;
    }
    conn->stream->gone = nu_conn_free_gone;
    conn->session = NULL;
    s->conn = NULL;
    if (s->writing == NULL) {
        nu_hijack_shed_written(s);
    }
}

/* ---- The connection from then on ---------------------------------------------------------- */

static void hijack_read(nng_http_conn *conn, nng_aio *aio, enum nu_read kind)
{
    nu_stream_read(conn->stream, aio, kind);
}

static void hijack_write(nng_http_conn *conn, nng_aio *aio, enum nu_write kind)
{
    struct nu_session *s = conn->session;
    if (nu_loop_self() == conn->stream->loop) {
        (void) nu_hijack_settle(s);
    }
    nu_gate_write(&s->gate, conn->stream, aio, kind);
}

static void hijack_close(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    if (nu_request_move_lease(&s->request, NU_LEASE_HIJACKED, NU_LEASE_RETURNED) !=
        NU_LEASE_HIJACKED) {
        nu_stream_close(conn->stream, false);
    }
}

static const struct nu_conn_ops hijack_conn_ops = {
    .read = hijack_read,
    .write = hijack_write,
    .close = hijack_close,
};

/* ---- Any thread --------------------------------------------------------------------------- */

int nng_http_hijack(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    if (atomic_load(&conn->ops) != &nu_session_conn_ops) {
        return NNG_EINVAL;
    }
    enum nu_lease was = nu_request_move_lease(&s->request, NU_LEASE_LENT, NU_LEASE_HIJACKED);
    if (was != NU_LEASE_LENT) {
        return was == NU_LEASE_CLOSED ? NNG_ECLOSED : NNG_EINVAL;
    }
    if (nu_loop_self() == conn->stream->loop) {
        (void) nu_hijack_settle(s);
        atomic_store(&s->request.lease, NU_LEASE_OVER);
        atomic_store(&conn->ops, NULL);
    } else {
        atomic_store_explicit(&conn->ops, &hijack_conn_ops, memory_order_release);
        nu_loop_post(conn->stream->loop, &s->hijacked);
    }
    return 0;
}
