// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/base/idmap.h"

#include <errno.h>
#include <stdlib.h>

#define CAP_FIRST 64

struct idmap_entry {
	uint64_t key;
	uint32_t value; /* IDMAP_NONE: free */
};

void idmap_release(struct idmap *m)
{
	free(m->entries);
	*m = (struct idmap){ 0 };
}

static struct idmap_entry *slot_of(const struct idmap *m, uint64_t key)
{
	size_t i = idmap_mix(key, 0) & (m->cap - 1);

	while (m->entries[i].value != IDMAP_NONE && m->entries[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->entries[i];
}

size_t idmap_bytes(const struct idmap *m)
{
	return m->cap * sizeof(*m->entries);
}

uint32_t idmap_get(const struct idmap *m, uint64_t key)
{
	return m->cap ? slot_of(m, key)->value : IDMAP_NONE;
}

static int grow(struct idmap *m)
{
	struct idmap bigger = { .n = m->n, .cap = m->cap ? m->cap * 2 : CAP_FIRST };

	bigger.entries = malloc(bigger.cap * sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < bigger.cap; i++)
		bigger.entries[i].value = IDMAP_NONE;
	for (size_t i = 0; i < m->cap; i++)
		if (m->entries[i].value != IDMAP_NONE)
			*slot_of(&bigger, m->entries[i].key) = m->entries[i];
	free(m->entries);
	*m = bigger;
	return 0;
}

int idmap_set(struct idmap *m, uint64_t key, uint32_t value)
{
	if (m->n * 2 >= m->cap && grow(m))
		return -ENOMEM;
	struct idmap_entry *slot = slot_of(m, key);

	m->n += slot->value == IDMAP_NONE;
	*slot = (struct idmap_entry){ .key = key, .value = value };
	return 0;
}
