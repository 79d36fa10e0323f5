// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/assemble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <bpf/libbpf.h>

#include "user/record/assemble_stacks.h"
#include "user/record/collector_totals.h"
#include "user/common/clock.h"

static int by_time(const void *x, const void *y, void *arg)
{
	const struct thread *threads = arg;
	const struct thread *a = &threads[*(const uint32_t *)x], *b = &threads[*(const uint32_t *)y];
	uint64_t time_a = thread_sums(a).on_cpu_ns, time_b = thread_sums(b).on_cpu_ns;

	if (time_a != time_b)
		return time_a > time_b ? -1 : 1;
	return a->id.tid < b->id.tid ? -1 : a->id.tid > b->id.tid;
}

/*
 * A thread whose end nobody saw, since its record was lost, has no exact time: what its time line and
 * its samples show is the least that it ran. Returns 1 for such a thread.
 */
static uint64_t estimate_end(struct thread *t, unsigned rate_hz)
{
	uint64_t sampled_ns = t->samples * (1000000000ULL / rate_hz), seen_ns = 0;

	if (t->has_end || !t->target || (!t->samples && !t->nslots))
		return 0;
	for (size_t i = 0; i < t->nslots; i++) {
		seen_ns += t->slots[i].on_cpu_ns;
		t->end.wait_ns += t->slots[i].wait_ns;
	}
	t->end.on_cpu_ns = t->base.on_cpu_ns + (seen_ns > sampled_ns ? seen_ns : sampled_ns);
	t->end.wait_ns += t->base.wait_ns;
	t->has_end = t->exited = t->estimated = true;
	return 1;
}

/* The truth may still come. */
static void estimates_forget(struct thread_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		struct thread *t = &table->threads[i];

		if (t->estimated) {
			t->end = (struct bd_sums){ 0 };
			t->has_end = t->exited = t->estimated = false;
		}
	}
}

static bool is_shown(const struct thread *t)
{
	struct bd_sums sums = thread_sums(t);

	return t->target && t->has_end &&
	       (sums.on_cpu_ns || sums.wait_ns || t->samples || sums.voluntary + sums.involuntary);
}

static int add_thread(struct aggregate *a, const struct phases *phases, struct report *r,
		      struct thread *t)
{
	struct report_threads *threads = &r->threads;
	const struct process *process = process_table_get(&a->processes, t->ns_tgid);
	struct bd_sums sums = thread_sums(t);
	int64_t row = report_threads_add(threads);

	if (row < 0)
		return row;
	t->row = row;
	threads->pid[row] = t->ns_tgid;
	threads->tid[row] = t->ns_tid;
	threads->process[row] = report_intern(r, t->process);
	threads->name[row] = report_intern(r, t->name);
	for (uint32_t i = 0; i < phases->in->nphases; i++) {
		uint64_t part_ns = phases_on_cpu_ns(phases, t, i);

		threads->on_cpu_ns[row] += part_ns;
		if (!phases_samples(phases, t - a->threads.threads, i))
			threads->not_sampled_ns[row] += part_ns;
	}
	threads->wait_ns[row] = sums.wait_ns;
	threads->switches_voluntary[row] = sums.voluntary;
	threads->switches_involuntary[row] = sums.involuntary;
	threads->start_ns[row] = t->id.start_ns;
	threads->exited[row] = t->exited;
	threads->container[row] =
		report_intern(r, process && process->container_known ? process->container : "");
	return 0;
}

