/* SPDX-License-Identifier: MIT */
#include "http/file.h"

#include "base/error.h"
#include "base/page_cache.h"
#include "http/answer.h"
#include "http/file_head.h"
#include "http/handler.h"
#include "http/mime.h"
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
    struct nu_request *request; /* whose `file` it is */
    nng_http_handler *handler;  /* held */
    struct nu_docroot *root;    /* held, until it is open; DIRECTORY only */
    char *target;               /* what an absolute link on the way leads to, below the root */
    bool looking;               /* being opened is the place of that, not the file */
    bool slash;                 /* the path ends with '/', or needs not to */
    struct nu_slice query;      /* of the request; its text lies behind the precondition's */
    nng_http_res *head;         /* until it is added to the batch */
    struct nu_op op;
    struct nu_precond precond;   /* its text lies behind the path's */
    int fd;                      /* -1 until it is open */
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
                          : nu_file_bufpool_take(&job->request->service->file_buffers);
    }
    return job->buffer != NULL;
}

static void file_give_buffer(struct nu_file_job *job)
{
    if (job->capacity <= SMALL) {
        free(job->buffer);
    } else if (job->buffer != NULL) {
        nu_file_bufpool_give(&job->request->service->file_buffers, job->buffer);
    }
}

void nu_file_end(struct nu_file_job *job)
{
    if (job->fd >= 0) {
        close(job->fd);
    }
    nng_http_res_free(job->head);
    free(job->target);
    nu_docroot_drop(job->root);
    nu_handler_drop(job->handler);
    file_give_buffer(job);
    free(job);
}

uint64_t nu_file_unread(const struct nu_file_job *job)
{
    return job->part.end - job->part.from;
}

/* The file is not to be had, or not needed any more. */
static struct nu_request *file_leave(struct nu_file_job *job)
{
    struct nu_request *r = job->request;
    r->file = NULL;
    r->bytes -= nu_file_unread(job);
    nu_file_end(job);
    return r;
}

static enum nu_step file_fail(struct nu_file_job *job, unsigned status)
{
    return nu_answer_error(file_leave(job), status);
}

