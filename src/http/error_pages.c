/* SPDX-License-Identifier: MIT */
#include "http/error_pages.h"

#include "base/buf.h"
#include "base/error.h"
#include "io/runtime.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 4096U
#define MAX_FILE ((size_t) 16 * 1024 * 1024)

struct page {
    struct nu_list link;
    uint16_t status;
    size_t size;
    char data[];
};

void nu_error_pages_init(struct nu_error_pages *pages)
{
    pthread_mutex_init(&pages->lock, NULL);
    atomic_init(&pages->any, false);
    nu_list_init(&pages->list);
}

void nu_error_pages_fini(struct nu_error_pages *pages)
{
    struct nu_list *next;
    for (struct nu_list *n = pages->list.next; n != &pages->list; n = next) {
        next = n->next;
        free(nu_container(n, struct page, link));
    }
    pthread_mutex_destroy(&pages->lock);
}

/* With the lock held. */
static struct page *error_pages_find(const struct nu_error_pages *pages, uint16_t status)
{
    for (struct nu_list *n = pages->list.next; n != &pages->list; n = n->next) {
        struct page *page = nu_container(n, struct page, link);
        if (page->status == status) {
            return page;
        }
    }
    return NULL;
}

int nu_error_pages_set(struct nu_error_pages *pages, uint16_t status, const char *data, size_t size)
{
    if (status < 100 || status > 999) {
        return NNG_EINVAL;
    }
    int err = nu_runtime_check_fork();
    if (err != 0) {
        return err;
    }
    struct page *page = malloc(sizeof *page + size);
    if (page == NULL) {
        return NNG_ENOMEM;
    }
    page->status = status;
    page->size = size;
    if (size > 0) {
        memcpy(page->data, data, size);
    }
    pthread_mutex_lock(&pages->lock);
    struct page *old = error_pages_find(pages, status);
    if (old != NULL) {
        nu_list_remove(&old->link);
    }
    nu_list_append(&pages->list, &page->link);
    atomic_store(&pages->any, true);
    pthread_mutex_unlock(&pages->lock);
    free(old);
    return 0;
}

int nu_error_pages_apply(struct nu_error_pages *pages, nng_http_res *res)
{
    int err = 0;
    if (!res->error_page || !atomic_load_explicit(&pages->any, memory_order_relaxed)) {
        return 0;
    }
    pthread_mutex_lock(&pages->lock);
    const struct page *page = error_pages_find(pages, res->status);
    if (page != NULL) {
        err = nng_http_res_copy_data(res, page->data, page->size);
    }
    pthread_mutex_unlock(&pages->lock);
    return err;
}

/* ---- Setting them ------------------------------------------------------------------------- */

/* Of a pipe there may be nothing yet, or a part. */
static int error_pages_read_all(int fd, struct nu_buf *buf)
{
    struct stat st;
    ssize_t n = 1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return NNG_EINVAL;
    }
    while (n != 0 && buf->len <= MAX_FILE) {
        if (nu_buf_reserve(buf, PIECE) != 0) {
            return NNG_ENOMEM;
        }
        n = read(fd, buf->data + buf->len, PIECE);
        if (n < 0 && errno != EINTR) {
            return nu_error_from_errno(errno);
        }
        buf->len += n > 0 ? (size_t) n : 0;
    }
    return n == 0 ? 0 : NNG_EMSGSIZE;
}

int nu_error_pages_load(struct nu_error_pages *pages, uint16_t status, const char *path)
{
    struct nu_buf buf = { 0 };
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return path == NULL ? NNG_EINVAL : nu_error_from_errno(errno);
    }
    int err = error_pages_read_all(fd, &buf);
    close(fd);
    if (err == 0) {
        err = nu_error_pages_set(pages, status, buf.data, buf.len);
    }
    nu_buf_free(&buf);
    return err;
}
