// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/reach.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

bool reach_due(const struct reach *r, const struct reach_edge *last, const struct reach_edge *now)
{
	uint64_t step_ns = r->before_ns / REACH_STEPS, passed_ns = less(now->t_ns, last->t_ns);

	if (passed_ns >= REACH_QUIET * step_ns)
		return true;
	return passed_ns >= step_ns &&
	       less(now->samples, last->samples) >= r->enough / REACH_STEPS;
}

/* Whether what came after the edge suffices for a report that is triggered at `end`. */
static bool suffices(const struct reach *r, const struct reach_edge *edge,
		     const struct reach_edge *end)
{
	uint64_t back_ns = less(end->t_ns, edge->t_ns);

	if (back_ns >= REACH_MOST * r->before_ns)
		return true;
	return back_ns >= r->before_ns && less(end->samples, edge->samples) >= r->enough;
}

size_t reach_old(const struct reach *r, const struct reach_edge *edges, size_t n,
		 const struct reach_edge *now)
{
	size_t old = 0;

	while (old + 1 < n && suffices(r, &edges[old + 1], now))
		old++;
	return old;
}

size_t reach_first(const struct reach *r, const struct reach_edge *edges, size_t trigger)
{
	size_t first = trigger;

	while (first && !suffices(r, &edges[first], &edges[trigger]))
		first--;
	return first;
}
