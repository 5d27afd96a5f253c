#include "http/session.h"

#include "http/exchange.h"
#include "http/file.h"
#include "http/handler.h"
#include "http/router.h"
#include "http/server.h"
#include "net/tcp_read.h"
#include "net/tcp_write.h"
#include "wire/message.h"
#include "wire/status.h"
#include "wire/url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_NESTED 8U
#define LINGER_MS 2000                    /* how long the peer has to read our last words */
#define LINGER_MAX ((size_t) 1024 * 1024) /* and how much it may still send meanwhile */

static void process(struct nu_session *s);
static void finished(void *arg);
static void unparked(struct nu_task *task);

/* ---- Life --------------------------------------------------------------------------------- */

static void set_state(struct nu_session *s, enum nu_session_state state)
{
    s->state = state;
}

static void drop_out(struct nu_session *s)
{
    if (s->out != NULL) {
        nu_out_give(&s->port->spare_outs, s->out);
        s->out = NULL;
    }
}

static void dispose(nng_aio *aio)
{
    struct nu_session *s = nu_container(aio, struct nu_session, aio);
    nu_conn_fini(&s->conn);
    nu_aio_fini(aio);
    free(s);
}

/* The connection is closed, the kernel has let go of everything: the memory, which is the
 * session's, may go. A hijacked connection has left its port before. */
static void conn_gone(struct nu_tcp *tcp)
{
    struct nu_session *s = nu_container(tcp, struct nu_session, conn.tcp);
    if (s->port != NULL) {
        drop_out(s);
        if (s->file != NULL) {
            nu_file_end(s->file);
        }
        if (s->exchange != NULL) {
            nu_exchange_end(s->exchange);
        }
        nu_port_session_ended(s->port);
    }
    nng_aio_reap(&s->aio);
}

int nu_session_start(struct nu_port *port, int fd)
{
    struct nu_session *s = malloc(sizeof *s);
    if (s == NULL) {
        return NNG_ENOMEM;
    }
    memset(s, 0, offsetof(struct nu_session, aio));
    s->port = port;
    nu_aio_init(&s->aio, finished, s);
    s->aio.dispose = dispose;
    s->unpark.run  = unparked;
    nu_conn_init(&s->conn, port->loop, fd, conn_gone);
    s->conn.session = s;
    nu_list_append(&port->sessions, &s->link);
    set_state(s, NU_SESSION_READING);
    process(s);
    return 0;
}

/* From here on the session only waits for what it cannot interrupt. While a handler has the
 * connection, or a file is being opened or read, those who answer give the memory free. */
static void close_now(struct nu_session *s, bool abortive)
{
    enum nu_session_state state = s->state;
    if (state == NU_SESSION_CLOSED) {
        return;
    }
    set_state(s, NU_SESSION_CLOSED);
    nu_list_remove(&s->link);
    s->conn.session = NULL;
    if (state == NU_SESSION_HANDLING || state == NU_SESSION_PARKED) {
        nu_tcp_shut(&s->conn.tcp);
    } else {
        nu_tcp_close(&s->conn.tcp, abortive);
    }
}

/* An answer has come, but nobody wants it any more. */
static void close_late(struct nu_session *s)
{
    nu_tcp_close(&s->conn.tcp, true);
}

bool nu_session_gone(const struct nu_session *s)
{
    return s->state == NU_SESSION_CLOSED;
}

/* ---- Reading and writing ------------------------------------------------------------------ */

static void read_more(struct nu_session *s)
{
    set_state(s, NU_SESSION_READING);
    if (nng_aio_begin(&s->aio)) {
        nu_tcp_read(&s->conn.tcp, &s->aio, NU_READ_FILL);
    }
}

static void write_vec(struct nu_session *s, const struct iovec *iov, unsigned niov, size_t total)
{
    if (nng_aio_begin(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .iov = iov, .niov = niov, .total = total };
        nu_tcp_write(&s->conn.tcp, &s->aio, NU_WRITE_ALL);
    }
}

static void flush(struct nu_session *s)
{
    set_state(s, NU_SESSION_WRITING);
    size_t total = nu_out_seal(s->out);
    write_vec(s, s->out->iov, s->out->n, total);
}

/* Says good-bye, and keeps reading for a while: closing at once with bytes unread would make the
 * kernel send a reset, which can take our last response from the peer (RFC 9112 9.6). */
