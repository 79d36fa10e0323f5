/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines of several logs in the order of their times, as a report has them.
 *
 *   { line…, source } for each file, failure… -> report -> release
 *
 * Zeroes and lines_max are empty. Texts are copied. Functions return 0 or -ENOMEM.
 */
#ifndef BD_LOG_MERGE_H
#define BD_LOG_MERGE_H

#include "user/lib/logs/log_proto.h"
#include "user/lib/profile/report.h"

#define LOG_MERGE_BYTES (512u << 10) /* of text in one report */

struct log_merge_line {
	char *text;
	int64_t t_ns, order_ns; /* order_ns never goes back within a source */
	int64_t rank_ns;	/* of its source, where order_ns is the same */
	uint32_t source;
};

struct log_merge_source {
	char *path, *state, *note;
	struct log_counts counts;
};

struct log_merge {
	uint64_t lines_max;
	int64_t trigger_ns; /* where there are too many, half of them are from before it, if there are */
	struct log_merge_line *lines;
	size_t n_lines, cap_lines;
	size_t pending; /* lines from here on have no source yet */
	struct log_merge_source *sources;
	size_t n_sources, cap_sources;
};

int log_merge_line(struct log_merge *m, int64_t t_ns, const char *text);
/* Of the lines since the last one. A path that was there before is left out with its lines. */
int log_merge_source(struct log_merge *m, const struct log_record *source, const char *path,
		     const char *note);
/* Nothing is known of it but why; lines that have no source yet are dropped. */
int log_merge_failure(struct log_merge *m, const char *path, const char *state);
/* Adds to `logs` and `log_sources`, and what was left out to loss.reasons. */
int log_merge_report(struct log_merge *m, struct report *r);
void log_merge_release(struct log_merge *m);

#endif
