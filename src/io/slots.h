/* SPDX-License-Identifier: MIT */
/*
 * Which op a completion belongs to. user_data names a slot and its generation, never a pointer, so
 * a completion or a timeout that comes late finds nobody rather than the slot's next user. 0 is
 * nobody's. Owner thread only.
 */
#ifndef NU_IO_SLOTS_H
#define NU_IO_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct nu_loop;
struct nu_op;

/* Makes sure that one slot is free; false when there is no memory for more. */
bool nu_slots_reserve(struct nu_loop *loop);

/* The user_data of who takes a slot next (there is one). */
uint64_t nu_slots_next(const struct nu_loop *loop);

/* Gives `op` that slot and returns its user_data. */
uint64_t nu_slots_take(struct nu_loop *loop, struct nu_op *op);

/* The user_data of an op that has a slot. */
uint64_t nu_slots_user_data(const struct nu_loop *loop, const struct nu_op *op);

/* The op a completion belongs to, or NULL. The slot is freed unless `more` completions follow. */
struct nu_op *nu_slots_find(struct nu_loop *loop, uint64_t user_data, bool more);

#endif
