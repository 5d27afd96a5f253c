/* SPDX-License-Identifier: MIT */
/*
 * Lines on their way from the one thread that writes them, which waits for nobody, to the one that
 * takes them off. They lie in a ring of bytes, each line in one piece: who writes one has room for
 * the longest, and says then how long it is.
 */
#ifndef NU_CMD_LOG_QUEUE_H
#define NU_CMD_LOG_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_QUEUE ((size_t) 1 << 20) /* bytes of the ring in which a line may begin */

struct log_queued {
    uint64_t when; /* as its writer says */
    size_t n;
    char text[];
};

struct log_queue {
    char *ring;                 /* LOG_QUEUE bytes, and `max` behind them; constant */
    size_t max;                 /* bytes of the longest line, and what goes with it; constant */
    atomic_size_t put;          /* where the next line goes: the writer's */
    atomic_size_t taken;        /* up to where lines were taken off: the taker's */
    atomic_size_t wrapped;      /* while `put` is before `taken`, where lines end: the writer's */
    atomic_uint_least64_t lost; /* lines that found no room: the writer's */
};

/* False: no memory. */
bool log_queue_init(struct log_queue *queue, size_t max);
void log_queue_free(struct log_queue *queue);

/* ---- The writer ------------------------------------------------------------------------------ */

/* Where the next line may be written; NULL: there is no room, and it is lost, which is counted. */
char *log_queue_room(struct log_queue *queue);

/* Its line is there, and has so many bytes. Whether the queue is half full. */
bool log_queue_put(struct log_queue *queue, size_t n, uint64_t when);

/* ---- The taker ------------------------------------------------------------------------------- */

/* The first line that is there; NULL: there is none. */
const struct log_queued *log_queue_first(struct log_queue *queue);
void log_queue_take(struct log_queue *queue, const struct log_queued *first);

/* How many lines are left when it has no writer any more. Any thread. */
uint64_t log_queue_count(const struct log_queue *queue);

#endif