static void linger(struct nu_session *s)
{
    if (s->state != NU_SESSION_LINGERING) {
        set_state(s, NU_SESSION_LINGERING);
        nu_tcp_shutdown_write(&s->conn.tcp);
        nng_aio_set_expire(&s->aio, nng_clock() + LINGER_MS);
    }
    struct nu_rx *rx = &s->conn.tcp.rx;
    s->lingered += nu_rx_len(rx);
    nu_rx_clear(rx, &s->conn.tcp.loop->buffers);
    if (s->lingered > LINGER_MAX) {
        close_now(s, false);
        return;
    }
    uint64_t deadline = s->aio.deadline;
    if (nng_aio_begin(&s->aio)) {
        if (s->aio.deadline == UINT64_MAX) {
            s->aio.deadline = deadline; /* the first read's, for all of them */
        }
        nu_tcp_read(&s->conn.tcp, &s->aio, NU_READ_FILL);
    }
}

static void written(struct nu_session *s)
{
    drop_out(s);
    if (s->last) {
        linger(s);
        return;
    }
    process(s);
}

static void body_read(struct nu_session *s)
{
    struct nu_exchange *exchange = s->exchange;
    uint8_t            *body     = exchange->body;
    exchange->body               = NULL;
    if (nu_req_give_data(exchange->req, body, exchange->body_len) != 0) {
        close_now(s, true); /* the exchange goes with the connection */
        return;
    }
    set_state(s, NU_SESSION_HANDLING);
    nu_exchange_call(exchange);
}

/* The session's read or write has ended. */
static void finished(void *arg)
{
    struct nu_session *s   = arg;
    int                err = nng_aio_result(&s->aio);
    if (s->state == NU_SESSION_CLOSED) {
        return;
    }
    if (err != 0) {
        close_now(s, err != NNG_ECONNSHUT && s->state != NU_SESSION_LINGERING);
        return;
    }
    switch (s->state) {
    case NU_SESSION_READING:
        process(s);
        break;
    case NU_SESSION_COLLECTING:
        body_read(s);
        break;
    case NU_SESSION_WRITING:
        written(s);
        break;
    case NU_SESSION_SENDING:
        drop_out(s);
        set_state(s, NU_SESSION_HANDLING);
        nu_file_written(s->file);
        break;
    case NU_SESSION_LINGERING:
        linger(s);
        break;
    default:
        break;
    }
}

/* ---- Answering ---------------------------------------------------------------------------- */

/* There is no memory for an answer, nor is anything of ours under way. */
static void give_up(struct nu_session *s)
{
    set_state(s, NU_SESSION_WRITING);
    close_now(s, true);
}

/* The Connection field that the answer in hand needs, as a header line; "" when it needs none. */
static const char *connection_line(const struct nu_session *s)
{
    return s->last ? "Connection: close\r\n" : s->http10 ? "Connection: keep-alive\r\n" : "";
}

static bool need_out(struct nu_session *s)
{
    if (s->out == NULL) {
        s->out = nu_out_take(&s->port->spare_outs);
    }
    if (s->out == NULL) {
        give_up(s);
    }
    return s->out != NULL;
}

static void answer_static(struct nu_session *s, nng_http_handler *h)
{
    if (!need_out(s)) {
        return;
    }
    const char *line = connection_line(s);
    size_t      all  = s->bodiless ? h->head + 2 : h->reply.len;
    nu_out_hold(s->out, h);
    if (line[0] == '\0') {
        nu_out_add(s->out, h->reply.data, all);
        return;
    }
    nu_out_add(s->out, h->reply.data, h->head);
    nu_out_add(s->out, line, strlen(line));
    nu_out_add(s->out, h->reply.data + h->head, all - h->head);
}

/* What the handler says about the connection counts as much as what the request said. */
static int complete_head(struct nu_session *s, nng_http_res *res)
{
    unsigned    status = nng_http_res_get_status(res);
    const char *conn   = nng_http_res_get_header(res, "Connection");
    int         err    = 0;
    char        length[NU_DECIMAL_MAX + 1];
    if (conn != NULL && strcasecmp(conn, "close") == 0) {
        s->last = true;
    } else if (s->last || s->http10) {
        err = nng_http_res_set_header(res, "Connection", s->last ? "close" : "keep-alive");
    }
    bool framed = nng_http_res_get_header(res, "Content-Length") != NULL ||
                  nng_http_res_get_header(res, "Transfer-Encoding") != NULL;
    if (err == 0 && !framed && !nu_status_bodiless(status)) {
        length[nu_decimal(length, res->body.size)] = '\0';
        err = nng_http_res_set_header(res, "Content-Length", length);
    }
    return err;
}

