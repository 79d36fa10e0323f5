/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is normal for one client and metric, learned from its values as they come, and how far the
 * present is from it. docs/detection.md explains the method. No clock, no kernel, no logging:
 * values and their times are handed in, at a fixed interval of any length up to an hour.
 *
 * Ownership: baseline_new() or baseline_load() allocate, baseline_free() frees; nothing else does.
 */
#ifndef BD_BASELINE_H
#define BD_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest interval between two values. */
#define BASELINE_STEP_MAX_S 3600

/* The largest value, and the latest time, that are taken. */
#define BASELINE_VALUE_MAX 1e30f
#define BASELINE_TIME_MAX_S ((int64_t)1 << 40)

enum baseline_direction {
	BASELINE_HIGH = 1,
	BASELINE_LOW = 2,
	BASELINE_BOTH = 3, /* also a change of rhythm, which is neither */
};

struct baseline_options {
	uint32_t step_s;    /* interval of the values, 1 to BASELINE_STEP_MAX_S */
	uint32_t sustain_s; /* a value counts when it was kept up for so long (deviation_for) */
	uint32_t learn_s;   /* nothing is said before (learn) */
	uint32_t adopt_s;   /* after so long a new level is normal (adopt) */
	float least; /* least distance from normal, in the unit of the values (deviation_least) */
	enum baseline_direction direction;
};

/* learn and adopt 24 h, sustain 30 s, least 0, both directions, steps of a minute. */
extern const struct baseline_options baseline_defaults;

/* What was looked at. */
enum baseline_aspect {
	BASELINE_VALUE,	       /* the value against all of the last two weeks */
	BASELINE_AT_HOUR,      /* the value against what is usual at this hour */
	BASELINE_MEAN,	       /* its mean over window_s */
	BASELINE_MEAN_AT_HOUR, /* that mean less what is usual at these hours */
	BASELINE_SPREAD,       /* its standard deviation over window_s */
};

struct baseline_verdict {
	float score;	/* beyond 1 or -1: a deviation upwards or downwards; 0 while learning */
	bool begins;	/* a deviation that has not been told of begins here: worth a report */
	float expected; /* median of this hour; 0 while nothing is known */
	float normal_low, normal_high; /* 5 % to 95 % of this hour */
	float threshold;	       /* the value that would have been news in that direction */
	int week_hour;		       /* local time, for calendar_name() */
	/* Why: the strongest aspect, its value now, its bounds so far, and what it was taken over.
	 */
	enum baseline_aspect aspect;
	float seen, seen_low, seen_high;
	uint32_t window_s;
};

/* NULL if out of memory, or if the options are out of range (errno EINVAL). */
struct baseline *baseline_new(const struct baseline_options *options);
void baseline_free(struct baseline *b);

/* The options may change while it lives (not step_s). */
int baseline_set_options(struct baseline *b, const struct baseline_options *options);

/*
 * The value at T_S (seconds since the epoch, UTC). Gaps and a clock that was set are harmless: what
 * is missing is not made up. -EINVAL for a value that isn't finite or out of range: it is left out.
 */
int baseline_feed(struct baseline *b, int64_t t_s, float value,
		  struct baseline_verdict *ret_verdict);

/* What is normal at the hour of T_S; false while nothing is known. For `status`. */
bool baseline_normal(struct baseline *b, int64_t t_s, float *ret_low, float *ret_median,
		     float *ret_high);

/* Bytes that baseline_save() writes: the same for every baseline of this version. */
size_t baseline_size(void);

/* Writes baseline_size() bytes: versioned, little-endian, with a checksum. -ENOSPC if SIZE is less.
 */
int baseline_save(const struct baseline *b, void *buffer, size_t size);

/*
 * Continues what was saved, at another interval too. -EBADMSG if the buffer is damaged, -EPROTO if
 * another version wrote it, -EINVAL for bad options, -ENOMEM.
 */
int baseline_load(const struct baseline_options *options, const void *buffer, size_t size,
		  struct baseline **ret_baseline);

/*
 * One sentence in TEXT about a verdict that begins: `SUBJECT used 3.1 UNIT; at Sat 21:00 it
 * normally uses 0.4 to 0.9`. UNIT may be "". Always terminated; returns what snprintf() would.
 */
int baseline_explain(const struct baseline_verdict *verdict, const char *subject, float value,
		     const char *unit, char *text, size_t size);

#endif
