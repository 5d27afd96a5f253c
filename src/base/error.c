/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <nng/nng.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
    [0] = "Success",
    [NNG_EINTR] = "Interrupted",
    [NNG_ENOMEM] = "Not enough memory",
    [NNG_EINVAL] = "Invalid argument",
    [NNG_EBUSY] = "In use",
    [NNG_ETIMEDOUT] = "Timed out",
    [NNG_ECONNREFUSED] = "Connection refused by the peer",
    [NNG_ECLOSED] = "Closed on this side",
    [NNG_EAGAIN] = "Not possible right now",
    [NNG_ENOTSUP] = "Not supported here",
    [NNG_EADDRINUSE] = "Address in use",
    [NNG_ESTATE] = "Not allowed in this state",
    [NNG_ENOENT] = "Not found",
    [NNG_EPROTO] = "Protocol violated by the peer",
    [NNG_EUNREACHABLE] = "Destination cannot be reached",
    [NNG_EADDRINVAL] = "Invalid address",
    [NNG_EPERM] = "Not permitted",
    [NNG_EMSGSIZE] = "Message too large",
    [NNG_ECONNABORTED] = "Connection aborted",
    [NNG_ECONNRESET] = "Connection closed or reset by the peer",
    [NNG_ECANCELED] = "Cancelled",
    [NNG_ENOFILES] = "Too many open files",
    [NNG_ENOSPC] = "No space left",
    [NNG_EEXIST] = "Exists already",
    [NNG_EREADONLY] = "Can only be read",
    [NNG_EWRITEONLY] = "Can only be written",
    [NNG_ECRYPTO] = "Cryptographic operation failed",
    [NNG_EPEERAUTH] = "Peer could not be authenticated",
    [NNG_ENOARG] = "Option needs an argument",
    [NNG_EAMBIGUOUS] = "Option is ambiguous",
    [NNG_EBADTYPE] = "Wrong type",
    [NNG_ECONNSHUT] = "Connection ended by the peer",
};

/* Only the codes that mean something to a caller; all others keep their number in NNG_ESYSERR. */
static const struct {
    int err;
    int code;
} codes[] = {
    { EPIPE, NNG_ECONNRESET },
    { ECONNRESET, NNG_ECONNRESET },
    { ECANCELED, NNG_ECANCELED },
    { EINTR, NNG_EINTR },
    { EAGAIN, NNG_EAGAIN },
    { ETIMEDOUT, NNG_ETIMEDOUT },
    { ENOMEM, NNG_ENOMEM },
    { ENOBUFS, NNG_ENOMEM },
    { EMFILE, NNG_ENOFILES },
    { ENFILE, NNG_ENOFILES },
    { ECONNREFUSED, NNG_ECONNREFUSED },
    { ECONNABORTED, NNG_ECONNABORTED },
    { ESHUTDOWN, NNG_ECLOSED },
    { EBADF, NNG_ECLOSED },
    { EADDRINUSE, NNG_EADDRINUSE },
    { EADDRNOTAVAIL, NNG_EADDRINVAL },
    { EAFNOSUPPORT, NNG_ENOTSUP },
    { ENETUNREACH, NNG_EUNREACHABLE },
    { EHOSTUNREACH, NNG_EUNREACHABLE },
    { ENETDOWN, NNG_EUNREACHABLE },
    { EHOSTDOWN, NNG_EUNREACHABLE },
    { EACCES, NNG_EPERM },
    { EPERM, NNG_EPERM },
    { ENOENT, NNG_ENOENT },
    { ENOTDIR, NNG_ENOENT },
    { EEXIST, NNG_EEXIST },
    { EBUSY, NNG_EBUSY },
    { EINVAL, NNG_EINVAL },
    { ENAMETOOLONG, NNG_EINVAL },
    { ENOTSUP, NNG_ENOTSUP },
    { ENOSYS, NNG_ENOTSUP },
    { EPROTO, NNG_EPROTO },
    { EMSGSIZE, NNG_EMSGSIZE },
    { ENOSPC, NNG_ENOSPC },
    { EDQUOT, NNG_ENOSPC },
    { EROFS, NNG_EREADONLY },
};

const char *nng_strerror(int err)
{
    static _Thread_local char unknown[48];

    if (err >= 0 && (size_t) err < sizeof(texts) / sizeof(texts[0])) {
        return texts[err];
    }
    if (err == NNG_EINTERNAL) {
        return "Error inside the library";
    }
    if ((err & NNG_ESYSERR) != 0 && err > 0) {
        const char *text = strerrordesc_np(err & ~NNG_ESYSERR);
        if (text != NULL) {
            return text;
        }
    }
    if ((err & NNG_ETRANERR) != 0 && err > 0) {
        snprintf(unknown, sizeof(unknown), "Transport error %d", err & ~NNG_ETRANERR);
    } else {
        snprintf(unknown, sizeof(unknown), "Unknown error %d", err);
    }
    return unknown;
}

int nu_error_from_errno(int err)
{
    if (err == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].err == err) {
            return codes[i].code;
        }
    }
    return NNG_ESYSERR + err;
}
