/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A map from 64-bit keys, which are hashes already or as good as, to 32-bit values, such as indexes
 * into an array. Open addressing; at most half full. No removal.
 */
#ifndef BD_IDMAP_H
#define BD_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap {
	size_t n, cap;
	struct idmap_entry *entries;
};

#define IDMAP_NONE UINT32_MAX

void idmap_release(struct idmap *m);
size_t idmap_bytes(const struct idmap *m);
/* The value of a key, or IDMAP_NONE. */
uint32_t idmap_get(const struct idmap *m, uint64_t key);
/* Sets or replaces; `value` is not IDMAP_NONE. 0 or -ENOMEM. */
int idmap_set(struct idmap *m, uint64_t key, uint32_t value);

/* Mixes two numbers to one that serves as a key (MurmurHash3's finaliser). */
static inline uint64_t idmap_mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * 0x9e3779b97f4a7c15ULL ^ b;

	h = (h ^ h >> 33) * 0xff51afd7ed558ccdULL;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

#endif