static int add_timeline(const struct thread *t, const struct assemble_input *in, struct report *r)
{
	uint64_t last = (in->end_ns - in->start_ns) / BD_SLOT_NS + 1;

	for (size_t i = 0; i < t->nslots; i++) {
		uint64_t slot = t->slots[i].slot + in->shift_slots;

		if (slot > last)
			break;
		int64_t row = report_timeline_add(&r->timeline);

		if (row < 0)
			return row;
		r->timeline.thread[row] = t->row;
		r->timeline.slot[row] = slot;
		r->timeline.on_cpu_us[row] = (t->slots[i].on_cpu_ns + 500) / 1000;
		r->timeline.wait_us[row] = (t->slots[i].wait_ns + 500) / 1000;
	}
	for (unsigned i = 0; i < BD_WAIT_BUCKETS; i++) {
		int64_t row = t->waits[i] ? report_wait_histogram_add(&r->wait_histogram) : -1;

		if (row == -ENOMEM)
			return row;
		if (row < 0)
			continue;
		r->wait_histogram.thread[row] = t->row;
		r->wait_histogram.below_ns[row] = 1024ULL << i;
		r->wait_histogram.count[row] = t->waits[i];
	}
	return 0;
}

static int add_threads(struct aggregate *a, const struct phases *phases, struct report *r)
{
	const struct assemble_input *in = phases->in;
	struct thread_table *table = &a->threads;
	uint32_t *order = malloc((table->n + 1) * sizeof(*order));
	size_t n = 0;
	uint64_t ends = 0;
	int err = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++)
		ends += estimate_end(&table->threads[i], in->rate_hz);
	if (!in->phases[0].mark)
		a->loss[AGGREGATE_ENDS] += ends;
	for (size_t i = 0; i < table->n; i++)
		if (is_shown(&table->threads[i]))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_time, table->threads);
	thread_table_sort_slots(table);
	for (size_t i = 0; !err && i < n; i++)
		err = add_thread(a, phases, r, &table->threads[order[i]]);
	for (size_t i = 0; !err && i < n; i++)
		err = add_timeline(&table->threads[order[i]], in, r);
	free(order);
	return err;
}

static int add_blockers(struct aggregate *a, struct report *r)
{
	for (size_t i = 0; i < a->nblockers; i++) {
		const struct thread *waiter = thread_table_by_tid(&a->threads, a->blockers[i].key.tid);
		const struct thread *by = thread_table_by_tid(&a->threads, a->blockers[i].key.by);

		if (!waiter || waiter->row == IDMAP_NONE)
			continue;
		int64_t row = report_blockers_add(&r->blockers);

		if (row < 0)
			return row;
		r->blockers.thread[row] = waiter->row;
		r->blockers.by[row] = by && by->row != IDMAP_NONE ? (int32_t)by->row : -1;
		r->blockers.by_name[row] =
			report_intern(r, by ? by->name : a->blockers[i].key.by ? "" : "another CPU");
		r->blockers.wait_ns[row] = a->blockers[i].value.wait_ns;
		r->blockers.count[row] = a->blockers[i].value.count;
	}
	return 0;
}

static int64_t wall_ns(const struct assemble_input *in, uint64_t t_ns)
{
	return in->wall_start_ns + (int64_t)(t_ns - in->start_ns);
}

static int add_window(const struct assemble_input *in, struct report *r)
{
	r->window.present = true;
	r->window.start_ns = in->wall_start_ns;
	r->window.trigger_ns = wall_ns(in, in->trigger_ns ? in->trigger_ns : in->start_ns);
	r->window.end_ns = wall_ns(in, in->end_ns);
	r->window.rate_hz = in->rate_hz;
	for (size_t i = 0; i < in->nphases; i++) {
		int64_t row = report_phases_add(&r->phases);

		if (row < 0)
			return row;
		r->phases.start_ns[row] = wall_ns(in, in->phases[i].start_ns);
		r->phases.end_ns[row] = i + 1 < in->nphases ?
						wall_ns(in, in->phases[i + 1].start_ns) :
						r->window.end_ns;
		r->phases.rate_hz[row] = in->phases[i].rate_hz;
	}
	return report_set(&r->window.event, in->event);
}

