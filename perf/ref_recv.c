/* SPDX-License-Identifier: MIT */
/*
 * The reference for uploads: a blocking loop that receives bodies of one length and throws them
 * away, one connection at a time. What is left of an upload's cost is the kernel's.
 */
#include "ref.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM ((size_t) 256 * 1024)

static char bytes[ROOM];

/* Receives up to the end of a head, and what comes with it. Returns the bytes of body among it, or
 * -1 at the end of the connection. */
static ssize_t receive_head(int fd)
{
    size_t have = 0;
    for (;;) {
        ssize_t n = recv(fd, bytes + have, ROOM - have, 0);
        if (n <= 0) {
            return -1;
        }
        have += (size_t) n;
        const char *end = memmem(bytes, have, "\r\n\r\n", 4);
        if (end != NULL) {
            return (ssize_t) have - (end + 4 - bytes);
        }
    }
}

static void serve(int fd, size_t body)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
                                 "20000000";
    ssize_t got;
    while ((got = receive_head(fd)) >= 0) {
        size_t left = bytes[0] == 'P' ? body - (size_t) got : 0; /* a GET has none */
        while (left > 0) {
            ssize_t n = recv(fd, bytes, left < ROOM ? left : ROOM, 0);
            if (n <= 0) {
                return;
            }
            left -= (size_t) n;
        }
        if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) {
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct ref_options options;
    ref_parse(argc, argv, &options);
    int listener = ref_listen(options.port, 0);
    for (;;) { /* until a signal */
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            ref_die("accept", errno);
        }
        serve(fd, options.body);
        close(fd);
    }
}
