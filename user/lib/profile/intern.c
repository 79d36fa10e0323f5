// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/profile/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/lib/base/utf8.h"

#define INTERN_FIRST 64
#define INTERN_LIMIT (UINT32_MAX - 1)

/* Open addressing, at most three quarters full. A slot is 1 + the entry, 0 where it is free. */
struct strings_index {
	uint64_t seed;
	size_t mask, used;
	struct intern_slot {
		uint32_t hash, entry;
	} slot[];
};

/* The seed is random, so that nobody who chooses names can make them collide. */
static uint32_t intern_hash(uint64_t seed, const char *text, size_t len)
{
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15u, word;

	for (; len >= 8; text += 8, len -= 8) {
		memcpy(&word, text, 8);
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, text, len);
	h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
	h ^= h >> 29;
	return (h * 0x9e3779b97f4a7c15u) >> 32;
}

/* The slot that holds the text, or the free one where it belongs. */
static struct intern_slot *intern_find(const struct report_strings *s, uint32_t hash,
				       const char *text, size_t len)
{
	struct strings_index *x = s->index;
	size_t i = hash & x->mask;

	for (; x->slot[i].entry; i = (i + 1) & x->mask) {
		const char *have = s->text[x->slot[i].entry - 1];

		if (x->slot[i].hash == hash && !strncmp(have, text, len) && !have[len])
			break;
	}
	return &x->slot[i];
}

static void intern_place(struct report_strings *s, uint32_t hash, size_t entry)
{
	struct strings_index *x = s->index;
	size_t i = hash & x->mask;

	while (x->slot[i].entry)
		i = (i + 1) & x->mask;
	x->slot[i] = (struct intern_slot){.hash = hash, .entry = entry + 1};
	x->used++;
}

/* A new index of `slots` (a power of two) with all entries that there are. */
static int intern_rebuild(struct report_strings *s, size_t slots)
{
	struct strings_index *old = s->index, *x;

	x = calloc(1, sizeof(*x) + slots * sizeof(x->slot[0]));
	if (!x)
		return -ENOMEM;
	if (old)
		x->seed = old->seed;
	else if (getrandom(&x->seed, sizeof(x->seed), GRND_NONBLOCK) < 0)
		x->seed = (uintptr_t)x;
	x->mask = slots - 1;
	s->index = x;
	for (size_t i = 0; i < s->n; i++) {
		size_t len = strlen(s->text[i]);
		uint32_t hash = intern_hash(x->seed, s->text[i], len);

		if (!intern_find(s, hash, s->text[i], len)->entry)
			intern_place(s, hash, i);
	}
	free(old);
	return 0;
}

static int64_t intern_push(struct report_strings *s, char *owned)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : INTERN_FIRST;
		char **text = cap > INTERN_LIMIT ? NULL : realloc(s->text, cap * sizeof(*text));

		if (!text) {
			free(owned);
			return -ENOMEM;
		}
		s->text = text;
		s->cap = cap;
	}
	s->text[s->n] = owned;
	return s->n++;
}

/* A copy of the text, clean and terminated; NULL without memory. */
static char *intern_copy(const char *text, size_t len)
{
	bool clean = utf8_is_clean(text, len);
	char *copy = malloc((clean ? len : len * UTF8_GROWTH) + 1);

	if (!copy)
		return NULL;
	if (clean) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	} else {
		utf8_clean(text, len, copy);
	}
	return copy;
}

int64_t intern_append(struct report_strings *s, const char *text, size_t len)
{
	char *copy = intern_copy(text, len);

	/* The index no longer has all: the next intern_text() makes a new one. */
	free(s->index);
	s->index = NULL;
	return copy ? intern_push(s, copy) : -ENOMEM;
}

int64_t intern_text(struct report_strings *s, const char *text, size_t len)
{
	size_t slots = s->index ? s->index->mask + 1 : INTERN_FIRST;
	struct intern_slot *slot;
	uint32_t hash;
	int64_t entry;
	char *copy;

	if (!utf8_is_clean(text, len)) {
		copy = intern_copy(text, len);
		entry = copy ? intern_text(s, copy, strlen(copy)) : -ENOMEM;
		free(copy);
		return entry;
	}
	while ((s->n + 1) * 4 > slots * 3)
		slots *= 2;
	if ((!s->index || slots > s->index->mask + 1) && intern_rebuild(s, slots))
		return -ENOMEM;
	hash = intern_hash(s->index->seed, text, len);
	slot = intern_find(s, hash, text, len);
	if (slot->entry)
		return slot->entry - 1;
	copy = intern_copy(text, len);
	entry = copy ? intern_push(s, copy) : -ENOMEM;
	if (entry >= 0)
		intern_place(s, hash, entry);
	return entry;
}

void intern_release(struct report_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->text[i]);
	free(s->text);
	free(s->index);
	*s = (struct report_strings){0};
}
