// SPDX-License-Identifier: BSD-2-Clause
/*
 * A baseline as bytes: magic, version, length, CRC-32 of the rest, and then every field in order,
 * little-endian. One walk over the fields does both ways, so that they can't drift apart.
 */
#include "user/lib/baseline.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "user/lib/baseline_private.h"

#define MAGIC 0x4c424442u /* "BDBL" */
#define VERSION 1
#define HEAD_BYTES 16
#define FLOAT_MAX 1e34f /* beyond what values of BASELINE_VALUE_MAX lead to */
#define DOUBLE_MAX 1e70
#define TIME_MAX ((int64_t)1 << 40)

/* Where the walk is; without `bytes` it only counts. `bad`: a value that no baseline can hold. */
struct walk {
	uint8_t *bytes;
	size_t at;
	bool load, bad;
};

static void walk_u64(struct walk *w, uint64_t *value, int bytes)
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

static void walk_u32(struct walk *w, uint32_t *value, uint32_t max)
{
	uint64_t wide = *value;

	walk_u64(w, &wide, 4);
	if (wide > max)
		w->bad = true;
	else if (w->load)
		*value = wide;
}

static void walk_u8(struct walk *w, uint8_t *value)
{
	uint64_t wide = *value;

	walk_u64(w, &wide, 1);
	if (w->load)
		*value = wide;
}

/* A time, or an index made from one: near enough to the epoch to be added to, or none at all. */
static void walk_time(struct walk *w, int64_t *value)
{
	uint64_t wide = *value;
	int64_t got;

	walk_u64(w, &wide, 8);
	got = wide;
	if (got != INT64_MIN && (got > TIME_MAX || got < -TIME_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

static void walk_float(struct walk *w, float *value)
{
	uint32_t bits;
	float got;

	memcpy(&bits, value, sizeof(bits));
	walk_u32(w, &bits, UINT32_MAX);
	memcpy(&got, &bits, sizeof(got));
	if (!(fabsf(got) <= FLOAT_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

static void walk_double(struct walk *w, double *value)
{
	uint64_t bits;
	double got;

	memcpy(&bits, value, sizeof(bits));
	walk_u64(w, &bits, 8);
	memcpy(&got, &bits, sizeof(got));
	if (!(fabs(got) <= DOUBLE_MAX))
		w->bad = true;
	else if (w->load)
		*value = got;
}

static void walk_quantile(struct walk *w, struct quantile *q)
{
	uint32_t i;

	walk_u32(w, &q->n, QUANTILE_POINTS);
	walk_float(w, &q->min);
	walk_float(w, &q->max);
	for (i = 0; i < QUANTILE_POINTS; i++) {
		walk_float(w, &q->value[i]);
		walk_float(w, &q->weight[i]);
		if (w->load &&
		    (q->weight[i] < 0 || (i && i < q->n && q->value[i] < q->value[i - 1])))
			w->bad = true;
	}
}

static void walk_hours(struct walk *w, struct hours *h)
{
	uint32_t i;

	for (i = 0; i < CALENDAR_HOURS; i++) {
		walk_quantile(w, &h->week[i]);
		walk_u8(w, &h->week_visits[i]);
	}
	for (i = 0; i < 24; i++) {
		walk_quantile(w, &h->day[i]);
		walk_u8(w, &h->day_visits[i]);
	}
	walk_quantile(w, &h->all);
	walk_quantile(w, &h->noise);
}

static void walk_day(struct walk *w, struct gauge_day *d)
{
	walk_float(w, &d->min);
	walk_float(w, &d->max);
	walk_float(w, &d->mean);
	walk_float(w, &d->trough);
	walk_float(w, &d->peak);
	walk_u32(w, &d->n, UINT32_MAX / 2);
	walk_u32(w, &d->all, UINT32_MAX / 2);
}

static void walk_gauge(struct walk *w, struct gauge *g)
{
	int i;

	for (i = 0; i < GAUGE_DAYS; i++)
		walk_day(w, &g->days[i]);
	walk_day(w, &g->recent);
	walk_float(w, &g->low);
	walk_float(w, &g->middle);
	walk_float(w, &g->high);
	walk_float(w, &g->low_margin);
	walk_float(w, &g->high_margin);
	walk_float(w, &g->least_span);
	walk_u32(w, &g->today, GAUGE_DAYS - 1);
	walk_u32(w, &g->seen_s, UINT32_MAX - 1);
	walk_u32(w, &g->out_s, UINT32_MAX / 2);
}

static void walk_sums(struct walk *w, struct baseline_sums *s)
{
	walk_double(w, &s->value);
	walk_double(w, &s->square);
	walk_double(w, &s->residual);
}

static void walk_window(struct walk *w, struct baseline_window *window)
{
	int i;

	walk_time(w, &window->index);
	for (i = 0; i < BASELINE_PARTS; i++) {
		struct baseline_part *p = &window->part[i];

		walk_sums(w, &p->judged);
		walk_sums(w, &p->seen);
		walk_u32(w, &p->n, UINT32_MAX / 16);
		walk_u32(w, &p->n_residual, UINT32_MAX / 16);
	}
}

static void walk_baseline(struct walk *w, struct baseline *b)
{
	int i;

	walk_hours(w, &b->hours);
	for (i = 0; i < BASELINE_GAUGES; i++)
		walk_gauge(w, &b->gauges[i]);
	for (i = 0; i < BASELINE_WINDOWS; i++)
		walk_window(w, &b->windows[i]);
	walk_time(w, &b->day);
	walk_time(w, &b->told_s);
	walk_time(w, &b->out_s);
}

static void head_walk(struct walk *w, uint32_t head[4])
{
	int i;

	for (i = 0; i < 4; i++)
		walk_u32(w, &head[i], UINT32_MAX);
}

size_t baseline_size(void)
{
	static const struct baseline nothing; /* only its layout is walked */
	struct walk w = {.at = HEAD_BYTES};

	walk_baseline(&w, (struct baseline *)&nothing);
	return w.at;
}

int baseline_save(const struct baseline *b, void *buffer, size_t size)
{
	uint32_t head[4] = {MAGIC, VERSION, baseline_size(), 0};
	struct walk w = {.bytes = buffer, .at = HEAD_BYTES};

	if (size < head[2])
		return -ENOSPC;
	walk_baseline(&w, (struct baseline *)b);
	head[3] = crc32(0, w.bytes + HEAD_BYTES, w.at - HEAD_BYTES);
	w.at = 0;
	head_walk(&w, head);
	return 0;
}

int baseline_load(const struct baseline_options *options, const void *buffer, size_t size,
		  struct baseline **ret_baseline)
{
	struct walk w = {.bytes = (uint8_t *)buffer, .load = true};
	struct baseline *b;
	uint32_t head[4];

	if (size < HEAD_BYTES)
		return -EBADMSG;
	head_walk(&w, head);
	if (head[0] != MAGIC)
		return -EBADMSG;
	if (head[1] != VERSION)
		return -EPROTO;
	if (size != baseline_size() || head[2] != size ||
	    head[3] != crc32(0, w.bytes + HEAD_BYTES, size - HEAD_BYTES))
		return -EBADMSG;
	b = baseline_new(options);
	if (!b)
		return -errno;
	walk_baseline(&w, b);
	if (w.bad) {
		baseline_free(b);
		return -EBADMSG;
	}
	*ret_baseline = b;
	return 0;
}
