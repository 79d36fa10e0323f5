// SPDX-License-Identifier: BSD-2-Clause
/* The flight recorder's part in a crash: nothing begins with it, what led to it is there. */
#include <errno.h>

#include "user/common/clock.h"
#include "user/daemon/flight_private.h"

#define EDGE_SHARED_NS 1000000000ULL /* of crashes that come together */
#define TABLES_MOST (16u << 20)	     /* of tables that nobody may ever need */

struct crash_watch *flight_recorder_crash_watch(struct flight_recorder *f)
{
	return f->crash_watch;
}

void flight_recorder_prepare(struct flight_recorder *f, uint32_t ns_tgid, uint32_t tgid,
			     uint32_t exec_id)
{
	struct aggregate *a = &f->recorder->aggregate;
	struct process *process = process_table_get(&a->processes, ns_tgid);
	struct unwinder_counts counts;

	if (process && !process->known)
		process_table_read(&a->processes, ns_tgid);
	/* Beyond that its threads' stacks are copied, as many as may be. */
	unwinder_counts(a->unwinder, &counts);
	if (counts.table_bytes < TABLES_MOST)
		unwinder_know(a->unwinder, ns_tgid, tgid, exec_id, true);
}

struct crash *flight_recorder_take_crash(struct flight_recorder *f)
{
	return crash_table_take(&f->recorder->aggregate.crashes);
}

bool flight_recorder_has_crashes(const struct flight_recorder *f)
{
	return f->recorder->aggregate.crashes.nopen > 0;
}

/* Of what it maps, the program itself is mapped first, and lowest or not at all. */
const char *flight_recorder_program(struct flight_recorder *f, uint32_t ns_tgid)
{
	struct aggregate *a = &f->recorder->aggregate;
	const struct process *process = process_table_get(&a->processes, ns_tgid);

	for (size_t i = 0; process && i < process->mappings.n; i++) {
		const struct module *m = &a->processes.modules[process->mappings.by_start[i].file];

		if (m->kind == MODULE_FILE)
			return m->path;
	}
	return NULL;
}

/* Where the report ends: now, or just before, where another crash has just been reported. */
static int end_edge(struct flight_recorder *f, uint64_t crash_ns)
{
	const struct flight_edge *last = &f->edges[f->nedges - 1];
	uint64_t now_ns = clock_monotonic_ns();
	char error[COLLECTOR_ERROR];

	if (f->nedges > 1 && last->t_ns > crash_ns && now_ns < last->t_ns + EDGE_SHARED_NS)
		return 0;
	int err = flight_look(f, error);

	return err ? err
		   : flight_edge_add(f, clock_monotonic_ns(),
				     f->bursting ? f->options.burst_hz : f->rate_hz);
}

int flight_recorder_crash_report(struct flight_recorder *f, const struct crash *c,
				 uint64_t names_ns, struct report *ret)
{
	struct reach_edge edges[FLIGHT_EDGES];
	uint64_t t_ns = c->first.head.t_ns;
	int err = end_edge(f, t_ns);

	if (err)
		return err;
	flight_reach_edges(f, edges);
	size_t first = reach_first(&f->reach, edges, f->nedges - 1);
	struct flight_window window = {
		.edges = f->edges + first,
		.nedges = f->nedges - first,
		.trigger_ns = t_ns,
		.names_ns = names_ns,
		.crash = c,
	};
	return flight_window_report(&window, f->recorder, ret);
}
