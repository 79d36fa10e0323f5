/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client that is watched, or the machine: its detectors, its baseline, what it used in the last
 * minutes, and when it was last reported. It outlives the processes of the client, and a reload of
 * the configuration.
 */
#ifndef BD_WATCHED_H
#define BD_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "user/clients/clients.h"
#include "user/lib/detect/band.h"
#include "user/lib/detect/calendar.h"
#include "user/lib/logs/crash_log.h"
#include "user/lib/detect/detector.h"
#include "user/lib/profile/report.h"
#include "user/lib/detect/trigger.h"

#define WATCHED_TEXT 512
#define WATCHED_NAME 256 /* a unit's name, at the most */

struct watched_point {
	int64_t t_ns; /* CLOCK_MONOTONIC, end of the second: the other clock may be set meanwhile */
	int32_t cpu_milli, system_milli, wait_permille, throttled_permille, pressure_permille,
		threads, steal_milli;
	int64_t rss_kib;
};

/* Why a report is made, as its `trigger` says. */
struct watched_cause {
	const char *kind, *metric; /* static */
	double value, expected, threshold;
	int64_t since_ns; /* since the epoch */
	char client[WATCHED_NAME], explanation[WATCHED_TEXT];
};

struct logs_client; /* user/reader/logs.h */

struct watched {
	char *name;
	const struct config_rules *rules; /* the configuration's */
	struct detector detector;
	struct baseline *baseline; /* of CPU; */
	struct bands *bands;	   /* and of the other metrics */
	struct baseline_options options[METRICS]; /* by the rules */
	struct trigger trigger;
	struct trigger_budget budget;
	struct crash_log crashes;
	uint32_t crash_ready; /* processes that can be walked in the kernel */
	uint64_t seen; /* number of the last second that had it */
	uint32_t place; /* in the table of clients of that second */
	struct client_second now; /* `name` is ours */
	struct baseline_verdict verdicts[METRICS];
	struct detector_input input;
	struct detector_finding findings[DETECTOR_KINDS];
	enum trigger_answer answer; /* of the last second */
	int64_t last_s;		    /* monotonic, of the last report or what would have been one */
	uint64_t reports, held_back;
	char last[WATCHED_TEXT]; /* its explanation, or why there was none; "" for none yet */
	size_t npoints, at;	/* a ring: `at` is where the next one goes */
	size_t most;
	struct watched_point *points;
	struct logs_client *logs; /* NULL: it has none, or they were not looked at yet */
};

/* `keep_s`: how many seconds the series goes back. The baseline is the caller's to set, the bands know nothing. NULL: -ENOMEM. */
struct watched *watched_new(const char *name, size_t keep_s);
void watched_free(struct watched *w);

/*
 * Takes in a second that ended at `wall_ns` since the epoch and `now_ns` of a clock that isn't set.
 * TRIGGER_FIRE and a cause when a report begins now.
 */
enum trigger_answer watched_second(struct watched *w, const struct client_second *second,
				   int64_t wall_ns, int64_t now_ns, struct trigger_budget *host,
				   int64_t host_per_hour, struct watched_cause *ret_cause);
/* Sets the rules, and what of them the baseline and the bands follow. */
void watched_rules(struct watched *w, const struct config_agent *agent,
		   const struct config_rules *rules);
/* What is normal of a metric at the hour of the last second; false while nothing is known. */
bool watched_normal(const struct watched *w, enum metric metric, float *ret_low, float *ret_median,
		    float *ret_high);
/* A cause by hand. */
void watched_manual(const struct watched *w, const char *who, int64_t wall_ns,
		    struct watched_cause *ret_cause);

/*
 * Fills series and baseline of a report of this client from `from_ns` since the epoch on; then it is
 * `ahead_ns` more than CLOCK_MONOTONIC. 0 or -ENOMEM.
 */
int watched_report(const struct watched *w, const struct watched *machine, int64_t from_ns,
		   int64_t ahead_ns, struct report *r);

#endif
