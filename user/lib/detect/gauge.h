/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One number that is followed over time (the value itself, its mean over three hours, its spread),
 * and the extremes that it had on each of the last GAUGE_DAYS days.
 *
 * What is normal lies between the lowest and the highest extreme of those days. What was out of
 * bounds doesn't count, unless that level was reached on two different days: then it is a habit.
 * Beyond the extreme there is a margin, 0.8 span / ln(n): span is the way from the middle to that
 * extreme, n the number of independent windows seen. Where the tail of a distribution is
 * exponential, the chance that the next window exceeds the largest of n by that much is 0.45 / n,
 * so that a new gauge is careful, an old one is sharp, and long windows, of which few have been
 * seen, have wide margins (Coles, "An Introduction to Statistical Modeling of Extreme Values",
 * 2001, chapter 3: block maxima).
 */
#ifndef BD_GAUGE_H
#define BD_GAUGE_H

#include <stdbool.h>
#include <stdint.h>

#define GAUGE_DAYS 14

/* One day: min, max, mean of what was in bounds (n of them); trough and peak of everything. */
struct gauge_day {
	float min, max, mean, trough, peak;
	uint32_t n, all;
};

struct gauge {
	struct gauge_day days[GAUGE_DAYS]; /* a ring; days[today] is the running one */
	struct gauge_day recent;	   /* while out of bounds: what could become normal */
	float low, middle, high;	   /* normal; empty while `days` are */
	float low_margin, high_margin;	   /* how far beyond is news */
	float least_span;		   /* a span below this is noise; in units of the gauge */
	uint32_t today;
	uint32_t window_s; /* what one value stands for, at least an hour */
	uint32_t seen_s;   /* time followed since the start or the last new normal */
	uint32_t out_s;	   /* grows while out of bounds, shrinks while not */
};

/* A gauge of values that each stand for WINDOW_S seconds (taken as an hour if less: neighbouring
 * minutes aren't independent). */
void gauge_init(struct gauge *g, uint32_t window_s);

/*
 * How far the range LOW to HIGH lies wholly beyond what is normal, in margins: above 1 it is news
 * upwards, below -1 downwards, 0 inside. Not further than LEAST (in the gauge's unit) outside: 0.
 */
float gauge_score(const struct gauge *g, float low, float high, float least);

/*
 * One value: what it was on average and between which extremes; and the extremes that are to be
 * remembered as a level that was reached, even if another gauge answers for them.
 */
struct gauge_value {
	float low, mean, high, trough, peak;
};

/*
 * Takes in a value that stands for DT_S seconds and that had SCORE. Out of bounds it is only
 * remembered. True when it has been out of bounds for most of ADOPT_S: the owner then calls
 * gauge_adopt() on the gauges concerned.
 */
bool gauge_learn(struct gauge *g, const struct gauge_value *value, float score, uint32_t dt_s,
		 uint32_t adopt_s);

/* Forgets all but what was lately out of bounds, if anything: the new normal. */
void gauge_adopt(struct gauge *g);

/* Midnight: begins another day in place of the oldest. */
void gauge_new_day(struct gauge *g);

/* Sets least_span, and the bounds again. */
void gauge_set_noise(struct gauge *g, float least_span);

/* True when it has seen enough to judge: LEARN_S, and two windows. */
bool gauge_ready(const struct gauge *g, uint32_t learn_s);

#endif
