/* SPDX-License-Identifier: MIT */
#include "io/counters.h"

#include <nng/uring.h>
#include <pthread.h>

_Thread_local struct nu_counters nu_counters_mine;
struct nu_gauges nu_gauges;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nu_list threads = { &threads, &threads };
static uint64_t left[NU_COUNTS]; /* by threads that are gone; under lock */

void nu_counters_join(void)
{
    pthread_mutex_lock(&lock);
    if (nu_counters_mine.joined++ == 0) {
        nu_list_append(&threads, &nu_counters_mine.link);
    }
    pthread_mutex_unlock(&lock);
}

/* With the lock held. */
static void counters_leave(struct nu_counters *counters)
{
    nu_list_remove(&counters->link);
    for (unsigned i = 0; i < NU_COUNTS; i++) {
        left[i] += atomic_exchange(&counters->v[i], 0);
    }
}

void nu_counters_leave(void)
{
    pthread_mutex_lock(&lock);
    if (--nu_counters_mine.joined == 0) {
        counters_leave(&nu_counters_mine);
    }
    pthread_mutex_unlock(&lock);
}

void nu_counters_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

void nu_counters_after_fork(bool child)
{
    struct nu_list *next;
    for (struct nu_list *n = threads.next; child && n != &threads; n = next) {
        struct nu_counters *counters = nu_container(n, struct nu_counters, link);
        next = n->next;
        if (counters != &nu_counters_mine) {
            counters_leave(counters);
        }
    }
    if (child) {
        atomic_store(&nu_gauges.workers, 0);
        atomic_store(&nu_gauges.workers_idle, 0);
    }
    pthread_mutex_unlock(&lock);
}

static void counters_sum(uint64_t total[NU_COUNTS])
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < NU_COUNTS; i++) {
        total[i] = left[i];
        for (struct nu_list *n = threads.next; n != &threads; n = n->next) {
            struct nu_counters *c = nu_container(n, struct nu_counters, link);
            total[i] += atomic_load_explicit(&c->v[i], memory_order_relaxed);
        }
    }
    pthread_mutex_unlock(&lock);
}

/* One that goes up and down may be read a little below 0. */
static uint64_t counters_now(uint64_t value)
{
    return value <= INT64_MAX ? value : 0;
}

/* What reads its next request is in none of the other states. */
static uint64_t counters_reading(const uint64_t v[NU_COUNTS])
{
    uint64_t n = v[NU_COUNT_SESSIONS_OPENED] - v[NU_COUNT_SESSIONS_CLOSED];
    for (unsigned i = NU_COUNT_SESSIONS_COLLECTING; i <= NU_COUNT_SESSIONS_ENDING; i++) {
        n -= counters_now(v[i]);
    }
    return counters_now(n);
}

size_t nng_uring_counters(nng_uring_counter *list, size_t room)
{
    uint64_t v[NU_COUNTS];
    counters_sum(v);
    /* A connection may be counted as closed on one thread before the others are read. */
    uint64_t open =
        v[NU_COUNT_OPENED] > v[NU_COUNT_CLOSED] ? v[NU_COUNT_OPENED] - v[NU_COUNT_CLOSED] : 0;
    const nng_uring_counter all[] = {
        { "enters", "io_uring_enter calls", v[NU_COUNT_ENTERS] },
        { "sqes", "submission queue entries", v[NU_COUNT_SQES] },
        { "cqes", "completion queue entries", v[NU_COUNT_CQES] },
        { "short_writes", "short writes whose rest was submitted again", v[NU_COUNT_SHORT_WRITES] },
        { "deadlines_armed", "deadlines that had to be kept", v[NU_COUNT_DEADLINES_ARMED] },
        { "deadlines_fired", "operations that ended by their deadline",
          v[NU_COUNT_DEADLINES_FIRED] },
        { "cancellations", "cancellations submitted", v[NU_COUNT_CANCELLATIONS] },
        { "wake_ups", "sleeping loops woken by another thread", v[NU_COUNT_WAKE_UPS] },
        { "no_buffers", "receives that found no provided buffer", v[NU_COUNT_NO_BUFFERS] },
        { "accepts", "connections accepted", v[NU_COUNT_ACCEPTS] },
        { "connections", "connections that are open", open },
        { "tls_handshakes", "TLS handshakes that went well", v[NU_COUNT_TLS_OPENED] },
        { "tls_failures", "TLS handshakes that did not", v[NU_COUNT_TLS_FAILED] },
        { "late_heads", "requests whose head took too long", v[NU_COUNT_LATE_HEADS] },
        { "late_bodies", "requests whose body took too long", v[NU_COUNT_LATE_BODIES] },
        { "late_answers", "answers that a client did not take in time", v[NU_COUNT_LATE_ANSWERS] },
        { "clients_refused", "connections beyond those that one client may have",
          v[NU_COUNT_CLIENTS_REFUSED] },
        { "clients_throttled", "requests beyond those that one client may send",
          v[NU_COUNT_CLIENTS_THROTTLED] },
        { "sessions_reading", "a server's connections that are idle, or send a head",
          counters_reading(v) },
        { "sessions_collecting", "those whose body is read for a handler",
          counters_now(v[NU_COUNT_SESSIONS_COLLECTING]) },
        { "sessions_handling", "those that a handler works for",
          counters_now(v[NU_COUNT_SESSIONS_HANDLING]) },
        { "sessions_loading", "those that wait for a file",
          counters_now(v[NU_COUNT_SESSIONS_LOADING]) },
        { "sessions_writing", "those that take an answer",
          counters_now(v[NU_COUNT_SESSIONS_WRITING]) },
        { "sessions_ending", "those whose body or last bytes are thrown away",
          counters_now(v[NU_COUNT_SESSIONS_ENDING]) },
        { "workers", "threads for what may take its time", atomic_load(&nu_gauges.workers) },
        { "workers_idle", "those of them that have nothing to do",
          atomic_load(&nu_gauges.workers_idle) },
    };
    size_t n = sizeof all / sizeof all[0];
    for (size_t i = 0; i < n && i < room; i++) {
        list[i] = all[i];
    }
    return n;
}
