/* SPDX-License-Identifier: BSD-2-Clause */
/* From what was gathered to a report: threads, names, the prefix tree of stacks, weights, sums. */
#ifndef BD_ASSEMBLE_H
#define BD_ASSEMBLE_H

#include "user/record/aggregate.h"
#include "user/lib/profile/report.h"

/* A stretch of one sampling rate, until the next one begins; the last until the window's end. */
struct assemble_phase {
	uint64_t start_ns; /* CLOCK_MONOTONIC */
	unsigned rate_hz;
	uint64_t mark; /* the threads' sums at its begin, see thread_marks.c; 0: those of the edges */
};

/* What the aggregate itself can't know. */
struct assemble_input {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t trigger_ns;	   /* 0: the start */
	const struct assemble_phase *phases;
	size_t nphases;	     /* 1 at least */
	uint64_t shift_slots; /* of the time line, which may begin later than the window */
	uint64_t loss_before[AGGREGATE_LOSSES]; /* of an earlier time */
	uint64_t idle_due;   /* ticks that came while CPUs were idle, by their exact idle time */
	uint64_t names_ns;   /* how long names may take; 0: as long as they do in a capture */
	int64_t wall_start_ns;	   /* the same moment since the epoch */
	unsigned rate_hz;
	const char *event;
	struct collector_totals totals;
	uint64_t steal_ns, irq_ns; /* that the kernel takes out of the threads' time */
	const struct crash *crash; /* for `dump`, or NULL */
	bool excluded_known;	   /* totals.excluded_ns is the sum of the two, and exact */
};

/* Fills an initialised report, all but the cost of the tool itself. 0 or -errno. */
int assemble_report(struct aggregate *a, const struct assemble_input *in, struct report *r);

#endif
