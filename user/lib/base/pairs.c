// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/pairs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAIRS_FIRST 256
#define PAIRS_FREE UINT64_MAX

/* Open addressing, at most half full: a look-up is one cache line nearly always. */
struct pairs_slot {
	uint64_t key;
	uint32_t value;
};

/* The finalizer of MurmurHash3, seeded: whoever writes a report must not choose collisions. */
static size_t pairs_hash(const struct pairs *p, uint64_t key)
{
	key ^= p->seed;
	key = (key ^ key >> 33) * 0xff51afd7ed558ccdu;
	key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53u;
	return (key ^ key >> 33) & p->mask;
}

static struct pairs_slot *pairs_find(const struct pairs *p, uint64_t key)
{
	size_t i = pairs_hash(p, key);

	while (p->slot[i].key != key && p->slot[i].key != PAIRS_FREE)
		i = (i + 1) & p->mask;
	return &p->slot[i];
}

static int pairs_grow(struct pairs *p)
{
	size_t slots = p->slot ? 2 * (p->mask + 1) : PAIRS_FIRST, old = p->slot ? p->mask + 1 : 0;
	struct pairs_slot *from = p->slot, *to = malloc(slots * sizeof(*to));

	if (!to)
		return -1;
	if (!from && getrandom(&p->seed, sizeof(p->seed), GRND_NONBLOCK) < 0)
		p->seed = (uintptr_t)to;
	memset(to, 0xff, slots * sizeof(*to));
	p->slot = to;
	p->mask = slots - 1;
	for (size_t i = 0; i < old; i++)
		if (from[i].key != PAIRS_FREE)
			*pairs_find(p, from[i].key) = from[i];
	free(from);
	return 0;
}

uint32_t *pairs_at(struct pairs *p, uint32_t a, uint32_t b)
{
	uint64_t key = (uint64_t)a << 32 | b;
	struct pairs_slot *slot;

	if ((!p->slot || 2 * p->n > p->mask) && pairs_grow(p))
		return NULL;
	slot = pairs_find(p, key);
	if (slot->key == PAIRS_FREE) {
		slot->key = key;
		slot->value = PAIRS_NEW;
		p->n++;
	}
	return &slot->value;
}

void pairs_release(struct pairs *p)
{
	free(p->slot);
	*p = (struct pairs){0};
}