bool nu_session_begin_answer(struct nu_session *s, nng_http_res *res)
{
    if (!need_out(s)) {
        nng_http_res_free(res);
        return false;
    }
    size_t from = s->out->text.len;
    s->out->res = res;
    if (complete_head(s, res) != 0 || nu_res_print(res, &s->out->text) != 0) {
        give_up(s);
        return false;
    }
    nu_out_add_text(s->out, from);
    if (!s->bodiless && !nu_status_bodiless(nng_http_res_get_status(res))) {
        nu_out_add(s->out, res->body.data, res->body.size);
    }
    return true;
}

void nu_session_answer(struct nu_session *s, nng_http_res *res)
{
    if (s->state == NU_SESSION_CLOSED) {
        nng_http_res_free(res);
        close_late(s);
    } else if (res == NULL) {
        written(s);
    } else if (nu_session_begin_answer(s, res)) {
        flush(s);
    }
}

void nu_session_answer_error(struct nu_session *s, unsigned status)
{
    nng_http_res *res;
    if (nng_http_res_alloc_error(&res, (uint16_t) status) != 0) {
        nu_session_abandon(s);
        return;
    }
    nu_session_answer(s, res);
}

void nu_session_send_part(struct nu_session *s, const struct iovec *iov, unsigned niov,
                          size_t total)
{
    set_state(s, NU_SESSION_SENDING);
    write_vec(s, iov, niov, total);
}

void nu_session_end_answer(struct nu_session *s)
{
    s->file = NULL;
    written(s);
}

void nu_session_abandon(struct nu_session *s)
{
    s->file = NULL;
    if (s->state == NU_SESSION_CLOSED) {
        close_late(s);
    } else {
        give_up(s);
    }
}

/* ---- Requests ----------------------------------------------------------------------------- */

enum progress {
    NEXT,      /* it is answered; the next request may be looked at */
    FLUSH,     /* what is gathered has to be written first */
    UNDER_WAY, /* something else goes on from here */
};

