/* SPDX-License-Identifier: BSD-2-Clause */
/* Moments at which everything that only grows was read: what a window needs at its edges. */
#ifndef BD_FLIGHT_EDGE_H
#define BD_FLIGHT_EDGE_H

#include "user/record/recorder_private.h"

#define FLIGHT_EDGES (THREAD_MARKS - 1)

struct flight_edge {
	uint64_t mark; /* of the threads' sums */
	uint64_t t_ns; /* CLOCK_MONOTONIC */
	unsigned rate_hz; /* from here on */
	struct host_times times;
	struct collector_totals totals;
	uint64_t loss[AGGREGATE_LOSSES];
};

/* Reads all but mark, time and rate. 0 or -errno. */
int flight_edge_take(struct flight_edge *edge, struct recorder *r);

/* Samples that are due between two edges while CPUs are idle. */
uint64_t flight_edge_idle_due(const struct flight_edge *from, const struct flight_edge *to);

/* From the first edge to the last one. */
struct flight_window {
	const struct flight_edge *edges;
	size_t nedges; /* 2 at least, or nothing has been recorded */
	uint64_t trigger_ns;
	uint64_t names_ns;
	const struct crash *crash; /* for `dump`, or NULL */
};

/* 0, -EINVAL without two edges, or -errno. */
int flight_window_report(const struct flight_window *w, struct recorder *r, struct report *ret);

#endif
