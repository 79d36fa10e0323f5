// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/state_walk.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#define FLOAT_MAX 1e34f /* beyond what values of BASELINE_VALUE_MAX lead to */
#define DOUBLE_MAX 1e70
#define TIME_MAX ((int64_t)1 << 40)

static void state_u64(struct state_walk *w, uint64_t *value, int bytes)
{
	uint64_t got = 0;
	int i;

	for (i = 0; w->bytes && i < bytes; i++) {
		if (w->load)
			got |= (uint64_t)w->bytes[w->at + i] << 8 * i;
		else
			w->bytes[w->at + i] = *value >> 8 * i;
	}
	w->at += bytes;
	if (w->load)
		*value = got;
}

void state_u32(struct state_walk *w, uint32_t *value, uint32_t max)
{
	uint64_t wide = *value;

	state_u64(w, &wide, 4);
	if (wide > max)
		w->bad = true;
	else if (w->load)
		*value = wide;
}

void state_u8(struct state_walk *w, uint8_t *value)
{
	uint64_t wide = *value;

	state_u64(w, &wide, 1);
	if (w->load)
		*value = wide;
}

void state_u16(struct state_walk *w, uint16_t *value)
{
	uint64_t wide = *value;

	state_u64(w, &wide, 2);
	if (w->load)
		*value = wide;
}

void state_time(struct state_walk *w, int64_t *value)
{
	uint64_t wide = *value;
	int64_t got;

	state_u64(w, &wide, 8);
	got = wide;
	if (got != INT64_MIN && (got > TIME_MAX || got < -TIME_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

void state_float(struct state_walk *w, float *value)
{
	uint32_t bits;
	float got;

	memcpy(&bits, value, sizeof(bits));
	state_u32(w, &bits, UINT32_MAX);
	memcpy(&got, &bits, sizeof(got));
	if (!(fabsf(got) <= FLOAT_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

void state_double(struct state_walk *w, double *value)
{
	uint64_t bits;
	double got;

	memcpy(&bits, value, sizeof(bits));
	state_u64(w, &bits, 8);
	memcpy(&got, &bits, sizeof(got));
	if (!(fabs(got) <= DOUBLE_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

static void state_day(struct state_walk *w, struct gauge_day *d)
{
	state_float(w, &d->min);
	state_float(w, &d->max);
	state_float(w, &d->mean);
	state_float(w, &d->trough);
	state_float(w, &d->peak);
	state_u32(w, &d->n, UINT32_MAX / 2);
	state_u32(w, &d->all, UINT32_MAX / 2);
}

void state_gauge(struct state_walk *w, struct gauge *g)
{
	int i;

	for (i = 0; i < GAUGE_DAYS; i++)
		state_day(w, &g->days[i]);
	state_day(w, &g->recent);
	state_float(w, &g->low);
	state_float(w, &g->middle);
	state_float(w, &g->high);
	state_float(w, &g->low_margin);
	state_float(w, &g->high_margin);
	state_float(w, &g->least_span);
	state_u32(w, &g->today, GAUGE_DAYS - 1);
	state_u32(w, &g->seen_s, UINT32_MAX - 1);
	state_u32(w, &g->out_s, UINT32_MAX / 2);
}

static void head_walk(struct state_walk *w, uint32_t head[4])
{
	int i;

	for (i = 0; i < 4; i++)
		state_u32(w, &head[i], UINT32_MAX);
}

void state_seal(void *buffer, size_t size, uint32_t magic, uint32_t version)
{
	struct state_walk w = {.bytes = buffer};
	uint32_t head[4] = {magic, version, size, 0};

	head[3] = crc32(0, w.bytes + STATE_HEAD_BYTES, size - STATE_HEAD_BYTES);
	head_walk(&w, head);
}

int state_open(struct state_walk *w, const void *buffer, size_t size, uint32_t magic,
	       uint32_t version)
{
	uint32_t head[4] = {0};

	*w = (struct state_walk){.bytes = (uint8_t *)buffer, .load = true};
	if (size < STATE_HEAD_BYTES)
		return -EBADMSG;
	head_walk(w, head);
	if (head[0] != magic)
		return -EBADMSG;
	if (head[1] != version)
		return -EPROTO;
	if (head[2] != size ||
	    head[3] != crc32(0, w->bytes + STATE_HEAD_BYTES, size - STATE_HEAD_BYTES))
		return -EBADMSG;
	return 0;
}
