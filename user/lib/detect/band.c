// SPDX-License-Identifier: BSD-2-Clause
/* docs/detection.md says what differs from a baseline, and why. */
#include "user/lib/detect/band.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/detect/band_private.h"
#include "user/lib/detect/baseline_private.h"
#include "user/lib/base/number.h"

#define MINUTE_S 60
#define MINUTE_LEAST 30 /* seconds of it that must be known */
#define GAP_S 2

/* Half-lives as in hours.c: a week of hours of the day, three of hours of the week. */
#define DAY_KEEP 0.9f
#define WEEK_KEEP 0.8f
#define ALL_KEEP 0.995f /* an hour */
#define DAYS_OLD 2
#define WEEKS_OLD 3

/* As in baseline.c: what is noise of a span. */
#define LEAST_OF_LEVEL 0.02f
#define LEAST_OF_SPAN 0.6f

/* Where the points lie, and the part of the weight of which each is the middle. */
static const float place[BAND_POINTS] = {0.05f, 0.22f, 0.5f, 0.78f, 0.95f};
static const float part[BAND_POINTS] = {0.1f, 0.24f, 0.32f, 0.24f, 0.1f};

float band_point(uint16_t stored)
{
	uint32_t bits = (uint32_t)stored << 16;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Rounded to the nearest: half of 1/256 off at the most. */
static uint16_t point_of(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

void band_init(struct band *b)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < BAND_GAUGES; i++)
		gauge_init(&b->gauges[i], 0);
	b->week_hour = -1;
	b->hour = b->today = b->last_s = b->told_s = b->out_s = INT64_MIN;
}

/* --- hours */
struct point {
	float value, weight;
};

static int point_order(const void *a, const void *b)
{
	float x = ((const struct point *)a)->value, y = ((const struct point *)b)->value;

	return (x > y) - (x < y);
}

/* Value below which the share P of the weight lies: linear between the middles of neighbours. */
static float point_at(const struct point *points, uint32_t n, double want)
{
	double at = 0, middle = 0, before;
	uint32_t i;

	for (i = 0; i < n; i++) {
		before = middle;
		middle = at + points[i].weight / 2;
		if (want <= middle)
			break;
		at += points[i].weight;
	}
	if (!i || i == n)
		return points[i ? n - 1 : 0].value;
	return points[i - 1].value + (points[i].value - points[i - 1].value) * (want - before) /
					     (middle - before);
}

/*
 * Takes in an hour's values. Unlike a t-digest's, the few points are read off all of them at once: to
 * squeeze them again and again would move the outermost ones inwards, week by week.
 */
static void hour_take(struct band_hour *h, float keep, const float *values, uint32_t n)
{
	struct point points[BAND_POINTS + BAND_MINUTES];
	double total = n;
	uint32_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		points[count++] = (struct point){values[i], 1};
	for (int i = 0; i < BAND_POINTS && h->weight; i++) {
		points[count] = (struct point){band_point(h->value[i]), h->weight * part[i] * keep};
		total += points[count++].weight;
	}
	qsort(points, count, sizeof(points[0]), point_order);
	for (int i = 0; i < BAND_POINTS; i++)
		h->value[i] = point_of(point_at(points, count, place[i] * total));
	h->weight = lrint(total);
	h->visits += h->visits < UINT8_MAX;
}

static void hour_end(struct band *b)
{
	uint32_t n = b->nvalues;

	if (b->week_hour >= 0 && n) {
		struct band_hour *day = &b->day[b->week_hour % 24];

		hour_take(&b->week[b->week_hour], WEEK_KEEP, b->values, n);
		hour_take(day, DAY_KEEP, b->values, n);
		if (day->visits <= DAYS_OLD)
			hour_take(&b->all, ALL_KEEP, b->values, n);
	}
	b->nvalues = 0;
}

static void usual_widen(struct band *b, const struct band_hour *h)
{
	b->usual_low = number_min(b->usual_low, band_point(h->value[0]));
	b->usual_high = number_max(b->usual_high, band_point(h->value[BAND_POINTS - 1]));
}

static void hour_begin(struct band *b, int week_hour)
{
	hour_end(b);
	b->week_hour = week_hour;
	b->known = true;
	b->usual_low = INFINITY;
	b->usual_high = -INFINITY;
	for (int i = -1; i <= 1; i++) {
		int week = (week_hour + i + CALENDAR_HOURS) % CALENDAR_HOURS;

		if (b->day[week % 24].visits < DAYS_OLD)
			b->known = false;
		usual_widen(b, &b->day[week % 24]);
		if (b->week[week].visits)
			usual_widen(b, &b->week[week]);
	}
}

