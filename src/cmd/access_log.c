/* SPDX-License-Identifier: MIT */
#include "cmd/access_log.h"

#include "cmd/complain.h"
#include "cmd/log_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define QUEUE ((size_t) 1 << 20) /* bytes that wait to be written */
#define GATHER_MS 20             /* what comes meanwhile is written, too, and wakes nobody */
#define SAY_S 10                 /* what is lost is said once in so many seconds */
#define PATIENCE_S 2             /* with a write under way */

static const char *const formats[] = { "common", "combined", "json" };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    const char *path; /* NULL: there is no log */
    enum log_format format;
    int fd;
    int next_fd; /* to go on with; -1: none */
    char *text;  /* of QUEUE bytes, and another one that is being written */
    char *writing;
    size_t len, writing_len;
    bool asleep; /* the thread waits for something to do */
    bool ended;  /* it is to write what is left, and end */
    bool over;   /* it has */
    bool torn;   /* the file's last line is there in part: the thread's */
    uint64_t lost;
    time_t said;
} journal = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fd = -1, .next_fd = -1
};

static int access_log_format(const char *name)
{
    int i = 2;
    while (i >= 0 && strcmp(formats[i], name) != 0) {
        i--;
    }
    return i;
}

bool access_log_knows(const char *format)
{
    return access_log_format(format) >= 0;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static uint64_t access_log_count(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (const char *p = text; (p = memchr(p, '\n', len - (size_t) (p - text))) != NULL; p++) {
        lines++;
    }
    return lines;
}

/* Whether it can be tried again: a terminal or a pipe that others use may not wait by itself. */
static bool access_log_again(int fd, int err)
{
    struct pollfd room = { .fd = fd, .events = POLLOUT };
    return err == EINTR || (err == EAGAIN && poll(&room, 1, -1) == 1);
}

/* What is left when no more can be written. */
static size_t access_log_write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && !access_log_again(fd, errno)) {
            return len;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t) n : 0;
    }
    return 0;
}

/* How many lines could not be written. One that was torn when the disk was full ends before another
 * begins; it is not cut off, for others may append to the file. */
static uint64_t access_log_write(int fd, const char *text, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (journal.torn && access_log_write_all(fd, "\n", 1) > 0) {
        return access_log_count(text, len);
    }
    size_t left = access_log_write_all(fd, text, len);
    journal.torn = left > 0 && left < len && text[len - left - 1] != '\n';
    return access_log_count(text + len - left, left);
}

/* With the lock held: seldom, or at the end. */
static void access_log_say_lost(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (journal.lost > 0 &&
        (journal.ended || journal.said == 0 || now.tv_sec - journal.said >= SAY_S)) {
        complain("%ju lines of the access log were lost: %s takes them too slowly, or not at all",
                 (uintmax_t) journal.lost, journal.path);
        journal.lost = 0;
        journal.said = now.tv_sec;
    }
}

static void access_log_gather(void)
{
    struct timespec pause = { 0, GATHER_MS * 1000000L };
    if (!journal.ended && journal.len < QUEUE / 2) {
        pthread_mutex_unlock(&journal.lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&journal.lock);
    }
}

/* With the lock held, but for the time that it takes. */
static void access_log_write_queue(void)
{
    char *text = journal.text;
    size_t len = journal.len;
    journal.text = journal.writing;
    journal.writing = text;
    journal.len = 0;
    journal.writing_len = len;
    pthread_mutex_unlock(&journal.lock);
    uint64_t lost = access_log_write(journal.fd, text, len);
    pthread_mutex_lock(&journal.lock);
    journal.writing_len = 0;
    journal.lost += lost;
    access_log_say_lost();
}

