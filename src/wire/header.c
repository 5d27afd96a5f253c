/* SPDX-License-Identifier: MIT */
#include "wire/header.h"

#include "base/freelist.h"
#include "base/list.h"
#include "wire/chars.h"
#include "wire/parse.h"

#include <nng/nng.h>

#include <stdint.h>
#include <string.h>

#define FIRST 16 /* entries at first */
#define LENGTH "Content-Length"
#define PLACES 1024
#define KEEP 64                     /* more entries than this are not kept by a reset */
#define MAX_TEXT ((size_t) 1 << 30) /* bytes of a name or a value */

enum kind {
    LINE,   /* found by get, printed */
    PART,   /* printed only: one of several Set-Cookie */
    JOINED, /* found by get only: several Set-Cookie in one */
    DEAD,   /* deleted; its text is free */
};

static void header_drop(struct nu_headers *list)
{
    if (list->v != list->lent) {
        nu_freelist_give(list->v, list->max * sizeof(struct nu_header));
    }
}

void nu_headers_lend(struct nu_headers *list, struct nu_headers_room *room)
{
    *list = (struct nu_headers){ .v = room->v, .max = NU_HEADERS_LENT, .lent = room->v };
    nu_arena_lend(&list->text, &room->text);
}

void nu_headers_free(struct nu_headers *list)
{
    nu_arena_free(&list->text);
    header_drop(list);
    *list = (struct nu_headers){ 0 };
}

void nu_headers_reset(struct nu_headers *list)
{
    nu_arena_reset(&list->text);
    list->n = 0;
    list->lengths = 0;
    list->owes_length = false;
    list->length_used = false;
    if (list->max > KEEP) {
        header_drop(list);
        list->v = NULL;
        list->max = 0;
    }
}

/* Puts the length that is owed among the others, for which there is room. */
static void header_put_length(struct nu_headers *list)
{
    char *name = nu_container(list->lent, struct nu_headers_room, v)->length;
    char *value = mempcpy(name, LENGTH, sizeof LENGTH);
    size_t n = nu_decimal(value, list->length);

    value[n] = '\0';
    list->owes_length = false;
    list->length_used = true;
    list->v[list->n++] =
        (struct nu_header){ name, value, sizeof LENGTH - 1, (uint32_t) n, NU_HEADERS_LENGTH, LINE };
}

static void header_settle(struct nu_headers *list)
{
    if (list->owes_length) {
        header_put_length(list);
    }
}

static struct nu_header *header_look(struct nu_headers *list, const char *name, size_t n)
{
    if (n == sizeof LENGTH - 1) {
        header_settle(list);
    }
    for (unsigned i = 0; i < list->n; i++) {
        struct nu_header *h = &list->v[i];
        if (h->nname == n && (h->kind == LINE || h->kind == JOINED) &&
            (memcmp(h->name, name, n) == 0 || nu_chars_same(h->name, name, n))) {
            return h;
        }
    }
    return NULL;
}

static inline struct nu_header *header_find(struct nu_headers *list, const char *name, size_t n)
{
    return nu_headers_may_have(list, n) ? header_look(list, name, n) : NULL;
}

static int header_grow(struct nu_headers *list, unsigned more)
{
    size_t max = list->max == 0 ? FIRST : (size_t) list->max * 2;
    if (max < (size_t) list->n + more) {
        max = (size_t) list->n + more;
    }
    struct nu_header *v =
        max <= UINT32_MAX ? nu_freelist_take(max * sizeof(struct nu_header)) : NULL;
    if (v == NULL) {
        return NNG_ENOMEM;
    }
    if (list->n > 0) {
        memcpy(v, list->v, list->n * sizeof(struct nu_header));
    }
    header_drop(list);
    list->v = v;
    list->max = (unsigned) max;
    return 0;
}

/* Room for `more` entries. */
static inline int header_reserve(struct nu_headers *list, unsigned more)
{
    return more <= list->max - list->n ? 0 : header_grow(list, more);
}

