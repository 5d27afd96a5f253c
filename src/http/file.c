/* SPDX-License-Identifier: MIT */
#include "http/file.h"

#include "base/page_cache.h"
#include "http/answer.h"
#include "http/file_head.h"
#include "http/handler.h"
#include "http/mime.h"
#include "http/server_shard.h"
#include "http/session.h"
#include "io/features.h"
#include "io/op.h"
#include "net/stream.h"
#include "wire/precond.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL 16384U                /* a file up to this size has a buffer of just its size */
#define PAGES ((size_t) 512 * 1024) /* go from the page cache before others have a turn */

/* Tried in this order for a directory. */
static const char *const indexes[] = { "index.html", "index.htm" };

#define NINDEXES (sizeof indexes / sizeof indexes[0])
#define INDEX_ROOM 12 /* '/', the longest of them and the NUL */

struct nu_file_job {
    struct nu_session *session;
    nng_http_handler *handler; /* held */
    struct nu_op op;
    struct nu_precond precond;   /* its text lies behind the path's */
    int fd;                      /* -1 until it is open */
    bool begun;                  /* the head is out, or on its way */
    bool waits;                  /* reads may block */
    struct nu_file_part part;    /* still to be read, or sent from the page cache */
    struct nu_stream_file pages; /* what goes from there next; its len is 0 when there is none */
    uint8_t *buffer;
    size_t capacity;    /* of the buffer; above SMALL it is one of the shard's */
    struct iovec piece; /* of the buffer, being written */
    unsigned index;     /* entries of indexes[] tried so far */
    size_t len;         /* of path, without an index's name */
    char path[];        /* relative to the root of a DIRECTORY */
};

static bool file_take_buffer(struct nu_file_job *job)
{
    if (job->buffer == NULL) {
        job->buffer = job->capacity <= SMALL
                          ? malloc(job->capacity)
                          : nu_file_bufpool_take(&job->session->shard->file_buffers);
    }
    return job->buffer != NULL;
}

static void file_give_buffer(struct nu_file_job *job)
{
    if (job->capacity <= SMALL) {
        free(job->buffer);
    } else if (job->buffer != NULL) {
        nu_file_bufpool_give(&job->session->shard->file_buffers, job->buffer);
    }
}

void nu_file_end(struct nu_file_job *job)
{
    if (job->fd >= 0) {
        close(job->fd);
    }
    nu_handler_drop(job->handler);
    file_give_buffer(job);
    free(job);
}

static void file_fail(struct nu_file_job *job, unsigned status)
{
    struct nu_session *session = job->session;
    session->file = NULL;
    nu_file_end(job);
    nu_session_answer_error(session, status);
}

/* The head is out or on its way: there is no other way to say that the body will be short. */
static void file_abandon(struct nu_file_job *job)
{
    struct nu_session *session = job->session;
    nu_file_end(job);
    nu_session_abandon(session);
}

