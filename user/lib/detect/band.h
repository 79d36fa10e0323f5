/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is normal for one metric of a client, by hour of the week, in 4 KB: the lighter sibling of a
 * baseline (baseline.h), for metrics of which a client has several. docs/detection.md says how.
 *
 * Each hour is five quantiles that stand for the weight of all its weeks, decaying; the extremes of
 * the last two weeks are followed by two gauges, of the value and of how far it lies outside of what
 * its hour is like. Fed once a second with a clock that is handed in. A zeroed band is not ready.
 */
#ifndef BD_BAND_H
#define BD_BAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/detect/baseline.h"
#include "user/lib/detect/calendar.h"
#include "user/lib/detect/gauge.h"
#include "user/lib/base/metric.h"

#define BAND_POINTS 5
#define BAND_MINUTES 60

/* Values at 5, 22, 50, 78 and 95 %, each the upper half of a float. */
struct band_hour {
	uint16_t value[BAND_POINTS];
	uint16_t weight; /* minutes, after decay */
	uint8_t visits;
};

enum band_gauge { BAND_VALUE, BAND_AT_HOUR, BAND_GAUGES };

/* The running minute, and what was kept up in it for half of `sustain_s`. */
struct band_minute {
	int64_t minute;
	double sum;
	float kept_high, kept_low;
	uint16_t n; /* seconds */
	bool incident;
};

struct band_block {
	float least, most;
	uint32_t n; /* seconds */
};

struct band {
	struct band_hour week[CALENDAR_HOURS], day[24], all;
	struct gauge gauges[BAND_GAUGES];
	/* what is usual from the hour before to the hour after the running one */
	float usual_low, usual_high;
	bool known;
	uint8_t nvalues;
	int16_t week_hour;
	float values[BAND_MINUTES]; /* of the running hour, a mean a minute */
	struct band_minute minute;
	struct band_block block;
	int32_t side;	 /* 1 above, -1 below what is no news, 0 neither; */
	uint32_t kept_s; /* and for how long */
	int64_t hour, today, last_s; /* local hour and day; of the last value */
	int64_t told_s, out_s; /* when a deviation was last told, last seen */
};

void band_init(struct band *b);

/*
 * The value at T_S, which is in the hour NOW; OPTIONS as for a baseline, but for the step, which is
 * a second, or two where one was lost. INCIDENT: something is wrong with the client, and nothing is learned. -EINVAL for a
 * value that isn't finite or out of range: it is left out.
 */
int band_feed(struct band *b, const struct baseline_options *options,
	      const struct calendar_hour *now, int64_t t_s, float value, bool incident,
	      struct baseline_verdict *ret_verdict);

/* As hours_normal(): 5 %, median and 95 %. False while nothing is known. */
bool band_normal(const struct band *b, int week_hour, float *ret_low, float *ret_median,
		 float *ret_high);

/* --- a band for each metric but CPU */
struct bands {
	struct calendar calendar;
	struct band of[METRICS - 1]; /* metric - 1 */
};

void bands_init(struct bands *b);

/*
 * Feeds what is known of VALUE: those that are NAN are left out, and their verdict is one of nothing. The
 * entry of CPU is not touched.
 */
void bands_feed(struct bands *b, const struct baseline_options options[METRICS], int64_t t_s,
		const double value[METRICS], bool incident, struct baseline_verdict verdicts[METRICS]);

/* At the hour of T_S. METRIC is any but CPU. */
bool bands_normal(struct bands *b, enum metric metric, int64_t t_s, float *ret_low,
		  float *ret_median, float *ret_high);

/* Bytes that bands_save() writes. */
size_t bands_size(void);
/* Writes bands_size() bytes: versioned, little-endian, with a checksum. -ENOSPC if SIZE is less. */
int bands_save(const struct bands *b, void *buffer, size_t size);
/*
 * Continues what was saved; metrics that it doesn't have begin anew. -EBADMSG if the buffer is
 * damaged, -EPROTO if another version wrote it; then RET_BANDS is as bands_init() leaves it.
 */
int bands_load(const void *buffer, size_t size, struct bands *ret_bands);

#endif
