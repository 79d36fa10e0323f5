// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/recorder_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/record/assemble.h"
#include "user/common/clock.h"
#include "user/record/dump_look.h"
#include "user/lib/base/array.h"
#include "user/record/recorder_dump.h"
#include "user/record/urgent.h"

#define IN_FLIGHT_NS 2000000ULL	   /* a record's time is taken before it is in the ring */
#define NICE (-10)		   /* on a machine that drowns it must be there in time */
#define MAPS_AT_START_NS 200000000ULL /* what is left is read at a process's first sample */

static int unwinder_start(struct recorder *r, char *error)
{
	struct unwind_map_fds fds;

	collector_unwind_maps(r->collector, &fds);
	int err = unwinder_new(&r->unwinder, &fds, &r->aggregate.processes);

	if (err)
		snprintf(error, COLLECTOR_ERROR, "maps of the walk: %s", strerror(-err));
	r->aggregate.unwinder = r->unwinder;
	r->aggregate.eager = r->options.filter != 0;
	return err;
}

int recorder_new(struct recorder **ret, const struct collector_options *options,
		 char error[COLLECTOR_ERROR])
{
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	/* Whoever named programs wants to know how they end. */
	r->options.crash |= options->filter != 0 && !options->dump;
	/* The reader first: it must not inherit a descriptor of a BPF program. */
	err = reader_new(&r->reader);
	if (err) {
		snprintf(error, COLLECTOR_ERROR, "starting the reader process: %s", strerror(-err));
		goto fail;
	}
	setpriority(PRIO_PROCESS, 0, NICE);
	reader_nice(r->reader, NICE);
	err = aggregate_init(&r->aggregate, r->reader);
	if (!err)
		err = drain_new(&r->drain);
	if (err) {
		snprintf(error, COLLECTOR_ERROR, "%s", strerror(-err));
		goto fail;
	}
	struct collector_sink sink = drain_sink(r->drain);

	err = collector_new(&r->collector, &r->options, &sink, error);
	if (!err)
		err = unwinder_start(r, error);
	if (!err)
		err = collector_attach(r->collector, error);
	if (err)
		goto fail;
	*ret = r;
	return 0;
fail:
	recorder_free(r);
	return err;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	drain_free(r->drain);
	dump_look_free(r->looks);
	crash_table_release(&r->dump);
	collector_free(r->collector);
	sideband_free(r->sideband);
	unwinder_free(r->unwinder);
	aggregate_release(&r->aggregate);
	reader_free(r->reader);
	free(r->named);
	free(r);
}

/* There are machines that keep their first process from BPF programs. */
static const char *no_target(uint32_t pid, int err)
{
	char path[32];

	if (err != -ESRCH)
		return strerror(-err);
	snprintf(path, sizeof(path), "/proc/%u", pid);
	return access(path, F_OK) ? "it has ended" : "it is there, but this kernel does not show it to BPF programs";
}

int recorder_add_pid(struct recorder *r, uint32_t pid, char error[COLLECTOR_ERROR])
{
	struct bd_task task;
	int err = collector_add_target(r->collector, pid, &task);

	if (!err)
		err = array_reserve((void **)&r->named, &r->cap_named, r->nnamed, 1,
				    sizeof(*r->named));
	if (!err)
		r->named[r->nnamed++] = (struct named_process){ pid, task.thread.tgid, task.exec_id };
	else
		snprintf(error, COLLECTOR_ERROR, "process %u: %s", pid, no_target(pid, err));
	return err;
}

int recorder_take(struct recorder *r, int timeout_ms, bool last)
{
	const struct collector_sink sink = aggregate_sink(&r->aggregate);
	uint64_t looked_ns;
	int err = drain_take(r->drain, timeout_ms, &sink, aggregate_sideband, &looked_ns);

	if (err)
		return err;
	r->aggregate.loss[AGGREGATE_QUEUE] = drain_lost(r->drain);
	aggregate_run(&r->aggregate, last ? UINT64_MAX : looked_ns - IN_FLIGHT_NS);
	return 0;
}

/* Whoever was named has its tables before the first sample. */
static void prepare_named(struct recorder *r)
{
	for (size_t i = 0; i < r->nnamed; i++) {
		const struct named_process *named = &r->named[i];

		if (!process_table_read(&r->aggregate.processes, named->pid))
			unwinder_know(r->unwinder, named->pid, named->tgid, named->exec_id, true);
	}
}

/* Mappings of what already runs; from here on the side-band tells. */
static void read_mappings(struct recorder *r)
{
	uint64_t until = clock_monotonic_ns() + MAPS_AT_START_NS;

	for (size_t i = 0; i < r->aggregate.threads.n; i++) {
		const struct thread *t = &r->aggregate.threads.threads[i];

		if (!t->target || t->kernel || !t->ns_tgid || t->id.tid != t->id.tgid)
			continue;
		if (clock_monotonic_ns() > until)
			return;
		process_table_read(&r->aggregate.processes, t->ns_tgid);
		if (r->aggregate.eager)
			unwinder_know(r->unwinder, t->ns_tgid, t->id.tgid, t->exec_id, true);
	}
}

