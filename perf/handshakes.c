/* SPDX-License-Identifier: MIT */
/*
 * handshakes PORT SECONDS RATE RESUME: shakes hands with a TLS 1.3 server on 127.0.0.1 for that
 * long, RATE times a second (0: as often as it can), and hangs up; with RESUME 1 each time by the
 * session of a first connection. Prints a line of JSON. So many threads that the server always has
 * another one to turn to.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8

static SSL_CTX *ctx;
static SSL_SESSION *session; /* NULL: full handshakes */
static uint16_t port;
static double began, until, rate;
static atomic_ullong begun, done, failed, resumed;

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static int connect_to_server(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct linger none = { .l_onoff = 1 }; /* or we run out of ports */
    struct timeval most = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    if (fd >= 0 && connect(fd, (struct sockaddr *) &addr, sizeof addr) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* NULL: it has failed. */
static SSL *shake_hands(int fd)
{
    SSL *ssl = fd >= 0 ? SSL_new(ctx) : NULL;
    if (ssl != NULL && session != NULL) {
        SSL_set_session(ssl, session);
    }
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

/* A ticket comes before the answer. */
static bool get_session(void)
{
    static const char req[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    char text[4096];
    int fd = connect_to_server();
    SSL *ssl = shake_hands(fd);
    if (ssl == NULL || SSL_write(ssl, req, sizeof req - 1) <= 0 ||
        SSL_read(ssl, text, sizeof text) <= 0) {
        return false;
    }
    session = SSL_get1_session(ssl);
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN); /* or it is taken for a bad one */
    SSL_free(ssl);
    close(fd);
    return SSL_SESSION_is_resumable(session) == 1;
}

static void once(void)
{
    int fd = connect_to_server();
    SSL *ssl = shake_hands(fd);
    if (ssl != NULL) {
        atomic_fetch_add(&done, 1);
        atomic_fetch_add(&resumed, SSL_session_reused(ssl) == 1);
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
        SSL_free(ssl);
    } else {
        atomic_fetch_add(&failed, 1);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* The next one's time, if they are not to be more. */
static void wait_for_turn(void)
{
    unsigned long long n = atomic_fetch_add(&begun, 1);
    double left = rate > 0 ? began + (double) n / rate - now() : 0;
    if (left > 0) {
        usleep((useconds_t) (left * 1e6));
    }
}

static void *run(void *arg)
{
    (void) arg;
    for (wait_for_turn(); now() < until; wait_for_turn()) {
        once();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc != 5) {
        fputs("usage: handshakes PORT SECONDS RATE RESUME\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    port = (uint16_t) strtoul(argv[1], NULL, 10);
    rate = strtod(argv[3], NULL);
    ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        (argv[4][0] == '1' && !get_session())) {
        fputs("handshakes: no session to resume\n", stderr);
        return 1;
    }
    began = now();
    until = began + strtod(argv[2], NULL);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, NULL) != 0) {
            fputs("handshakes: no thread\n", stderr);
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    if (session != NULL && resumed != done) {
        fprintf(stderr, "handshakes: %llu of %llu were resumed\n", resumed, done);
        return 1;
    }
    printf("{\"requests\": %llu, \"errors\": %llu, \"bytes\": 0, \"seconds\": %f}\n", done, failed,
           now() - began);
    return 0;
}
