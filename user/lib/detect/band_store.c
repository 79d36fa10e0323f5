// SPDX-License-Identifier: BSD-2-Clause
/* The bands of a client as bytes, as state_walk.h says: how many, and each behind its metric. */
#include "user/lib/detect/band.h"

#include <errno.h>
#include <math.h>

#include "user/lib/detect/band_private.h"
#include "user/lib/detect/state_walk.h"

#define MAGIC 0x4e424442u /* "BDBN" */
#define VERSION 1
#define MANY 1000 /* more metrics than any version will have */

static void walk_hour(struct state_walk *w, struct band_hour *h)
{
	float before = -INFINITY;

	for (int i = 0; i < BAND_POINTS; i++) {
		state_u16(w, &h->value[i]);
		if (w->load && !(band_point(h->value[i]) >= before && isfinite(band_point(h->value[i]))))
			w->bad = true;
		before = band_point(h->value[i]);
	}
	state_u16(w, &h->weight);
	state_u8(w, &h->visits);
}

static void walk_band(struct state_walk *w, struct band *b)
{
	for (int i = 0; i < CALENDAR_HOURS; i++)
		walk_hour(w, &b->week[i]);
	for (int i = 0; i < 24; i++)
		walk_hour(w, &b->day[i]);
	walk_hour(w, &b->all);
	for (int i = 0; i < BAND_GAUGES; i++)
		state_gauge(w, &b->gauges[i]);
	state_time(w, &b->today);
	state_time(w, &b->told_s);
	state_time(w, &b->out_s);
}

static size_t band_size(void)
{
	static const struct band nothing; /* only its layout is walked */
	struct state_walk w = {0};

	walk_band(&w, (struct band *)&nothing);
	return w.at;
}

size_t bands_size(void)
{
	return STATE_HEAD_BYTES + 4 + (METRICS - 1) * (4 + band_size());
}

int bands_save(const struct bands *b, void *buffer, size_t size)
{
	struct state_walk w = {.bytes = buffer, .at = STATE_HEAD_BYTES};
	uint32_t n = METRICS - 1;

	if (size < bands_size())
		return -ENOSPC;
	state_u32(&w, &n, MANY);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t metric = i + 1;

		state_u32(&w, &metric, MANY);
		walk_band(&w, (struct band *)&b->of[i]);
	}
	state_seal(buffer, w.at, MAGIC, VERSION);
	return 0;
}

int bands_load(const void *buffer, size_t size, struct bands *ret)
{
	struct state_walk w;
	uint32_t n = 0;
	int err = state_open(&w, buffer, size, MAGIC, VERSION);

	bands_init(ret);
	if (err)
		return err;
	if (size < STATE_HEAD_BYTES + 4)
		return -EBADMSG;
	state_u32(&w, &n, MANY);
	if (w.bad || size != STATE_HEAD_BYTES + 4 + n * (4 + band_size()))
		return -EBADMSG;
	for (uint32_t i = 0; i < n && !w.bad; i++) {
		uint32_t metric = 0;

		state_u32(&w, &metric, MANY);
		if (metric >= 1 && metric < METRICS)
			walk_band(&w, &ret->of[metric - 1]);
		else
			w.at += band_size(); /* a newer version's */
	}
	if (w.bad)
		bands_init(ret);
	return w.bad ? -EBADMSG : 0;
}
