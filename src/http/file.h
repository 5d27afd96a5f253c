/* SPDX-License-Identifier: MIT */
/*
 * Files as answers: opened beneath their root and sent piece by piece, never as a whole, but for
 * small ones. What is in the page cache goes from there, without a copy; opening and reading happen
 * in the ring, so a slow disk does not hold up the loop. Owner thread only.
 */
#ifndef NU_HTTP_FILE_H
#define NU_HTTP_FILE_H

#include "http/request.h"
#include "http/step.h"

struct nu_file_job;

/* Answers with the file that the service's path means to a FILE or DIRECTORY handler; what it needs
 * of the head is copied. With NU_STEP_WAIT, request->file_done() is called later. */
enum nu_step nu_file_start(struct nu_request *request, nng_http_handler *handler,
                           const struct nu_head *head);

/* The request whose file this operation is for. */
struct nu_request *nu_file_request(struct nu_op *op);

/* The operation is done. NU_STEP_SEND: the next part is there; with NU_STEP_WAIT file_done() is
 * called again; else the request is answered. */
enum nu_step nu_file_done(struct nu_file_job *job, int res);

/* Likewise, but the client is gone. */
void nu_file_drop(struct nu_file_job *job, int res);

/* The part to be sent: pages of a file, or NULL and bytes in memory. */
const struct nu_stream_file *nu_file_pages(const struct nu_file_job *job);
const struct iovec *nu_file_piece(const struct nu_file_job *job);

/* The part has been written, but for the last `unsent` bytes. */
enum nu_step nu_file_written(struct nu_file_job *job, size_t unsent);

#endif
