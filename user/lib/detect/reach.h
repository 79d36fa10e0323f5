/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How far a flight recorder reaches back: `before` on a busy machine, and on a quiet one on to where
 * there is as much to see, at most REACH_MOST times `before`. Decides over edges, the moments at which
 * a report may begin; has no clock and no memory of its own.
 */
#ifndef BD_REACH_H
#define BD_REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REACH_STEPS 6 /* edges within `before` on a busy machine: a report begins a sixth earlier at most */
#define REACH_QUIET 3 /* times as far from one edge to the next on a quiet one */
#define REACH_MOST 4

struct reach {
	uint64_t before_ns;
	uint64_t enough; /* samples: as many as one busy CPU makes in `before` */
};

struct reach_edge {
	uint64_t t_ns;
	uint64_t samples; /* recorded by then; only grows */
};

/* Whether it is time for another edge after `last`. */
bool reach_due(const struct reach *r, const struct reach_edge *last, const struct reach_edge *now);
/* How many of the oldest edges no report will begin with any more; less than `n`, which is not 0. */
size_t reach_old(const struct reach *r, const struct reach_edge *edges, size_t n,
		 const struct reach_edge *now);
/* The edge with which a report begins whose trigger is at edge `trigger`. */
size_t reach_first(const struct reach *r, const struct reach_edge *edges, size_t trigger);

#endif
