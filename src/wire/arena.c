/* SPDX-License-Identifier: MIT */
#include "wire/arena.h"

#include "base/freelist.h"

#include <nng/nng.h>

#include <stdint.h>
#include <string.h>

#define FIRST 512 /* bytes of the first piece, itself included: a usual response fits */
#define KEEP 4096 /* a piece larger than this is not kept by a reset */

static void arena_drop(struct nu_piece *piece)
{
    if (!piece->lent) {
        nu_freelist_give(piece, sizeof(*piece) + piece->size);
    }
}

void nu_arena_lend(struct nu_arena *text, struct nu_arena_room *room)
{
    struct nu_piece *piece = (struct nu_piece *) (void *) room;

    *piece = (struct nu_piece){ .size = sizeof(*room) - sizeof(*piece), .lent = true };
    text->newest = piece;
}

/* A piece for it, larger than the one before. */
char *nu_arena_take_more(struct nu_arena *text, size_t n)
{
    struct nu_piece *piece = text->newest;
    size_t size = piece == NULL ? FIRST - sizeof(*piece) : piece->size;

    if (piece != NULL && size < KEEP) {
        size *= 2;
    }
    if (size < n) {
        size = n;
    }
    if (size > SIZE_MAX - sizeof(*piece) ||
        (piece = nu_freelist_take(sizeof(*piece) + size)) == NULL) {
        return NULL;
    }
    *piece = (struct nu_piece){ .older = text->newest, .used = n, .size = size };
    text->newest = piece;
    return piece->data;
}

int nu_arena_set(struct nu_arena *text, struct nu_string *string, const char *p, size_t n)
{
    if (n >= string->cap) {
        /* Half as much again, so that a string that keeps growing costs twice its size at most. */
        size_t cap = n + n / 2 + 1;
        char *fresh = n < SIZE_MAX / 2 ? nu_arena_take(text, cap) : NULL;
        if (fresh == NULL) {
            return NNG_ENOMEM;
        }
        *string = (struct nu_string){ fresh, cap };
    }
    memmove(string->p, p, n);
    string->p[n] = '\0';
    return 0;
}

void nu_arena_reset(struct nu_arena *text)
{
    struct nu_piece *piece = text->newest;
    struct nu_piece *keep = NULL;

    while (piece != NULL) {
        struct nu_piece *older = piece->older;
        if (keep == NULL && piece->size <= KEEP) {
            keep = piece;
        } else {
            arena_drop(piece);
        }
        piece = older;
    }
    if (keep != NULL) {
        keep->older = NULL;
        keep->used = 0;
    }
    text->newest = keep;
}

void nu_arena_free_pieces(struct nu_arena *text)
{
    while (text->newest != NULL) {
        struct nu_piece *older = text->newest->older;
        arena_drop(text->newest);
        text->newest = older;
    }
}
