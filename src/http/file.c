/* SPDX-License-Identifier: MIT */
#include "http/file.h"

#include "base/page_cache.h"
#include "http/answer.h"
#include "http/file_open.h"
#include "http/mime.h"
#include "io/features.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES ((size_t) 512 * 1024) /* go from the page cache before others have a turn */

static bool file_take_buffer(struct nu_file_job *job)
{
    if (job->buffer == NULL) {
        job->buffer = job->capacity <= NU_FILE_SMALL
                          ? malloc(job->capacity)
                          : nu_file_bufpool_take(&job->request->service->file_buffers);
    }
    return job->buffer != NULL;
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
    if (job->capacity <= NU_FILE_SMALL || !nu_has(NU_HAS_CACHESTAT) ||
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
    bool whole = first && job->part.from == job->part.end && job->capacity <= NU_FILE_SMALL;
    return whole ? file_gather(job) : file_send(job);
}

enum nu_step nu_file_written(struct nu_file_job *job, size_t unsent)
{
    job->part.from -= unsent; /* what was cached is not any more */
    if (job->part.from == job->part.end) {
        nu_file_leave(job);
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
/* ---- Its life ------------------------------------------------------------------------------ */

static enum nu_step file_begin(struct nu_file_job *job, const struct stat *st)
{
    struct nu_request *r = job->request;
    job->path[job->end] = '\0'; /* without a coding's suffix */
    const char *name = job->handler->kind == NU_HANDLER_FILE ? job->handler->path : job->path;
    const char *type = job->handler->current_types ? nu_mime_type(name) : nu_mime_type_nng(name);
    nng_http_res *res = nu_file_add_fields(job, nu_file_head(&job->precond, st, type, &job->part));
    uint64_t left = r->bodiless ? 0 : job->part.end - job->part.from;
    job->head = res;
    r->bytes = left;
    job->capacity = left <= NU_FILE_SMALL ? (size_t) left : NU_BUFFER_SIZE;
    if (res == NULL || (left > 0 && !file_prepare_next(job))) {
        return nu_file_fail(job, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
    }
    if (left > 0) {
        return file_go_on(job);
    }
    job->head = NULL;
    return nu_answer(nu_file_leave(job), res, NULL, NULL);
}
enum nu_step nu_file_done(struct nu_file_job *job, int res)
{
    struct stat st;
    if (job->op.kind == NU_OP_READ && job->listing == NULL) {
        return file_read_done(job, res);
    }
    enum nu_step step = nu_file_opened(job, res, &st);
    return step == NU_STEP_SEND ? file_begin(job, &st) : step;
}

void nu_file_drop(struct nu_file_job *job, int res)
{
    if (job->op.kind == NU_OP_OPEN && res >= 0) {
        close(res);
    }
    nu_file_leave(job);
}

struct nu_request *nu_file_request(struct nu_op *op)
{
    return nu_container(op, struct nu_file_job, op)->request;
}
static struct nu_file_job *file_new(struct nu_request *r, nng_http_handler *handler,
                                    const struct nu_head *head)
{
    const struct nu_directory *directory = &handler->directory;
    const char *path = r->service->path + strlen(handler->uri);
    bool slash = *path != '\0' && path[strlen(path) - 1] == '/';
    path += strspn(path, "/");
    struct nu_slice query = r->service->query;
    size_t len = strlen(path), precond = nu_precond_size(head);
    size_t room = nu_file_room(handler, len);
    struct nu_file_job *job = malloc(sizeof *job + room + precond + query.n);
    if (job == NULL) {
        return NULL;
    }
    memset(job, 0, sizeof *job);
    job->request = r;
    job->handler = handler;
    job->fd = -1;
    job->dir = -1;
    job->coding = NU_CODINGS;
    job->choice.identity = true;
    if (directory->precompressed) {
        nu_coding_choose(head, &job->choice);
    }
    job->origin = nu_directory_origin(directory, head);
    memcpy(job->path, path, len + 1);
    while (len > 0 && job->path[len - 1] == '/') {
        len--; /* "dir/" is opened as "dir/", its index as "dir/index.html" */
    }
    if (job->path[0] == '\0') {
        memcpy(job->path, ".", 2);
        len = 1;
    }
    job->len = len;
    job->slash = slash || !(handler->slash_redirects || directory->listing);
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
    return r->file != NULL ? nu_file_open(r->file)
                           : nu_answer_error(r, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
}
