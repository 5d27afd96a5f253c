/* SPDX-License-Identifier: MIT */
#include "http/file_job.h"

#include "http/answer.h"

#include <stdlib.h>
#include <unistd.h>

static void file_give_buffer(struct nu_file_job *job)
{
    if (job->capacity <= NU_FILE_SMALL) {
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
    if (job->dir >= 0) {
        close(job->dir);
    }
    nu_listing_free(job->listing);
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
struct nu_request *nu_file_leave(struct nu_file_job *job)
{
    struct nu_request *r = job->request;
    r->file = NULL;
    r->bytes -= nu_file_unread(job);
    nu_file_end(job);
    return r;
}

nng_http_res *nu_file_add_fields(const struct nu_file_job *job, nng_http_res *res)
{
    if (res != NULL && nu_directory_set_fields(&job->handler->directory, res, job->path,
                                               job->coding, job->origin) != 0) {
        nng_http_res_free(res);
        return NULL;
    }
    return res;
}

/* A page of another origin that may read files may read why there is none. */
enum nu_step nu_file_fail(struct nu_file_job *job, unsigned status)
{
    nng_http_res *res = nu_file_add_fields(job, nu_answer_make_error(status));
    struct nu_request *r = nu_file_leave(job);
    return res != NULL ? nu_answer(r, res, NULL, NULL) : NU_STEP_GIVE_UP;
}
