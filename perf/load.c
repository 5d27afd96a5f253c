/* SPDX-License-Identifier: MIT */
/*
 * A lean load generator for one core: closed loop, keep-alive, one ring. It never sleeps while it
 * measures: a server's send then does not have to wake anybody, and the server's core is the one
 * that is full. With a depth over 1 a connection sends that many requests in one piece and the next
 * ones when all are answered. Every response is checked. Prints one line of JSON.
 */
#include "heads.h"
#include "hist.h"
#include "options.h"
#include "reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 1024U
#define SPINS 2000          /* looks at the ring between two looks at the clock */
#define SILENCE 5000000000U /* ns without a response: something hangs */
#define MAX_ERRORS 1000U    /* connections lost: that is no measurement */
#define SENT (UINT64_C(1) << 32)
#define TEXTS HEADS
#define MIX 3U

struct conn {
    uint64_t began; /* when its requests were sent */
    unsigned outstanding;
    unsigned batches; /* sent so far */
    struct reply reply;
};

struct text {
    char *bytes;
    size_t len;
};

struct load {
    struct options options;
    struct io_uring ring;
    struct io_uring_buf_ring *bufs;
    char *bytes;
    unsigned nbufs;
    size_t buf_size;
    struct conn *conns;       /* their number is their direct descriptor */
    struct text texts[TEXTS]; /* what a connection sends in turn: `depth` requests each */
    unsigned ntexts;
    struct text final; /* what it sends last, when it does not live for ever */
    struct reply_model model;
    struct hist hist;
    bool measuring;
    uint64_t now, last, bytes_in, errors, reconnects;
};

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint64_t clock_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t) at.tv_sec * 1000000000U + (uint64_t) at.tv_nsec;
}

/* ---- Connections -------------------------------------------------------------------------- */

static int connect_to(unsigned port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t) port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *) &addr, sizeof addr) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        die("cannot connect to port %u: %s", port, strerror(errno));
    }
    return fd;
}

/* RFC 6455 4.1; one key is as good as another. */
static void upgrade(int fd, unsigned port, const char *path)
{
    char text[2048];
    size_t len = 0;
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: Upgrade\r\nUpgrade: "
                     "websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                     "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     path, port);
    if (n >= (int) sizeof text || send(fd, text, (size_t) n, MSG_NOSIGNAL) != n) {
        die("cannot send an upgrade: %s", strerror(errno));
    }
    do { /* nothing follows the head */
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0) {
            die("no answer to an upgrade");
        }
        len += (size_t) got;
        text[len] = '\0';
    } while (strstr(text, "\r\n\r\n") == NULL);
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        die("no WebSocket: %.40s", text);
    }
}

static int join(const struct load *load)
{
    int fd = connect_to(load->options.port);
    if (load->options.message > 0 && !load->options.raw) {
        upgrade(fd, load->options.port, load->options.path);
    }
    return fd;
}

/* One exchange, waited for. */
static void exchange(struct load *load, int fd)
{
    static char bytes[65536];
    struct timeval limit = { .tv_sec = 10 };
    struct reply reply = { 0 };
    unsigned ended = 0;
    const char *why = NULL;
    size_t len = load->texts[0].len / load->options.depth;
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, load->texts[0].bytes + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            die("cannot send a request: %s", strerror(errno));
        }
        sent += (size_t) n;
    }
    while (ended == 0) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0) {
            die("no response: %s", n == 0 ? "the server closes" : strerror(errno));
        }
        if (!reply_feed(&reply, &load->model, bytes, (size_t) n, &ended, &why)) {
            die("wrong response: %s", why);
        }
    }
}

static void open_idle(struct load *load)
{
    for (unsigned i = 0; i < load->options.idle; i++) {
        exchange(load, join(load)); /* open until we exit */
    }
}

static struct io_uring_sqe *next_sqe(struct load *load)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&load->ring);
    if (sqe == NULL) {
        io_uring_submit(&load->ring);
        sqe = io_uring_get_sqe(&load->ring);
    }
    if (sqe == NULL) {
        die("no room for another SQE");
    }
    return sqe;
}

