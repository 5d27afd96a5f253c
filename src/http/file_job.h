/* SPDX-License-Identifier: MIT */
/* A file on its way out: what is known of it, for those who open it and who send it. Owner thread
 * only. */
#ifndef NU_HTTP_FILE_JOB_H
#define NU_HTTP_FILE_JOB_H

#include "http/file_head.h"
#include "http/handler.h"
#include "http/listing.h"
#include "http/request.h"
#include "http/step.h"
#include "io/op.h"
#include "net/stream.h"
#include "wire/coding.h"
#include "wire/precond.h"

#define NU_FILE_SMALL 16384U /* a file up to this size has a buffer of just its size */

struct nu_file_job {
    struct nu_request *request;     /* whose `file` it is */
    nng_http_handler *handler;      /* held */
    struct nu_docroot *root;        /* held, until it is open; DIRECTORY only */
    char *target;                   /* what an absolute link on the way leads to, below the root */
    bool looking;                   /* being opened is the place of that, not the file */
    bool slash;                     /* the path ends with '/', or needs not to */
    bool fallback;                  /* the path is the handler's, in place of the request's */
    int dir;                        /* open, if it may have to be listed; or -1 */
    struct nu_listing *listing;     /* or NULL */
    const char *origin;             /* the handler's, whose pages may read the answer; or NULL */
    struct nu_coding_choice choice; /* what else to look for */
    unsigned looked;                /* how many of these, for this path */
    enum nu_coding coding;          /* that is being opened, or open; or NU_CODINGS */
    struct nu_slice query;          /* of the request; its text lies behind the precondition's */
    nng_http_res *head;             /* until it is added to the batch */
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
    size_t end;         /* of path, without a coding's suffix */
    char path[];        /* relative to the root of a DIRECTORY */
};

/* Frees a job nothing of which is in the kernel's hands. */
void nu_file_end(struct nu_file_job *job);

/* What has not been read of it, so that nobody has it. */
uint64_t nu_file_unread(const struct nu_file_job *job);

/* The file is not to be had, or not needed any more. */
struct nu_request *nu_file_leave(struct nu_file_job *job);

/* The same, answered with an error. */
enum nu_step nu_file_fail(struct nu_file_job *job, unsigned status);

/* Adds what the handler has its directory's answers say; NULL, and it is freed: no memory. */
nng_http_res *nu_file_add_fields(const struct nu_file_job *job, nng_http_res *res);

#endif
