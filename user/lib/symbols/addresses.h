/* SPDX-License-Identifier: BSD-2-Clause */
/* A place in an ascending array of addresses. */
#ifndef BD_ADDRESSES_H
#define BD_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

/* The first that isn't below VALUE; N where all are. */
static inline size_t addresses_find(const uint64_t *addresses, size_t n, uint64_t value)
{
	size_t low = 0;

	while (n > 0) {
		size_t half = n / 2;

		if (addresses[low + half] < value) {
			low += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return low;
}

#endif
