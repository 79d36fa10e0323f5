// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/flight_edge.h"

#include <errno.h>
#include <string.h>

#include "user/record/assemble.h"
#include "user/common/clock.h"

int flight_edge_take(struct flight_edge *edge, struct recorder *r)
{
	drain_hold(r->drain);
	int err = collector_totals(r->collector, &edge->totals);

	drain_let_go(r->drain);
	if (!err)
		err = host_times(&edge->times);
	memcpy(edge->loss, r->aggregate.loss, sizeof(edge->loss));
	return err;
}

static uint64_t less(uint64_t end, uint64_t begin)
{
	return end > begin ? end - begin : 0;
}

uint64_t flight_edge_idle_due(const struct flight_edge *from, const struct flight_edge *to)
{
	return less(to->times.idle_ns, from->times.idle_ns) * from->rate_hz / 1000000000ULL;
}

/* What was counted between two edges. Idle time is the kernel's: while watching, no switch is seen. */
static struct collector_totals between(const struct flight_edge *from, const struct flight_edge *to)
{
	const struct collector_totals *a = &from->totals, *b = &to->totals;
	uint64_t capacity_ns = b->cpus * less(to->t_ns, from->t_ns);
	struct collector_totals t = {
		.due = less(b->due, a->due),
		.fired = less(b->fired, a->fired),
		.idle = less(b->idle, a->idle),
		.filtered = less(b->filtered, a->filtered),
		.sent = less(b->sent, a->sent),
		.switches = less(b->switches, a->switches),
		.idle_ns = less(to->times.idle_ns, from->times.idle_ns),
		.sample_ns = less(b->sample_ns, a->sample_ns),
		.switch_ns = less(b->switch_ns, a->switch_ns),
		.map_bytes = b->map_bytes,
		.cpus = b->cpus,
	};

	t.capacity_ns = capacity_ns;
	t.busy_ns = less(capacity_ns, t.idle_ns);
	for (int i = 0; i < BD_LOSSES; i++)
		t.loss[i] = less(b->loss[i], a->loss[i]);
	return t;
}

/* A phase goes on until the rate changes, or the trigger comes. */
static size_t phases_of_window(const struct flight_window *w,
			       struct assemble_phase phases[FLIGHT_EDGES], uint64_t *ret_idle_due)
{
	size_t n = 0;

	*ret_idle_due = 0;
	for (size_t i = 0; i + 1 < w->nedges; i++) {
		const struct flight_edge *edge = &w->edges[i];

		if (!n || phases[n - 1].rate_hz != edge->rate_hz || edge->t_ns == w->trigger_ns)
			phases[n++] = (struct assemble_phase){ edge->t_ns, edge->rate_hz,
							       edge->mark };
		*ret_idle_due += flight_edge_idle_due(edge, edge + 1);
	}
	return n;
}

int flight_window_report(const struct flight_window *w, struct recorder *r, struct report *ret)
{
	struct assemble_phase phases[FLIGHT_EDGES];
	const struct flight_edge *first = w->edges, *last = w->edges + w->nedges - 1;

	if (w->nedges < 2)
		return -EINVAL;
	struct assemble_input in = {
		.phases = phases,
		.start_ns = first->t_ns,
		.end_ns = last->t_ns,
		.trigger_ns = w->trigger_ns,
		.wall_start_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - clock_monotonic_ns() +
					   first->t_ns),
		.rate_hz = last[-1].rate_hz,
		.event = collector_event(r->collector),
		.names_ns = w->names_ns,
		.crash = w->crash,
		.totals = between(first, last),
		.shift_slots = r->aggregate.threads.origin_slot - first->t_ns / BD_SLOT_NS,
	};

	in.nphases = phases_of_window(w, phases, &in.idle_due);
	memcpy(in.loss_before, first->loss, sizeof(in.loss_before));
	if (host_kernel_option("CONFIG_PARAVIRT_TIME_ACCOUNTING", 1))
		in.steal_ns = less(last->times.steal_ns, first->times.steal_ns);
	if (host_kernel_option("CONFIG_IRQ_TIME_ACCOUNTING", 1))
		in.irq_ns = less(last->times.irq_ns, first->times.irq_ns);
	int err = host_facts(ret);

	if (!err)
		err = assemble_report(&r->aggregate, &in, ret);
	if (!err)
		recorder_own_cost(r, &in.totals, ret);
	return err;
}
