/* SPDX-License-Identifier: BSD-2-Clause */
/* Growing an array of any type: the one place where the doubling is written. */
#ifndef BD_ARRAY_H
#define BD_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for `more` items of `size` bytes after the first `n`. 0 or -ENOMEM (*items stays). */
static inline int array_reserve(void **items, size_t *cap, size_t n, size_t more, size_t size)
{
	size_t want = *cap ? *cap : 16;

	if (more <= *cap - n && *cap)
		return 0;
	if (more > SIZE_MAX / 4 / size - n)
		return -ENOMEM;
	while (want < n + more)
		want *= 2;
	void *grown = realloc(*items, want * size);

	if (!grown)
		return -ENOMEM;
	*items = grown;
	*cap = want;
	return 0;
}

/* Gives back what `n` items and a quarter more don't need, where that is half of it or more. */
static inline void array_shrink(void **items, size_t *cap, size_t n, size_t size)
{
	size_t want = n + n / 4 + 16;
	void *less = *cap / 2 >= want ? realloc(*items, want * size) : NULL;

	if (less) {
		*items = less;
		*cap = want;
	}
}

#endif