static void start_recv(struct load *load, unsigned index)
{
    struct io_uring_sqe *sqe = next_sqe(load);
    io_uring_prep_recv_multishot(sqe, (int) index, NULL, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = index;
}

static void start_batch(struct load *load, unsigned index)
{
    struct io_uring_sqe *sqe = next_sqe(load);
    struct conn *conn = &load->conns[index];
    unsigned first = load->options.heads ? index : 0; /* no two at a time have the same, mostly */
    struct text *text = &load->texts[(first + conn->batches++) % load->ntexts];
    if (conn->batches == load->options.per_conn) {
        text = &load->final;
    }
    io_uring_prep_send(sqe, (int) index, text->bytes, text->len, MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = SENT | index;
    conn->began = load->now;
    conn->outstanding = load->options.depth;
}

static void open_conn(struct load *load, unsigned index)
{
    int fd = join(load);
    int err = io_uring_register_files_update(&load->ring, index, &fd, 1);
    if (err != 1) {
        die("cannot register a socket: %s", strerror(-err));
    }
    close(fd); /* the ring has it */
    load->conns[index] = (struct conn){ 0 };
    start_recv(load, index);
    start_batch(load, index);
}

/* ---- Completions -------------------------------------------------------------------------- */

/* Whether nothing more is sent on it, since the server closes it. */
static bool is_over(const struct load *load, const struct conn *conn)
{
    return conn->reply.closing ||
           (load->options.per_conn > 0 && conn->batches == load->options.per_conn);
}

static void answered(struct load *load, unsigned index, const char *data, size_t len)
{
    struct conn *conn = &load->conns[index];
    unsigned ended = 0;
    const char *why;
    if (!reply_feed(&conn->reply, &load->model, data, len, &ended, &why)) {
        die("wrong response: %s", why);
    }
    if (ended > conn->outstanding) {
        die("wrong response: nobody asked for it");
    }
    conn->outstanding -= ended;
    if (load->measuring) {
        load->bytes_in += len;
        for (unsigned i = 0; i < ended; i++) {
            hist_add(&load->hist, load->now - conn->began);
        }
    }
    load->last = load->now;
    if (ended > 0 && conn->outstanding == 0 && !is_over(load, conn)) {
        start_batch(load, index);
    }
}

/* Some servers close after so many requests and say so; what was not answered is asked again. */
static void lost(struct load *load, unsigned index, int res)
{
    const struct conn *conn = &load->conns[index];
    if (res == 0 && conn->outstanding == 0 && is_over(load, conn) && reply_at_start(&conn->reply)) {
        load->reconnects++;
    } else if (++load->errors > MAX_ERRORS) {
        die("%u connections lost, the last one: %s", MAX_ERRORS,
            res == 0 ? "closed" : strerror(-res));
    }
    open_conn(load, index);
}

static void received(struct load *load, const struct io_uring_cqe *cqe, unsigned index)
{
    if (cqe->res > 0) {
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        char *data = load->bytes + id * load->buf_size;
        answered(load, index, data, (size_t) cqe->res);
        io_uring_buf_ring_add(load->bufs, data, (unsigned) load->buf_size, (unsigned short) id,
                              io_uring_buf_ring_mask(load->nbufs), 0);
        io_uring_buf_ring_advance(load->bufs, 1);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) {
        if (cqe->res > 0 || cqe->res == -ENOBUFS) {
            start_recv(load, index);
        } else {
            lost(load, index, cqe->res);
        }
    }
}

/* Hands in what there is and looks for completions, a little while; never waits. */
static void look(struct io_uring *ring)
{
    int err = 0;
    if (io_uring_sq_ready(ring) > 0) {
        err = io_uring_submit_and_get_events(ring);
    }
    for (unsigned i = 0; i < SPINS && io_uring_cq_ready(ring) == 0; i++) {
        if (__atomic_load_n(ring->sq.kflags, __ATOMIC_RELAXED) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) {
            err = io_uring_get_events(ring);
        }
#ifdef __x86_64__
        __builtin_ia32_pause();
#endif
    }
    if (err < 0 && err != -EINTR && err != -EBUSY && err != -EAGAIN) {
        die("io_uring_enter: %s", strerror(-err));
    }
}

static void turn(struct load *load)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    look(&load->ring);
    load->now = clock_ns();
    io_uring_for_each_cqe(&load->ring, head, cqe)
    {
        if ((cqe->user_data & SENT) == 0) { /* a send that fails fails the receive, too */
            received(load, cqe, (unsigned) cqe->user_data);
        }
        n++;
    }
    io_uring_cq_advance(&load->ring, n);
    if (load->now - load->last > SILENCE) {
        die("no response for %u s", (unsigned) (SILENCE / 1000000000U));
    }
}

static void run_until(struct load *load, uint64_t end, uint64_t requests)
{
    do {
        turn(load);
    } while (load->now < end && (requests == 0 || load->hist.count < requests));
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* A request: what comes between its method and its version, its other fields, its body. */
static struct text make_text(const struct load *load, const char *method, const char *path,
                             const char *fields, const char *body, size_t body_len)
{
    char head[1024];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", method,
                     path, load->options.port, fields);
    if (n >= (int) sizeof head) {
        die("the path is too long");
    }
    size_t one = (size_t) n + body_len;
    struct text text = { .len = one * load->options.depth };
    text.bytes = malloc(text.len);
    if (text.bytes == NULL) {
        die("no memory");
    }
    for (unsigned i = 0; i < load->options.depth; i++) {
        memcpy(text.bytes + i * one, head, (size_t) n);
        if (body_len > 0) {
            memcpy(text.bytes + i * one + n, body, body_len);
        }
    }
    return text;
}

/* What the HTTP arena mixes: each answer has two digits. */
static void prepare_mix(struct load *load)
{
    static const char path[] = "/baseline11?a=13&b=42";
    static const char chunks[] = "2\r\n20\r\n0\r\n\r\n";
    load->texts[0] = make_text(load, "GET", path, "", NULL, 0);
    load->texts[1] = make_text(load, "POST", path, "Content-Length: 2\r\n", "20", 2);
    load->texts[2] =
        make_text(load, "POST", path, "Transfer-Encoding: chunked\r\n", chunks, sizeof chunks - 1);
    load->ntexts = MIX;
    load->final = make_text(load, "GET", path, "Connection: close\r\n", NULL, 0);
}

static void prepare_heads(struct load *load)
{
    char fields[900];
    for (unsigned i = 0; i < HEADS; i++) {
        if (heads_fields(i, fields, sizeof fields) == 0) {
            die("a head is too long");
        }
        load->texts[i] = make_text(load, "GET", load->options.path, fields, NULL, 0);
    }
    load->ntexts = HEADS;
}

static void prepare_upload(struct load *load)
{
    char fields[64];
    char *body = calloc(1, load->options.upload);
    if (body == NULL) {
        die("no memory");
    }
    (void) snprintf(fields, sizeof fields, "Content-Length: %" PRIu64 "\r\n", load->options.upload);
    load->texts[0] =
        make_text(load, "POST", load->options.path, fields, body, load->options.upload);
    load->ntexts = 1;
    free(body);
}

/* A masked frame of one binary message; its echo has no mask. */
static void prepare_message(struct load *load)
{
    uint64_t n = load->options.message;
    unsigned extra = n < 126 ? 0 : n < 65536 ? 2 : 8;
    struct text *text = &load->texts[0];
    text->len = 2 + extra + 4 + n;
    text->bytes = calloc(1, text->len);
    if (text->bytes == NULL || load->options.depth != 1) {
        die(text->bytes == NULL ? "no memory" : "messages go one at a time");
    }
    text->bytes[0] = (char) 0x82;
    text->bytes[1] = (char) (0x80 | (extra == 0 ? n : extra == 2 ? 126 : 127));
    for (unsigned i = 0; i < extra; i++) {
        text->bytes[2 + i] = (char) (n >> 8 * (extra - 1 - i));
    }
    memset(text->bytes + 2 + extra, 0x5a, 4 + n); /* the mask, and zeros that it is laid over */
    load->model.op = 0x82;
    load->model.frame = load->options.raw ? text->len : text->len - 4;
    load->model.body = n;
    load->ntexts = 1;
}

static void prepare_texts(struct load *load)
{
    if (load->options.message > 0) {
        prepare_message(load);
    } else if (load->options.mix) {
        prepare_mix(load);
    } else if (load->options.heads) {
        prepare_heads(load);
    } else if (load->options.upload > 0) {
        prepare_upload(load);
    } else {
        load->texts[0] = make_text(load, "GET", load->options.path, "", NULL, 0);
        load->ntexts = 1;
        load->final = make_text(load, "GET", load->options.path, "Connection: close\r\n", NULL, 0);
    }
    load->conns = calloc(load->options.conns, sizeof *load->conns);
    if (load->conns == NULL) {
        die("no memory");
    }
}

/* Buffers for what is small, enough for all; for what is large, few that stay in the cache. */
static void prepare_bufs(struct load *load)
{
    bool large = load->model.body > 16384;
    load->buf_size = large ? 131072 : 8192;
    load->nbufs = large ? 16 : 64;
    while (!large && load->nbufs < 2 * load->options.conns && load->nbufs < 4096) {
        load->nbufs *= 2;
    }
    if (posix_memalign((void **) &load->bufs, 4096, load->nbufs * sizeof(struct io_uring_buf)) !=
            0 ||
        posix_memalign((void **) &load->bytes, 4096, load->nbufs * load->buf_size) != 0) {
        die("no memory");
    }
    struct io_uring_buf_reg reg = { .ring_addr = (uint64_t) (uintptr_t) load->bufs,
                                    .ring_entries = load->nbufs };
    int err = io_uring_register_buf_ring(&load->ring, &reg, 0);
    if (err != 0) {
        die("no provided buffers: %s", strerror(-err));
    }
    io_uring_buf_ring_init(load->bufs);
    for (unsigned id = 0; id < load->nbufs; id++) {
        io_uring_buf_ring_add(load->bufs, load->bytes + id * load->buf_size,
                              (unsigned) load->buf_size, (unsigned short) id,
                              io_uring_buf_ring_mask(load->nbufs), (int) id);
    }
    io_uring_buf_ring_advance(load->bufs, (int) load->nbufs);
}

static void prepare_ring(struct load *load)
{
    struct io_uring_params params = { .flags = IORING_SETUP_SINGLE_ISSUER |
                                               IORING_SETUP_DEFER_TASKRUN |
                                               IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE,
                                      .cq_entries = 16 * ENTRIES };
    int err = io_uring_queue_init_params(ENTRIES, &load->ring, &params);
    if (err != 0) {
        die("io_uring_setup: %s", strerror(-err));
    }
    err = io_uring_register_files_sparse(&load->ring, load->options.conns);
    if (err != 0) {
        die("no direct descriptors: %s", strerror(-err));
    }
    (void) io_uring_register_ring_fd(&load->ring); /* only quicker */
    prepare_bufs(load);
}

/* ---- Measuring ---------------------------------------------------------------------------- */

struct result {
    uint64_t rss_fresh, rss_first, rss_idle; /* KiB: untouched, after one exchange, with the idle */
    uint64_t cpu, spent, errors;
    unsigned silent; /* connections that waited for a response all the time */
};

static void measure(struct load *load, struct result *result)
{
    const struct options *options = &load->options;
    load->now = load->last = clock_ns();
    for (unsigned i = 0; i < options->conns; i++) {
        open_conn(load, i);
    }
    run_until(load, load->now + (uint64_t) (options->warmup * 1e9), 0);
    uint64_t errors = load->errors, cpu = usage_cpu(&options->server), began = clock_ns();
    load->measuring = true;
    run_until(load, began + (uint64_t) (options->seconds * 1e9), options->requests);
    uint64_t cpu_end = usage_cpu(&options->server);
    result->spent = clock_ns() - began;
    result->errors = load->errors - errors;
    result->cpu = cpu_end - cpu;
    result->silent = 0;
    for (unsigned i = 0; i < options->conns; i++) {
        result->silent += load->conns[i].began < began;
    }
    if (cpu == UINT64_MAX || cpu_end == UINT64_MAX) {
        die("the server ended");
    }
}

static void print_us(const char *name, uint64_t ns)
{
    printf(", \"%s_us\": %.2f", name, (double) ns / 1e3);
}

static void print_number(const char *name, uint64_t value)
{
    printf(", \"%s\": %" PRIu64, name, value);
}

static void print(const struct load *load, const struct result *result)
{
    const struct hist *hist = &load->hist;
    double seconds = (double) result->spent / 1e9;
    printf("{\"seconds\": %.6f, \"rate\": %.1f", seconds, (double) hist->count / seconds);
    print_number("requests", hist->count);
    print_number("bytes", load->bytes_in);
    print_number("head", load->model.head_len);
    print_number("body", load->model.body);
    print_number("connections", load->options.conns);
    print_number("depth", load->options.depth);
    print_number("idle", load->options.idle);
    print_number("errors", result->errors);
    print_number("silent", result->silent);
    print_number("reconnects", load->reconnects);
    print_number("upload", load->options.upload);
    print_us("p50", hist_quantile(hist, 0.5));
    print_us("p90", hist_quantile(hist, 0.9));
    print_us("p99", hist_quantile(hist, 0.99));
    print_us("p999", hist_quantile(hist, 0.999));
    print_us("max", hist->max);
    print_us("cpu", result->cpu);
    print_number("rss_fresh_kib", result->rss_fresh);
    print_number("rss_first_kib", result->rss_first);
    print_number("rss_idle_kib", result->rss_idle);
    print_number("rss_end_kib", usage_rss(&load->options.server));
    puts("}");
}

int main(int argc, char **argv)
{
    struct load *load = calloc(1, sizeof *load);
    struct result result;
    struct rlimit files;
    if (load == NULL) {
        die("no memory");
    }
    options_parse(argc, argv, &load->options);
    load->model.body = load->options.body;
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
    prepare_texts(load);
    result.rss_fresh = usage_rss(&load->options.server);
    int first = join(load);
    exchange(load, first);
    close(first);
    result.rss_first = usage_rss(&load->options.server);
    open_idle(load);
    result.rss_idle = usage_rss(&load->options.server);
    prepare_ring(load);
    measure(load, &result);
    print(load, &result);
    return 0;
}
