// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/gauge.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "user/lib/base/number.h"

#define DAY_S 86400
#define HOUR_S 3600

/* Margin in spans times ln(n): smaller tells more and is wrong more often. 0.6 to 1.1 is a plateau.
 */
#define MARGIN 0.8

static float days_middle(const struct gauge *g)
{
	float mean[GAUGE_DAYS];
	int n = 0, i, k;

	for (i = 0; i < GAUGE_DAYS; i++) {
		if (!g->days[i].n)
			continue;
		for (k = n++; k > 0 && mean[k - 1] > g->days[i].mean; k--)
			mean[k] = mean[k - 1];
		mean[k] = g->days[i].mean;
	}
	return n ? (mean[(n - 1) / 2] + mean[n / 2]) / 2 : 0;
}

/* Keeps the two largest in TOP. */
static void top_add(float top[2], float x)
{
	if (x > top[0]) {
		top[1] = top[0];
		top[0] = x;
	} else if (x > top[1]) {
		top[1] = x;
	}
}

static void gauge_bound(struct gauge *g)
{
	float peak[2] = {-INFINITY, -INFINITY}, trough[2] = {-INFINITY, -INFINITY};
	float low = INFINITY, high = -INFINITY;
	double windows, wide;
	int i;

	for (i = 0; i < GAUGE_DAYS; i++) {
		const struct gauge_day *d = &g->days[i];

		if (d->all) {
			top_add(peak, d->peak);
			top_add(trough, -d->trough);
		}
		if (d->n) {
			low = number_min(low, d->min);
			high = number_max(high, d->max);
		}
	}
	if (low > high)
		return;
	g->high = number_max(high, peak[1]);
	g->low = number_min(low, -trough[1]);
	g->middle = days_middle(g);
	windows = fmin(g->seen_s, GAUGE_DAYS * (double)DAY_S) / g->window_s;
	wide = MARGIN / log(fmax(windows, 2));
	g->high_margin = wide * number_max(g->high - g->middle, g->least_span);
	g->low_margin = wide * number_max(g->middle - g->low, g->least_span);
}

void gauge_init(struct gauge *g, uint32_t window_s)
{
	memset(g, 0, sizeof(*g));
	g->window_s = window_s > HOUR_S ? window_s : HOUR_S;
}

static float beyond(float way, float margin, float least)
{
	if (way <= 0 || way < least)
		return 0;
	return margin > 0 ? number_min(way / margin, 1e6f) : 1e6f;
}

float gauge_score(const struct gauge *g, float low, float high, float least)
{
	float up = beyond(low - g->high, g->high_margin, least);
	float down = beyond(g->low - high, g->low_margin, least);

	return up >= down ? up : -down;
}

static void day_learn(struct gauge_day *d, const struct gauge_value *v)
{
	if (!d->n || v->low < d->min)
		d->min = v->low;
	if (!d->n || v->high > d->max)
		d->max = v->high;
	d->n++;
	d->mean += (v->mean - d->mean) / d->n;
}

static void day_see(struct gauge_day *d, const struct gauge_value *v)
{
	if (!d->all || v->trough < d->trough)
		d->trough = v->trough;
	if (!d->all || v->peak > d->peak)
		d->peak = v->peak;
	d->all++;
}

bool gauge_learn(struct gauge *g, const struct gauge_value *value, float score, uint32_t dt_s,
		 uint32_t adopt_s)
{
	struct gauge_day *today = &g->days[g->today];
	bool wider = !g->seen_s || value->trough < g->low || value->peak > g->high;

	g->seen_s += g->seen_s < UINT32_MAX / 2 ? dt_s : 0;
	day_see(today, value);
	if (fabsf(score) <= 1) {
		day_learn(today, value);
		g->out_s -= g->out_s < dt_s ? g->out_s : dt_s;
		if (wider)
			gauge_bound(g);
		return false;
	}
	/* A new normal is what the second half of the time was like: the change itself isn't part
	 * of it. */
	if (g->out_s < adopt_s / 2)
		memset(&g->recent, 0, sizeof(g->recent));
	day_learn(&g->recent, value);
	g->out_s += dt_s;
	return g->out_s >= adopt_s;
}

void gauge_adopt(struct gauge *g)
{
	struct gauge_day recent = g->recent;
	uint32_t out_s = g->out_s, window_s = g->window_s;
	float least_span = g->least_span;

	gauge_init(g, window_s);
	g->least_span = least_span;
	if (!recent.n)
		return;
	recent.trough = recent.min;
	recent.peak = recent.max;
	recent.all = recent.n;
	g->days[0] = recent;
	g->seen_s = out_s / 2;
	gauge_bound(g);
}

void gauge_new_day(struct gauge *g)
{
	g->today = (g->today + 1) % GAUGE_DAYS;
	memset(&g->days[g->today], 0, sizeof(g->days[0]));
	gauge_bound(g);
}

void gauge_set_noise(struct gauge *g, float least_span)
{
	g->least_span = least_span;
	gauge_bound(g);
}

bool gauge_ready(const struct gauge *g, uint32_t learn_s)
{
	return g->seen_s >= learn_s && g->seen_s / g->window_s >= 2;
}
