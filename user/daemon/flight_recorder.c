// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/flight_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/common/clock.h"

#define LOOK_WATCHING_MS 500
#define LOOK_BURST_MS 50
#define SETTLE_MS 60 /* longer than a look in a burst */

int flight_recorder_new(struct flight_recorder **ret, const struct flight_options *options,
			char error[COLLECTOR_ERROR])
{
	struct collector_options collector = {
		.rate_hz = options->rate_hz,
		.watch = true,
		.crash = true,
		.cgroup_ssid = -1,
	};
	struct flight_recorder *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->options = *options;
	f->rate_hz = options->rate_hz;
	f->reach = (struct reach){
		.before_ns = options->before_s * 1000000000ULL,
		.enough = (uint64_t)options->before_s * options->rate_hz,
	};
	f->next_mark = 1;
	int err = recorder_new(&f->recorder, &collector, error);

	if (err) {
		free(f);
		return err;
	}
	f->recorder->aggregate.tap = options->tap;
	drain_set_patience(f->recorder->drain, LOOK_WATCHING_MS);
	struct crash_map_fds fds;

	collector_crash_maps(f->recorder->collector, &fds);
	err = crash_watch_new(&f->crash_watch, &fds);
	if (err) {
		flight_recorder_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void flight_recorder_free(struct flight_recorder *f)
{
	if (!f)
		return;
	crash_watch_free(f->crash_watch);
	recorder_free(f->recorder);
	free(f);
}

static void edges_drop(struct flight_recorder *f, size_t n)
{
	f->nedges -= n;
	memmove(f->edges, f->edges + n, f->nedges * sizeof(*f->edges));
}

int flight_edge_add(struct flight_recorder *f, uint64_t t_ns, unsigned rate_hz)
{
	struct flight_edge edge = { .mark = f->next_mark, .t_ns = t_ns, .rate_hz = rate_hz };
	int err = thread_table_mark(&f->recorder->aggregate.threads, edge.mark);

	if (!err)
		err = flight_edge_take(&edge, f->recorder);
	if (err)
		return err;
	if (f->nedges)
		f->idle_due += flight_edge_idle_due(&f->edges[f->nedges - 1], &edge);
	if (f->nedges == FLIGHT_EDGES)
		edges_drop(f, 1);
	f->next_mark++;
	f->edges[f->nedges++] = edge;
	return 0;
}

int flight_look(struct flight_recorder *f, char *error)
{
	struct recorder *r = f->recorder;

	drain_hold(r->drain);
	int err = collector_look(r->collector, error);

	drain_let_go(r->drain);
	return err ? err : recorder_take(r, 0, false);
}

int flight_recorder_start(struct flight_recorder *f, char error[COLLECTOR_ERROR])
{
	int err = recorder_start(f->recorder, 0, error);

	if (!err)
		err = flight_look(f, error);
	return err ? err : flight_edge_add(f, clock_monotonic_ns(), f->rate_hz);
}

int flight_recorder_fd(const struct flight_recorder *f)
{
	return drain_fd(f->recorder->drain);
}

int flight_recorder_poll(struct flight_recorder *f)
{
	return recorder_take(f->recorder, 0, false);
}

static int trim(struct flight_recorder *f, uint64_t now_ns)
{
	return aggregate_trim(&f->recorder->aggregate, f->edges[0].t_ns, now_ns);
}

static struct reach_edge reach_edge(const struct flight_edge *e)
{
	return (struct reach_edge){ e->t_ns, e->totals.sent };
}

size_t flight_reach_edges(const struct flight_recorder *f, struct reach_edge ret[FLIGHT_EDGES])
{
	for (size_t i = 0; i < f->nedges; i++)
		ret[i] = reach_edge(&f->edges[i]);
	return f->nedges;
}

/* Forgets what no report will begin with any more. */
static int forget_old(struct flight_recorder *f, const struct reach_edge *now)
{
	struct reach_edge edges[FLIGHT_EDGES];
	size_t old = reach_old(&f->reach, edges, flight_reach_edges(f, edges), now);

	edges_drop(f, old);
	return old ? trim(f, now->t_ns) : 0;
}

/* The last edge, or in a burst that of its trigger, stays: a report needs one to begin with. */
static size_t droppable(const struct flight_recorder *f)
{
	size_t n = f->nedges - 1;

	while (f->bursting && n && f->edges[n].t_ns > f->trigger_ns)
		n--;
	return n;
}

bool flight_recorder_full(const struct flight_recorder *f)
{
	return aggregate_bytes(&f->recorder->aggregate) > f->options.ring_bytes;
}

/* Whatever happens: more than it may take is not kept. */
static int forget_surplus(struct flight_recorder *f, uint64_t now_ns)
{
	int err = 0;

	while (!err && flight_recorder_full(f) && droppable(f)) {
		edges_drop(f, 1);
		err = trim(f, now_ns);
	}
	return err;
}

int flight_recorder_second(struct flight_recorder *f, char error[COLLECTOR_ERROR])
{
	struct flight_edge now = { .t_ns = clock_monotonic_ns() };
	int err = flight_look(f, error);

	/* Reading the counters of all CPUs is not for each second. */
	if (!err && !f->bursting &&
	    (f->nedges == FLIGHT_EDGES ||
	     now.t_ns >= f->edges[f->nedges - 1].t_ns + f->reach.before_ns / REACH_STEPS)) {
		struct reach_edge last = reach_edge(&f->edges[f->nedges - 1]), at;

		err = flight_edge_take(&now, f->recorder);
		at = reach_edge(&now);
		if (!err && reach_due(&f->reach, &last, &at))
			err = flight_edge_add(f, now.t_ns, f->rate_hz);
		if (!err)
			err = forget_old(f, &at);
	}
	return err ? err : forget_surplus(f, now.t_ns);
}

int flight_recorder_set_rate(struct flight_recorder *f, unsigned rate_hz)
{
	struct recorder *r = f->recorder;
	char error[COLLECTOR_ERROR];

	f->rate_hz = rate_hz;
	if (f->bursting || f->edges[f->nedges - 1].rate_hz == rate_hz)
		return 0;
	drain_hold(r->drain);
	int err = collector_set_rate(r->collector, rate_hz);

	drain_let_go(r->drain);
	if (!err)
		err = flight_look(f, error);
	return err ? err : flight_edge_add(f, clock_monotonic_ns(), rate_hz);
}

int flight_recorder_burst(struct flight_recorder *f, char error[COLLECTOR_ERROR])
{
	struct recorder *r = f->recorder;
	uint64_t now_ns = clock_monotonic_ns();

	if (f->bursting)
		return -EALREADY;
	/* What came before belongs to no time line. */
	recorder_take(r, 0, false);
	aggregate_new_burst(&r->aggregate, now_ns / BD_SLOT_NS);
	drain_set_patience(r->drain, LOOK_BURST_MS);
	drain_hold(r->drain);
	int err = collector_burst_begin(r->collector, f->options.burst_hz, error);

	drain_let_go(r->drain);
	if (!err)
		err = recorder_take(r, 0, false);
	if (!err)
		err = flight_edge_add(f, now_ns, f->options.burst_hz);
	f->bursting = !err;
	f->trigger_ns = now_ns;
	return err;
}

int flight_recorder_calm(struct flight_recorder *f, char error[COLLECTOR_ERROR])
{
	struct recorder *r = f->recorder;

	if (!f->bursting)
		return -EALREADY;
	f->bursting = false;
	drain_hold(r->drain);
	uint64_t now_ns = clock_monotonic_ns();
	int err = collector_burst_end(r->collector, f->rate_hz, error);

	drain_let_go(r->drain);
	drain_set_patience(r->drain, LOOK_WATCHING_MS);
	/* What the rings still have: two looks, since what is too fresh waits for a second one. */
	if (!err)
		err = recorder_take(r, SETTLE_MS, false);
	if (!err)
		err = recorder_take(r, SETTLE_MS, false);
	if (!err)
		err = flight_edge_add(f, now_ns, f->rate_hz);
	return err;
}

int flight_recorder_report(struct flight_recorder *f, uint64_t names_ns, struct report *ret)
{
	struct reach_edge edges[FLIGHT_EDGES];
	size_t last = f->nedges - 1, first, trigger = 0;

	if (!f->trigger_ns)
		return -EINVAL;
	while (trigger < last && f->edges[trigger].t_ns < f->trigger_ns)
		trigger++;
	flight_reach_edges(f, edges);
	first = reach_first(&f->reach, edges, trigger);
	struct flight_window window = {
		.edges = f->edges + first,
		.nedges = (f->bursting ? trigger : last) - first + 1,
		.trigger_ns = f->trigger_ns,
		.names_ns = names_ns,
	};
	ret->incomplete = f->bursting;
	return flight_window_report(&window, f->recorder, ret);
}

struct budget_cost flight_recorder_cost(const struct flight_recorder *f)
{
	uint64_t bpf_ns = collector_bpf_ns(f->recorder->collector);

	return (struct budget_cost){ recorder_cpu_ns(f->recorder) + bpf_ns, bpf_ns };
}

static void loss_add(struct flight_stats *s, const char *reason, uint64_t n)
{
	if (n)
		s->losses[s->nlosses++] = (struct flight_loss){ reason, n };
}

/* As a report has them; what the timer of an idle CPU slept through is no loss of anything. */
static void losses_fill(const struct flight_recorder *f, const struct flight_edge *now,
			struct flight_stats *s)
{
	static const char *const names[] = BD_LOSS_NAMES;
	const struct collector_totals *t = &now->totals;
	uint64_t idle_due = f->idle_due + flight_edge_idle_due(&f->edges[f->nedges - 1], now);
	uint64_t missing = t->due > t->fired ? t->due - t->fired : 0;
	uint64_t idle = idle_due > t->idle ? idle_due - t->idle : 0;

	s->fired = t->due > t->fired ? t->due : t->fired;
	s->lost_samples = s->fired - (t->sent + t->idle + t->filtered);
	for (int i = 0; i < BD_LOSSES; i++)
		loss_add(s, names[i], t->loss[i]);
	for (int i = 0; i < AGGREGATE_LOSSES; i++)
		loss_add(s, aggregate_loss_names[i], now->loss[i]);
	if (idle > missing)
		idle = missing;
	loss_add(s, "idle CPU, its timer slept", idle);
	loss_add(s, "not delivered by the kernel", missing - idle);
}

static uint64_t rss_bytes(int pid)
{
	unsigned long long pages = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void flight_recorder_stats(struct flight_recorder *f, struct flight_stats *ret)
{
	struct recorder *r = f->recorder;
	struct flight_edge now = { .t_ns = clock_monotonic_ns() };
	struct report cost = { 0 };
	int reader = reader_pid(r->reader);

	flight_edge_take(&now, r);
	recorder_own_cost(r, &now.totals, &cost);
	*ret = (struct flight_stats){
		.rate_hz = f->bursting ? f->options.burst_hz : f->rate_hz,
		.bursting = f->bursting,
		.samples = r->aggregate.nsamples,
		.ring_bytes = aggregate_bytes(&r->aggregate),
		.ring_ns = clock_monotonic_ns() - f->edges[0].t_ns,
		.cpu_ns = cost.cost.cpu_ns,
		.bpf_ns = now.totals.sample_ns + now.totals.switch_ns,
		.map_bytes = cost.cost.map_bytes,
		.rss_bytes = rss_bytes(getpid()) + (reader > 0 ? rss_bytes(reader) : 0),
	};
	losses_fill(f, &now, ret);
}

void flight_recorder_threads(struct flight_recorder *f,
			     void (*fn)(void *arg, const struct thread *thread), void *arg)
{
	const struct thread_table *t = &f->recorder->aggregate.threads;

	for (size_t i = 0; i < t->n; i++)
		fn(arg, &t->threads[i]);
}

void flight_recorder_own(struct flight_recorder *f, const struct bd_thread *id, uint64_t client)
{
	thread_table_own(&f->recorder->aggregate.threads, id, client);
}

struct reader *flight_recorder_reader(struct flight_recorder *f)
{
	return f->recorder->reader;
}
