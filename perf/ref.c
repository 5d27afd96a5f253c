/* SPDX-License-Identifier: MIT */
#include "ref.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL 65536U /* responses up to this size are repeated in memory */

void ref_die(const char *what, int err)
{
    fprintf(stderr, "%s: %s\n", what, strerror(err));
    exit(1);
}

void ref_parse(int argc, char **argv, struct ref_options *options)
{
    struct rlimit files;
    int c;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files); /* it serves as many as it may */
    }
    *options = (struct ref_options){ .body = 13 };
    while ((c = getopt(argc, argv, "p:b:sdxk:")) != -1) {
        switch (c) {
        case 'p':
            options->port = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'b':
            options->body = strtoul(optarg, NULL, 10);
            break;
        case 's':
            options->send = true;
            break;
        case 'd':
            options->direct = true;
            break;
        case 'x':
            options->mix = true;
            break;
        case 'k':
            options->per_conn = (unsigned) strtoul(optarg, NULL, 10);
            break;
        default:
            fprintf(stderr, "usage: %s [-p PORT] [-b BODY_BYTES] [-s] [-d] [-x] [-k REQUESTS]\n",
                    argv[0]);
            exit(2);
        }
    }
}

void ref_prepare(struct ref_response *response, size_t body)
{
    static const char hello[] = "Hello, world!";
    char head[256];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\n"
                     "Content-Type: text/plain\r\n"
                     "Content-Length: %zu\r\n"
                     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                     "\r\n",
                     body);
    response->len = (size_t) n + body;
    response->repeats = response->len <= SMALL ? REF_GATHER : 1;
    response->bytes = malloc(response->len * response->repeats);
    if (response->bytes == NULL) {
        ref_die("malloc", ENOMEM);
    }
    for (unsigned i = 0; i < response->repeats; i++) {
        char *to = response->bytes + i * response->len;
        memcpy(to, head, (size_t) n);
        for (size_t at = 0; at < body; at++) {
            to[(size_t) n + at] = hello[at % (sizeof hello - 1)];
        }
    }
    for (unsigned i = 0; i < REF_GATHER; i++) {
        response->each[i] = (struct iovec){ response->bytes, response->len };
    }
}

int ref_listen(unsigned port, int flags)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_port = htons((uint16_t) port),
                                .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *) &addr, sizeof addr) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *) &addr, &len) != 0) {
        ref_die("cannot listen", errno);
    }
    printf("%u\n", ntohs(addr.sin_port));
    fflush(stdout);
    return fd;
}

unsigned ref_requests(uint32_t *tail, const uint8_t *data, size_t len)
{
    static const uint32_t blank = 0x0d0a0d0a;
    uint32_t last = *tail;
    unsigned n = 0;
    size_t at = 0;
    for (; at < len && at < 3; at++) { /* the line may have begun before these bytes */
        last = last << 8 | data[at];
        n += last == blank;
    }
    const uint8_t *p = data + at, *end = data + len;
    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        n += memcmp(p - 3, "\r\n\r\n", 4) == 0;
        p++;
    }
    for (at = len > 3 && at < len - 3 ? len - 3 : at; at < len; at++) {
        last = last << 8 | data[at];
    }
    *tail = last;
    return n;
}

unsigned ref_mixed(unsigned *phase, unsigned blanks)
{
    unsigned requests = 0;
    for (unsigned i = 0; i < blanks; i++) {
        *phase = (*phase + 1) % 4;
        requests += *phase != 3; /* that was the head of the one in chunks */
    }
    return requests;
}

struct iovec ref_piece(const struct ref_response *response, size_t owed)
{
    size_t from = (response->len - owed % response->len) % response->len;
    size_t room = response->repeats * response->len - from;
    return (struct iovec){ response->bytes + from, owed < room ? owed : room };
}

unsigned ref_vector(const struct ref_response *response, size_t owed, struct iovec *piece,
                    const struct iovec **iov)
{
    size_t rest = owed % response->len;
    if (rest != 0) {
        *piece = (struct iovec){ response->bytes + response->len - rest, rest };
        *iov = piece;
        return 1;
    }
    *iov = response->each;
    return owed / response->len < REF_GATHER ? (unsigned) (owed / response->len) : REF_GATHER;
}
