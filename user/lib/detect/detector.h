/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The detectors of one client, or of the machine: a table of them, fed with one set of numbers at
 * each step. A rule over a fixed level must hold for its whole time, and holds until the value has
 * been a tenth below the level for as long; deviation is the baseline's.
 *
 * A new detector is one more kind and one row in the table of detector.c.
 */
#ifndef BD_DETECTOR_H
#define BD_DETECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/detect/baseline.h"
#include "user/lib/config/config.h"
#include "user/lib/base/metric.h"

enum detector_kind {
	DETECTOR_THRESHOLD,
	DETECTOR_DEVIATION,
	DETECTOR_STARVATION,
	DETECTOR_THROTTLED,
	DETECTOR_PRESSURE,
	DETECTOR_KINDS,
};

/* What was measured in the last step. Shares are 0 to 1; NAN where it is not known. */
struct detector_input {
	int64_t t_s;	   /* since the epoch */
	double cpus;	   /* CPU time used, in CPUs */
	double limit_cpus; /* what it may use: its quota, or the machine */
	double starved, throttled, pressure;
	double metric[METRICS]; /* as they are learned; that of CPU is `cpus` */
};

/* How one rule stands. */
struct detector_level {
	bool active;
	uint32_t over_s, under_s;
	int64_t since_s; /* when what is active, or about to be, began */
};

struct detector {
	uint32_t step_s;
	struct detector_level levels[DETECTOR_KINDS];
};

/* What one of them found: enough for a report's `trigger`. */
struct detector_finding {
	enum detector_kind kind;
	enum metric metric; /* that was compared */
	bool cause; /* there is one now: for trigger_step() */
	double value, expected, threshold;
	int64_t since_s;
};

/* The name of a kind, as in a report's `trigger.kind`. */
const char *detector_kind_name(enum detector_kind kind);
/* Of what a rule over a level is; deviation has several. */
enum metric detector_metric(enum detector_kind kind);

/* STEP_S between inputs, 1 to 3600. */
void detector_init(struct detector *d, uint32_t step_s);

/* The options of what is normal of a metric for these rules: of values in its unit, STEP_S apart. */
struct baseline_options detector_baseline_options(const struct config_agent *agent,
						  const struct config_rules *rules,
						  enum metric metric, uint32_t step_s);

/*
 * Feeds the baseline and all rules; RET_FINDINGS has DETECTOR_KINDS, in the order of the kinds, and
 * RET_VERDICT what the baseline said. 0, or baseline_feed()'s error.
 */
int detector_step(struct detector *d, const struct config_rules *rules, struct baseline *baseline,
		  const struct detector_input *input, struct baseline_verdict *ret_verdict,
		  struct detector_finding ret_findings[DETECTOR_KINDS]);

/*
 * After detector_step(): what the bands said of the other metrics. Their rules learn what was
 * expected, and the first that deviates, and of which the configuration wants to hear, becomes the
 * finding of DETECTOR_DEVIATION where CPU gave no cause.
 */
void detector_metrics(const struct config_rules *rules, const struct detector_input *input,
		      const struct baseline_verdict verdicts[METRICS],
		      struct detector_finding findings[DETECTOR_KINDS]);

/*
 * One sentence: `checkout used 3.1 of 4 cores for 12 s; at Sat 21:00 it normally uses 0.4 to 0.9`.
 * VERDICT is that of the finding's metric. Returns what snprintf() would.
 */
int detector_explain(const struct detector_finding *finding, const struct baseline_verdict *verdict,
		     const struct detector_input *input, const char *client, char *text,
		     size_t size);

#endif
