/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least and the largest of the last N values, in constant time on average: what was kept up
 * for so long. Two monotonic queues in one allocation.
 */
#ifndef BD_SUSTAIN_H
#define BD_SUSTAIN_H

#include <stddef.h>
#include <stdint.h>

struct sustain_queue {
	float *value;
	uint64_t *when;
	uint32_t first, n;
};

struct sustain {
	uint32_t length; /* N */
	uint64_t count;
	struct sustain_queue least, most;
	void *memory;
};

/* LENGTH 1 to 3600. 0, -EINVAL or -ENOMEM. A zeroed struct may be released. */
int sustain_init(struct sustain *s, uint32_t length);
void sustain_release(struct sustain *s);

/* Forgets the values, as after a gap. */
void sustain_clear(struct sustain *s);

/* Adds a value; RET_LEAST was reached by all of the last N, RET_MOST exceeded by none. */
void sustain_add(struct sustain *s, float value, float *ret_least, float *ret_most);

#endif
