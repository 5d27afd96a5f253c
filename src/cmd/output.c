/* SPDX-License-Identifier: MIT */
#include "cmd/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define END_MS 200   /* a reader that is alive takes less */
#define END_LOOKS 50 /* at most; our own thread may wait for a processor */

static struct output {
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started; /* there is a thread */
    bool writing; /* it has taken something from `text` and not written all of it */
    size_t len;
    char text[32768];
} streams[] = {
    [OUTPUT_OUT] = { .fd = STDOUT_FILENO,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER },
    [OUTPUT_ERR] = { .fd = STDERR_FILENO,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER },
};

static void output_write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR) {
            return; /* nobody reads it: there is nobody to tell */
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t) n : 0;
    }
}

static void *output_run(void *arg)
{
    struct output *o = arg;
    static _Thread_local char text[sizeof o->text];
    pthread_mutex_lock(&o->lock);
    for (;;) {
        while (o->len == 0) {
            pthread_cond_wait(&o->changed, &o->lock);
        }
        size_t len = o->len;
        memcpy(text, o->text, len);
        o->len = 0;
        o->writing = true;
        pthread_mutex_unlock(&o->lock);
        output_write_all(o->fd, text, len);
        pthread_mutex_lock(&o->lock);
        o->writing = false;
        pthread_cond_broadcast(&o->changed);
    }
    return NULL;
}

static bool output_start(struct output *o)
{
    pthread_t thread;
    if (!o->started && pthread_create(&thread, NULL, output_run, o) == 0) {
        pthread_detach(thread);
        o->started = true;
    }
    return o->started;
}

void output_write(enum output_stream stream, const char *text, size_t len)
{
    struct output *o = &streams[stream];
    pthread_mutex_lock(&o->lock);
    if (output_start(o) && len <= sizeof o->text - o->len) {
        memcpy(o->text + o->len, text, len);
        o->len += len;
        pthread_cond_broadcast(&o->changed);
    }
    pthread_mutex_unlock(&o->lock);
}

void output_vprint(enum output_stream stream, const char *format, va_list args)
{
    static const char cut[] = "...\n";
    char text[OUTPUT_LINE + 1];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n > OUTPUT_LINE) {
        memcpy(text + sizeof text - sizeof cut, cut, sizeof cut);
        n = OUTPUT_LINE;
    }
    if (n > 0) {
        output_write(stream, text, (size_t) n);
    }
}

void output_print(enum output_stream stream, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    output_vprint(stream, format, args);
    va_end(args);
}

/* Whether all is written, after a wait of END_MS at most. With the lock. */
static bool output_await(struct output *o)
{
    struct timespec until;
    int err = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += END_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while ((o->len > 0 || o->writing) && err == 0) {
        err = pthread_cond_timedwait(&o->changed, &o->lock, &until);
    }
    return o->len == 0 && !o->writing;
}

/* There is no room: the reader takes nothing. Else it is the thread that has not come to it. */
static bool output_is_stuck(const struct output *o)
{
    struct pollfd room = { .fd = o->fd, .events = POLLOUT };
    return poll(&room, 1, 0) == 0;
}

void output_end(void)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct output *o = &streams[i];
        pthread_mutex_lock(&o->lock);
        for (int looks = 1; !output_await(o) && looks < END_LOOKS && !output_is_stuck(o); looks++) {
        }
        pthread_mutex_unlock(&o->lock);
    }
}

void output_hold_streams(void)
{
    int fd;
    do {
        fd = open("/", O_PATH | O_DIRECTORY); /* neither read nor written, like a closed one */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}