/* Reads the body, then calls the handler. Part or all of it may have arrived already. */
static void collect(struct nu_session *s, uint64_t length)
{
    struct nu_exchange *exchange = s->exchange;
    exchange->body_len           = (size_t) length;
    exchange->body               = malloc((size_t) length);
    if (exchange->body == NULL) {
        nu_exchange_end(exchange);
        s->exchange = NULL;
        nu_session_answer_error(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
        return;
    }
    set_state(s, NU_SESSION_COLLECTING);
    s->aio.iov[0] = (struct iovec){ exchange->body, (size_t) length };
    if (nng_aio_begin(&s->aio)) {
        s->aio.io = (struct nu_aio_io){ .iov = s->aio.iov, .niov = 1, .total = (size_t) length };
        nu_tcp_read(&s->conn.tcp, &s->aio, NU_READ_ALL);
    }
}

static void consume(struct nu_session *s, size_t n)
{
    nu_rx_consume(&s->conn.tcp.rx, &s->conn.tcp.loop->buffers, n);
}

/* A handler's callback may do anything, so nothing may follow it here. */
static void call_handler(struct nu_session *s, nng_http_handler *h, const struct nu_head *head)
{
    bool     wanted = h->collect && head->has_length && head->content_length > 0;
    uint64_t length = head->content_length;
    if ((h->collect && head->chunked) || (wanted && length > h->collect_max)) {
        nu_session_answer_error(s, wanted ? NNG_HTTP_STATUS_PAYLOAD_TOO_LARGE
                                          : NNG_HTTP_STATUS_LENGTH_REQUIRED);
        return;
    }
    bool keep   = head->keep_alive && !s->port->draining;
    s->exchange = nu_exchange_new(s, h, head);
    consume(s, head->length);
    if (s->exchange == NULL) {
        s->last = true;
        nu_session_answer_error(s, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    } else if (wanted) {
        s->last = !keep;
        collect(s, length);
    } else {
        set_state(s, NU_SESSION_HANDLING);
        nu_exchange_call(s->exchange);
    }
}

/* Requests that cannot be answered on the spot wait until the answers before them are written. */
static bool must_flush(const struct nu_session *s, const nng_http_handler *h)
{
    return s->out != NULL && (h == NULL || h->kind != NU_HANDLER_STATIC);
}

/* Answers one request. The session may be gone afterwards, unless there is more to say about it. */
static enum progress answer(struct nu_session *s, const struct nu_head *head)
{
    struct nu_slice   query;
    size_t            len;
    unsigned          status = NNG_HTTP_STATUS_BAD_REQUEST;
    char             *path   = s->port->path;
    nng_http_handler *h      = NULL;
    if (nu_target_decode(head->target.p, head->target.n, path, sizeof s->port->path, &len,
                         &query) == 0) {
        h = nu_router_find(nu_port_router(s->port), head->method, head->host, path, &status);
    }
    if (must_flush(s, h)) {
        return FLUSH;
    }
    /* A body that nobody collects must not run as the next request. */
    bool body   = head->chunked || (head->has_length && head->content_length > 0);
    s->last     = !head->keep_alive || body || s->port->draining;
    s->http10   = head->minor == 0;
    s->bodiless = head->method.n == 4 && memcmp(head->method.p, "HEAD", 4) == 0;
    if (h != NULL && h->kind == NU_HANDLER_CALLBACK) {
        call_handler(s, h, head);
        return UNDER_WAY;
    }
    consume(s, head->length);
    if (h == NULL) {
        nu_session_answer_error(s, status);
        return UNDER_WAY;
    }
    if (h->kind != NU_HANDLER_STATIC) {
        set_state(s, NU_SESSION_HANDLING);
        nu_file_serve(s, h, path);
        return UNDER_WAY;
    }
    answer_static(s, h);
    if (s->state == NU_SESSION_CLOSED) {
        return UNDER_WAY;
    }
    return s->last || !nu_out_has_room(s->out) ? FLUSH : NEXT;
}

/* The answers before it come first; then the bad request is looked at again. */
static void refuse(struct nu_session *s, int status)
{
    if (s->out != NULL) {
        flush(s);
        return;
    }
    s->last     = true;
    s->http10   = false;
    s->bodiless = false;
    nu_session_answer_error(s, (unsigned) status);
}

static enum nu_parse parse(struct nu_session *s, struct nu_head *head)
{
    const struct nu_rx *rx = &s->conn.tcp.rx;
    memset(head, 0, sizeof *head);
    head->fields    = s->port->fields;
    head->maxfields = NU_MAX_FIELDS;
    return nu_parse_request((const char *) nu_rx_data(rx), nu_rx_len(rx), head);
}

/* A handler that waits turns the loop, and the handlers it calls then may wait as well. Beyond some
 * depth requests wait for the stack to unwind, or it might never do so. */
static bool park(struct nu_session *s)
{
    struct nu_loop *loop = s->conn.tcp.loop;
    if (loop->depth <= MAX_NESTED) {
        return false;
    }
    set_state(s, NU_SESSION_PARKED);
    nu_loop_post_outermost(loop, &s->unpark);
    return true;
}

static void unparked(struct nu_task *task)
{
    struct nu_session *s = nu_container(task, struct nu_session, unpark);
    if (s->state == NU_SESSION_CLOSED) {
        close_late(s);
    } else {
        process(s);
    }
}

/* Answers what has arrived, as far as it goes, and then writes or reads on. */
static void process(struct nu_session *s)
{
    struct nu_head head;
    while (nu_rx_len(&s->conn.tcp.rx) > 0) {
        if (s->out == NULL && park(s)) {
            return;
        }
        enum nu_parse result = parse(s, &head);
        if (result == NU_PARSE_MORE) {
            break;
        }
        if (result == NU_PARSE_BAD) {
            refuse(s, head.bad_status);
            return;
        }
        enum progress progress = answer(s, &head);
        if (progress == FLUSH) {
            flush(s);
        }
        if (progress != NEXT) {
            return;
        }
    }
    if (s->out != NULL) {
        flush(s);
    } else if (s->port->draining) {
        close_now(s, false);
    } else {
        read_more(s);
    }
}

/* ---- Stopping ----------------------------------------------------------------------------- */

void nu_session_stop(struct nu_session *s)
{
    if (s->exchange != NULL) {
        nng_aio_abort(&s->exchange->aio, NNG_ECLOSED);
    }
    close_now(s, true);
}

void nu_session_drain(struct nu_session *s)
{
    if (s->state == NU_SESSION_READING) {
        close_now(s, false);
    }
    s->last = true;
}

int nng_http_hijack(nng_http_conn *conn)
{
    struct nu_session *s = conn->session;
    if (s == NULL || s->exchange == NULL) {
        return NNG_EINVAL;
    }
    set_state(s, NU_SESSION_CLOSED);
    nu_list_remove(&s->link);
    nu_port_session_ended(s->port);
    s->port              = NULL;
    s->exchange->req     = NULL;
    s->exchange->session = NULL;
    s->exchange          = NULL;
    conn->session        = NULL;
    return 0;
}
