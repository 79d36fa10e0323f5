/* SPDX-License-Identifier: BSD-2-Clause */
/* A map from a pair of numbers to a number. A zeroed struct pairs is empty. */
#ifndef BD_PAIRS_H
#define BD_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#define PAIRS_NEW UINT32_MAX

struct pairs {
	struct pairs_slot *slot;
	size_t mask, n;
	uint64_t seed;
};

/*
 * The value of (a, b), which is PAIRS_NEW where the pair is new: the caller then sets it. Valid
 * until the next call; NULL without memory. (UINT32_MAX, UINT32_MAX) is no pair.
 */
uint32_t *pairs_at(struct pairs *p, uint32_t a, uint32_t b);
void pairs_release(struct pairs *p);

#endif