/* It was opened anew, but not put elsewhere. */
static bool access_log_is_same(int a, int b)
{
    struct stat sa, sb;
    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

/* With the lock held, but for the time that a close may take. */
static void access_log_change(void)
{
    int old = journal.fd;
    journal.fd = journal.next_fd;
    journal.next_fd = -1;
    journal.torn = journal.torn && access_log_is_same(old, journal.fd);
    pthread_cond_broadcast(&journal.changed);
    pthread_mutex_unlock(&journal.lock);
    close(old);
    pthread_mutex_lock(&journal.lock);
}

static void *access_log_run(void *arg)
{
    pthread_mutex_lock(&journal.lock);
    while (journal.len > 0 || !journal.ended) {
        journal.asleep = journal.len == 0 && journal.next_fd < 0;
        while (journal.asleep && !journal.ended) {
            pthread_cond_wait(&journal.changed, &journal.lock);
        }
        journal.asleep = false;
        access_log_gather();
        access_log_write_queue();
        if (journal.next_fd >= 0) {
            access_log_change();
        }
    }
    journal.over = true;
    pthread_cond_broadcast(&journal.changed);
    pthread_mutex_unlock(&journal.lock);
    return arg;
}

/* ---- From outside ------------------------------------------------------------------------- */

void access_log_add(const nng_uring_request *request)
{
    char line[LOG_LINE_MAX];
    if (journal.path == NULL) {
        return;
    }
    size_t n = log_line_print(line, journal.format, request);
    pthread_mutex_lock(&journal.lock);
    if (n <= QUEUE - journal.len) {
        memcpy(journal.text + journal.len, line, n);
        journal.len += n;
    } else {
        journal.lost++;
    }
    bool wake = journal.asleep;
    journal.asleep = false;
    pthread_mutex_unlock(&journal.lock);
    if (wake) {
        pthread_cond_broadcast(&journal.changed);
    }
}

/* A pipe without a reader is not waited for. */
static int access_log_open_file(const char *path)
{
    int fd =
        strcmp(path, "-") == 0
            ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
            : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0) {
        complain("--access-log %s cannot be opened: %m", path);
    }
    return fd;
}

int access_log_open(const char *path, const char *format)
{
    journal.format = (enum log_format) access_log_format(format);
    journal.fd = access_log_open_file(path);
    if (journal.fd < 0) {
        return SERVE_FAILED;
    }
    journal.text = malloc(QUEUE);
    journal.writing = malloc(QUEUE);
    errno = journal.text != NULL && journal.writing != NULL
                ? pthread_create(&journal.thread, NULL, access_log_run, NULL)
                : ENOMEM;
    if (errno != 0) {
        return complain("no access log: %m");
    }
    journal.path = path;
    return SERVE_OK;
}

/* A while from now, for pthread_cond_timedwait(). */
static struct timespec access_log_patience(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return until;
}

bool access_log_reopen(void)
{
    struct timespec until = access_log_patience();
    int err = 0, fd = journal.path != NULL ? access_log_open_file(journal.path) : -1;
    if (fd < 0) {
        return journal.path == NULL;
    }
    pthread_mutex_lock(&journal.lock);
    if (journal.next_fd >= 0) {
        close(journal.next_fd);
    }
    journal.next_fd = fd;
    journal.asleep = false;
    pthread_cond_broadcast(&journal.changed);
    while (journal.next_fd >= 0 && err == 0) {
        err = pthread_cond_timedwait(&journal.changed, &journal.lock, &until);
    }
    bool changed = journal.next_fd < 0;
    pthread_mutex_unlock(&journal.lock);
    if (!changed) {
        complain("--access-log %s: the file from before is still being written", journal.path);
    }
    return changed;
}

/* The thread may hang in a write: then it stays, and what it holds. */
void access_log_close(void)
{
    struct timespec until = access_log_patience();
    int err = 0;
    if (journal.path == NULL) {
        return;
    }
    pthread_mutex_lock(&journal.lock);
    journal.ended = true;
    pthread_cond_broadcast(&journal.changed);
    while (!journal.over && err == 0) {
        err = pthread_cond_timedwait(&journal.changed, &journal.lock, &until);
    }
    bool over = journal.over;
    if (!over) {
        journal.lost += access_log_count(journal.text, journal.len) +
                        access_log_count(journal.writing, journal.writing_len);
        access_log_say_lost();
    }
    pthread_mutex_unlock(&journal.lock);
    if (over) {
        pthread_join(journal.thread, NULL);
        close(journal.fd);
        free(journal.text);
        free(journal.writing);
        journal.path = NULL;
    }
}