int recorder_start(struct recorder *r, uint64_t duration_ns, char error[COLLECTOR_ERROR])
{
	struct urgent urgent;
	int err = sideband_new(&r->sideband);

	if (err) {
		snprintf(error, COLLECTOR_ERROR, "perf events for mappings: %s", strerror(-err));
		return err;
	}
	prepare_named(r);
	urgent_begin(&urgent);
	urgent_visit_cpus();
	host_times(&r->times_start);
	err = collector_begin(r->collector, error);
	urgent_end(&urgent);
	if (err)
		return err;
	err = drain_start(r->drain, r->collector, r->sideband,
			  duration_ns ? collector_start_ns(r->collector) + duration_ns : 0);
	if (err) {
		snprintf(error, COLLECTOR_ERROR, "a thread for the rings: %s", strerror(-err));
		return err;
	}
	r->aggregate.threads.window_ns = collector_start_ns(r->collector);
	r->aggregate.threads.origin_slot = r->aggregate.threads.window_ns / BD_SLOT_NS;
	r->wall_start_ns = (int64_t)(clock_ns(CLOCK_REALTIME) - clock_monotonic_ns() +
				     collector_start_ns(r->collector));
	err = recorder_take(r, 0, false);
	if (!err)
		read_mappings(r);
	return err;
}

int recorder_poll(struct recorder *r, int timeout_ms)
{
	return recorder_take(r, timeout_ms, false);
}

int recorder_stop(struct recorder *r, char error[COLLECTOR_ERROR])
{
	int err = drain_stop(r->drain, error);

	if (err)
		return err;
	r->aggregate.end_ns = collector_end_ns(r->collector);
	host_times(&r->times_end);
	return recorder_take(r, 0, true);
}

void recorder_stats(const struct recorder *r, struct recorder_stats *ret)
{
	*ret = (struct recorder_stats){
		.samples = r->aggregate.nsamples,
		.start_ns = collector_start_ns(r->collector),
		.now_ns = clock_monotonic_ns(),
		.ended = drain_ended(r->drain),
	};
}

static uint64_t usage_ns(int who, uint64_t *rss)
{
	struct rusage u;

	getrusage(who, &u);
	if (*rss < (uint64_t)u.ru_maxrss * 1024)
		*rss = (uint64_t)u.ru_maxrss * 1024;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ULL +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ULL;
}

uint64_t recorder_cpu_ns(const struct recorder *r)
{
	struct reader_cost child;
	uint64_t rss = 0;

	reader_cost(r->reader, &child);
	return usage_ns(RUSAGE_SELF, &rss) + child.cpu_ns;
}

void recorder_own_cost(const struct recorder *r, const struct collector_totals *totals,
		       struct report *ret)
{
	struct unwinder_counts unwinder;
	struct reader_cost child;

	reader_cost(r->reader, &child);
	unwinder_counts(r->unwinder, &unwinder);
	ret->cost.rss_bytes = 0;
	ret->cost.cpu_ns = usage_ns(RUSAGE_SELF, &ret->cost.rss_bytes) + child.cpu_ns;
	ret->cost.rss_bytes += child.rss_bytes;
	ret->cost.map_bytes =
		totals->map_bytes + unwinder.table_bytes + sideband_bytes(r->sideband);
	ret->cost.idle_wakeups = drain_idle_wakeups(r->drain);
}

/* Of what died the first that crashed. Who stops a program on a terminal knows that it has ended. */
static struct crash *crash_to_show(struct recorder *r)
{
	struct crash *c;

	while ((c = crash_table_take(&r->aggregate.crashes))) {
		if (c->oom || c->first.death == BD_DEATH_SIGNAL || c->first.signal == SIGKILL)
			return c;
		crash_free(c);
	}
	return NULL;
}

int recorder_report(struct recorder *r, struct report *ret)
{
	struct assemble_phase whole = { collector_start_ns(r->collector), r->options.rate_hz, 0 };
	struct assemble_input in = {
		.phases = &whole,
		.nphases = 1,
		.start_ns = collector_start_ns(r->collector),
		.end_ns = collector_end_ns(r->collector),
		.wall_start_ns = r->wall_start_ns,
		.rate_hz = r->options.rate_hz,
		.event = collector_event(r->collector),
	};
	int err = collector_totals(r->collector, &in.totals);

	if (err)
		return err;
	in.idle_due = in.totals.idle_ns / (1000000000ULL / in.rate_hz);
	in.excluded_known = true;
	in.steal_ns = r->times_end.steal_ns - r->times_start.steal_ns;
	if (host_kernel_option("CONFIG_IRQ_TIME_ACCOUNTING", 1))
		in.irq_ns = r->times_end.irq_ns - r->times_start.irq_ns;
	err = host_facts(ret);
	if (err)
		return err;
	struct crash *crash = r->dump_looked ? recorder_dump_take(r) : crash_to_show(r);

	in.crash = crash;
	err = assemble_report(&r->aggregate, &in, ret);
	crash_free(crash);
	if (!err)
		recorder_own_cost(r, &in.totals, ret);
	return err;
}
