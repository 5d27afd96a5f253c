/* SPDX-License-Identifier: MIT */
#include "tls/tls_write.h"

#include "base/error.h"
#include "base/page_cache.h"
#include "net/aio_queue.h"
#include "tls/call.h"
#include "tls/error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OVERHEAD 64U /* at most, of a record */

/* Bytes of a write that the carrier has taken; aio->io.done are those that were encrypted. */
static size_t *tls_write_taken(nng_aio *aio)
{
    return &aio->io.own[1].n;
}

/* ---- The end of a write ------------------------------------------------------------------- */

/* Its records still go out, but are nobody's any more. */
static void tls_write_disown(struct nu_tls *tls, const nng_aio *aio)
{
    struct nu_tls_out *out = tls->out;
    for (unsigned i = 0; out != NULL && i < out->nmarks; i++) {
        struct nu_tls_mark *mark = &out->marks[(out->first_mark + i) % NU_TLS_MARKS];
        mark->aio = mark->aio == aio ? NULL : mark->aio;
    }
}

static bool tls_write_enough(const nng_aio *aio, size_t n)
{
    return nu_stream_write_whole(aio) ? n == aio->io.total : n > 0;
}

/* What is encrypted counts, and may be all that was wanted. */
static void tls_write_end(struct nu_tls *tls, nng_aio *aio, int err)
{
    tls_write_disown(tls, aio);
    nu_stream_end_write(&tls->stream, aio, tls_write_enough(aio, aio->io.done) ? 0 : err);
}

/* What is encrypted goes nowhere: only what the carrier has taken counts. Of all writes, and before
 * the first of them ends, since one that is cut ends those behind it. */
static void tls_write_lose(struct nu_tls *tls)
{
    struct nu_list *writes = &tls->stream.writes;
    for (struct nu_list *n = writes->next; n != writes; n = n->next) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        aio->io.done = *tls_write_taken(aio);
        tls_write_disown(tls, aio);
    }
}

void nu_tls_write_end_all(struct nu_tls *tls, int err, bool lost)
{
    nng_aio *aio;
    if (lost) {
        tls_write_lose(tls);
    }
    while ((aio = nu_aio_queue_first(&tls->stream.writes)) != NULL) {
        tls_write_end(tls, aio, err);
    }
}

void nu_tls_write_sent(struct nu_tls *tls)
{
    struct nu_tls_out *out = tls->out;
    while (out->nmarks > 0 && out->marks[out->first_mark].end <= out->sent) {
        const struct nu_tls_mark *mark = &out->marks[out->first_mark];
        nng_aio *aio = mark->aio;
        out->first_mark = (out->first_mark + 1) % NU_TLS_MARKS;
        out->nmarks--;
        if (aio != NULL) {
            *tls_write_taken(aio) += mark->plain;
            if (tls_write_enough(aio, *tls_write_taken(aio))) {
                tls_write_end(tls, aio, 0);
            }
        }
    }
}

/* ---- Encrypting --------------------------------------------------------------------------- */

/* What is left of the entry that is next. */
static struct iovec tls_write_entry(const struct nu_aio_io *io, size_t at, unsigned *index)
{
    unsigned i = 0;
    while (i < io->niov && io->iov[i].iov_len <= at) {
        at -= io->iov[i].iov_len;
        i++;
    }
    *index = i;
    return i < io->niov
               ? (struct iovec){ (char *) io->iov[i].iov_base + at, io->iov[i].iov_len - at }
               : (struct iovec){ 0 };
}

/* Copies up to `room` bytes of the vector, from `at` on. */
static size_t tls_write_join(const struct nu_aio_io *io, size_t at, uint8_t *to, size_t room)
{
    unsigned i;
    size_t n = 0;
    for (struct iovec e = tls_write_entry(io, at, &i); n < room && e.iov_len > 0;
         e = tls_write_entry(io, at + n, &i)) {
        size_t part = e.iov_len < room - n ? e.iov_len : room - n;
        memcpy(to + n, e.iov_base, part);
        n += part;
    }
    return n;
}

/* A part of a file behind what is left of the vector. 0 bytes: an error. */
static size_t tls_write_join_file(const struct nu_aio_io *io, uint8_t *to, int *err)
{
    const struct nu_stream_file *file = io->own[0].cp;
    size_t head = io->total - file->len;
    size_t n = io->done < head ? tls_write_join(io, io->done, to, NU_TLS_RECORD) : 0;
    if (io->done + n < head || n == NU_TLS_RECORD) {
        return n;
    }
    size_t at = io->done + n - head, left = file->len - at, room = NU_TLS_RECORD - n;
    ssize_t got;
    do {
        got = pread(file->fd, to + n, left < room ? left : room, (off_t) (file->from + at));
    } while (got < 0 && errno == EINTR);
    if (got <= 0 && n == 0) {
        *err = nu_error_from_errno(got < 0 ? errno : ENODATA);
    }
    return got > 0 ? n + (size_t) got : n;
}