static void add_machine(struct aggregate *a, const struct assemble_input *in, struct report *r)
{
	r->machine.present = true;
	r->machine.capacity_ns = in->totals.capacity_ns;
	for (size_t i = 0; i < a->threads.n; i++)
		if (a->threads.threads[i].has_end)
			r->machine.threads_ns += thread_sums(&a->threads.threads[i]).on_cpu_ns;
	r->machine.idle_ns = in->totals.idle_ns;
	r->machine.switches = in->totals.switches;
	uint64_t taken = collector_totals_taken_ns(&in->totals, r->machine.threads_ns,
						   in->excluded_known);

	/* /proc/stat, in ticks, only tells how much of it was stolen. */
	r->machine.steal_ns = taken < in->steal_ns ? taken : in->steal_ns;
	if (!in->excluded_known) {
		r->machine.irq_ns = in->irq_ns;
		return;
	}
	if (!in->irq_ns)
		r->machine.steal_ns = taken;
	r->machine.irq_ns = taken - r->machine.steal_ns;
}

/*
 * In some virtual machines the timer of an idle CPU does not fire. Exact idle time tells how many
 * of the missing ticks are such ones, at which there was nothing to see.
 */
static int add_undelivered(const struct assemble_input *in, uint64_t missing, struct report *r)
{
	uint64_t idle = in->idle_due > in->totals.idle ? in->idle_due - in->totals.idle : 0;
	int err = 0;

	if (idle > missing)
		idle = missing;
	r->loss.idle_lost = idle;
	if (idle)
		err = report_count(&r->loss.reasons, "idle CPU, its timer slept", idle);
	if (!err && missing > idle)
		err = report_count(&r->loss.reasons, "not delivered by the kernel", missing - idle);
	return err;
}

/* What fired by the clock and isn't accounted for was never handed to the program. */
static int add_loss(struct aggregate *a, const struct assemble_input *in, struct report *r)
{
	static const char *const names[] = BD_LOSS_NAMES;
	const struct collector_totals *t = &in->totals;
	uint64_t seen = t->sent + t->idle + t->filtered;
	uint64_t fired = t->due > t->fired ? t->due : t->fired;
	int err = 0;

	r->loss.present = true;
	r->loss.fired = fired;
	r->loss.recorded = seen;
	r->loss.lost = fired - seen;
	r->loss.idle = t->idle;
	r->loss.filtered = t->filtered;
	for (int i = 0; i < BD_LOSSES && !err; i++)
		if (t->loss[i])
			err = report_count(&r->loss.reasons, names[i], t->loss[i]);
	for (int i = 0; i < AGGREGATE_LOSSES && !err; i++)
		if (a->loss[i] > in->loss_before[i])
			err = report_count(&r->loss.reasons, aggregate_loss_names[i],
					   a->loss[i] - in->loss_before[i]);
	return err ? err : add_undelivered(in, fired - t->fired, r);
}

static int add_head(struct report *r)
{
	r->created_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	if (getrandom(r->id, sizeof(r->id), 0) != sizeof(r->id))
		return -EIO;
	r->agent.present = true;
	if (report_set(&r->schema, REPORT_SCHEMA) || report_set(&r->agent.name, "backdraft") ||
	    report_set(&r->agent.version, BD_VERSION) ||
	    report_set(&r->agent.libbpf, libbpf_version_string()))
		return -ENOMEM;
	return 0;
}

int assemble_report(struct aggregate *a, const struct assemble_input *in, struct report *r)
{
	struct phases phases;
	int err = add_head(r);

	if (err)
		return err;
	err = phases_init(&phases, a, in);
	if (!err)
		err = add_threads(a, &phases, r);
	if (!err)
		err = add_blockers(a, r);
	if (!err)
		err = add_window(in, r);
	add_machine(a, in, r);
	if (!err)
		err = add_loss(a, in, r);
	r->cost.present = true;
	r->cost.bpf_ns = in->totals.sample_ns + in->totals.switch_ns;
	if (!err)
		err = assemble_samples(a, &phases, r);
	estimates_forget(&a->threads);
	phases_release(&phases);
	return err;
}
