/* SPDX-License-Identifier: MIT */
/* The connections of the random race test, and the threads that play their peers. */
#include "race/race.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER_THREADS 2U

static pthread_t threads[PEER_THREADS];
static atomic_bool ended;

/* ---- Peers -------------------------------------------------------------------------------- */

static void receive(struct slot *slot, unsigned *seed)
{
    static _Thread_local char buffer[256 << 10];
    size_t size = 1 + t_random(seed, sizeof buffer);
    ssize_t n = recv(slot->pair.fd, buffer, size, MSG_DONTWAIT);
    if (n > 0) {
        atomic_fetch_add(&slot->received, (size_t) n);
    } else if (n == 0) {
        atomic_store(&slot->peer, PEER_EOF);
    } else if (errno != EAGAIN && errno != EINTR) {
        atomic_store(&slot->peer, PEER_LOST);
    }
}

static void serve(struct slot *slot, unsigned *seed)
{
    static const char bytes[3000];
    if (atomic_load(&slot->peer) != PEER_OPEN) {
        return;
    }
    if (slot->rests > 0) {
        slot->rests--;
        return;
    }
    switch (t_random(seed, 3000)) {
    case 0:
        t_pair_reset_now(&slot->pair);
        atomic_store(&slot->peer, PEER_LOST);
        return;
    case 1:
        close(slot->pair.fd);
        slot->pair.fd = -1;
        atomic_store(&slot->peer, PEER_LOST);
        return;
    case 2:
        shutdown(slot->pair.fd, SHUT_WR);
        return;
    default:
        break;
    }
    if (t_random(seed, 50) == 0) {
        slot->rests = t_random(seed, 100);
    }
    if (slot->sends && t_random(seed, 4) == 0) {
        (void) send(slot->pair.fd, bytes, 1 + t_random(seed, sizeof bytes),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    receive(slot, seed);
}

static void *play_peers(void *arg)
{
    unsigned first = (unsigned) (uintptr_t) arg, seed = first + 1;
    while (!atomic_load(&ended)) {
        for (unsigned i = first; i < RACE_SLOTS; i += PEER_THREADS) {
            serve(&race.slots[i], &seed);
        }
        usleep(200);
    }
    return NULL;
}

/* ---- Connections -------------------------------------------------------------------------- */

static void open_slot(struct slot *slot)
{
    int size = 64 << 10;
    t_pair_connect(&slot->pair, slot->listener, slot->client);
    cr_assert_eq(setsockopt(slot->pair.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    atomic_store(&slot->counted, 0);
    atomic_store(&slot->received, 0);
    slot->rests = 0;
    atomic_store(&slot->peer, PEER_OPEN);
}

/* With the lock: everything ends, and the sums agree. */
static void settle(struct slot *slot)
{
    nng_http_conn_close(slot->pair.conn); /* unless a callback has done so */
    slot->pair.conn = NULL;
    while (atomic_load(&slot->pending) > 0 || atomic_load(&slot->peer) == PEER_OPEN) {
        usleep(200);
    }
    size_t counted = atomic_load(&slot->counted), received = atomic_load(&slot->received);
    bool exact = atomic_load(&slot->peer) == PEER_EOF && !slot->sends;
    if (exact ? counted != received : counted < received) {
        race_fail("counted and received", (long) counted, (long) received);
    }
    atomic_fetch_add(&race.connections, 1);
    if (slot->pair.fd >= 0) {
        close(slot->pair.fd);
    }
}

void race_recycle(struct slot *slot)
{
    if (pthread_rwlock_trywrlock(&slot->lock) == 0) {
        settle(slot);
        open_slot(slot);
        pthread_rwlock_unlock(&slot->lock);
    }
}

void race_retire(struct slot *slot)
{
    pthread_rwlock_wrlock(&slot->lock);
    settle(slot);
    pthread_rwlock_unlock(&slot->lock);
}

void race_open_slots(void)
{
    for (unsigned i = 0; i < RACE_SLOTS; i++) {
        struct slot *slot = &race.slots[i];
        unsigned port;
        pthread_rwlock_init(&slot->lock, NULL);
        slot->listener = nu_listen(&port, 64 << 10);
        slot->client = t_client(port);
        slot->sends = i % 2;
        open_slot(slot);
    }
    for (unsigned i = 0; i < PEER_THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, play_peers, (void *) (uintptr_t) i), 0);
    }
}

void race_close_slots(void)
{
    atomic_store(&ended, true);
    for (unsigned i = 0; i < PEER_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < RACE_SLOTS; i++) {
        struct slot *slot = &race.slots[i];
        close(slot->listener);
        nng_http_client_free(slot->client);
        pthread_rwlock_destroy(&slot->lock);
    }
}
