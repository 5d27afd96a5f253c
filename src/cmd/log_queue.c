/* SPDX-License-Identifier: MIT */
#include "cmd/log_queue.h"

#include <stdalign.h>
#include <stdlib.h>

#define ALIGN alignof(struct log_queued)

bool log_queue_init(struct log_queue *queue, size_t max)
{
    max += sizeof(struct log_queued) + ALIGN;
    *queue = (struct log_queue){ .ring = malloc(LOG_QUEUE + max), .max = max };
    return queue->ring != NULL;
}

void log_queue_free(struct log_queue *queue)
{
    free(queue->ring);
}

static struct log_queued *log_queue_at(const struct log_queue *queue, size_t place)
{
    return (struct log_queued *) (void *) (queue->ring + place);
}

/* Bytes of the ring that a line takes. */
static size_t log_queue_size(size_t n)
{
    return (sizeof(struct log_queued) + n + ALIGN - 1) & ~(ALIGN - 1);
}

/* What one side says, which has done all before it, and the other one reads. */
static size_t log_queue_read(const atomic_size_t *place)
{
    return atomic_load_explicit(place, memory_order_acquire);
}

static void log_queue_say(atomic_size_t *place, size_t at)
{
    atomic_store_explicit(place, at, memory_order_release);
}

/* ---- The writer ------------------------------------------------------------------------------ */

static char *log_queue_lose(struct log_queue *queue)
{
    uint64_t lost = atomic_load_explicit(&queue->lost, memory_order_relaxed);
    atomic_store_explicit(&queue->lost, lost + 1, memory_order_relaxed);
    return NULL;
}

/* Where `put` is not before `taken`. At the start again as soon as that has room: the memory that
 * was used last is the nearest. */
static char *log_queue_go_on(struct log_queue *queue, size_t put, size_t taken)
{
    if (taken > queue->max && (put == taken || put >= LOG_QUEUE)) {
        log_queue_say(&queue->wrapped, put);
        log_queue_say(&queue->put, 0);
        return log_queue_at(queue, 0)->text;
    }
    return put < LOG_QUEUE ? log_queue_at(queue, put)->text : log_queue_lose(queue);
}

char *log_queue_room(struct log_queue *queue)
{
    size_t put = atomic_load_explicit(&queue->put, memory_order_relaxed);
    size_t taken = log_queue_read(&queue->taken);
    if (put >= taken) {
        return log_queue_go_on(queue, put, taken);
    }
    return put + queue->max < taken ? log_queue_at(queue, put)->text : log_queue_lose(queue);
}

bool log_queue_put(struct log_queue *queue, size_t n, uint64_t when)
{
    size_t put = atomic_load_explicit(&queue->put, memory_order_relaxed);
    size_t taken = log_queue_read(&queue->taken);
    struct log_queued *line = log_queue_at(queue, put);
    line->when = when;
    line->n = n;
    put += log_queue_size(n);
    atomic_store(&queue->put, put); /* before what the caller looks at then */
    return (put >= taken ? put - taken : put + LOG_QUEUE - taken) > LOG_QUEUE / 2;
}

/* ---- The taker ------------------------------------------------------------------------------- */

const struct log_queued *log_queue_first(struct log_queue *queue)
{
    size_t put = atomic_load(&queue->put), taken = log_queue_read(&queue->taken);
    if (put < taken && taken == log_queue_read(&queue->wrapped)) {
        taken = 0;
        log_queue_say(&queue->taken, taken);
    }
    return put != taken ? log_queue_at(queue, taken) : NULL;
}

void log_queue_take(struct log_queue *queue, const struct log_queued *first)
{
    size_t taken = atomic_load_explicit(&queue->taken, memory_order_relaxed);
    log_queue_say(&queue->taken, taken + log_queue_size(first->n));
}

uint64_t log_queue_count(const struct log_queue *queue)
{
    size_t put = log_queue_read(&queue->put), at = log_queue_read(&queue->taken);
    size_t wrapped = put < at ? log_queue_read(&queue->wrapped) : put;
    uint64_t lines = 0;
    while (at != put) {
        if (at == wrapped) {
            at = 0;
        } else {
            at += log_queue_size(log_queue_at(queue, at)->n);
            lines++;
        }
    }
    return lines;
}
