/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of user/flight_*.c share. */
#ifndef BD_FLIGHT_PRIVATE_H
#define BD_FLIGHT_PRIVATE_H

#include "user/record/crash_watch.h"
#include "user/daemon/flight_edge.h"
#include "user/daemon/flight_recorder.h"
#include "user/lib/detect/reach.h"
#include "user/record/recorder_private.h"

struct flight_recorder {
	struct flight_options options;
	struct reach reach;
	struct recorder *recorder;
	struct flight_edge edges[FLIGHT_EDGES]; /* oldest first */
	size_t nedges;
	uint64_t next_mark;
	unsigned rate_hz; /* while nothing is wrong */
	uint64_t idle_due; /* ticks at which CPUs were idle, from the start to the last edge */
	bool bursting;
	uint64_t trigger_ns;
	struct crash_watch *crash_watch;
};

/* Reads the sums. 0, or -errno and a sentence. */
int flight_look(struct flight_recorder *f, char *error);
/* What the last look found becomes a moment at which a report may begin or end. */
int flight_edge_add(struct flight_recorder *f, uint64_t t_ns, unsigned rate_hz);
/* The edges as reach.h takes them; how many. */
size_t flight_reach_edges(const struct flight_recorder *f, struct reach_edge ret[FLIGHT_EDGES]);

#endif
