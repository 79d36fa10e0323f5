/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks as the programs sent them, by hash, and what they stand for: lists of locations, leaf
 * first. A location is an address in a module; each is kept once.
 */
#ifndef BD_STACK_TABLE_H
#define BD_STACK_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include "bpf/abi.h"
#include "user/lib/base/idmap.h"

#define LOCATION_CUT UINT32_MAX /* as a module: frames are missing here, `address` says why */

struct location {
	uint32_t module;
	uint64_t address; /* of the instruction; of the last byte of the call in a caller */
};

struct stack {
	uint64_t hash;
	uint32_t raw_at; /* in raw[]: up to BD_STACK_MAX frames, as in struct bd_stack */
	uint32_t n;
	uint32_t user, end;
	uint64_t seen_ns; /* when it was last sent or referred to */
	uint32_t location_at, nlocations; /* in location_of[]; IDMAP_NONE: not resolved yet */
};

struct stack_table {
	size_t nstacks, cap_stacks;
	struct stack *stacks;
	struct idmap by_hash;
	size_t nraw, cap_raw;
	uint64_t *raw;
	size_t nlist, cap_list;
	uint32_t *location_of;
	size_t nlocations, cap_locations;
	struct location *locations;
	struct idmap by_location;
};

void stack_table_release(struct stack_table *t);
/* A stack from a ring; one that is known already is passed over. 0, -EINVAL, -ENOMEM. */
int stack_table_add(struct stack_table *t, const struct bd_stack *stack, size_t bytes);
/* Index into stacks, or IDMAP_NONE. */
uint32_t stack_table_find(const struct stack_table *t, uint64_t hash);
/* Begins the list of a stack's locations, then adds to it, leaf first. 0 or -ENOMEM. */
void stack_resolve_begin(struct stack_table *t, struct stack *stack);
int stack_resolve_add(struct stack_table *t, struct stack *stack, const struct location *location);

/*
 * Drops the stacks last seen before `oldest_ns`, with their frames and locations. moved[i] gets the
 * new place of stack i, or IDMAP_NONE; it has room for all. 0, or -ENOMEM and nothing has changed.
 */
int stack_table_trim(struct stack_table *t, uint64_t oldest_ns, uint32_t *moved);
size_t stack_table_bytes(const struct stack_table *t);

#endif