/* A new last entry with room for that much text, its name set. NULL: no memory. */
static struct nu_header *header_append(struct nu_headers *list, const char *name, size_t nname,
                                       size_t nvalue, enum kind kind)
{
    struct nu_header h = { .cap = (uint32_t) (nname + nvalue + 2) };
    unsigned dead = 0;

    header_settle(list);
    while (dead < list->n && (list->v[dead].kind != DEAD || list->v[dead].cap < h.cap)) {
        dead++;
    }
    if (dead < list->n) {
        h.cap = list->v[dead].cap;
        h.name = list->v[dead].name;
        list->n--; /* the order of the others stays */
        memmove(&list->v[dead], &list->v[dead + 1], (list->n - dead) * sizeof(h));
    } else if (header_reserve(list, 1) != 0 ||
               (h.name = nu_arena_take(&list->text, h.cap)) == NULL) {
        return NULL;
    }
    memcpy(h.name, name, nname);
    h.name[nname] = '\0';
    h.nname = (uint32_t) nname;
    h.value = h.name + nname + 1;
    h.value[0] = '\0';
    h.kind = kind;
    list->lengths |= nu_headers_length_bit(nname);
    list->v[list->n] = h;
    return &list->v[list->n++];
}

/* Makes room for a value of n bytes; the old one stays, and its text is not touched. */
static int header_fit(struct nu_headers *list, struct nu_header *h, size_t n)
{
    size_t need = h->nname + n + 2;

    if (n < h->cap - (size_t) (h->value - h->name)) {
        return 0;
    }
    if (need > 2 * MAX_TEXT) {
        return NNG_EMSGSIZE;
    }
    need += need / 2; /* so that a value that grows and grows costs twice its size at most */
    char *name = nu_arena_take(&list->text, need);
    if (name == NULL) {
        return NNG_ENOMEM;
    }
    memcpy(name, h->name, h->nname + 1);
    memcpy(name + h->nname + 1, h->value, h->nvalue + 1);
    h->name = name;
    h->value = name + h->nname + 1;
    h->cap = (uint32_t) need;
    return 0;
}

static void header_put(struct nu_header *h, size_t at, const char *value, size_t n)
{
    memmove(h->value + at, value, n);
    h->value[at + n] = '\0';
    h->nvalue = (uint32_t) (at + n);
}

/* Appends a value to an entry's. */
static int header_join(struct nu_headers *list, struct nu_header *h, const char *value, size_t n)
{
    size_t comma = h->nvalue == 0 ? 0 : 2;
    int rv = header_fit(list, h, h->nvalue + comma + n);

    if (rv == 0) {
        size_t at = h->nvalue + comma;
        /* The value first: it may be this entry's own, and end where the comma goes. */
        header_put(h, at, value, n);
        memcpy(h->value + at - comma, ", ", comma);
    }
    return rv;
}

/* Deletes all Set-Cookie lines but the joined one. */
static void header_kill_parts(struct nu_headers *list, const char *name, size_t nname)
{
    for (unsigned i = 0; i < list->n; i++) {
        struct nu_header *h = &list->v[i];
        if (h->kind == PART && h->nname == nname && nu_chars_same(h->name, name, nname)) {
            h->kind = DEAD;
        }
    }
}

/* One more Set-Cookie: a part for the printer, and get's joined value. */
static int header_add_part(struct nu_headers *list, const struct nu_header *first,
                           const char *value, size_t n)
{
    const char *name = first->name; /* text stays where it is, entries do not */
    size_t nname = first->nname;

    if (first->kind == LINE) {
        struct nu_header *joined = header_append(list, name, nname, first->nvalue, JOINED);
        if (joined == NULL) {
            return NNG_ENOMEM;
        }
        struct nu_header *line = header_find(list, name, nname);
        header_put(joined, 0, line->value, line->nvalue);
        line->kind = PART;
    }
    struct nu_header *part = header_append(list, name, nname, n, PART);
    if (part == NULL) {
        return NNG_ENOMEM;
    }
    header_put(part, 0, value, n);
    int rv = header_join(list, header_find(list, name, nname), value, n);
    if (rv != 0) {
        part->kind = DEAD;
    }
    return rv;
}

static int header_add_first(struct nu_headers *list, const char *name, size_t nname,
                            const char *value, size_t n)
{
    struct nu_header *h = header_append(list, name, nname, n, LINE);

    if (h == NULL) {
        return NNG_ENOMEM;
    }
    header_put(h, 0, value, n);
    return 0;
}

