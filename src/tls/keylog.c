/* SPDX-License-Identifier: MIT */
#include "tls/keylog.h"

#include <nng/nng.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_fd = -1; /* open as long as the process is */

static void keylog_open(void)
{
    const char *path = getenv("SSLKEYLOGFILE");
    if (path == NULL || *path == '\0') {
        return;
    }
    if (getauxval(AT_SECURE) != 0) {
        nng_log_warn("NNG-TLS-KEYLOG", "SSLKEYLOGFILE is ignored: this process has rights that "
                                       "its user has not");
        return;
    }
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (log_fd < 0) {
        nng_log_warn("NNG-TLS-KEYLOG", "SSLKEYLOGFILE %s cannot be written: %m", path);
    } else {
        nng_log_warn("NNG-TLS-KEYLOG", "the secrets of TLS connections go to %s", path);
    }
}

/* In one call, so that lines of different threads do not mix. */
static void keylog_line(const SSL *ssl, const char *line)
{
    struct iovec iov[2] = { { (void *) line, strlen(line) }, { (void *) "\n", 1 } };
    (void) ssl;
    if (writev(log_fd, iov, 2) < 0) {
        return; /* a full disk is no reason to fail a connection */
    }
}

void nu_keylog_enable(SSL_CTX *ctx)
{
    pthread_once(&once, keylog_open);
    if (log_fd >= 0) {
        SSL_CTX_set_keylog_callback(ctx, keylog_line);
    }
}
