/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS "HTTP/1.1 200"
#define STATUS_LEN (sizeof STATUS - 1)

struct fields {
    const char *length; /* the value of Content-Length */
    bool close;
};

static struct fields find_fields(const char *head, size_t len)
{
    struct fields found = { 0 };
    const char *end = head + len - 2, *line, *next;
    for (line = memchr(head, '\n', len); line + 1 < end; line = next) {
        line++;
        next = memchr(line, '\n', (size_t) (end + 2 - line));
        if (strncasecmp(line, "Content-Length:", 15) == 0) {
            for (line += 15; *line == ' '; line++) {
            }
            found.length = line;
        } else if (strncasecmp(line, "Connection: close", 17) == 0) {
            found.close = true;
        }
    }
    return found;
}

/* A whole head, blank line and all. */
static const char *parse(struct reply *reply, struct reply_model *model, const char *head,
                         size_t len)
{
    if (len < STATUS_LEN || memcmp(head, STATUS, STATUS_LEN) != 0) {
        return "the status is not 200";
    }
    struct fields found = find_fields(head, len);
    if (found.length == NULL || *found.length < '0' || *found.length > '9') {
        return "there is no Content-Length";
    }
    char *end;
    uint64_t body = strtoull(found.length, &end, 10);
    if (*end != '\r') {
        return "Content-Length is not a number";
    }
    if (model->body == UINT64_MAX) {
        model->body = body;
    }
    if (body != model->body) {
        return "Content-Length is not what it should be";
    }
    reply->body_left = body;
    reply->closing = found.close;
    if (!model->known && !found.close) {
        memcpy(model->head, head, len);
        model->head_len = len;
        model->length_at = (size_t) (found.length - head);
        model->length_len = (size_t) (end - found.length) + 2;
        model->known = true;
    }
    return NULL;
}

static bool resembles(const struct reply_model *model, const char *head)
{
    return memcmp(head, STATUS, STATUS_LEN) == 0 &&
           memcmp(head + model->length_at, model->head + model->length_at, model->length_len) ==
               0 &&
           memcmp(head + model->head_len - 4, "\r\n\r\n", 4) == 0;
}

/* A head that begins with `have` bytes in reply->head, or here; returns what it takes of data. */
static size_t take_head(struct reply *reply, struct reply_model *model, const char *data,
                        size_t len, bool *whole, const char **why)
{
    *whole = true;
    if (reply->have == 0 && model->known && len >= model->head_len && resembles(model, data)) {
        reply->body_left = model->body;
        reply->closing = false;
        return model->head_len;
    }
    size_t had = reply->have, room = REPLY_HEAD - had, n = len < room ? len : room;
    memcpy(reply->head + had, data, n);
    const char *end = memmem(reply->head, had + n, "\r\n\r\n", 4);
    if (end == NULL) {
        reply->have = (unsigned) (had + n);
        *whole = false;
        *why = n < len || had + n == REPLY_HEAD ? "the head is too long" : NULL;
        return n;
    }
    size_t size = (size_t) (end + 4 - reply->head);
    *why = parse(reply, model, reply->head, size);
    reply->have = 0;
    return size - had;
}

bool reply_feed(struct reply *reply, struct reply_model *model, const char *data, size_t len,
                unsigned *ended, const char **why)
{
    *why = NULL;
    while (len > 0) {
        if (reply->body_left == 0 && model->frame > 0) {
            if ((unsigned char) *data != model->op) {
                *why = "it is no whole message";
                return false;
            }
            reply->body_left = model->frame;
        } else if (reply->body_left == 0) {
            bool whole;
            size_t n = take_head(reply, model, data, len, &whole, why);
            if (*why != NULL) {
                return false;
            }
            data += n;
            len -= n;
            if (!whole) {
                continue;
            }
        }
        size_t n = len < reply->body_left ? len : (size_t) reply->body_left;
        data += n;
        len -= n;
        reply->body_left -= n;
        *ended += reply->body_left == 0;
    }
    return true;
}

bool reply_at_start(const struct reply *reply)
{
    return reply->have == 0 && reply->body_left == 0;
}