static int header_add(struct nu_headers *list, const char *name, size_t nname, const char *value,
                      size_t n)
{
    struct nu_header *h = header_find(list, name, nname);

    if (h == NULL) {
        return header_add_first(list, name, nname, value, n);
    }
    if (nname == 10 && nu_chars_same(name, "set-cookie", nname)) {
        return header_add_part(list, h, value, n);
    }
    return header_join(list, h, value, n);
}

/* Measures and checks what a caller wants to put in a field; white space around it goes, and a
 * line end behind it (as programs have it that read the value from a file). */
static int header_check(struct nu_slice *name, struct nu_slice *value)
{
    name->n = name->p == NULL ? 0 : strlen(name->p);
    if (name->n == 0 || value->p == NULL || !nu_chars_token(name->p, name->n)) {
        return NNG_EINVAL;
    }
    value->n = strlen(value->p);
    if (name->n > MAX_TEXT || value->n > MAX_TEXT) {
        return NNG_EMSGSIZE;
    }
    while (value->n > 0 && (value->p[0] == ' ' || value->p[0] == '\t')) {
        value->p++;
        value->n--;
    }
    for (char c; value->n > 0 && ((c = value->p[value->n - 1]) == ' ' || c == '\t' || c == '\n');) {
        value->n--;
        value->n -= c == '\n' && value->n > 0 && value->p[value->n - 1] == '\r';
    }
    return nu_chars_text(value->p, value->n) ? 0 : NNG_EINVAL;
}

const char *nu_headers_get(struct nu_headers *list, const char *name)
{
    const struct nu_header *h = name == NULL ? NULL : header_find(list, name, strlen(name));

    return h == NULL ? NULL : h->value;
}

int nu_headers_add(struct nu_headers *list, const char *name, const char *value)
{
    struct nu_slice n = { name, 0 }, v = { value, 0 };
    int rv = header_check(&n, &v);

    return rv != 0 ? rv : header_add(list, n.p, n.n, v.p, v.n);
}

int nu_headers_set(struct nu_headers *list, const char *name, const char *value)
{
    struct nu_slice n = { name, 0 }, v = { value, 0 };
    int rv = header_check(&n, &v);

    return rv != 0 ? rv : nu_headers_set_good(list, n, v);
}

int nu_headers_set_good(struct nu_headers *list, struct nu_slice name, struct nu_slice value)
{
    struct nu_header *h = header_find(list, name.p, name.n);

    if (h == NULL) {
        return header_add_first(list, name.p, name.n, value.p, value.n);
    }
    int rv = header_fit(list, h, value.n);
    if (rv != 0) {
        return rv;
    }
    if (h->kind == JOINED) {
        header_kill_parts(list, name.p, name.n);
        h->kind = LINE;
    }
    header_put(h, 0, value.p, value.n);
    return 0;
}

int nu_headers_set_length(struct nu_headers *list, size_t length)
{
    uint32_t bit = nu_headers_length_bit(sizeof LENGTH - 1);
    char text[NU_DECIMAL_MAX];

    if (!list->owes_length && (list->lent == NULL || list->length_used || list->n == list->max ||
                               (list->lengths & bit) != 0)) {
        size_t digits = nu_decimal(text, length);
        return nu_headers_set_good(list, (struct nu_slice){ LENGTH, sizeof LENGTH - 1 },
                                   (struct nu_slice){ text, digits });
    }
    list->lengths |= bit;
    list->owes_length = true;
    list->length = length;
    return 0;
}

int nu_headers_del(struct nu_headers *list, const char *name)
{
    size_t nname = name == NULL ? 0 : strlen(name);
    struct nu_header *h = header_find(list, name, nname);

    if (h == NULL) {
        return NNG_ENOENT;
    }
    if (h->kind == JOINED) {
        header_kill_parts(list, name, nname);
    }
    h->kind = DEAD;
    return 0;
}

/* A place for a name in whatever case; others may share it. */
static unsigned header_place(const char *name, size_t n)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ ((uint8_t) name[i] | 0x20U)) * 16777619U;
    }
    hash = (hash ^ hash >> 16) * 2246822507U; /* or names that differ in their end would meet */
    hash ^= hash >> 16;
    return hash % PLACES;
}

/* Whether a name may be there already: with many fields, looking for each of them is dear. */
static bool header_may_be_there(uint64_t seen[PLACES / 64], const char *name, size_t n)
{
    unsigned p = header_place(name, n);
    uint64_t bit = UINT64_C(1) << p % 64;
    bool was = (seen[p / 64] & bit) != 0;
    seen[p / 64] |= bit;
    return was;
}

