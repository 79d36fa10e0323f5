// SPDX-License-Identifier: BSD-2-Clause
/* docs/detection.md says why each of these is looked at and where the few constants come from. */
#include "user/lib/detect/baseline.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/detect/baseline_private.h"
#include "user/lib/base/number.h"

#define MINUTE_S 60
#define HOUR_S 3600
#define YEAR_S (366u * 24 * HOUR_S)

/* Spans below these shares are noise: of the level, of the hourly noise, of the value's own span.
 */
#define LEAST_OF_LEVEL 0.02f
#define LEAST_OF_NOISE 0.5f
#define LEAST_OF_SPAN 0.6f

const struct baseline_options baseline_defaults = {
	.step_s = MINUTE_S,
	.sustain_s = 30,
	.learn_s = 24 * HOUR_S,
	.adopt_s = 24 * HOUR_S,
	.direction = BASELINE_BOTH,
};

const uint32_t baseline_window_s[BASELINE_WINDOWS] = {3 * HOUR_S, 9 * HOUR_S, 27 * HOUR_S};

const struct baseline_rule baseline_rules[BASELINE_GAUGES] = {
	{BASELINE_VALUE, -1},	    {BASELINE_AT_HOUR, -1}, {BASELINE_MEAN, 0},
	{BASELINE_MEAN, 1},	    {BASELINE_MEAN, 2},	    {BASELINE_MEAN_AT_HOUR, 0},
	{BASELINE_MEAN_AT_HOUR, 1}, {BASELINE_SPREAD, 0},   {BASELINE_SPREAD, 1},
	{BASELINE_SPREAD, 2},
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static uint32_t tick_s(const struct baseline *b)
{
	return b->options.step_s > MINUTE_S ? b->options.step_s : MINUTE_S;
}

void baseline_clear(struct baseline *b)
{
	int i;

	hours_clear(&b->hours);
	memset(b->windows, 0, sizeof(b->windows));
	memset(b->scores, 0, sizeof(b->scores));
	memset(b->values, 0, sizeof(b->values));
	for (i = 0; i < BASELINE_GAUGES; i++) {
		int window = baseline_rules[i].window;

		gauge_init(&b->gauges[i], window < 0 ? 0 : baseline_window_s[window]);
	}
	b->hour = b->day = b->told_s = b->out_s = b->last_s = INT64_MIN;
}

static int options_check(const struct baseline_options *o)
{
	bool good = o->step_s >= 1 && o->step_s <= BASELINE_STEP_MAX_S && o->sustain_s <= HOUR_S &&
		    o->adopt_s >= HOUR_S && o->adopt_s <= YEAR_S && isfinite(o->least) &&
		    o->least >= 0 && o->direction >= BASELINE_HIGH && o->direction <= BASELINE_BOTH;

	return good ? 0 : -EINVAL;
}

int baseline_set_options(struct baseline *b, const struct baseline_options *options)
{
	uint32_t length;
	struct sustain sustain;
	int err = options_check(options);

	if (!err && b->options.step_s && options->step_s != b->options.step_s)
		err = -EINVAL;
	if (err)
		return err;
	length = (options->sustain_s + options->step_s - 1) / options->step_s;
	if (length < 1)
		length = 1;
	if (length != b->sustain.length) {
		err = sustain_init(&sustain, length);
		if (err)
			return err;
		sustain_release(&b->sustain);
		b->sustain = sustain;
	}
	b->options = *options;
	return 0;
}

struct baseline *baseline_new(const struct baseline_options *options)
{
	struct baseline *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return NULL;
	err = baseline_set_options(b, options);
	if (err) {
		free(b);
		errno = -err;
		return NULL;
	}
	baseline_clear(b);
	return b;
}

void baseline_free(struct baseline *b)
{
	if (!b)
		return;
	sustain_release(&b->sustain);
	free(b);
}

float baseline_outside(float value, float low, float high)
{
	return value - number_clamp(value, low, high);
}

static void noise_update(struct baseline *b)
{
	const struct gauge *value = &b->gauges[0];
	float noise = hours_noise(&b->hours);
	int i;

	for (i = 0; i < BASELINE_GAUGES; i++) {
		float span =
			number_max(LEAST_OF_LEVEL * fabsf(value->middle), LEAST_OF_NOISE * noise);

		if (baseline_rules[i].aspect == BASELINE_AT_HOUR)
			span = number_max(span, LEAST_OF_SPAN * (value->high - value->middle));
		gauge_set_noise(&b->gauges[i], span);
	}
}

/* A clock that was set back by less than a day keeps its day: the same day isn't begun twice. */
static void calendar_step(struct baseline *b, const struct calendar_hour *now)
{
	int i;

	/* A day of 23 or 25 hours can't be compared with the others. */
	if (b->hour != INT64_MIN && b->calendar.offset_s != b->offset_s)
		memset(b->windows, 0, sizeof(b->windows));
	b->offset_s = b->calendar.offset_s;
	if (now->hour != b->hour) {
		hours_begin(&b->hours, now->week_hour);
		b->hour = now->hour;
	}
	if (b->day != INT64_MIN && now->day > b->day) {
		hours_new_day(&b->hours);
		for (i = 0; i < BASELINE_GAUGES; i++)
			gauge_new_day(&b->gauges[i]);
		noise_update(b);
	}
	if (now->day > b->day || now->day < b->day - 1)
		b->day = now->day;
}

/*
 * What has lasted is normal now. Where the value itself or its mean over the shortest window has
 * been out all the time, that is a new level, and nothing that was learned before holds. A longer
 * window stays out for a whole weekend: that is only its own affair.
 */
static void baseline_adopt(struct baseline *b, int which)
{
	enum baseline_aspect aspect = baseline_rules[which].aspect;
	int i, hour = b->hours.week_hour;

	gauge_adopt(&b->gauges[which]);
	if (aspect != BASELINE_VALUE &&
	    (aspect != BASELINE_MEAN || baseline_rules[which].window > 0))
		return;
	for (i = 0; i < BASELINE_GAUGES; i++)
		if (i != which)
			gauge_adopt(&b->gauges[i]);
	hours_clear(&b->hours);
	hours_begin(&b->hours, hour);
}

static float gauge_judge(struct baseline *b, int which, float low, float high)
{
	const struct gauge *g = &b->gauges[which];

	if (!gauge_ready(g, b->options.learn_s))
		return 0;
	return gauge_score(g, low, high, b->options.least);
}

static void gauge_take(struct baseline *b, int which, float value, float seen, uint32_t dt_s)
{
	struct gauge_value v = {value, value, value, number_min(value, seen),
				number_max(value, seen)};
	float score = gauge_judge(b, which, value, value);

	b->values[which] = value;
	b->scores[which] = score;
	if (gauge_learn(&b->gauges[which], &v, score, dt_s, b->options.adopt_s))
		baseline_adopt(b, which);
}

/* The range in which a value is no news. */
void baseline_limits(const struct baseline *b, float *ret_low, float *ret_high)
{
	const struct hours_usual *usual = &b->hours.usual;
	const struct gauge *g = &b->gauges[0];
	float low = -INFINITY, high = INFINITY;

	if (gauge_ready(g, b->options.learn_s)) {
		low = g->low - g->low_margin;
		high = g->high + g->high_margin;
	}
	g = &b->gauges[1];
	if (usual->known && gauge_ready(g, b->options.learn_s)) {
		low = number_max(low, usual->low + g->low - g->low_margin);
		high = number_min(high, usual->high + g->high + g->high_margin);
	}
	*ret_low = low;
	*ret_high = high;
}

static void sums_add(struct baseline_sums *sums, const struct baseline_sums *more)
{
	sums->value += more->value;
	sums->square += more->square;
	sums->residual += more->residual;
}

/* What the gauges of a window are about; false where too much is missing. */
static bool sums_value(const struct baseline_sums *sums, uint32_t n, uint32_t n_residual,
		       uint32_t least, enum baseline_aspect aspect, float *ret_value)
{
	double mean = sums->value / n;

	if (aspect == BASELINE_MEAN)
		*ret_value = mean;
	else if (aspect == BASELINE_SPREAD)
		*ret_value = sqrt(fmax(sums->square / n - mean * mean, 0));
	else if (n_residual >= least)
		*ret_value = sums->residual / n_residual;
	else
		return false;
	return true;
}

static void window_look(struct baseline *b, int which)
{
	const struct baseline_window *w = &b->windows[which];
	uint32_t length_s = baseline_window_s[which], part_s = length_s / BASELINE_PARTS;
	uint32_t whole = length_s / tick_s(b),
		 least = whole * (BASELINE_PARTS - 1) / BASELINE_PARTS;
	struct baseline_part sum = {0};
	float value, seen;
	int i;

	for (i = 0; i < BASELINE_PARTS; i++) {
		sums_add(&sum.judged, &w->part[i].judged);
		sums_add(&sum.seen, &w->part[i].seen);
		sum.n += w->part[i].n;
		sum.n_residual += w->part[i].n_residual;
	}
	if (whole < 3 || sum.n < least)
		return;
	for (i = 0; i < BASELINE_GAUGES; i++) {
		enum baseline_aspect aspect = baseline_rules[i].aspect;

		if (baseline_rules[i].window == which &&
		    sums_value(&sum.judged, sum.n, sum.n_residual, least, aspect, &value) &&
		    sums_value(&sum.seen, sum.n, sum.n_residual, least, aspect, &seen))
			gauge_take(b, i, value, seen, part_s);
	}
}

/* Moves the window to the part of INDEX. A clock set back a little goes on in the running part. */
static void window_move(struct baseline_window *w, int64_t index)
{
	int64_t i;

	if (index < w->index - BASELINE_PARTS || index > w->index + BASELINE_PARTS) {
		memset(w->part, 0, sizeof(w->part));
		w->index = index;
	}
	for (i = w->index + 1; i <= index; i++)
		memset(&w->part[(uint64_t)i % BASELINE_PARTS], 0, sizeof(w->part[0]));
	if (index > w->index)
		w->index = index;
}

static struct baseline_sums sums_of(const struct hours_usual *usual, float value)
{
	return (struct baseline_sums){
		value,
		(double)value * value,
		usual->known ? baseline_outside(value, usual->low_quarter, usual->high_quarter) : 0,
	};
}

static void window_add(struct baseline *b, int which, int64_t t_s, const struct baseline_sums *seen,
		       const struct baseline_sums *judged)
{
	struct baseline_window *w = &b->windows[which];
	int64_t part_s = baseline_window_s[which] / BASELINE_PARTS, index = floor_div(t_s, part_s);
	struct baseline_part *part;

	window_move(w, index);
	part = &w->part[(uint64_t)w->index % BASELINE_PARTS];
	sums_add(&part->judged, judged);
	sums_add(&part->seen, seen);
	part->n++;
	part->n_residual += b->hours.usual.known;
	if (index == w->index && t_s + b->options.step_s >= (index + 1) * part_s)
		window_look(b, which);
}

/* Judges a value that was at least LEAST and at most MOST for as long as it must be kept up. */
static void value_judge(struct baseline *b, float least, float most)
{
	const struct hours_usual *u = &b->hours.usual;

	b->scores[0] = gauge_judge(b, 0, least, most);
	b->values[0] = b->scores[0] < 0 ? most : least;
	b->scores[1] = 0;
	if (u->known)
		b->scores[1] = gauge_judge(b, 1, baseline_outside(least, u->low, u->high),
					   baseline_outside(most, u->low, u->high));
	b->values[1] = b->scores[1] < 0 ? most : least;
}

/*
 * Learns the minute: its mean, and how high and how low it was kept up. The extremes that count
 * are the sustained ones, since only those are judged.
 */
static bool value_learn(struct baseline *b, int which, float least, float mean, float most)
{
	const struct hours_usual *u = &b->hours.usual;
	struct gauge_value v = {number_min(most, mean), mean, number_max(least, mean), 0, 0};
	float score;

	if (baseline_rules[which].aspect == BASELINE_AT_HOUR) {
		if (!u->known)
			return true;
		least = baseline_outside(least, u->low, u->high);
		most = baseline_outside(most, u->low, u->high);
		v.low = baseline_outside(v.low, u->low, u->high);
		v.mean = baseline_outside(mean, u->low, u->high);
		v.high = baseline_outside(v.high, u->low, u->high);
	}
	v.trough = v.low;
	v.peak = v.high;
	score = gauge_judge(b, which, least, most);
	if (gauge_learn(&b->gauges[which], &v, score, tick_s(b), b->options.adopt_s))
		baseline_adopt(b, which);
	return fabsf(score) <= 1;
}

/* Once a minute, or for each value if they come less often. */
static void baseline_tick(struct baseline *b, int64_t t_s)
{
	float mean = b->minute_sum / b->minute_n, limit_low, limit_high;
	struct baseline_sums seen, judged;
	bool normal;
	int i;

	baseline_limits(b, &limit_low, &limit_high);
	normal = value_learn(b, 0, b->minute_least, mean, b->minute_most);
	normal &= value_learn(b, 1, b->minute_least, mean, b->minute_most);
	hours_add(&b->hours, mean, normal);
	/* What the value itself tells is not to be told again by its mean, hours later. */
	seen = sums_of(&b->hours.usual, mean);
	judged = sums_of(&b->hours.usual, number_clamp(mean, limit_low, limit_high));
	for (i = 0; i < BASELINE_WINDOWS; i++)
		window_add(b, i, t_s, &seen, &judged);
}

static void minute_add(struct baseline *b, int64_t t_s, float value)
{
	int64_t minute = floor_div(t_s, MINUTE_S);
	float least = -INFINITY, most = INFINITY;

	if (b->minute_n && minute != b->minute)
		b->minute_n = 0; /* its end is missing: it can't be compared with whole ones */
	if (!b->minute_n) {
		b->minute = minute;
		b->minute_sum = 0;
		b->minute_least = -INFINITY;
		b->minute_most = INFINITY;
	}
	sustain_add(&b->sustain, value, &least, &most);
	if (b->sustain.count >= b->sustain.length) {
		b->minute_least = number_max(b->minute_least, least);
		b->minute_most = number_min(b->minute_most, most);
		value_judge(b, least, most);
	} else {
		b->scores[0] = b->scores[1] = 0;
	}
	b->minute_sum += value;
	b->minute_n++;
	if (b->options.step_s < MINUTE_S && floor_div(t_s + b->options.step_s, MINUTE_S) == minute)
		return;
	baseline_tick(b, t_s);
	b->minute_n = 0;
}

int baseline_feed(struct baseline *b, int64_t t_s, float value,
		  struct baseline_verdict *ret_verdict)
{
	struct calendar_hour now;

	if (!(fabsf(value) <= BASELINE_VALUE_MAX) || t_s > BASELINE_TIME_MAX_S ||
	    t_s < -BASELINE_TIME_MAX_S)
		return -EINVAL;
	now = calendar_at(&b->calendar, t_s);
	calendar_step(b, &now);
	if (b->last_s != INT64_MIN &&
	    (t_s <= b->last_s || t_s > b->last_s + 2 * (int64_t)b->options.step_s))
		sustain_clear(&b->sustain);
	b->last_s = t_s;
	minute_add(b, t_s, value);
	baseline_judge(b, t_s, ret_verdict);
	return 0;
}

bool baseline_normal(struct baseline *b, int64_t t_s, float *ret_low, float *ret_median,
		     float *ret_high)
{
	struct calendar_hour now = calendar_at(&b->calendar, t_s);

	return hours_normal(&b->hours, now.week_hour, ret_low, ret_median, ret_high);
}
