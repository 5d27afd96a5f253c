/* SPDX-License-Identifier: MIT */
/*
 * Files as answers: opened beneath their root and sent piece by piece, never as a whole. What is in
 * the page cache goes from there, without a copy, by sendfile() on the owner; opening below the
 * root and reading from disk happen in the ring, so a slow disk does not hold up the loop. (The
 * root itself is opened on the owner, which is rare.) Owner thread only.
 */
#ifndef NU_HTTP_FILE_H
#define NU_HTTP_FILE_H

#include <nng/supplemental/http/http.h>

struct nu_session;
struct nu_file_job;
struct nu_head;

/* Gets ready to answer with the file that a decoded path means to a FILE or DIRECTORY handler.
 * Copies what it needs of path and head. NULL: no memory, and nothing is answered. */
struct nu_file_job *nu_file_prepare(struct nu_session *session, nng_http_handler *handler,
                                    const char *path, const struct nu_head *head);

/* Answers. The job is the session's from here on. */
void nu_file_start(struct nu_file_job *job);

/* A part of it has been written. */
void nu_file_written(struct nu_file_job *job);

/* Frees a job nothing of which is in the kernel's hands. */
void nu_file_end(struct nu_file_job *job);

#endif
