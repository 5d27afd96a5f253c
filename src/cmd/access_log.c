/* SPDX-License-Identifier: MIT */
#include "cmd/access_log.h"

#include "cmd/complain.h"
#include "cmd/log_line.h"
#include "cmd/log_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define GATHER ((size_t) 128 << 10) /* bytes that are written at once */
#define NAP_MS 100                  /* what comes meanwhile is written together, and wakes nobody */
#define SAY_S 10                    /* what is lost is said once in so many seconds */
#define PATIENCE_MS 2000            /* with a write under way */

static const char *const formats[] = { "common", "combined", "json" };

/* A loop's lines; it stays when the loop ends. */
struct access_log_lane {
    struct access_log_lane *next;
    struct log_queue queue;
};

enum access_log_rest {
    ACCESS_LOG_BUSY,
    ACCESS_LOG_NAPS,   /* for NAP_MS, unless a queue is half full */
    ACCESS_LOG_SLEEPS, /* until there is a line */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    const char *path; /* NULL: there is no log */
    enum log_format format;
    int fd;
    bool made;                         /* its file was not there before */
    int next_fd;                       /* to go on with; -1: none */
    _Atomic enum access_log_rest rest; /* the thread's; whoever wakes it says that it is busy */
    bool ended;                        /* it is to write what is left, and end */
    bool over;                         /* it has */
    bool torn;                         /* the file's last line is there in part: the thread's */
    char *text;                        /* that it has taken off the queues, of GATHER bytes */
    atomic_uint_least64_t gathered;    /* lines of it */
    atomic_uint_least64_t lost;        /* but for what found no room in its queue */
    uint64_t told;                     /* of all that were lost */
    time_t said;
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .next_fd = -1 };

static struct access_log_lane *_Atomic lanes;
static _Thread_local struct access_log_lane *mine;

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

