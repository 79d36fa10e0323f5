/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each hour of the week is like: a decaying quantile sketch for each of its 168 hours, one for
 * each of the 24 hours over all days while those are young, and one for everything until then.
 *
 * An hour's values are gathered and taken in when it ends. A daily job drifts by some minutes, so
 * that what is usual at an hour takes in the hour before and the hour after.
 */
#ifndef BD_HOURS_H
#define BD_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/detect/calendar.h"
#include "user/lib/detect/quantile.h"

#define HOURS_VALUES 60 /* values an hour, at most */

/* What is usual at the running hour. `known`: these hours have been seen on two days. */
struct hours_usual {
	bool known;
	float low, high;		 /* extremes */
	float low_quarter, high_quarter; /* quartiles */
	float median;
	/* what hours_normal() said when the hour began */
	float normal_low, normal_median, normal_high;
};

struct hours {
	struct quantile week[CALENDAR_HOURS], day[24], all;
	struct quantile noise; /* values less the median of their hour */
	uint8_t week_visits[CALENDAR_HOURS], day_visits[24];
	float value[HOURS_VALUES], residual[HOURS_VALUES];
	uint32_t n, n_residual;
	int32_t week_hour; /* the running one, -1 before the first */
	float last;
	struct hours_usual usual;
};

/* A zeroed struct hours needs this; it also forgets everything. */
void hours_clear(struct hours *h);

/* Takes in the hour that ends, if any, and begins another. */
void hours_begin(struct hours *h, int week_hour);

/* A value of the running hour; one that isn't NORMAL counts as noise only. */
void hours_add(struct hours *h, float value, bool normal);

/* Half-lives: everything ages by a day. */
void hours_new_day(struct hours *h);

/* The middle half of what values are away from the median of their hour; 0 while unknown. */
float hours_noise(const struct hours *h);

/*
 * What it normally is at WEEK_HOUR: the 5 % and 95 % quantiles and the median of that hour of the
 * week, of the hour of any day while it is young, or of everything. False if there is nothing yet.
 */
bool hours_normal(const struct hours *h, int week_hour, float *ret_low, float *ret_median,
		  float *ret_high);

#endif
