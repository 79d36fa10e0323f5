// SPDX-License-Identifier: BSD-2-Clause
/* A baseline as bytes, as state_walk.h says. */
#include "user/lib/detect/baseline.h"

#include <errno.h>

#include "user/lib/detect/baseline_private.h"
#include "user/lib/detect/state_walk.h"

#define MAGIC 0x4c424442u /* "BDBL" */
#define VERSION 1

static void walk_quantile(struct state_walk *w, struct quantile *q)
{
	uint32_t i;

	state_u32(w, &q->n, QUANTILE_POINTS);
	state_float(w, &q->min);
	state_float(w, &q->max);
	for (i = 0; i < QUANTILE_POINTS; i++) {
		state_float(w, &q->value[i]);
		state_float(w, &q->weight[i]);
		if (w->load &&
		    (q->weight[i] < 0 || (i && i < q->n && q->value[i] < q->value[i - 1])))
			w->bad = true;
	}
}

static void walk_hours(struct state_walk *w, struct hours *h)
{
	uint32_t i;

	for (i = 0; i < CALENDAR_HOURS; i++) {
		walk_quantile(w, &h->week[i]);
		state_u8(w, &h->week_visits[i]);
	}
	for (i = 0; i < 24; i++) {
		walk_quantile(w, &h->day[i]);
		state_u8(w, &h->day_visits[i]);
	}
	walk_quantile(w, &h->all);
	walk_quantile(w, &h->noise);
}

static void walk_sums(struct state_walk *w, struct baseline_sums *s)
{
	state_double(w, &s->value);
	state_double(w, &s->square);
	state_double(w, &s->residual);
}

static void walk_window(struct state_walk *w, struct baseline_window *window)
{
	int i;

	state_time(w, &window->index);
	for (i = 0; i < BASELINE_PARTS; i++) {
		struct baseline_part *p = &window->part[i];

		walk_sums(w, &p->judged);
		walk_sums(w, &p->seen);
		state_u32(w, &p->n, UINT32_MAX / 16);
		state_u32(w, &p->n_residual, UINT32_MAX / 16);
	}
}

static void walk_baseline(struct state_walk *w, struct baseline *b)
{
	int i;

	walk_hours(w, &b->hours);
	for (i = 0; i < BASELINE_GAUGES; i++)
		state_gauge(w, &b->gauges[i]);
	for (i = 0; i < BASELINE_WINDOWS; i++)
		walk_window(w, &b->windows[i]);
	state_time(w, &b->day);
	state_time(w, &b->told_s);
	state_time(w, &b->out_s);
}

size_t baseline_size(void)
{
	static const struct baseline nothing; /* only its layout is walked */
	struct state_walk w = {.at = STATE_HEAD_BYTES};

	walk_baseline(&w, (struct baseline *)&nothing);
	return w.at;
}

int baseline_save(const struct baseline *b, void *buffer, size_t size)
{
	struct state_walk w = {.bytes = buffer, .at = STATE_HEAD_BYTES};

	if (size < baseline_size())
		return -ENOSPC;
	walk_baseline(&w, (struct baseline *)b);
	state_seal(buffer, w.at, MAGIC, VERSION);
	return 0;
}

int baseline_load(const struct baseline_options *options, const void *buffer, size_t size,
		  struct baseline **ret_baseline)
{
	struct state_walk w;
	struct baseline *b;
	int err = state_open(&w, buffer, size, MAGIC, VERSION);

	if (!err && size != baseline_size())
		err = -EBADMSG;
	if (err)
		return err;
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
