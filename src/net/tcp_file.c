/* SPDX-License-Identifier: MIT */
#include "net/tcp_file.h"

#include "base/page_cache.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*
 * sendfile() waits unless the socket says otherwise. It says so only meanwhile: a WRITEV in the
 * ring that the kernel has given to a thread of its own must wait.
 */
static int tcp_file_set_waiting(struct nu_tcp *tcp, bool waiting)
{
    int on = !waiting;
    return ioctl(tcp->fd, FIONBIO, &on) == 0 ? 0 : errno;
}

/* The rest of the entry that is next; what follows it goes into the same packet. */
static ssize_t tcp_file_send_vec(const struct nu_tcp *tcp, const struct nu_aio_io *io)
{
    const struct iovec *iov = io->iov;
    size_t skip = io->done;
    for (; iov->iov_len <= skip; iov++) {
        skip -= iov->iov_len;
    }
    return send(tcp->fd, (const char *) iov->iov_base + skip, iov->iov_len - skip,
                MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
}

static ssize_t tcp_file_send_pages(const struct nu_tcp *tcp, const struct nu_stream_file *file,
                                   size_t sent)
{
    off_t at = (off_t) (file->from + sent);
    return sendfile(tcp->fd, file->fd, &at, file->len - sent);
}

static bool tcp_file_has_left(const struct nu_stream_file *file, size_t sent)
{
    return !nu_is_cached(file->fd, file->from + sent, file->len - sent);
}

/* What is behind the end of a file is not in the cache, either. 0, or an errno. */
static int tcp_file_why_left(const struct nu_stream_file *file)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) {
        return errno;
    }
    return (uint64_t) st.st_size < file->from + file->len ? ENODATA : 0;
}

int nu_tcp_file_step(struct nu_tcp *tcp, struct nu_aio_io *io, bool later)
{
    const struct nu_stream_file *file = io->own[0].cp;
    size_t head = io->total - file->len;
    int err = io->done == 0 ? tcp_file_set_waiting(tcp, false) : 0;
    while (err == 0 && io->done < io->total) {
        bool pages = io->done >= head;
        if (pages && later && tcp_file_has_left(file, io->done - head)) {
            err = tcp_file_why_left(file);
            break;
        }
        later = later && !pages;
        ssize_t n =
            pages ? tcp_file_send_pages(tcp, file, io->done - head) : tcp_file_send_vec(tcp, io);
        if (n > 0) {
            io->done += (size_t) n;
        } else if (n == 0) {
            err = ENODATA; /* the file has shrunk */
        } else if (errno != EINTR) {
            err = errno;
        }
    }
    return err == EAGAIN ? NU_PENDING : err != 0 ? nu_tcp_failure(tcp, err) : 0;
}

void nu_tcp_file_end(struct nu_tcp *tcp)
{
    (void) tcp_file_set_waiting(tcp, true); /* on an open socket it does not fail */
}
