/* SPDX-License-Identifier: MIT */
#include "cmd/admin_events.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PERIOD_MS 1000
#define WRITE_MS 3000 /* who does not read for so long is gone; less than a server takes to end */
#define MAX_READERS 32

static const char head[] = "HTTP/1.1 200 OK\r\n"
                           "Content-Type: text/event-stream\r\n"
                           "Cache-Control: no-store\r\n"
                           "Connection: close\r\n\r\n";

/* Its aio sleeps and writes by turns; a callback that finds an end of either ends it. */
struct reader {
    struct reader *next;
    nng_http_conn *conn;
    nng_aio *aio;
    void (*print)(FILE *to);
    bool slept; /* what has ended is a sleep: it is time to write */
    char *text; /* being written */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct reader *readers;
static unsigned nreaders;
static bool ended;

static void admin_events_free(struct reader *reader)
{
    struct reader **at = &readers;
    pthread_mutex_lock(&lock);
    while (*at != reader) {
        at = &(*at)->next;
    }
    *at = reader->next;
    nreaders--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (reader->conn != NULL) {
        nng_http_conn_close(reader->conn);
    }
    nng_aio_reap(reader->aio);
    free(reader->text);
    free(reader);
}

static bool admin_events_write(struct reader *reader, const char *before)
{
    size_t len = 0;
    free(reader->text);
    reader->text = NULL;
    FILE *to = open_memstream(&reader->text, &len);
    if (to == NULL) {
        return false;
    }
    fputs(before, to);
    fputs("data: ", to);
    reader->print(to);
    fputs("\n\n", to);
    if (fclose(to) != 0) {
        return false;
    }
    nng_iov iov = { reader->text, len };
    reader->slept = false;
    nng_aio_set_timeout(reader->aio, WRITE_MS);
    (void) nng_aio_set_iov(reader->aio, 1, &iov);
    nng_http_conn_write_all(reader->conn, reader->aio);
    return true;
}

static bool admin_events_over(void)
{
    pthread_mutex_lock(&lock);
    bool over = ended;
    pthread_mutex_unlock(&lock);
    return over;
}

static void admin_events_done(void *arg)
{
    struct reader *reader = arg;
    bool goes_on = nng_aio_result(reader->aio) == 0 && !admin_events_over();
    if (goes_on && !reader->slept) {
        reader->slept = true;
        nng_aio_set_timeout(reader->aio, NNG_DURATION_INFINITE);
        nng_sleep_aio(PERIOD_MS, reader->aio);
    } else if (!goes_on || !admin_events_write(reader, "")) {
        admin_events_free(reader);
    }
}

/* One more in the list, unless there are too many, or it is over. */
static struct reader *admin_events_new(void (*print)(FILE *to))
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || nng_aio_alloc(&reader->aio, admin_events_done, reader) != 0) {
        free(reader);
        return NULL;
    }
    reader->print = print;
    pthread_mutex_lock(&lock);
    bool room = !ended && nreaders < MAX_READERS;
    if (room) {
        reader->next = readers;
        readers = reader;
        nreaders++;
    }
    pthread_mutex_unlock(&lock);
    if (!room) {
        nng_aio_free(reader->aio);
        free(reader);
        return NULL;
    }
    return reader;
}

void admin_events_begin(nng_aio *aio, void (*print)(FILE *to))
{
    nng_http_conn *conn = nng_aio_get_input(aio, 2);
    nng_http_req *req = nng_aio_get_input(aio, 0);
    struct reader *reader = admin_events_new(print);
    if (reader != NULL && nng_http_hijack(conn) != 0) {
        admin_events_free(reader);
        reader = NULL;
    }
    if (reader == NULL) {
        nng_aio_finish(aio, NNG_EAGAIN);
        return;
    }
    reader->conn = conn;
    nng_http_req_free(req);
    nng_aio_finish(aio, 0);
    if (!admin_events_write(reader, head)) {
        admin_events_free(reader);
    }
}

void admin_events_end(void)
{
    pthread_mutex_lock(&lock);
    ended = true;
    for (struct reader *reader = readers; reader != NULL; reader = reader->next) {
        nng_aio_abort(reader->aio, NNG_ECANCELED);
    }
    while (nreaders > 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}
