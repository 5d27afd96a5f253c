/* SPDX-License-Identifier: MIT */
#include "http/listing.h"

#include "io/workers.h"
#include "wire/chars.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ENTRIES 10000U /* more are counted, and not shown */
#define SIZE_ROOM 24
#define DATE_ROOM 32

struct nu_listing {
    struct nu_task task;
    struct nu_loop *loop;
    void (*done)(void *arg);
    void *arg;
    int fd;
    bool top;
    bool good; /* it could be read */
    struct nu_buf page;
    char title[];
};

struct entry {
    char *name;
    mode_t type;
    uint64_t size;
    time_t modified;
};

struct entries {
    struct entry *v;
    size_t n, cap, left_out;
};

/* ---- Reading ------------------------------------------------------------------------------ */

static void listing_free_entries(struct entries *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->v[i].name);
    }
    free(all->v);
}

/* Links are shown as such: what they lead to may be none of the client's business. */
static bool listing_is_shown(mode_t type)
{
    return type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
}

/* False: no memory. */
static bool listing_add(struct entries *all, const char *name, const struct stat *st)
{
    if (all->n == MAX_ENTRIES) {
        all->left_out++;
        return true;
    }
    if (all->n == all->cap) {
        size_t cap = all->cap > 0 ? 2 * all->cap : 64;
        struct entry *v = realloc(all->v, cap * sizeof *v);
        if (v == NULL) {
            return false;
        }
        all->v = v;
        all->cap = cap;
    }
    struct entry entry = { strdup(name), st->st_mode & S_IFMT, (uint64_t) st->st_size,
                           st->st_mtime };
    if (entry.name == NULL) {
        return false;
    }
    all->v[all->n++] = entry;
    return true;
}

static bool listing_read(DIR *dir, struct entries *all)
{
    const struct dirent *entry;
    struct stat st;
    bool good = true;
    errno = 0;
    while (good && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            listing_is_shown(st.st_mode & S_IFMT)) {
            good = listing_add(all, entry->d_name, &st);
        }
        errno = 0; /* one that has gone meanwhile is no error */
    }
    return good && errno == 0;
}

static int listing_compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    bool dx = x->type == S_IFDIR, dy = y->type == S_IFDIR;
    return dx != dy ? dy - dx : strcmp(x->name, y->name);
}

/* ---- The page ----------------------------------------------------------------------------- */

static void listing_print_text(struct nu_buf *page, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            nu_buf_str(page, "&amp;");
            break;
        case '<':
            nu_buf_str(page, "&lt;");
            break;
        case '>':
            nu_buf_str(page, "&gt;");
            break;
        case '"':
            nu_buf_str(page, "&quot;");
            break;
        case '\'':
            nu_buf_str(page, "&#39;");
            break;
        default:
            nu_buf_add(page, text, 1);
            break;
        }
    }
}

/* As a relative reference: everything that could mean something there, or in HTML, is escaped. */
static void listing_print_link(struct nu_buf *page, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *name != '\0'; name++) {
        unsigned char byte = (unsigned char) *name;
        char escape[3] = { '%', hex[byte >> 4], hex[byte & 15] };
        bool plain = (nu_chars[byte] & NU_CHAR_PLAIN) != 0;
        nu_buf_add(page, plain ? name : escape, plain ? 1 : sizeof escape);
    }
}

static void listing_print_size(const struct entry *entry, char text[SIZE_ROOM])
{
    static const char units[] = "KMGTPE";
    uint64_t tenths = entry->size / 1024 * 10 + entry->size % 1024 * 10 / 1024;
    unsigned unit = 0;
    if (entry->type != S_IFREG) {
        snprintf(text, SIZE_ROOM, "-");
        return;
    }
    if (entry->size < 1024) {
        snprintf(text, SIZE_ROOM, "%u", (unsigned) entry->size);
        return;
    }
    for (; tenths >= 10240; tenths /= 1024) {
        unit++;
    }
    snprintf(text, SIZE_ROOM, "%u.%u %ciB", (unsigned) (tenths / 10), (unsigned) (tenths % 10),
             units[unit]);
}