static unsigned file_status_for(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV: /* it leads out of the root */
    case ENXIO: /* a socket, or a device that is not there */
    case ENODEV:
        return NNG_HTTP_STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
        return NNG_HTTP_STATUS_FORBIDDEN;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN: /* renamed while it was looked up */
        return NNG_HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* ---- Reading and sending ------------------------------------------------------------------ */

static void file_read_next(struct nu_file_job *job)
{
    uint64_t left = job->part.end - job->part.from;
    job->op.kind = NU_OP_READ;
    job->op.fd = job->fd;
    job->op.arg.buf.base = job->buffer;
    job->op.arg.buf.len = left < job->capacity ? (size_t) left : job->capacity;
    job->op.arg.buf.offset = job->part.from;
    nu_op_submit(&job->op);
}

/*
 * What is in the page cache goes from there, without a copy. What is not must be read into a buffer
 * by the ring, for whoever sends it would wait for the disk; then its neighbours, too, are in the
 * cache soon. false: no memory.
 */
static bool file_prepare_next(struct nu_file_job *job)
{
    uint64_t left = job->part.end - job->part.from;
    size_t n = left < PAGES ? (size_t) left : PAGES;
    if (job->capacity <= SMALL || !nu_has(NU_HAS_CACHESTAT) ||
        !nu_is_cached(job->fd, job->part.from, n)) {
        job->pages.len = 0;
        return file_take_buffer(job);
    }
    job->pages = (struct nu_stream_file){ job->fd, job->part.from, n };
    return true;
}

static void file_go_on(struct nu_file_job *job)
{
    if (job->pages.len == 0) {
        file_read_next(job);
        return;
    }
    job->begun = true;
    job->part.from += job->pages.len;
    nu_session_send_file(job->session, &job->pages);
}

/* Before Linux 6.5, on a device that cannot say "it would block", O_NONBLOCK makes the kernel give
 * up instead of moving the read to a worker. The flag was for FIFOs, and has done its work. */
static bool file_let_it_wait(struct nu_file_job *job)
{
    if (job->waits || fcntl(job->fd, F_SETFL, 0) != 0) {
        return false;
    }
    job->waits = true;
    return true;
}

static void file_read_done(struct nu_file_job *job, int res)
{
    struct nu_session *s = job->session;
    if (res == -EAGAIN && !nu_session_gone(s) && file_let_it_wait(job)) {
        file_read_next(job);
        return;
    }
    if (nu_session_gone(s) || res <= 0) { /* 0: it has shrunk */
        file_abandon(job);
        return;
    }
    job->part.from += (uint64_t) res;
    job->piece = (struct iovec){ job->buffer, (size_t) res };
    if (job->begun) {
        nu_session_send_part(s, &job->piece, 1, (size_t) res);
        return;
    }
    job->begun = true;
    nu_response_batch_add(s->out, job->buffer, (size_t) res);
    size_t total = nu_response_batch_finalize(s->out);
    nu_session_send_part(s, s->out->iov, s->out->n, total);
}

void nu_file_written(struct nu_file_job *job)
{
    struct nu_session *s = job->session;
    job->part.from -= s->aio.io.total - s->aio.io.done; /* what was cached is not any more */
    if (job->part.from == job->part.end) {
        nu_file_end(job);
        nu_session_end_answer(s);
    } else if (file_prepare_next(job)) {
        file_go_on(job);
    } else {
        file_abandon(job);
    }
}

/* ---- Opening ------------------------------------------------------------------------------ */

static void file_begin(struct nu_file_job *job, const struct stat *st)
{
    struct nu_session *s = job->session;
    const char *name = job->handler->kind == NU_HANDLER_FILE ? job->handler->path : job->path;
    const char *type = job->handler->current_types ? nu_mime_type(name) : nu_mime_type_nng(name);
    nng_http_res *res = nu_file_head(&job->precond, st, type, &job->part);
    uint64_t left = s->bodiless ? 0 : job->part.end - job->part.from;
    job->capacity = left <= SMALL ? (size_t) left : NU_BUFFER_SIZE;
    if (res == NULL || (left > 0 && !file_prepare_next(job))) {
        nng_http_res_free(res);
        file_fail(job, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
        return;
    }
    if (left > 0) {
        if (nu_session_begin_answer(s, res)) {
            file_go_on(job);
        } /* else the job goes with the session */
        return;
    }
    s->file = NULL;
    nu_file_end(job);
    nu_session_answer(s, res);
}

static void file_submit_open(struct nu_file_job *job, int root, uint64_t resolve)
{
    job->op.kind = NU_OP_OPEN;
    job->op.fd = root;
    job->op.arg.open.path = root == AT_FDCWD ? job->handler->path : job->path;
    job->op.arg.open.how = (struct open_how){ .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                                              .resolve = resolve };
    nu_op_submit(&job->op);
}

static void file_try_index(struct nu_file_job *job)
{
    const char *name = indexes[job->index++];
    job->path[job->len] = '/';
    memcpy(job->path + job->len + 1, name, strlen(name) + 1);
    file_submit_open(job, nu_handler_root(job->handler), RESOLVE_BENEATH);
}

static void file_open_done(struct nu_file_job *job, int res)
{
    struct stat st;
    if (nu_session_gone(job->session)) {
        if (res >= 0) {
            close(res);
        }
        file_abandon(job);
        return;
    }
    if (res == -ENOENT && job->index > 0 && job->index < NINDEXES) {
        file_try_index(job);
        return;
    }
    if (res < 0) {
        file_fail(job, file_status_for(-res));
        return;
    }
    job->fd = res;
    if (fstat(res, &st) != 0) {
        file_fail(job, file_status_for(errno));
    } else if (S_ISREG(st.st_mode)) {
        file_begin(job, &st);
    } else if (S_ISDIR(st.st_mode) && job->handler->kind == NU_HANDLER_DIRECTORY &&
               job->index == 0) {
        close(res);
        job->fd = -1;
        file_try_index(job);
    } else {
        file_fail(job, NNG_HTTP_STATUS_NOT_FOUND);
    }
}

static void file_op_done(struct nu_op *op, int res, uint32_t flags)
{
    struct nu_file_job *job = nu_container(op, struct nu_file_job, op);
    (void) flags;
    if (op->kind == NU_OP_OPEN) {
        file_open_done(job, res);
    } else {
        file_read_done(job, res);
    }
}

struct nu_file_job *nu_file_prepare(struct nu_session *session, nng_http_handler *handler,
                                    const char *path, const struct nu_head *head)
{
    path += strlen(handler->uri);
    path += strspn(path, "/");
    size_t len = strlen(path);
    size_t room = len + INDEX_ROOM + 1;
    struct nu_file_job *job = malloc(sizeof *job + room + nu_precond_size(head));
    if (job == NULL) {
        return NULL;
    }
    memset(job, 0, sizeof *job);
    job->session = session;
    job->handler = handler;
    job->fd = -1;
    memcpy(job->path, path, len + 1);
    while (len > 0 && job->path[len - 1] == '/') {
        len--; /* "dir/" is opened as "dir/", its index as "dir/index.html" */
    }
    if (job->path[0] == '\0') {
        memcpy(job->path, ".", 2);
        len = 1;
    }
    job->len = len;
    nu_precond_load(&job->precond, head, job->path + room);
    nu_handler_hold(handler);
    nu_op_init(&job->op, session->conn.stream->loop, file_op_done);
    return job;
}

void nu_file_start(struct nu_file_job *job)
{
    job->session->file = job;
    if (job->handler->kind == NU_HANDLER_FILE) {
        file_submit_open(job, AT_FDCWD, 0);
        return;
    }
    int root = nu_handler_root(job->handler);
    if (root < 0) {
        file_fail(job, file_status_for(-root));
        return;
    }
    file_submit_open(job, root, RESOLVE_BENEATH);
}
