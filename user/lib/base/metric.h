/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a client is followed, and how it is worded: a table. Of each metric is known what is
 * normal at each hour of the week; of CPU by a whole baseline (baseline.h), of the others by a band
 * (band.h). Numbers and names are append-only: saved state and reports have them.
 */
#ifndef BD_METRIC_H
#define BD_METRIC_H

#include <stdbool.h>
#include <stddef.h>

enum metric {
	METRIC_CPU,	  /* CPUs used */
	METRIC_WAIT,	  /* waiting for a CPU / (waiting and running), 0 to 1 */
	METRIC_THROTTLED, /* of the time, 0 to 1 */
	METRIC_PRESSURE,  /* of the time, 0 to 1 */
	METRIC_MEMORY,	  /* resident, bytes */
	METRIC_THREADS,
	METRICS,
};

/* For a list of metrics in the configuration, as CONFIG_CHOICE wants its words: by number. */
#define METRIC_WORDS "cpu | wait | throttled | pressure | memory | threads"

#define METRIC_TEXT 64

const char *metric_name(enum metric metric);
/* -1 where there is none of that name. */
int metric_find(const char *name);
/* What its values are counted in: cores, share, bytes, threads. */
const char *metric_unit(enum metric metric);

/* "3.1 cores", "34 %", "3.1 GB", "340". Returns TEXT. */
const char *metric_value(enum metric metric, double value, char text[METRIC_TEXT]);
/* "0.4 to 0.9 cores", "0.9 to 1.1 GB". Returns TEXT. */
const char *metric_range(enum metric metric, double low, double high, char text[METRIC_TEXT]);

/*
 * "checkout held 3.1 GB for 40 s; at Sat 21:00 it normally holds 0.9 to 1.1 GB". FOR is "for 40 s",
 * and HOUR "Sat 21:00". Always terminated; returns what snprintf() would.
 */
int metric_sentence(enum metric metric, const char *subject, double value, const char *how_long,
		    const char *hour, double low, double high, char *text, size_t size);

#endif