/* One of the fields that are loaded: its text stays where it is, unless it joins another. */
static int header_load_one(struct nu_headers *list, const struct nu_header *h, bool may_be_there)
{
    if (may_be_there && header_find(list, h->name, h->nname) != NULL) {
        return header_add(list, h->name, h->nname, h->value, h->nvalue);
    }
    if (header_reserve(list, 1) != 0) {
        return NNG_ENOMEM;
    }
    list->lengths |= nu_headers_length_bit(h->nname);
    list->v[list->n++] = *h;
    return 0;
}

/* A field in the copy of its text, the names and values of which get their NULs. */
static inline void header_from_field(struct nu_header *h, const struct nu_field *field, char *copy,
                                     const char *from)
{
    size_t nname = field->name.n, n = field->value.n;

    h->name = copy + (field->name.p - from);
    h->value = copy + (field->value.p - from);
    h->name[nname] = '\0';
    h->value[n] = '\0';
    h->nname = (uint32_t) nname;
    h->nvalue = (uint32_t) n;
    h->cap = (uint32_t) (h->value + n + 1 - h->name);
    h->kind = LINE;
}

static int header_load_many(struct nu_headers *list, char *copy, const char *from,
                            const struct nu_field *fields, unsigned nfields)
{
    uint64_t seen[PLACES / 64] = { 0 };
    int rv = header_reserve(list, nfields);

    for (unsigned i = 0; i < nfields && rv == 0; i++) {
        struct nu_header h;
        header_from_field(&h, &fields[i], copy, from);
        rv = header_load_one(list, &h, header_may_be_there(seen, h.name, h.nname));
    }
    return rv;
}

int nu_headers_load(struct nu_headers *list, char *copy, const char *from,
                    const struct nu_field *fields, unsigned nfields)
{
    header_settle(list);
    if (nfields > FIRST && list->n == 0) {
        return header_load_many(list, copy, from, fields, nfields);
    }
    if (header_reserve(list, nfields) != 0) {
        return NNG_ENOMEM;
    }
    for (unsigned i = 0; i < nfields; i++) {
        if (nu_headers_may_have(list, fields[i].name.n) || list->n == list->max) {
            struct nu_header h;
            header_from_field(&h, &fields[i], copy, from);
            int rv = header_load_one(list, &h, true);
            if (rv != 0) {
                return rv;
            }
        } else {
            list->lengths |= nu_headers_length_bit(fields[i].name.n);
            header_from_field(&list->v[list->n++], &fields[i], copy, from);
        }
    }
    return 0;
}

static bool header_next(const struct nu_headers *list, unsigned *iter, struct nu_field *field)
{
    while (*iter < list->n) {
        const struct nu_header *h = &list->v[(*iter)++];
        if (h->kind == LINE || h->kind == PART) {
            *field = (struct nu_field){ { h->name, h->nname }, { h->value, h->nvalue } };
            return true;
        }
    }
    return false;
}

bool nu_headers_next(struct nu_headers *list, unsigned *iter, struct nu_field *field)
{
    header_settle(list);
    return header_next(list, iter, field);
}

void nu_headers_print(const struct nu_headers *list, struct nu_buf *buf)
{
    struct nu_field field;
    unsigned iter = 0;

    while (header_next(list, &iter, &field)) {
        size_t n = field.name.n + field.value.n + 4; /* ": ", CRLF */
        if (nu_buf_reserve(buf, n) != 0) {
            return;
        }
        char *p = mempcpy(buf->data + buf->len, field.name.p, field.name.n);
        p = mempcpy(p, ": ", 2);
        p = mempcpy(p, field.value.p, field.value.n);
        *p++ = '\r';
        *p = '\n';
        buf->len += n;
    }
    if (list->owes_length && nu_buf_reserve(buf, sizeof LENGTH + 1 + NU_DECIMAL_MAX + 2) == 0) {
        char *p = mempcpy(buf->data + buf->len, LENGTH ": ", sizeof LENGTH + 1);
        p += nu_decimal(p, list->length);
        *p++ = '\r';
        *p++ = '\n';
        buf->len = (size_t) (p - buf->data);
    }
}
