// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/mappings.h"

#include <string.h>

#include "user/lib/base/array.h"

void mappings_release(struct mappings *m)
{
	free(m->by_start);
	*m = (struct mappings){ 0 };
}

void mappings_clear(struct mappings *m)
{
	m->n = 0;
}

/* Index of the first mapping that ends after `address`. */
static size_t first_after(const struct mappings *m, uint64_t address)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->by_start[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int mappings_add(struct mappings *m, const struct mapping *new)
{
	struct mapping keep[2];
	size_t first, last, nkeep = 0, at;

	if (new->start >= new->end)
		return -EINVAL;
	first = last = first_after(m, new->start);
	while (last < m->n && m->by_start[last].start < new->end)
		last++;
	if (array_reserve((void **)&m->by_start, &m->cap, m->n, 2, sizeof(*m->by_start)))
		return -ENOMEM;
	/* What sticks out on the left of the first and on the right of the last one stays. */
	if (first < last && m->by_start[first].start < new->start) {
		keep[nkeep] = m->by_start[first];
		keep[nkeep++].end = new->start;
	}
	at = first + nkeep;
	if (first < last && m->by_start[last - 1].end > new->end) {
		keep[nkeep] = m->by_start[last - 1];
		keep[nkeep].offset += new->end - keep[nkeep].start;
		keep[nkeep++].start = new->end;
	}
	memmove(&m->by_start[first + nkeep + 1], &m->by_start[last],
		(m->n - last) * sizeof(*m->by_start));
	m->n = m->n - (last - first) + nkeep + 1;
	for (size_t i = 0; i < nkeep; i++)
		m->by_start[first + i + (first + i >= at)] = keep[i];
	m->by_start[at] = *new;
	return 0;
}

int mappings_copy(struct mappings *to, const struct mappings *from)
{
	mappings_clear(to);
	if (!from->n)
		return 0;
	if (array_reserve((void **)&to->by_start, &to->cap, 0, from->n, sizeof(*to->by_start)))
		return -ENOMEM;
	memcpy(to->by_start, from->by_start, from->n * sizeof(*to->by_start));
	to->n = from->n;
	return 0;
}

const struct mapping *mappings_find(const struct mappings *m, uint64_t address)
{
	size_t i = first_after(m, address);

	return i < m->n && m->by_start[i].start <= address ? &m->by_start[i] : NULL;
}
