/* SPDX-License-Identifier: MIT */
/*
 * An intrusive doubly linked list: the node lives in its owner, so linking cannot fail.
 * A list is its sentinel node. No locking here; the owner's rules apply.
 */
#ifndef NU_BASE_LIST_H
#define NU_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct nu_list {
    struct nu_list *next, *prev; /* an unlinked node points to itself */
};

/* The object of `type` whose `member` is *node. */
#define nu_container(node, type, member) ((type *) ((char *) (node) -offsetof(type, member)))

static inline void nu_list_init(struct nu_list *node)
{
    node->next = node->prev = node;
}

static inline bool nu_list_empty(const struct nu_list *list)
{
    return list->next == list;
}

static inline bool nu_list_linked(const struct nu_list *node)
{
    return node->next != node;
}

static inline void nu_list_append(struct nu_list *list, struct nu_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/* Removing an unlinked node does nothing. */
static inline void nu_list_remove(struct nu_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    nu_list_init(node);
}

#endif
