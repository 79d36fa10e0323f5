// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/stack_table.h"

#include <string.h>

#include "user/lib/base/array.h"

void stack_table_release(struct stack_table *t)
{
	free(t->stacks);
	free(t->raw);
	free(t->location_of);
	free(t->locations);
	idmap_release(&t->by_hash);
	idmap_release(&t->by_location);
	*t = (struct stack_table){ 0 };
}

uint32_t stack_table_find(const struct stack_table *t, uint64_t hash)
{
	return idmap_get(&t->by_hash, hash);
}

int stack_table_add(struct stack_table *t, const struct bd_stack *stack, size_t bytes)
{
	uint32_t kept = stack->n < BD_STACK_MAX ? stack->n : BD_STACK_MAX;

	if (bytes < BD_STACK_HEAD || bytes < BD_STACK_HEAD + kept * sizeof(uint64_t))
		return -EINVAL;
	uint32_t known = stack_table_find(t, stack->hash);

	if (known != IDMAP_NONE) {
		if (t->stacks[known].seen_ns < stack->head.t_ns)
			t->stacks[known].seen_ns = stack->head.t_ns;
		return 0;
	}
	if (array_reserve((void **)&t->stacks, &t->cap_stacks, t->nstacks, 1, sizeof(*t->stacks)) ||
	    array_reserve((void **)&t->raw, &t->cap_raw, t->nraw, kept, sizeof(*t->raw)) ||
	    idmap_set(&t->by_hash, stack->hash, t->nstacks))
		return -ENOMEM;
	t->stacks[t->nstacks++] = (struct stack){
		.hash = stack->hash,
		.raw_at = t->nraw,
		.n = stack->n,
		.user = stack->user,
		.end = stack->end,
		.seen_ns = stack->head.t_ns,
		.location_at = IDMAP_NONE,
	};
	memcpy(t->raw + t->nraw, stack->frames, kept * sizeof(*t->raw));
	t->nraw += kept;
	return 0;
}

void stack_resolve_begin(struct stack_table *t, struct stack *stack)
{
	stack->location_at = t->nlist;
	stack->nlocations = 0;
}

static int location_index(struct stack_table *t, const struct location *location, uint32_t *ret)
{
	uint64_t key = idmap_mix(location->address, location->module);
	uint32_t found = idmap_get(&t->by_location, key);

	if (found != IDMAP_NONE) {
		*ret = found;
		return 0;
	}
	if (array_reserve((void **)&t->locations, &t->cap_locations, t->nlocations, 1,
			  sizeof(*t->locations)) ||
	    idmap_set(&t->by_location, key, t->nlocations))
		return -ENOMEM;
	t->locations[t->nlocations] = *location;
	*ret = t->nlocations++;
	return 0;
}

int stack_resolve_add(struct stack_table *t, struct stack *stack, const struct location *location)
{
	uint32_t index;
	int err = location_index(t, location, &index);

	if (err)
		return err;
	if (array_reserve((void **)&t->location_of, &t->cap_list, t->nlist, 1,
			  sizeof(*t->location_of)))
		return -ENOMEM;
	t->location_of[t->nlist++] = index;
	stack->nlocations++;
	return 0;
}

/* One stack of `from`, with its frames and its locations, as the next of `to`. */
static int stack_move(struct stack_table *to, const struct stack_table *from,
		      const struct stack *stack)
{
	uint32_t kept = stack->n < BD_STACK_MAX ? stack->n : BD_STACK_MAX;
	struct stack new = *stack;
	int err = 0;

	if (array_reserve((void **)&to->stacks, &to->cap_stacks, to->nstacks, 1,
			  sizeof(*to->stacks)) ||
	    array_reserve((void **)&to->raw, &to->cap_raw, to->nraw, kept, sizeof(*to->raw)) ||
	    idmap_set(&to->by_hash, stack->hash, to->nstacks))
		return -ENOMEM;
	new.raw_at = to->nraw;
	memcpy(to->raw + to->nraw, from->raw + stack->raw_at, kept * sizeof(*to->raw));
	to->nraw += kept;
	if (stack->location_at != IDMAP_NONE) {
		stack_resolve_begin(to, &new);
		for (uint32_t i = 0; !err && i < stack->nlocations; i++)
			err = stack_resolve_add(
				to, &new,
				&from->locations[from->location_of[stack->location_at + i]]);
	}
	to->stacks[to->nstacks++] = new;
	return err;
}

int stack_table_trim(struct stack_table *t, uint64_t oldest_ns, uint32_t *moved)
{
	struct stack_table kept = { 0 };

	for (size_t i = 0; i < t->nstacks; i++) {
		bool keep = t->stacks[i].seen_ns >= oldest_ns;

		moved[i] = keep ? kept.nstacks : IDMAP_NONE;
		if (keep && stack_move(&kept, t, &t->stacks[i])) {
			stack_table_release(&kept);
			return -ENOMEM;
		}
	}
	stack_table_release(t);
	*t = kept;
	return 0;
}

size_t stack_table_bytes(const struct stack_table *t)
{
	return t->cap_stacks * sizeof(*t->stacks) + t->cap_raw * sizeof(*t->raw) +
	       t->cap_list * sizeof(*t->location_of) + t->cap_locations * sizeof(*t->locations) +
	       idmap_bytes(&t->by_hash) + idmap_bytes(&t->by_location);
}
