/* SPDX-License-Identifier: MIT */
#include "http/file_open.h"

#include "base/error.h"
#include "http/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tried in this order for a directory. */
static const char *const indexes[] = { "index.html", "index.htm" };

#define NINDEXES (sizeof indexes / sizeof indexes[0])
#define INDEX_ROOM 12 /* '/', the longest of them and the NUL */

size_t nu_file_room(const nng_http_handler *handler, size_t len)
{
    const char *fallback = handler->directory.fallback;
    size_t other = fallback != NULL ? strlen(fallback) : 0;
    return (len > other ? len : other) + INDEX_ROOM + NU_CODING_SUFFIX + 1;
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
            return nu_file_fail(job, file_status_for(err));
        }
    }
    return file_submit_open(job, job->root->fd, job->path, READ_FLAGS, RESOLVE_BENEATH);
}

/* The next of the files that may stand in for the path, and at last that itself. */
static enum nu_step file_open_next(struct nu_file_job *job)
{
    char *end = job->path + job->end;
    *end = '\0';
    job->coding = NU_CODINGS;
    if (job->looked < job->choice.n) {
        job->coding = (enum nu_coding) job->choice.list[job->looked++];
        stpcpy(end, nu_codings[job->coding].suffix);
    }
    return file_open(job);
}

/* Opens what is in `path` now. A directory has no other coding. */
enum nu_step nu_file_open(struct nu_file_job *job)
{
    job->end = strlen(job->path);
    bool named = job->path[job->end - 1] != '/' && strcmp(job->path, ".") != 0;
    job->looked = named ? 0 : job->choice.n;
    return file_open_next(job);
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
        return nu_file_fail(job, NNG_HTTP_STATUS_NOT_FOUND);
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
    return nu_file_open(job);
}

/* What is relative in an index is relative to the directory: to a path that ends with '/'. */
static enum nu_step file_redirect(struct nu_file_job *job)
{
    struct nu_request *r = job->request;
    job->path[job->len] = '\0';
    nng_http_res *res =
        nu_file_add_fields(job, nu_answer_make_directory(job->handler->uri, job->path, job->query));
    nu_file_leave(job);
    return res != NULL ? nu_answer(r, res, NULL, NULL) : NU_STEP_GIVE_UP;
}

/* ---- In place of a file -------------------------------------------------------------------- */

static void file_listed(void *arg)
{
    struct nu_file_job *job = arg;
    job->request->file_done(&job->op, 0, 0);
}

/* The path of a directory without an index. */
static enum nu_step file_list(struct nu_file_job *job)
{
    struct nu_buf title = { 0 };
    if (!job->slash) {
        return file_redirect(job);
    }
    job->path[job->len] = '\0';
    bool top = strcmp(job->path, ".") == 0;
    nu_buf_str(&title, job->handler->uri);
    nu_buf_str(&title, "/");
    nu_buf_str(&title, top ? "" : job->path);
    nu_buf_add(&title, top ? "" : "/", top ? 1 : 2);
    if (nu_buf_error(&title) == 0) {
        job->op.kind = NU_OP_READ; /* there is no descriptor in its result */
        job->listing = nu_listing_start(job->op.loop, job->dir, title.data, top, file_listed, job);
        job->dir = -1;
    }
    nu_buf_free(&title);
    return job->listing != NULL ? NU_STEP_WAIT
                                : nu_file_fail(job, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
}

static enum nu_step file_list_done(struct nu_file_job *job)
{
    const struct nu_buf *page = nu_listing_page(job->listing);
    nng_http_res *res = NULL;
    if (page == NULL || nng_http_res_alloc(&res) != 0 ||
        nng_http_res_set_header(res, "Content-Type", "text/html; charset=utf-8") != 0 ||
        nng_http_res_copy_data(res, page->data, page->len) != 0) {
        nng_http_res_free(res);
        res = NULL;
    }
    job->coding = NU_CODINGS;
    res = nu_file_add_fields(job, res);
    return res != NULL ? nu_answer(nu_file_leave(job), res, NULL, NULL)
                       : nu_file_fail(job, NNG_HTTP_STATUS_SERVICE_UNAVAILABLE);
}

/* An application in the browser knows what to show there. */
static enum nu_step file_try_fallback(struct nu_file_job *job)
{
    job->fallback = true;
    job->index = 0;
    free(job->target);
    job->target = NULL;
    stpcpy(job->path, job->handler->directory.fallback);
    return nu_file_open(job);
}
/* ---- What was opened ----------------------------------------------------------------------- */

/* 0, or why what is open is not to be served. */
static int file_take(struct nu_file_job *job, int fd, struct stat *st)
{
    job->fd = fd;
    return fstat(fd, st) == 0 ? 0 : nu_error_from_errno(errno);
}

/* Nothing that could be sent is at the path. */
static enum nu_step file_open_missing(struct nu_file_job *job, unsigned status)
{
    bool missing = status == NNG_HTTP_STATUS_NOT_FOUND;
    if (missing && job->dir >= 0) {
        return file_list(job);
    }
    return missing && job->handler->directory.fallback != NULL && !job->fallback
               ? file_try_fallback(job)
               : nu_file_fail(job, status);
}

static enum nu_step file_open_failed(struct nu_file_job *job, int err)
{
    if (job->coding != NU_CODINGS) {
        return file_open_next(job);
    }
    if (err == ENOENT && job->index > 0 && job->index < NINDEXES) {
        return file_try_index(job);
    }
    if (err == EXDEV && job->root != NULL && job->target == NULL &&
        nu_docroot_has_absolute_link(job->root, job->path)) {
        return file_look_where(job);
    }
    return file_open_missing(job, file_status_for(nu_error_from_errno(err)));
}

/* A directory: its index, or what is in it. */
static enum nu_step file_enter(struct nu_file_job *job)
{
    if (job->handler->directory.listing) {
        job->dir = job->fd;
    } else {
        close(job->fd);
    }
    job->fd = -1;
    return file_try_index(job);
}

/* The client may have said that it does not take it as it is (RFC 9110 12.5.3). */
static enum nu_step file_chosen(struct nu_file_job *job)
{
    bool refused = job->coding == NU_CODINGS && !job->choice.identity;
    return refused ? nu_file_fail(job, NNG_HTTP_STATUS_NOT_ACCEPTABLE) : NU_STEP_SEND;
}

enum nu_step nu_file_opened(struct nu_file_job *job, int res, struct stat *st)
{
    if (job->listing != NULL) {
        return file_list_done(job);
    }
    bool looked = job->looking;
    job->looking = false;
    if (res < 0) {
        return looked && res == -EXDEV ? nu_file_fail(job, NNG_HTTP_STATUS_NOT_FOUND)
                                       : file_open_failed(job, -res);
    }
    if (looked) {
        return file_open_target(job, res);
    }
    int err = file_take(job, res, st);
    if (err != 0) {
        return nu_file_fail(job, file_status_for(err));
    }
    if (S_ISREG(st->st_mode)) {
        return job->index > 0 && !job->slash ? file_redirect(job) : file_chosen(job);
    }
    if (job->coding != NU_CODINGS) {
        close(res);
        job->fd = -1;
        return file_open_next(job);
    }
    if (!S_ISDIR(st->st_mode) || job->handler->kind != NU_HANDLER_DIRECTORY || job->index > 0 ||
        job->fallback) {
        return nu_file_fail(job, NNG_HTTP_STATUS_NOT_FOUND);
    }
    return file_enter(job);
}