static uint64_t access_log_count(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (const char *p = text; (p = memchr(p, '\n', len - (size_t) (p - text))) != NULL; p++) {
        lines++;
    }
    return lines;
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

static uint64_t access_log_lost(void)
{
    uint64_t lost = atomic_load(&journal.lost);
    for (struct access_log_lane *lane = atomic_load(&lanes); lane != NULL; lane = lane->next) {
        lost += atomic_load(&lane->queue.lost);
    }
    return lost;
}

/* With the lock held: seldom, or at the end. */
static void access_log_say_lost(void)
{
    struct timespec now;
    uint64_t lost = access_log_lost();
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (lost > journal.told &&
        (journal.ended || journal.said == 0 || now.tv_sec - journal.said >= SAY_S)) {
        complain("%ju lines of the access log were lost: %s takes them too slowly, or not at all",
                 (uintmax_t) (lost - journal.told), journal.path);
        journal.told = lost;
        journal.said = now.tv_sec;
    }
}

static void access_log_write_gathered(size_t len)
{
    atomic_fetch_add(&journal.lost, access_log_write(journal.fd, journal.text, len));
    atomic_store(&journal.gathered, 0);
}

static uint64_t access_log_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

/* Whose line is the first of all, up to that time; NULL: nobody's. */
static struct log_queue *access_log_find_first(uint64_t until, const struct log_queued **first)
{
    struct log_queue *queue = NULL;
    for (struct access_log_lane *lane = atomic_load(&lanes); lane != NULL; lane = lane->next) {
        const struct log_queued *line = log_queue_first(&lane->queue);
        if (line != NULL && line->when <= until) {
            until = line->when;
            *first = line;
            queue = &lane->queue;
        }
    }
    return queue;
}

/* Whether there was something. Lines of all loops are in the order of requests: who asks once more
 * when it is answered has the second line behind the first one, for those from now on are left. */
static bool access_log_write_lines(void)
{
    const struct log_queued *line;
    struct log_queue *queue;
    uint64_t until = access_log_now(), lines = 0;
    bool some = false;
    size_t len = 0;
    while ((queue = access_log_find_first(until, &line)) != NULL) {
        memcpy(journal.text + len, line->text, line->n);
        len += line->n;
        some = true;
        atomic_store_explicit(&journal.gathered, ++lines, memory_order_relaxed);
        log_queue_take(queue, line);
        if (len > GATHER - LOG_LINE_MAX) {
            access_log_write_gathered(len);
            len = 0;
            lines = 0;
        }
    }
    access_log_write_gathered(len);
    return some;
}

static bool access_log_is_empty(void)
{
    const struct log_queued *line;
    return access_log_find_first(UINT64_MAX, &line) == NULL;
}

static struct timespec access_log_after_ms(long ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* With the lock held, but for that time. */
static void access_log_rest(enum access_log_rest rest)
{
    struct timespec until = access_log_after_ms(NAP_MS);
    int err = 0;
    atomic_store(&journal.rest, rest);
    if (rest == ACCESS_LOG_SLEEPS && !access_log_is_empty()) {
        atomic_store(&journal.rest, ACCESS_LOG_BUSY); /* its writer has not seen it sleep */
    }
    while (err == 0 && !journal.ended && journal.next_fd < 0 &&
           atomic_load(&journal.rest) != ACCESS_LOG_BUSY) {
        err = rest == ACCESS_LOG_NAPS
                  ? pthread_cond_timedwait(&journal.changed, &journal.lock, &until)
                  : pthread_cond_wait(&journal.changed, &journal.lock);
    }
    atomic_store(&journal.rest, ACCESS_LOG_BUSY);
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
    bool some = true, last = false;
    pthread_mutex_lock(&journal.lock);
    while (some || !last) {
        last = journal.ended; /* what came until then is seen now */
        pthread_mutex_unlock(&journal.lock);
        some = access_log_write_lines();
        pthread_mutex_lock(&journal.lock);
        access_log_say_lost();
        if (journal.next_fd >= 0) {
            access_log_change();
        }
        access_log_rest(some ? ACCESS_LOG_NAPS : ACCESS_LOG_SLEEPS);
    }
    journal.over = true;
    pthread_cond_broadcast(&journal.changed);
    pthread_mutex_unlock(&journal.lock);
    return arg;
}

/* ---- From outside ------------------------------------------------------------------------- */

static struct access_log_lane *access_log_join(void)
{
    struct access_log_lane *lane = malloc(sizeof *lane);
    if (lane == NULL || !log_queue_init(&lane->queue, LOG_LINE_MAX)) {
        free(lane);
        atomic_fetch_add(&journal.lost, 1);
        return NULL;
    }
    lane->next = atomic_load(&lanes);
    while (!atomic_compare_exchange_weak(&lanes, &lane->next, lane)) {
    }
    return lane;
}

static void access_log_wake(void)
{
    pthread_mutex_lock(&journal.lock);
    atomic_store(&journal.rest, ACCESS_LOG_BUSY);
    pthread_cond_broadcast(&journal.changed);
    pthread_mutex_unlock(&journal.lock);
}

void access_log_add(const nng_uring_request *request)
{
    if (journal.path == NULL || (mine == NULL && (mine = access_log_join()) == NULL)) {
        return;
    }
    char *line = log_queue_room(&mine->queue);
    if (line == NULL) {
        return;
    }
    bool half =
        log_queue_put(&mine->queue, log_line_print(line, journal.format, request), request->ended);
    enum access_log_rest rest = atomic_load(&journal.rest);
    if (rest == ACCESS_LOG_SLEEPS || (half && rest == ACCESS_LOG_NAPS)) {
        access_log_wake();
    }
}

static bool access_log_is_stdout(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* A pipe without a reader is not waited for. `made`: there was no such file. */
static int access_log_open_file(const char *path, bool *made)
{
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    bool out = access_log_is_stdout(path);
    int fd = out ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, flags | O_EXCL, 0640);
    *made = !out && fd >= 0;
    if (fd < 0 && !out && errno == EEXIST) {
        fd = open(path, flags, 0640);
    }
    if (fd < 0) {
        complain("--access-log %s cannot be opened: %m", path);
    }
    return fd;
}

/* Whether root alone says what is in a directory. */
static bool access_log_is_roots_directory(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
           ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (st.st_mode & S_ISVTX) != 0);
}

/* Whether root alone says what file that is: in all directories on the way, too. */
static bool access_log_is_roots_path(const char *path)
{
    char part[PATH_MAX];
    bool good =
        strlen(path) < sizeof part && access_log_is_roots_directory(*path == '/' ? "/" : ".");
    for (const char *p = strchr(path, '/'); good && p != NULL; p = strchr(p + 1, '/')) {
        size_t n = (size_t) (p - path);
        memcpy(part, path, n);
        part[n] = '\0';
        good = n == 0 || access_log_is_roots_directory(part);
    }
    return good;
}

/* Nobody who can make links, or rename, where the log is has another file of root's given to him.
 */
static bool access_log_is_to_give(const struct stat *st)
{
    struct stat named;
    return journal.made || (st->st_nlink == 1 && access_log_is_roots_path(journal.path) &&
                            lstat(journal.path, &named) == 0 && named.st_dev == st->st_dev &&
                            named.st_ino == st->st_ino);
}

void access_log_give(uid_t uid)
{
    static const char stays[] = "stays root's, and SIGHUP will not open it anew";
    const char *path = journal.path;
    struct stat st;
    if (path == NULL || access_log_is_stdout(path) || fstat(journal.fd, &st) != 0 ||
        !S_ISREG(st.st_mode) || st.st_uid != 0) {
        return;
    }
    if (!access_log_is_to_give(&st)) {
        complain("--access-log %s %s: others than root may say what file has that name", path,
                 stays);
    } else if (fchown(journal.fd, uid, (gid_t) -1) != 0) {
        complain("--access-log %s %s: %m", path, stays);
    }
}

int access_log_open(const char *path, const char *format)
{
    pthread_condattr_t attr;
    journal.format = (enum log_format) access_log_format(format);
    journal.fd = access_log_open_file(path, &journal.made);
    if (journal.fd < 0) {
        return SERVE_FAILED;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&journal.changed, &attr);
    pthread_condattr_destroy(&attr);
    journal.text = malloc(GATHER);
    errno =
        journal.text != NULL ? pthread_create(&journal.thread, NULL, access_log_run, NULL) : ENOMEM;
    if (errno != 0) {
        return complain("no access log: %m");
    }
    journal.path = path;
    return SERVE_OK;
}

bool access_log_reopen(void)
{
    struct timespec until = access_log_after_ms(PATIENCE_MS);
    bool made;
    int err = 0, fd = journal.path != NULL ? access_log_open_file(journal.path, &made) : -1;
    if (fd < 0) {
        return journal.path == NULL;
    }
    pthread_mutex_lock(&journal.lock);
    if (journal.next_fd >= 0) {
        close(journal.next_fd);
    }
    journal.next_fd = fd;
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

static void access_log_free_lanes(void)
{
    struct access_log_lane *lane = atomic_exchange(&lanes, NULL), *next;
    for (; lane != NULL; lane = next) {
        next = lane->next;
        log_queue_free(&lane->queue);
        free(lane);
    }
}

/* What is in the queues is not going to be written. */
static void access_log_lose_all(void)
{
    atomic_fetch_add(&journal.lost, atomic_load(&journal.gathered));
    for (struct access_log_lane *lane = atomic_load(&lanes); lane != NULL; lane = lane->next) {
        atomic_fetch_add(&journal.lost, log_queue_count(&lane->queue));
    }
    access_log_say_lost();
}

/* No loop adds lines any more. The thread may hang in a write: then it stays, and what it holds. */
void access_log_close(void)
{
    struct timespec until = access_log_after_ms(PATIENCE_MS);
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
        access_log_lose_all();
    }
    pthread_mutex_unlock(&journal.lock);
    if (over) {
        pthread_join(journal.thread, NULL);
        close(journal.fd);
        access_log_free_lanes();
        free(journal.text);
        journal.path = NULL;
    }
}
