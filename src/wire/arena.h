/* SPDX-License-Identifier: MIT */
/*
 * The text of one message: a few large pieces that never move, so a pointer into them stays valid
 * until the text is reset or freed. One thread at a time.
 */
#ifndef NU_WIRE_TEXT_H
#define NU_WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct nu_piece;

struct nu_piece {
    struct nu_piece *older;
    size_t used;
    size_t size;
    bool lent; /* not ours to free */
    char data[];
};

/* Memory that a text may begin with. */
struct nu_arena_room {
    struct nu_piece *align;
    char bytes[504];
};

/* All zero is empty. */
struct nu_arena {
    struct nu_piece *newest;
};

/* Makes an empty text that begins with this memory, which goes after it. */
void nu_arena_lend(struct nu_arena *text, struct nu_arena_room *room);

/* A string with room to change in place, so that setting it again and again takes no more memory.
 */
struct nu_string {
    char *p;    /* NUL-terminated */
    size_t cap; /* bytes at p that may be written; 0 for a literal */
};

/* Of nu_arena_take(), in a new piece. */
char *nu_arena_take_more(struct nu_arena *text, size_t n);

/* `n` bytes, not aligned. NULL: no memory. */
static inline char *nu_arena_take(struct nu_arena *text, size_t n)
{
    struct nu_piece *piece = text->newest;

    if (piece == NULL || n > piece->size - piece->used) {
        return nu_arena_take_more(text, n);
    }
    piece->used += n;
    return piece->data + piece->used - n;
}

/* Sets a string to the n bytes at p, which may lie in the string itself. NNG_ENOMEM: unchanged. */
int nu_arena_set(struct nu_arena *text, struct nu_string *string, const char *p, size_t n);

/* Forgets everything; keeps one piece of modest size, so that a text in reuse does not allocate. */
void nu_arena_reset(struct nu_arena *text);

/* Of nu_arena_free(), piece by piece. */
void nu_arena_free_pieces(struct nu_arena *text);

/* Returns all memory; the text is then empty and can be used again. */
static inline void nu_arena_free(struct nu_arena *text)
{
    if (text->newest != NULL && text->newest->lent) { /* the usual message has no other */
        text->newest = NULL;
    } else {
        nu_arena_free_pieces(text);
    }
}

#endif
