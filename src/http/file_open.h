/* SPDX-License-Identifier: MIT */
/*
 * From a path to an open file: itself, or what stands in for it: another coding of it, the index of
 * a directory, a list of what is in that, or the handler's fallback. Owner thread only.
 */
#ifndef NU_HTTP_FILE_OPEN_H
#define NU_HTTP_FILE_OPEN_H

#include "http/file_job.h"

#include <sys/stat.h>

/* Bytes that the job's path may come to need. */
size_t nu_file_room(const nng_http_handler *handler, size_t len);

/* Opens what is in job->path. NU_STEP_WAIT, or the request is answered. */
enum nu_step nu_file_open(struct nu_file_job *job);

/* What that has led to. NU_STEP_SEND: job->fd is a regular file, whose facts are in *st; with
 * NU_STEP_WAIT it goes on; else the request is answered. */
enum nu_step nu_file_opened(struct nu_file_job *job, int res, struct stat *st);

#endif