static unsigned file_status_for(int err)
{
    switch (err) {
    case NNG_ENOENT:
    case NNG_EINVAL: /* a name too long */
    case NNG_ESYSERR + EISDIR:
    case NNG_ESYSERR + ELOOP:
    case NNG_ESYSERR + EXDEV: /* it leads out of the root */
    case NNG_ESYSERR + ENXIO: /* a socket, or a device that is not there */
    case NNG_ESYSERR + ENODEV:
        return NNG_HTTP_STATUS_NOT_FOUND;
    case NNG_EPERM:
        return NNG_HTTP_STATUS_FORBIDDEN;
    case NNG_ENOFILES:
    case NNG_ENOMEM:
    case NNG_EAGAIN: /* renamed while it was looked up */
        return NNG_HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return NNG_HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* ---- Reading and sending ------------------------------------------------------------------ */

static enum nu_step file_read_next(struct nu_file_job *job)
{
    uint64_t left = job->part.end - job->part.from;
    job->op.kind = NU_OP_READ;
    job->op.fd = job->fd;
    job->op.arg.buf.base = job->buffer;
    job->op.arg.buf.len = left < job->capacity ? (size_t) left : job->capacity;
    job->op.arg.buf.offset = job->part.from;
    nu_op_submit(&job->op);
    return NU_STEP_WAIT;
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

/* The head goes with the first part. */
static enum nu_step file_send(struct nu_file_job *job)
{
    enum nu_step step = NU_STEP_ANSWERED;
    if (job->head != NULL) {
        step = nu_answer_head(job->request, job->head);
        nng_http_res_free(job->head);
        job->head = NULL;
    }
    return step == NU_STEP_ANSWERED ? NU_STEP_SEND : step;
}

static enum nu_step file_go_on(struct nu_file_job *job)
{
    if (job->pages.len == 0) {
        return file_read_next(job);
    }
    job->part.from += job->pages.len;
    return file_send(job);
}

static void file_release(void *job)
{
    nu_file_end(job);
}

/* All of it is in the buffer: it is gathered like any other response. */
static enum nu_step file_gather(struct nu_file_job *job)
{
    struct nu_request *r = job->request;
    enum nu_step step = file_send(job);
    if (step == NU_STEP_SEND) {
        r->file = NULL;
        nu_response_batch_add(r->batch, job->piece.iov_base, job->piece.iov_len);
        nu_response_batch_hold(r->batch, file_release, job);
        step = NU_STEP_ANSWERED;
    }
    return step;
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

static enum nu_step file_read_done(struct nu_file_job *job, int res)
{
    if (res == -EAGAIN && file_let_it_wait(job)) {
        return file_read_next(job);
    }
    if (res <= 0) { /* 0: it has shrunk */
        return NU_STEP_GIVE_UP;
    }
    bool first = job->head != NULL;
    job->part.from += (uint64_t) res;
    job->piece = (struct iovec){ job->buffer, (size_t) res };
    bool whole = first && job->part.from == job->part.end && job->capacity <= SMALL;
    return whole ? file_gather(job) : file_send(job);
}

enum nu_step nu_file_written(struct nu_file_job *job, size_t unsent)
{
    job->part.from -= unsent; /* what was cached is not any more */
    if (job->part.from == job->part.end) {
        file_leave(job);
        return NU_STEP_ANSWERED;
    }
    return file_prepare_next(job) ? file_go_on(job) : NU_STEP_GIVE_UP;
}

const struct nu_stream_file *nu_file_pages(const struct nu_file_job *job)
{
    return job->pages.len > 0 ? &job->pages : NULL;
}

const struct iovec *nu_file_piece(const struct nu_file_job *job)
{
    return &job->piece;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static enum nu_step file_begin(struct nu_file_job *job, const struct stat *st)
{
    struct nu_request *r = job->request;
    const char *name = job->handler->kind == NU_HANDLER_FILE ? job->handler->path : job->path;
    const char *type = job->handler->current_types ? nu_mime_type(name) : nu_mime_type_nng(name);
    nng_http_res *res = nu_file_head(&job->precond, st, type, &job->part);
    uint64_t left = r->bodiless ? 0 : job->part.end - job->part.from;
    job->head = res;
    r->bytes = left;
    job->capacity = left <= SMALL ? (size_t) left : NU_BUFFER_SIZE;
    if (res == NULL || (left > 0 && !file_prepare_next(job))) {
        return file_fail(job, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    if (left > 0) {
        return file_go_on(job);
    }
    job->head = NULL;
    return nu_answer(file_leave(job), res, NULL, NULL);
}

static enum nu_step file_submit_open(struct nu_file_job *job, int root, const char *path,
                                     uint64_t flags, uint64_t resolve)
{
    job->op.kind = NU_OP_OPEN;
    job->op.fd = root;
    job->op.arg.open.path = path;
    job->op.arg.open.how = (struct open_how){ .flags = flags | O_CLOEXEC, .resolve = resolve };
    nu_op_submit(&job->op);
    return NU_STEP_WAIT;
}

#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

static enum nu_step file_open(struct nu_file_job *job)
{
    if (job->handler->kind == NU_HANDLER_FILE) {
        return file_submit_open(job, AT_FDCWD, job->handler->path, READ_FLAGS, 0);
    }
    if (job->root == NULL) {
        int err = nu_docroot_get(&job->handler->root, job->handler->path,
                                 job->request->service->loop, &job->root);
        if (err != 0) {
            return file_fail(job, file_status_for(err));
        }
    }
    return file_submit_open(job, job->root->fd, job->path, READ_FLAGS, RESOLVE_BENEATH);
}

/*
 * A symbolic link on the way leads out of the root, or by an absolute path to something in it.
 * Where to is found out without opening it (O_PATH); what is below the root is then opened by that
 * path, confined as before, and with no link in it any more.
 */
static enum nu_step file_look_where(struct nu_file_job *job)
{
    job->looking = true;
    return file_submit_open(job, job->root->fd, job->path, O_PATH, 0);
}

static enum nu_step file_open_target(struct nu_file_job *job, int place)
{
    job->target = nu_docroot_path_of(job->root, place);
    close(place);
    if (job->target == NULL) {
        return file_fail(job, NNG_HTTP_STATUS_NOT_FOUND);
    }
    return file_submit_open(job, job->root->fd, job->target, READ_FLAGS,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static enum nu_step file_try_index(struct nu_file_job *job)
{
    const char *name = indexes[job->index++];
    free(job->target);
    job->target = NULL;
    job->path[job->len] = '/';
    memcpy(job->path + job->len + 1, name, strlen(name) + 1);
    return file_open(job);
}

/* What is relative in an index is relative to the directory: to a path that ends with '/'. */
static enum nu_step file_redirect(struct nu_file_job *job)
{
    struct nu_request *r = job->request;
    job->path[job->len] = '\0';
    enum nu_step step = nu_answer_directory(r, job->handler->uri, job->path, job->query);
    file_leave(job);
    return step;
}

/* 0, or why what is open is not to be served. */
static int file_opened(struct nu_file_job *job, int fd, struct stat *st)
{
    job->fd = fd;
    return fstat(fd, st) == 0 ? 0 : nu_error_from_errno(errno);
}

static enum nu_step file_open_failed(struct nu_file_job *job, int err)
{
    if (err == ENOENT && job->index > 0 && job->index < NINDEXES) {
        return file_try_index(job);
    }
    if (err == EXDEV && job->root != NULL && job->target == NULL &&
        nu_docroot_has_absolute_link(job->root, job->path)) {
        return file_look_where(job);
    }
    return file_fail(job, file_status_for(nu_error_from_errno(err)));
}

static enum nu_step file_open_done(struct nu_file_job *job, int res)
{
    struct stat st;
    bool looked = job->looking;
    job->looking = false;
    if (res < 0) {
        return looked && res == -EXDEV ? file_fail(job, NNG_HTTP_STATUS_NOT_FOUND)
                                       : file_open_failed(job, -res);
    }
    if (looked) {
        return file_open_target(job, res);
    }
    int err = file_opened(job, res, &st);
    if (err != 0) {
        return file_fail(job, file_status_for(err));
    }
    if (S_ISREG(st.st_mode)) {
        return job->index > 0 && !job->slash ? file_redirect(job) : file_begin(job, &st);
    }
    if (!S_ISDIR(st.st_mode) || job->handler->kind != NU_HANDLER_DIRECTORY || job->index > 0) {
        return file_fail(job, NNG_HTTP_STATUS_NOT_FOUND);
    }
    close(res);
    job->fd = -1;
    return file_try_index(job);
}

enum nu_step nu_file_done(struct nu_file_job *job, int res)
{
    return job->op.kind == NU_OP_OPEN ? file_open_done(job, res) : file_read_done(job, res);
}

void nu_file_drop(struct nu_file_job *job, int res)
{
    if (job->op.kind == NU_OP_OPEN && res >= 0) {
        close(res);
    }
    file_leave(job);
}

struct nu_request *nu_file_request(struct nu_op *op)
{
    return nu_container(op, struct nu_file_job, op)->request;
}

static struct nu_file_job *file_new(struct nu_request *r, nng_http_handler *handler,
                                    const struct nu_head *head)
{
    const char *path = r->service->path + strlen(handler->uri);
    bool slash = *path != '\0' && path[strlen(path) - 1] == '/';
    path += strspn(path, "/");
    struct nu_slice query = r->service->query;
    size_t len = strlen(path), precond = nu_precond_size(head);
    size_t room = len + INDEX_ROOM + 1;
    struct nu_file_job *job = malloc(sizeof *job + room + precond + query.n);
    if (job == NULL) {
        return NULL;
    }
    memset(job, 0, sizeof *job);
    job->request = r;
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
    job->slash = slash || !handler->slash_redirects;
    nu_precond_load(&job->precond, head, job->path + room);
    if (query.p != NULL) {
        job->query = (struct nu_slice){ job->path + room + precond, query.n };
        memcpy(job->path + room + precond, query.p, query.n);
    }
    nu_handler_hold(handler);
    nu_op_init(&job->op, r->service->loop, r->file_done);
    return job;
}

enum nu_step nu_file_start(struct nu_request *r, nng_http_handler *handler,
                           const struct nu_head *head)
{
    r->file = file_new(r, handler, head);
    return r->file != NULL ? file_open(r->file)
                           : nu_answer_error(r, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
}
