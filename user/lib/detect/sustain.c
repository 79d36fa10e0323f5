// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/sustain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH_MAX 3600

int sustain_init(struct sustain *s, uint32_t length)
{
	size_t each = sizeof(uint64_t) + sizeof(float);
	char *memory;

	if (!length || length > LENGTH_MAX)
		return -EINVAL;
	memory = calloc(2 * length, each);
	if (!memory)
		return -ENOMEM;
	memset(s, 0, sizeof(*s));
	s->length = length;
	s->memory = memory;
	s->least.when = (uint64_t *)memory;
	s->most.when = s->least.when + length;
	s->least.value = (float *)(s->most.when + length);
	s->most.value = s->least.value + length;
	return 0;
}

void sustain_release(struct sustain *s)
{
	free(s->memory);
	memset(s, 0, sizeof(*s));
}

void sustain_clear(struct sustain *s)
{
	s->count = 0;
	s->least.first = s->least.n = s->most.first = s->most.n = 0;
}

/* Keeps the queue ascending in SIGN * value, so that its first is the smallest of the last N. */
static float queue_add(struct sustain_queue *q, uint32_t length, uint64_t now, float value,
		       float sign)
{
	while (q->n && sign * q->value[(q->first + q->n - 1) % length] >= sign * value)
		q->n--;
	if (q->n && q->when[q->first] + length <= now) {
		q->first = (q->first + 1) % length;
		q->n--;
	}
	q->value[(q->first + q->n) % length] = value;
	q->when[(q->first + q->n) % length] = now;
	q->n++;
	return q->value[q->first];
}

void sustain_add(struct sustain *s, float value, float *ret_least, float *ret_most)
{
	uint64_t now = s->count++;

	*ret_least = queue_add(&s->least, s->length, now, value, 1);
	*ret_most = queue_add(&s->most, s->length, now, value, -1);
}