/* The next record's bytes: where they lie, if they lie together, else copied to `scratch`. */
static struct iovec tls_write_next_bytes(nng_aio *aio, uint8_t scratch[NU_TLS_RECORD], int *err)
{
    const struct nu_aio_io *io = &aio->io;
    unsigned i;
    if (aio->io.kind == NU_WRITE_FILE) {
        return (struct iovec){ scratch, tls_write_join_file(io, scratch, err) };
    }
    struct iovec entry = tls_write_entry(io, io->done, &i);
    if (entry.iov_len >= NU_TLS_RECORD || entry.iov_len == io->total - io->done) {
        entry.iov_len = entry.iov_len < NU_TLS_RECORD ? entry.iov_len : NU_TLS_RECORD;
        return entry;
    }
    return (struct iovec){ scratch, tls_write_join(io, io->done, scratch, NU_TLS_RECORD) };
}

/* OpenSSL says why it cannot go on; unless it has heard that the peer is gone, after which it takes
 * no more. */
static int tls_write_refused(struct nu_tls *tls)
{
    int err = nu_tls_peer_error();
    if (tls->lower_end != 0) {
        err = nu_tls_carrier_error(tls);
    }
    return tls->starved ? NNG_ENOMEM : err;
}

/* One record. NU_PENDING: not before more is received, for the peer is in the midst of a message of
 * its own to OpenSSL; an error: the write has ended, or the connection. */
static int tls_write_record(struct nu_tls *tls, nng_aio *aio)
{
    uint8_t scratch[NU_TLS_RECORD];
    int err = 0;
    struct iovec bytes = tls_write_next_bytes(aio, scratch, &err);
    if (err != 0) {
        tls_write_end(tls, aio, err);
        return err;
    }
    int n = nu_tls_call_write(tls, bytes.iov_base, bytes.iov_len);
    if (n == -SSL_ERROR_WANT_READ) {
        nu_tls_receive(tls);
        return NU_PENDING;
    }
    if (n <= 0) {
        err = tls_write_refused(tls);
        nu_tls_fail(tls, err);
        return err;
    }
    struct nu_tls_out *out = tls->out;
    unsigned at = (out->first_mark + out->nmarks++) % NU_TLS_MARKS;
    out->marks[at] = (struct nu_tls_mark){ out->encrypted, (size_t) n, aio };
    aio->io.done += (size_t) n;
    return 0;
}

/* The first write of which more is to be encrypted. One that is done with what is on its way gets
 * no more of it. */
static nng_aio *tls_write_unencrypted(struct nu_tls *tls)
{
    struct nu_list *writes = &tls->stream.writes;
    for (struct nu_list *n = writes->next; n != writes; n = n->next) {
        nng_aio *aio = nu_container(n, nng_aio, link);
        if (aio->io.done < aio->io.total && (nu_stream_write_whole(aio) || aio->io.done == 0)) {
            return aio;
        }
    }
    return NULL;
}

/* Pages that have left the cache while the write waited would hold up the loop. Those of a file
 * that has become too short are not there either; reading says so. */
static bool tls_write_lacks_pages(const nng_aio *aio)
{
    const struct nu_stream_file *file = aio->io.own[0].cp;
    size_t head = aio->io.kind == NU_WRITE_FILE ? aio->io.total - file->len : 0;
    struct stat st;
    return aio->io.kind == NU_WRITE_FILE && aio->io.done > 0 && aio->io.done >= head &&
           !nu_is_cached(file->fd, file->from + aio->io.done - head,
                         aio->io.total - aio->io.done) &&
           (fstat(file->fd, &st) != 0 || (uint64_t) st.st_size >= file->from + file->len);
}

/* It ends well, but short, once the carrier has taken what is encrypted. */
static void tls_write_cut_short(struct nu_tls *tls, nng_aio *aio)
{
    aio->io.kind = NU_WRITE_SOME;
    if (*tls_write_taken(aio) == aio->io.done) {
        tls_write_end(tls, aio, 0);
    }
}

static bool tls_write_has_room(const struct nu_tls *tls)
{
    return tls->state == NU_TLS_OPEN && tls->write_end == 0 && !tls->close_notified &&
           !tls->sending && nu_tls_owed(tls) < NU_TLS_AHEAD &&
           (tls->out == NULL || tls->out->nmarks < NU_TLS_MARKS);
}

