/* SPDX-License-Identifier: MIT */
#include "net/unix_bind.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(unix_bind, .timeout = 120);

#define BINDERS 4
#define ROUNDS 300

static struct sockaddr_un place = { .sun_family = AF_UNIX };
static pthread_barrier_t barrier;

struct binder {
    pthread_t thread;
    int fd, err;
    struct stat file;
};

static void *run(void *arg)
{
    struct binder *b = arg;
    struct sockaddr_un un = place;
    socklen_t len = sizeof un;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&barrier); /* the file of nobody is there */
        b->err = nu_unix_bind(&b->fd, &un, &len, -1, &b->file);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier); /* it has been looked at */
    }
    return NULL;
}

static void leave_a_stale_one(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *) &place, sizeof place), 0);
    close(fd);
}

/* Whoever connects comes to this one, behind those who have looked whether somebody listens. */
static void assert_reached(int listener)
{
    char byte = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *) &place, sizeof place), 0);
    cr_assert_eq(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    while (recv(fd, &byte, 1, 0) != 1) {
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        cr_assert_geq(peer, 0, "it is another's");
        (void) send(peer, "x", 1, MSG_NOSIGNAL);
        close(peer);
    }
    close(fd);
}

/* However they fall together, one has the path, and knows it. */
Test(unix_bind, several_at_once)
{
    char dir[] = "/tmp/nng-uring-XXXXXX";
    struct binder binders[BINDERS] = { 0 };
    cr_assert_not_null(mkdtemp(dir));
    snprintf(place.sun_path, sizeof place.sun_path, "%s/socket", dir);
    pthread_barrier_init(&barrier, NULL, BINDERS + 1);
    for (int i = 0; i < BINDERS; i++) {
        cr_assert_eq(pthread_create(&binders[i].thread, NULL, run, &binders[i]), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct binder *winner = NULL;
        leave_a_stale_one();
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < BINDERS; i++) {
            if (binders[i].err == 0) {
                cr_assert_null(winner, "two of them, in round %d", round);
                winner = &binders[i];
            } else {
                cr_assert_eq(binders[i].err, NNG_EADDRINUSE);
            }
        }
        cr_assert_not_null(winner, "none of them, in round %d", round);
        assert_reached(winner->fd);
        nu_unix_remove(&place, &winner->file);
        close(winner->fd);
        cr_assert_neq(access(place.sun_path, F_OK), 0);
        pthread_barrier_wait(&barrier);
    }
    for (int i = 0; i < BINDERS; i++) {
        pthread_join(binders[i].thread, NULL);
    }
    pthread_barrier_destroy(&barrier);
    cr_assert_eq(rmdir(dir), 0);
}
