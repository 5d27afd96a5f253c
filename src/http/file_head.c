/* SPDX-License-Identifier: MIT */
#include "http/file_head.h"

#include "base/clock.h"
#include "wire/date.h"
#include "wire/range.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define ETAG_ROOM 128          /* W/, quotes, and six numbers in hexadecimal */
#define RANGE_ROOM 72          /* "bytes ", and three in decimal */
#define TICK (20 * NU_MS)      /* twice the longest there is */
#define COARSE (3 * NU_SECOND) /* where a file's time is in whole seconds, on FAT in even ones */

/* The fields that tell one version of a file from another. */
struct version {
    char etag[ETAG_ROOM];
    char date[NU_DATE_LEN + 1];
    int64_t modified; /* what `date` says; or NU_UNDATED */
    int64_t now;
};

static bool file_head_is_young(const struct timespec *when, const struct timespec *now)
{
    if (when->tv_sec > now->tv_sec || when->tv_sec < now->tv_sec - 4) {
        return when->tv_sec > now->tv_sec;
    }
    int64_t age =
        (int64_t) (now->tv_sec - when->tv_sec) * (int64_t) NU_SECOND + now->tv_nsec - when->tv_nsec;
    return age < (int64_t) (when->tv_nsec == 0 ? COARSE : TICK);
}

/* From 6.13 on a change after somebody has looked at a file's times gets a time of its own, on the
 * file systems that servers have; where times are in whole seconds, nothing has changed. */
static bool file_head_times_are_exact(void)
{
    static atomic_int known; /* 0: not yet; 1: no; 2: yes */
    int is = atomic_load_explicit(&known, memory_order_relaxed);
    if (is == 0) {
        struct utsname system;
        int major = 0, minor = 0;
        bool read = uname(&system) == 0 && sscanf(system.release, "%d.%d", &major, &minor) == 2;
        is = read && (major > 6 || (major == 6 && minor >= 13)) ? 2 : 1;
        atomic_store_explicit(&known, is, memory_order_relaxed);
    }
    return is == 2;
}

/*
 * The kernel takes a file's times from a clock that ticks every 1 to 10 ms, and some file systems
 * round them to seconds. Bytes written in the same tick as those before them, without a change in
 * size, are not seen in them. Until that tick is over the tag is weak, so that no client puts parts
 * of two versions together.
 */
static bool file_head_is_fresh(const struct stat *st, const struct timespec *now)
{
    if (file_head_is_young(&st->st_mtim, now)) {
        return true;
    }
    bool exact = st->st_ctim.tv_nsec != 0 && file_head_times_are_exact();
    return !exact && file_head_is_young(&st->st_ctim, now);
}

/*
 * The time of the last change (ctime), which nobody can set, and the inode are in the tag for files
 * that are replaced, or written anew, by others of the same size and modification time, as
 * reproducible builds, `rsync -t` and `tar` leave them. A Last-Modified in the future is not
 * allowed (RFC 9110 8.8.2.1), and the first two seconds of 1970 are what such builds set where they
 * know none.
 */
static struct version file_head_identify(const struct stat *st)
{
    const struct timespec *m = &st->st_mtim, *c = &st->st_ctim;
    struct version v = { 0 };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(v.etag, sizeof v.etag, "%s\"%" PRIx64 ".%lx-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx\"",
             file_head_is_fresh(st, &now) ? "W/" : "", (uint64_t) m->tv_sec,
             (unsigned long) m->tv_nsec, (uint64_t) st->st_size, (uint64_t) st->st_ino,
             (uint64_t) c->tv_sec, (unsigned long) c->tv_nsec);
    v.now = now.tv_sec;
    v.modified = m->tv_sec < now.tv_sec ? m->tv_sec : now.tv_sec;
    nu_date_print(v.date, v.modified);
    v.modified = m->tv_sec == 0 || m->tv_sec == 1 ? NU_UNDATED : v.modified;
    return v;
}

/* The response, or NULL, and it is freed, when err is not 0. */
static nng_http_res *file_head_checked(nng_http_res *res, int err)
{
    if (err != 0) {
        nng_http_res_free(res);
        return NULL;
    }
    return res;
}

static nng_http_res *file_head_make(uint16_t status, const struct version *v)
{
    nng_http_res *res;
    if (nng_http_res_alloc(&res) != 0) {
        return NULL;
    }
    int err = nng_http_res_set_status(res, status);
    if (err == 0) {
        err = nng_http_res_set_header(res, "ETag", v->etag);
    }
    if (err == 0 && v->modified != NU_UNDATED) {
        err = nng_http_res_set_header(res, "Last-Modified", v->date);
    }
    return file_head_checked(res, err);
}

static nng_http_res *file_head_make_error(uint16_t status)
{
    nng_http_res *res;
    return nng_http_res_alloc_error(&res, status) == 0 ? res : NULL;
}

static nng_http_res *file_head_make_beyond(uint64_t size)
{
    char range[RANGE_ROOM];
    nng_http_res *res = file_head_make_error(NNG_HTTP_STATUS_RANGE_NOT_SATISFIABLE);
    if (res == NULL) {
        return NULL;
    }
    snprintf(range, sizeof range, "bytes */%" PRIu64, size);
    return file_head_checked(res, nng_http_res_set_header(res, "Content-Range", range));
}

static nng_http_res *file_head_make_content(const struct version *v, const char *type,
                                            uint64_t size, const struct nu_file_part *part,
                                            bool partial)
{
    char length[NU_DECIMAL_MAX + 1], range[RANGE_ROOM];
    nng_http_res *res =
        file_head_make(partial ? NNG_HTTP_STATUS_PARTIAL_CONTENT : NNG_HTTP_STATUS_OK, v);
    if (res == NULL) {
        return NULL;
    }
    length[nu_decimal(length, part->end - part->from)] = '\0';
    int err = nng_http_res_set_header(res, "Accept-Ranges", "bytes");
    if (err == 0) {
        err = nng_http_res_set_header(res, "Content-Type", type);
    }
    if (err == 0 && partial) {
        snprintf(range, sizeof range, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, part->from,
                 part->end - 1, size);
        err = nng_http_res_set_header(res, "Content-Range", range);
    }
    if (err == 0) {
        err = nng_http_res_set_header(res, "Content-Length", length);
    }
    return file_head_checked(res, err);
}

nng_http_res *nu_file_head(const struct nu_precond *precond, const struct stat *st,
                           const char *type, struct nu_file_part *part)
{
    struct version v = file_head_identify(st);
    struct nu_slice range = precond->fields[NU_RANGE];
    uint64_t size = (uint64_t) st->st_size;
    *part = (struct nu_file_part){ 0, 0 };
    struct nu_validators validators = { { v.etag, strlen(v.etag) }, v.modified, v.now };
    switch (nu_precond_judge(precond, &validators)) {
    case NU_PRECOND_NOT_MODIFIED:
        return file_head_make(NNG_HTTP_STATUS_NOT_MODIFIED, &v);
    case NU_PRECOND_FAILED:
        return file_head_make_error(NNG_HTTP_STATUS_PRECONDITION_FAILED);
    case NU_PRECOND_WHOLE:
        range.n = 0;
        break;
    default:
        break;
    }
    enum nu_range kind = nu_range_read(range, size, &part->from, &part->end);
    if (kind == NU_RANGE_BEYOND) {
        *part = (struct nu_file_part){ 0, 0 };
        return file_head_make_beyond(size);
    }
    if (kind == NU_RANGE_WHOLE) {
        *part = (struct nu_file_part){ 0, size };
    }
    return file_head_make_content(&v, type, size, part, kind == NU_RANGE_PART);
}
