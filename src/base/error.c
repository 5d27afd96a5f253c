/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <nng/nng.h>

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* NNG's, which programs print and some compare. */
static const char *const texts[] = {
    [0] = "Hunky dory",
    [NNG_EINTR] = "Interrupted",
    [NNG_ENOMEM] = "Out of memory",
    [NNG_EINVAL] = "Invalid argument",
    [NNG_EBUSY] = "Resource busy",
    [NNG_ETIMEDOUT] = "Timed out",
    [NNG_ECONNREFUSED] = "Connection refused",
    [NNG_ECLOSED] = "Object closed",
    [NNG_EAGAIN] = "Try again",
    [NNG_ENOTSUP] = "Not supported",
    [NNG_EADDRINUSE] = "Address in use",
    [NNG_ESTATE] = "Incorrect state",
    [NNG_ENOENT] = "Entry not found",
    [NNG_EPROTO] = "Protocol error",
    [NNG_EUNREACHABLE] = "Destination unreachable",
    [NNG_EADDRINVAL] = "Address invalid",
    [NNG_EPERM] = "Permission denied",
    [NNG_EMSGSIZE] = "Message too large",
    [NNG_ECONNABORTED] = "Connection aborted",
    [NNG_ECONNRESET] = "Connection reset",
    [NNG_ECANCELED] = "Operation canceled",
    [NNG_ENOFILES] = "Out of files",
    [NNG_ENOSPC] = "Out of space",
    [NNG_EEXIST] = "Resource already exists",
    [NNG_EREADONLY] = "Read only resource",
    [NNG_EWRITEONLY] = "Write only resource",
    [NNG_ECRYPTO] = "Cryptographic error",
    [NNG_EPEERAUTH] = "Peer could not be authenticated",
    [NNG_ENOARG] = "Option requires argument",
    [NNG_EAMBIGUOUS] = "Ambiguous option",
    [NNG_EBADTYPE] = "Incorrect type",
    [NNG_ECONNSHUT] = "Connection shutdown",
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
        return "Internal error detected";
    }
    if ((err & NNG_ESYSERR) != 0 && err > 0) {
        const char *text = strerrordesc_np(err & ~NNG_ESYSERR);
        if (text != NULL) {
            return text;
        }
        snprintf(unknown, sizeof(unknown), "Unknown error %d", err & ~NNG_ESYSERR);
    } else if ((err & NNG_ETRANERR) != 0 && err > 0) {
        snprintf(unknown, sizeof(unknown), "Transport error #%d", err & ~NNG_ETRANERR);
    } else {
        snprintf(unknown, sizeof(unknown), "Unknown error #%d", err);
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