/* As many records as there is room for. */
static int tls_write_records(struct nu_tls *tls, nng_aio *aio)
{
    int err = 0;
    size_t left = aio->io.total - aio->io.done;
    left = left < NU_TLS_AHEAD ? left : NU_TLS_AHEAD;
    (void) nu_tls_reserve(tls, left + OVERHEAD * (left / NU_TLS_RECORD + 1));
    while (err == 0 && aio->io.done < aio->io.total && tls_write_has_room(tls)) {
        err = tls_write_record(tls, aio);
    }
    return err;
}

/* What did not go at once. If it fails the connection does, for OpenSSL may have taken it, and
 * would take what follows for its repetition. Whether it has gone. */
static bool tls_write_held(struct nu_tls *tls)
{
    struct nu_buf *held = tls->out != NULL ? &tls->out->held : NULL;
    if (held == NULL || held->len == 0) {
        return true;
    }
    int n = nu_tls_call_write(tls, held->data, held->len);
    if (n == -SSL_ERROR_WANT_READ) {
        nu_tls_receive(tls);
        return false;
    }
    nu_buf_free(held);
    if (n <= 0) {
        nu_tls_fail(tls, tls_write_refused(tls));
    }
    return n > 0;
}

void nu_tls_write_next(struct nu_tls *tls)
{
    nng_aio *aio;
    int err = 0;
    if (tls->write_end != 0) {
        nu_tls_write_end_all(tls, tls->write_end, tls->state != NU_TLS_FAILED);
        return;
    }
    while (err != NU_PENDING && tls_write_has_room(tls) && tls_write_held(tls) &&
           (aio = tls_write_unencrypted(tls)) != NULL) {
        if (nu_aio_expired(aio)) {
            tls_write_end(tls, aio, NNG_ETIMEDOUT);
            continue;
        }
        if (tls_write_lacks_pages(aio)) {
            tls_write_cut_short(tls, aio);
            continue;
        }
        err = tls_write_records(tls, aio);
    }
    nu_tls_flush(tls);
}

void nu_tls_write_now(struct nu_tls *tls, const void *data, size_t n)
{
    if (tls->state == NU_TLS_OPEN && tls->write_end == 0 && !tls->close_notified &&
        nu_tls_out(tls) != NULL) {
        nu_buf_add(&tls->out->held, data, n);
        (void) tls_write_held(tls);
        nu_tls_flush(tls);
    }
}

bool nu_tls_write_close_notify(struct nu_tls *tls)
{
    if (tls->close_notified) {
        return true;
    }
    if (tls->state == NU_TLS_OPEN && tls->write_end == 0 && tls->lower_end == 0) {
        if (SSL_in_init(tls->ssl) && nu_tls_call_handshake(tls) == -SSL_ERROR_WANT_READ) {
            nu_tls_receive(tls);
            return false;
        }
        (void) nu_tls_call_shutdown(tls); /* what cannot be said is not */
    }
    tls->close_notified = true;
    nu_tls_flush(tls);
    return true;
}

/* ---- Starting ----------------------------------------------------------------------------- */

/* The aio's cancel function. */
static void tls_write_cancel(nng_aio *aio, void *arg, int err)
{
    struct nu_tls *tls = arg;
    nu_lock(&tls->stream.lock);
    if (!tls->lower_closed) {
        tls_write_end(tls, aio, err);
    } /* else it ends once the carrier has said how much of it the kernel has taken */
    nu_unlock(&tls->stream.lock);
}

static int tls_write_start(struct nu_stream *stream, nng_aio *aio)
{
    struct nu_tls *tls = nu_tls_of(stream);
    *tls_write_taken(aio) = 0;
    if (stream->life != NU_STREAM_OPEN) {
        return NNG_ECLOSED;
    }
    if (tls->write_end != 0) {
        return nu_stream_write_error(stream, aio, tls->write_end);
    }
    int err = nu_aio_schedule(aio, stream->loop, tls_write_cancel, tls);
    if (err != 0) {
        return err;
    }
    nu_aio_timer_start(aio);
    nu_list_append(&stream->writes, &aio->link);
    if (stream->loop == nu_loop_self()) {
        nu_tls_write_next(tls);
    } else {
        nu_tls_wake(tls);
    }
    return NU_PENDING;
}

void nu_tls_write(struct nu_stream *stream, nng_aio *aio, enum nu_write kind)
{
    nu_stream_start(stream, aio, (int) kind, tls_write_start);
}
