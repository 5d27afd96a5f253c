/* SPDX-License-Identifier: MIT */
#include "cmd/metrics.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS (sizeof(struct metrics) / sizeof(uint64_t))

/* Microseconds, each the last that its bucket has. */
static const uint64_t limits[METRICS_BUCKETS - 1] = {
    10,    25,    50,    100,    250,    500,    1000,    2500,    5000,
    10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000,
};

/* A thread's; it stays when the thread ends, for what it has counted counts on. */
struct counts {
    struct counts *next;
    atomic_uint_least64_t v[FIELDS]; /* as in struct metrics */
};

static struct counts *_Atomic all;
static _Thread_local struct counts *mine;

_Static_assert(sizeof(struct metrics) == FIELDS * sizeof(uint64_t), "numbers, and no gaps");

static struct counts *metrics_join(void)
{
    struct counts *counts = calloc(1, sizeof *counts);
    if (counts != NULL) {
        counts->next = atomic_load(&all);
        while (!atomic_compare_exchange_weak(&all, &counts->next, counts)) {
        }
    }
    return counts;
}

/* To the field at that offset; nobody else writes it. */
static void metrics_count(struct counts *counts, size_t offset, uint64_t n)
{
    atomic_uint_least64_t *v = &counts->v[offset / sizeof(uint64_t)];
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static unsigned metrics_bucket(uint64_t us)
{
    unsigned i = 0;
    while (i < METRICS_BUCKETS - 1 && us > limits[i]) {
        i++;
    }
    return i;
}

void metrics_add(const nng_uring_request *request)
{
    unsigned class = request->status / 100;
    if (mine == NULL && (mine = metrics_join()) == NULL) {
        return;
    }
    class = class < METRICS_CLASSES ? class : 0;
    metrics_count(mine, offsetof(struct metrics, requests) + class * sizeof(uint64_t), 1);
    metrics_count(
        mine, offsetof(struct metrics, took) + metrics_bucket(request->duration) * sizeof(uint64_t),
        1);
    metrics_count(mine, offsetof(struct metrics, bytes), request->bytes);
    metrics_count(mine, offsetof(struct metrics, us), request->duration);
    if (!request->complete) {
        metrics_count(mine, offsetof(struct metrics, cut_off), 1);
    }
}

void metrics_sum(struct metrics *sum)
{
    uint64_t v[FIELDS] = { 0 };
    for (struct counts *counts = atomic_load(&all); counts != NULL; counts = counts->next) {
        for (size_t i = 0; i < FIELDS; i++) {
            v[i] += atomic_load_explicit(&counts->v[i], memory_order_relaxed);
        }
    }
    memcpy(sum, v, sizeof *sum);
}

/* ---- OpenMetrics -------------------------------------------------------------------------- */

static void metrics_describe(FILE *to, const char *name, const char *type, const char *what)
{
    fprintf(to, "# TYPE nng_uring_%s %s\n# HELP nng_uring_%s %s.\n", name, type, name, what);
}

static void metrics_gauge(FILE *to, const char *name, const char *what, uint64_t value)
{
    metrics_describe(to, name, "gauge", what);
    fprintf(to, "nng_uring_%s %ju\n", name, (uintmax_t) value);
}

static void metrics_counter(FILE *to, const char *name, const char *what, uint64_t value)
{
    metrics_describe(to, name, "counter", what);
    fprintf(to, "nng_uring_%s_total %ju\n", name, (uintmax_t) value);
}

static void metrics_print_requests(FILE *to, const struct metrics *sum)
{
    static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
    uint64_t below = 0;
    metrics_describe(to, "http_requests", "counter", "requests that are over, by status");
    for (int i = 0; i < METRICS_CLASSES; i++) {
        fprintf(to, "nng_uring_http_requests_total{status=\"%s\"} %ju\n", classes[i],
                (uintmax_t) sum->requests[i]);
    }
    metrics_describe(to, "http_request_duration_seconds", "histogram",
                     "from a request to its answer");
    for (int i = 0; i < METRICS_BUCKETS - 1; i++) {
        below += sum->took[i];
        fprintf(to, "nng_uring_http_request_duration_seconds_bucket{le=\"%g\"} %ju\n",
                (double) limits[i] / 1e6, (uintmax_t) below);
    }
    below += sum->took[METRICS_BUCKETS - 1];
    fprintf(to, "nng_uring_http_request_duration_seconds_bucket{le=\"+Inf\"} %ju\n",
            (uintmax_t) below);
    fprintf(to, "nng_uring_http_request_duration_seconds_count %ju\n", (uintmax_t) below);
    fprintf(to, "nng_uring_http_request_duration_seconds_sum %ju.%06ju\n",
            (uintmax_t) (sum->us / 1000000), (uintmax_t) (sum->us % 1000000));
    metrics_counter(to, "http_response_body_bytes", "bytes of answers' bodies", sum->bytes);
    metrics_counter(to, "http_requests_cut_off", "requests whose connection was over before",
                    sum->cut_off);
}

static size_t metrics_counters(nng_uring_counter list[64])
{
    size_t n = nng_uring_counters(list, 64);
    return n < 64 ? n : 64;
}

static bool metrics_is_gauge(const nng_uring_counter *counter)
{
    return strcmp(counter->name, "connections") == 0 ||
           strncmp(counter->name, "sessions_", 9) == 0 || strncmp(counter->name, "workers", 7) == 0;
}

void metrics_print(FILE *to, bool ready)
{
    struct metrics sum;
    nng_uring_counter list[64];
    size_t n = metrics_counters(list);
    metrics_sum(&sum);
    metrics_print_requests(to, &sum);
    for (size_t i = 0; i < n; i++) {
        (metrics_is_gauge(&list[i]) ? metrics_gauge : metrics_counter)(to, list[i].name,
                                                                       list[i].what, list[i].value);
    }
    metrics_gauge(to, "loops", "rings and their threads", nng_uring_loops());
    metrics_gauge(to, "ready", "1 until it is told to end", ready);
    metrics_describe(to, "backend", "info", "what does the work");
    fprintf(to, "nng_uring_backend_info{name=\"%s\"} 1\n# EOF\n", nng_uring_backend());
}

/* ---- The status page ---------------------------------------------------------------------- */

void metrics_print_event(FILE *to, bool ready)
{
    struct metrics sum;
    nng_uring_counter list[64];
    struct timespec now;
    uint64_t connections = 0;
    size_t n = metrics_counters(list);
    for (size_t i = 0; i < n; i++) {
        connections = strcmp(list[i].name, "connections") == 0 ? list[i].value : connections;
    }
    metrics_sum(&sum);
    clock_gettime(CLOCK_MONOTONIC, &now);
    fprintf(
        to, "{\"ms\":%ju,\"ready\":%s,\"connections\":%ju,\"bytes\":%ju,\"cut\":%ju,\"status\":",
        (uintmax_t) now.tv_sec * 1000 + (uintmax_t) now.tv_nsec / 1000000, ready ? "true" : "false",
        (uintmax_t) connections, (uintmax_t) sum.bytes, (uintmax_t) sum.cut_off);
    for (int i = 0; i < METRICS_CLASSES; i++) {
        fprintf(to, "%c%ju", i > 0 ? ',' : '[', (uintmax_t) sum.requests[i]);
    }
    fputs("],\"limits\":", to);
    for (int i = 0; i < METRICS_BUCKETS - 1; i++) {
        fprintf(to, "%c%ju", i > 0 ? ',' : '[', (uintmax_t) limits[i]);
    }
    fputs("],\"took\":", to);
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        fprintf(to, "%c%ju", i > 0 ? ',' : '[', (uintmax_t) sum.took[i]);
    }
    fputs("]}", to);
}
