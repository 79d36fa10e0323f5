// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/hours.h"

#include <math.h>
#include <string.h>

#include "user/lib/base/number.h"

#define DAY_KEEP 0.9f  /* a day: half gone in a week */
#define WEEK_KEEP 0.8f /* a week: half gone in three */
#define DAYS_OLD 2     /* visits before the hour of the day is believed */
#define WEEKS_OLD 3    /* and the hour of the week */

void hours_clear(struct hours *h)
{
	memset(h, 0, sizeof(*h));
	h->week_hour = -1;
}

static void visit(struct quantile *q, uint8_t *visits, float keep, float *values, uint32_t n)
{
	quantile_decay(q, keep);
	quantile_add(q, values, n);
	*visits += *visits < UINT8_MAX;
}

static void noise_end(struct hours *h)
{
	quantile_add(&h->noise, h->residual, h->n_residual);
	h->n_residual = 0;
}

static void hours_end(struct hours *h)
{
	int day = h->week_hour % 24;

	if (h->week_hour < 0)
		return;
	if (h->n) {
		visit(&h->week[h->week_hour], &h->week_visits[h->week_hour], WEEK_KEEP, h->value,
		      h->n);
		visit(&h->day[day], &h->day_visits[day], DAY_KEEP, h->value, h->n);
		/* Only asked for what the hours can't tell yet. */
		if (h->day_visits[day] <= DAYS_OLD)
			quantile_add(&h->all, h->value, h->n);
	}
	h->n = 0;
}

static void usual_widen(struct hours_usual *u, const struct quantile *q)
{
	u->low = number_min(u->low, q->min);
	u->high = number_max(u->high, q->max);
	u->low_quarter = number_min(u->low_quarter, quantile_at(q, 0.25));
	u->high_quarter = number_max(u->high_quarter, quantile_at(q, 0.75));
}

/*
 * From the hour before to the hour after, on all days and on this day of the week: a weekend is
 * two days of seven, so that the quartiles of all days alone would not know it.
 */
static void usual_update(struct hours *h)
{
	struct hours_usual u = {true, INFINITY, -INFINITY, INFINITY, -INFINITY, 0, 0, 0, 0};
	int i;

	for (i = -1; i <= 1; i++) {
		int week = (h->week_hour + i + CALENDAR_HOURS) % CALENDAR_HOURS, day = week % 24;

		if (h->day_visits[day] < DAYS_OLD)
			u.known = false;
		usual_widen(&u, &h->day[day]);
		if (h->week_visits[week])
			usual_widen(&u, &h->week[week]);
	}
	u.median = quantile_at(&h->day[h->week_hour % 24], 0.5);
	hours_normal(h, h->week_hour, &u.normal_low, &u.normal_median, &u.normal_high);
	h->usual = u;
}

void hours_begin(struct hours *h, int week_hour)
{
	hours_end(h);
	h->week_hour = week_hour;
	usual_update(h);
}

void hours_add(struct hours *h, float value, bool normal)
{
	if (h->n_residual < HOURS_VALUES)
		h->residual[h->n_residual++] = value - (h->usual.known ? h->usual.median : h->last);
	h->last = value;
	if (normal && h->n < HOURS_VALUES)
		h->value[h->n++] = value;
}

void hours_new_day(struct hours *h)
{
	noise_end(h);
	quantile_decay(&h->all, DAY_KEEP);
	quantile_decay(&h->noise, DAY_KEEP);
}

float hours_noise(const struct hours *h)
{
	return quantile_at(&h->noise, 0.75) - quantile_at(&h->noise, 0.25);
}

bool hours_normal(const struct hours *h, int week_hour, float *ret_low, float *ret_median,
		  float *ret_high)
{
	const struct quantile *q = &h->week[week_hour];

	if (h->week_visits[week_hour] < WEEKS_OLD)
		q = &h->day[week_hour % 24];
	if (!q->n)
		q = &h->all;
	if (!q->n)
		return false;
	*ret_low = quantile_at(q, 0.05);
	*ret_median = quantile_at(q, 0.5);
	*ret_high = quantile_at(q, 0.95);
	return true;
}
