// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/collector_totals.h"

/* The stretch that a CPU is in since its last switch, which may have been before the window. */
static void add_open_stretch(struct collector_totals *t, const struct bd_cpu *state,
			     bool seen_running, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t since = state->since_ns > start_ns ? state->since_ns : start_ns;
	uint64_t open = end_ns > since ? end_ns - since : 0;

	if (state->since_ns ? state->running : seen_running)
		t->busy_ns += open;
	else
		t->idle_ns += open;
}

/* By as much as the clocks drifted apart, the scheduler's did not count. */
static uint64_t excluded_ns(const struct bd_cpu *state, uint64_t first, uint64_t window_ns)
{
	uint64_t last = state->clock_offset;

	return first && last > first && last - first < window_ns ? last - first : 0;
}

void collector_totals_add(struct collector_totals *t, const struct bd_cpu *state,
			  uint64_t first_offset, bool seen_running, uint64_t start_ns,
			  uint64_t end_ns)
{
	t->fired += state->fired;
	t->idle += state->idle;
	t->filtered += state->filtered;
	t->sent += state->sent;
	t->switches += state->switches;
	t->idle_ns += state->idle_ns;
	t->busy_ns += state->busy_ns;
	t->sample_ns += state->sample_ns;
	t->switch_ns += state->switch_ns;
	for (int i = 0; i < BD_LOSSES; i++)
		t->loss[i] += state->loss[i];
	if (!end_ns)
		return;
	add_open_stretch(t, state, seen_running, start_ns, end_ns);
	t->excluded_ns += excluded_ns(state, first_offset, end_ns - start_ns);
}

void collector_totals_capacity(struct collector_totals *t, uint64_t enabled_ns, bool whole,
			       uint64_t start_ns, uint64_t end_ns)
{
	t->capacity_ns = end_ns ? t->cpus * (end_ns - start_ns) : enabled_ns;
	if (whole || t->capacity_ns <= enabled_ns)
		return;
	/* A CPU dies and comes back in its idle task, which looks like idling. */
	uint64_t offline_ns = t->capacity_ns - enabled_ns;

	t->idle_ns -= t->idle_ns < offline_ns ? t->idle_ns : offline_ns;
	t->capacity_ns = enabled_ns;
}

uint64_t collector_totals_taken_ns(const struct collector_totals *t, uint64_t threads_ns,
				   bool excluded_known)
{
	uint64_t busy_ns = t->busy_ns > threads_ns ? t->busy_ns - threads_ns : 0;

	return excluded_known && t->excluded_ns < busy_ns ? t->excluded_ns : busy_ns;
}