static void listing_print_entry(struct nu_buf *page, const struct entry *entry)
{
    char size[SIZE_ROOM], date[DATE_ROOM] = "";
    struct tm tm;
    const char *slash = entry->type == S_IFDIR ? "/" : "";
    if (gmtime_r(&entry->modified, &tm) != NULL) {
        strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
    }
    listing_print_size(entry, size);
    nu_buf_str(page, "<tr><td><a href=\"./");
    listing_print_link(page, entry->name);
    nu_buf_str(page, slash);
    nu_buf_str(page, "\">");
    listing_print_text(page, entry->name);
    nu_buf_str(page, slash);
    nu_buf_str(page, "</a></td><td>");
    nu_buf_str(page, date);
    nu_buf_str(page, "</td><td>");
    nu_buf_str(page, size);
    nu_buf_str(page, "</td></tr>\n");
}

static void listing_print(struct nu_listing *listing, const struct entries *all)
{
    struct nu_buf *page = &listing->page;
    nu_buf_str(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width\"><title>Index of ");
    listing_print_text(page, listing->title);
    nu_buf_str(page, "</title><style>body{font:1em sans-serif;margin:2em}td,th{text-align:left;"
                     "padding:.1em 2em .1em 0}td+td{white-space:nowrap}td:last-child,th:last-child"
                     "{text-align:right}</style></head>\n<body><h1>Index of ");
    listing_print_text(page, listing->title);
    nu_buf_str(page, "</h1>\n<table><tr><th>Name</th><th>Modified (UTC)</th><th>Size</th></tr>\n");
    if (!listing->top) {
        nu_buf_str(page, "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for (size_t i = 0; i < all->n; i++) {
        listing_print_entry(page, &all->v[i]);
    }
    nu_buf_str(page, "</table>\n");
    if (all->left_out > 0) {
        nu_buf_str(page, "<p>And ");
        nu_buf_u64(page, all->left_out);
        nu_buf_str(page, " more.</p>\n");
    }
    nu_buf_str(page, "</body></html>\n");
}

/* ---- Life --------------------------------------------------------------------------------- */

static void listing_make(struct nu_listing *listing)
{
    struct entries all = { 0 };
    DIR *dir = fdopendir(listing->fd);
    if (dir == NULL) {
        return;
    }
    listing->fd = -1;
    if (listing_read(dir, &all)) {
        if (all.n > 0) {
            qsort(all.v, all.n, sizeof *all.v, listing_compare);
        }
        listing_print(listing, &all);
        listing->good = nu_buf_error(&listing->page) == 0;
    }
    closedir(dir);
    listing_free_entries(&all);
}

static void listing_deliver(struct nu_task *task)
{
    struct nu_listing *listing = nu_container(task, struct nu_listing, task);
    listing->done(listing->arg);
}

/* On a worker. */
static void listing_run(struct nu_task *task)
{
    struct nu_listing *listing = nu_container(task, struct nu_listing, task);
    struct nu_loop *loop = listing->loop;
    listing_make(listing);
    nu_task_init(&listing->task, listing_deliver);
    nu_loop_post(loop, &listing->task);
    nu_loop_external_end(loop);
}

struct nu_listing *nu_listing_start(struct nu_loop *loop, int fd, const char *title, bool top,
                                    void (*done)(void *arg), void *arg)
{
    size_t n = strlen(title) + 1;
    struct nu_listing *listing = calloc(1, sizeof *listing + n);
    if (listing == NULL) {
        close(fd);
        return NULL;
    }
    listing->loop = loop;
    listing->done = done;
    listing->arg = arg;
    listing->fd = fd;
    listing->top = top;
    memcpy(listing->title, title, n);
    nu_task_init(&listing->task, listing_run);
    if (!nu_workers_post(loop, &listing->task, true)) { /* else the loop waits for it */
        nu_loop_external_begin(loop);
        listing_run(&listing->task);
    }
    return listing;
}

const struct nu_buf *nu_listing_page(const struct nu_listing *listing)
{
    return listing->good ? &listing->page : NULL;
}

void nu_listing_free(struct nu_listing *listing)
{
    if (listing != NULL) {
        if (listing->fd >= 0) {
            close(listing->fd);
        }
        nu_buf_free(&listing->page);
        free(listing);
    }
}