bool band_normal(const struct band *b, int week_hour, float *ret_low, float *ret_median,
		 float *ret_high)
{
	const struct band_hour *h = &b->week[week_hour];

	if (h->visits < WEEKS_OLD)
		h = &b->day[week_hour % 24];
	if (!h->visits)
		h = &b->all;
	if (!h->visits)
		return false;
	*ret_low = band_point(h->value[0]);
	*ret_median = band_point(h->value[BAND_POINTS / 2]);
	*ret_high = band_point(h->value[BAND_POINTS - 1]);
	return true;
}

/* --- gauges */
static void noise_update(struct band *b)
{
	const struct gauge *value = &b->gauges[BAND_VALUE];
	float span = LEAST_OF_LEVEL * fabsf(value->middle);

	gauge_set_noise(&b->gauges[BAND_VALUE], span);
	gauge_set_noise(&b->gauges[BAND_AT_HOUR],
			number_max(span, LEAST_OF_SPAN * (value->high - value->middle)));
}

/* What a gauge is about, of a value. */
static float seen_by(const struct band *b, enum band_gauge which, float value)
{
	return which == BAND_VALUE ? value
				   : baseline_outside(value, b->usual_low, b->usual_high);
}

static float gauge_judge(const struct band *b, const struct baseline_options *o,
			 enum band_gauge which, float low, float high)
{
	const struct gauge *g = &b->gauges[which];

	if (!gauge_ready(g, o->learn_s) || (which == BAND_AT_HOUR && !b->known))
		return 0;
	return gauge_score(g, seen_by(b, which, low), seen_by(b, which, high), o->least);
}

/* What has lasted is normal now; a new level of the value makes all that was known before void. */
static void adopt(struct band *b, enum band_gauge which)
{
	int week_hour = b->week_hour;

	gauge_adopt(&b->gauges[which]);
	if (which != BAND_VALUE)
		return;
	gauge_adopt(&b->gauges[BAND_AT_HOUR]);
	memset(b->week, 0, sizeof(b->week));
	memset(b->day, 0, sizeof(b->day));
	memset(&b->all, 0, sizeof(b->all));
	b->nvalues = 0;
	hour_begin(b, week_hour);
}

static bool gauge_take(struct band *b, const struct baseline_options *o, enum band_gauge which,
		       float mean)
{
	const struct band_minute *m = &b->minute;
	float low = seen_by(b, which, number_min(m->kept_low, mean));
	float high = seen_by(b, which, number_max(m->kept_high, mean));
	struct gauge_value v = {low, seen_by(b, which, mean), high, low, high};
	float score;

	if (which == BAND_AT_HOUR && !b->known)
		return true;
	score = gauge_judge(b, o, which, m->kept_high, m->kept_low);
	if (gauge_learn(&b->gauges[which], &v, score, MINUTE_S, o->adopt_s))
		adopt(b, which);
	return fabsf(score) <= 1;
}

/* --- time */
static void minute_end(struct band *b, const struct baseline_options *o)
{
	struct band_minute *m = &b->minute;
	float mean = m->n ? m->sum / m->n : 0;
	bool normal;

	if (m->n >= MINUTE_LEAST && !m->incident) {
		normal = gauge_take(b, o, BAND_VALUE, mean);
		normal &= gauge_take(b, o, BAND_AT_HOUR, mean);
		if (normal && b->nvalues < BAND_MINUTES)
			b->values[b->nvalues++] = mean;
	}
	*m = (struct band_minute){.kept_high = -INFINITY, .kept_low = INFINITY};
}

/* A clock that was set back by less than a day keeps its day: the same day isn't begun twice. */
static void calendar_step(struct band *b, const struct calendar_hour *now)
{
	if (now->hour != b->hour) {
		hour_begin(b, now->week_hour);
		b->hour = now->hour;
	}
	if (b->today != INT64_MIN && now->day > b->today) {
		for (int i = 0; i < BAND_GAUGES; i++)
			gauge_new_day(&b->gauges[i]);
		noise_update(b);
	}
	if (now->day > b->today || now->day < b->today - 1)
		b->today = now->day;
}

/*
 * What is kept up for all of `sustain_s` is kept up for a whole block of half of it, wherever the
 * blocks begin: what they reach is learned, so that at the most too much counts as normal.
 */
static void block_add(struct band *b, const struct baseline_options *o, float value, uint32_t dt_s)
{
	struct band_block *k = &b->block;

	k->least = k->n ? number_min(k->least, value) : value;
	k->most = k->n ? number_max(k->most, value) : value;
	k->n += dt_s;
	if (k->n < (o->sustain_s + 1) / 2)
		return;
	b->minute.kept_high = number_max(b->minute.kept_high, k->least);
	b->minute.kept_low = number_min(b->minute.kept_low, k->most);
	k->n = 0;
}

static void minute_add(struct band *b, const struct baseline_options *o, float value, uint32_t dt_s,
		       bool incident)
{
	b->minute.sum += (double)value * dt_s;
	b->minute.n += dt_s;
	b->minute.incident |= incident;
	block_add(b, o, value, dt_s);
}

