/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a baseline, shared by its arithmetic and its storage. */
#ifndef BD_BASELINE_PRIVATE_H
#define BD_BASELINE_PRIVATE_H

#include "user/lib/detect/baseline.h"
#include "user/lib/detect/calendar.h"
#include "user/lib/detect/gauge.h"
#include "user/lib/detect/hours.h"
#include "user/lib/detect/sustain.h"

#define BASELINE_PARTS 12
#define BASELINE_WINDOWS 3
#define BASELINE_GAUGES 10

/* Sums over values, their squares, and what they differ from the usual at their hours. */
struct baseline_sums {
	double value, square, residual;
};

/*
 * A window slides by a twelfth of itself. `index` is t / (length of a part) of the running part.
 * `judged`: of values cut to what is no news by itself; `seen`: of all as they came.
 */
struct baseline_part {
	struct baseline_sums judged, seen;
	uint32_t n, n_residual;
};

struct baseline_window {
	struct baseline_part part[BASELINE_PARTS];
	int64_t index;
};

struct baseline_rule {
	enum baseline_aspect aspect;
	int window; /* -1: the value itself */
};

extern const struct baseline_rule baseline_rules[BASELINE_GAUGES];
extern const uint32_t baseline_window_s[BASELINE_WINDOWS];

struct baseline {
	struct baseline_options options;
	struct calendar calendar;
	struct sustain sustain;
	struct hours hours;
	struct gauge gauges[BASELINE_GAUGES];
	float scores[BASELINE_GAUGES]; /* as of when each was last looked at */
	float values[BASELINE_GAUGES];
	struct baseline_window windows[BASELINE_WINDOWS];
	/* the running minute, where values come more often */
	double minute_sum;
	float minute_least, minute_most; /* the best of what was kept up in it */
	uint32_t minute_n;
	int64_t minute;
	int64_t hour, day;     /* local, INT64_MIN before the first value */
	int64_t last_s;	       /* of the last value */
	int64_t told_s, out_s; /* when a deviation was last told, last seen */
	int32_t offset_s;      /* of local time, at the last value */
};

/* A baseline that knows nothing. */
void baseline_clear(struct baseline *b);

/* How far VALUE lies below LOW (negative) or above HIGH. */
float baseline_outside(float value, float low, float high);

/* The range in which a value is no news; infinite while that isn't known. */
void baseline_limits(const struct baseline *b, float *ret_low, float *ret_high);

/*
 * True when a deviation that is seen now begins one to tell. Keeps when one was last told, and when
 * one was last seen; INT64_MIN for never.
 */
bool baseline_told(int64_t *told_s, int64_t *out_s, int64_t t_s);

/* From the scores of all aspects to a verdict, and whether it is one to tell. */
void baseline_judge(struct baseline *b, int64_t t_s, struct baseline_verdict *ret_verdict);

#endif