/* --- the verdict */
/* The value from which on it is news in that direction, by both gauges. */
static float limit_of(const struct band *b, const struct baseline_options *o, bool low)
{
	float limit = low ? -INFINITY : INFINITY;

	for (int i = 0; i < BAND_GAUGES; i++) {
		const struct gauge *g = &b->gauges[i];
		float usual = i == BAND_VALUE ? 0 : low ? b->usual_low : b->usual_high;

		if (!gauge_ready(g, o->learn_s) || (i == BAND_AT_HOUR && !b->known))
			continue;
		limit = low ? number_max(limit, usual + g->low - number_max(g->low_margin, o->least))
			    : number_min(limit, usual + g->high + number_max(g->high_margin, o->least));
	}
	return isfinite(limit) ? limit : 0;
}

/* The strongest of the two in a direction that counts. */
static float strongest(const struct band *b, const struct baseline_options *o, float value,
		       enum band_gauge *ret_which)
{
	float best = 0;

	*ret_which = BAND_VALUE;
	for (int i = 0; i < BAND_GAUGES; i++) {
		float score = gauge_judge(b, o, i, value, value);

		if ((score > 0 && !(o->direction & BASELINE_HIGH)) ||
		    (score < 0 && !(o->direction & BASELINE_LOW)) || fabsf(score) <= fabsf(best))
			continue;
		best = score;
		*ret_which = i;
	}
	return best;
}

static void judge(struct band *b, const struct baseline_options *o, int64_t t_s, float value,
		  uint32_t dt_s, struct baseline_verdict *v)
{
	enum band_gauge which;
	float score = strongest(b, o, value, &which);
	int32_t side = (score > 1) - (score < -1);

	if (side != b->side)
		b->kept_s = 0;
	b->side = side;
	b->kept_s += b->kept_s < o->sustain_s ? dt_s : 0;
	/* Until it was kept up it is none. */
	v->score = b->kept_s >= o->sustain_s ? score : number_clamp(score, -1, 1);
	if (fabsf(v->score) > 1)
		v->begins = baseline_told(&b->told_s, &b->out_s, t_s);
	v->threshold = limit_of(b, o, score < 0);
	v->aspect = which == BAND_VALUE ? BASELINE_VALUE : BASELINE_AT_HOUR;
	v->seen = value;
	v->seen_low = b->gauges[which].low;
	v->seen_high = b->gauges[which].high;
	v->window_s = o->sustain_s;
}

int band_feed(struct band *b, const struct baseline_options *o, const struct calendar_hour *now,
	      int64_t t_s, float value, bool incident, struct baseline_verdict *ret)
{
	int64_t minute = t_s / MINUTE_S - (t_s % MINUTE_S < 0);
	uint32_t dt_s = 1;
	struct baseline_verdict v = {.week_hour = now->week_hour};

	if (!(fabsf(value) <= BASELINE_VALUE_MAX) || t_s > BASELINE_TIME_MAX_S ||
	    t_s < -BASELINE_TIME_MAX_S)
		return -EINVAL;
	if (b->last_s == INT64_MIN || minute != b->minute.minute)
		minute_end(b, o);
	b->minute.minute = minute;
	calendar_step(b, now);
	/* Of two seconds in which there was one value it is of both. */
	if (b->last_s == INT64_MIN || t_s <= b->last_s || t_s > b->last_s + GAP_S)
		b->block.n = b->kept_s = 0;
	else
		dt_s = t_s - b->last_s;
	b->last_s = t_s;
	minute_add(b, o, value, dt_s, incident);
	judge(b, o, t_s, value, dt_s, &v);
	band_normal(b, now->week_hour, &v.normal_low, &v.expected, &v.normal_high);
	*ret = v;
	return 0;
}

/* --- all of them */
void bands_init(struct bands *b)
{
	memset(b, 0, sizeof(*b));
	for (int i = 0; i < METRICS - 1; i++)
		band_init(&b->of[i]);
}

void bands_feed(struct bands *b, const struct baseline_options options[METRICS], int64_t t_s,
		const double value[METRICS], bool incident, struct baseline_verdict verdicts[METRICS])
{
	const struct calendar_hour now = calendar_at(&b->calendar, t_s);

	for (int m = METRIC_CPU + 1; m < METRICS; m++) {
		struct baseline_verdict none = {.week_hour = now.week_hour};

		if (band_feed(&b->of[m - 1], &options[m], &now, t_s, value[m], incident, &verdicts[m])) {
			band_normal(&b->of[m - 1], now.week_hour, &none.normal_low, &none.expected,
				    &none.normal_high);
			verdicts[m] = none;
		}
	}
}

bool bands_normal(struct bands *b, enum metric metric, int64_t t_s, float *ret_low,
		  float *ret_median, float *ret_high)
{
	const struct calendar_hour now = calendar_at(&b->calendar, t_s);

	return band_normal(&b->of[metric - 1], now.week_hour, ret_low, ret_median, ret_high);
}
