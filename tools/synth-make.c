// SPDX-License-Identifier: BSD-2-Clause
/* The report itself: threads, samples, exact times and facts, by the options. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/synth.h"

#define SLOT_NS 10000000ull

static void make_threads(struct synth *s)
{
	struct report_threads *t = &s->r.threads;

	for (size_t role = 0; role < N_ROLES; role++) {
		size_t n = roles[role].threads ? roles[role].threads : s->o.threads;

		s->role_first[role] = t->n;
		s->role_threads[role] = n;
		for (size_t i = 0; i < n; i++) {
			bool one = roles[role].threads == 1,
			     pool = !strcmp(roles[role].process, "postgres");
			int64_t row = report_threads_add(t);
			char name[64];

			if (row < 0)
				die("threads");
			snprintf(name, sizeof(name), one || pool ? "%s" : "%s-%zu",
				 roles[role].thread, i);
			if (s->o.hostile && i % 3 == 1)
				snprintf(name, sizeof(name), "%s", hostile[i % 4]);
			t->pid[row] = roles[role].pid + (pool ? i : 0);
			t->tid[row] = pool ? t->pid[row] : roles[role].pid + t->n;
			t->process[row] = intern(s, roles[role].process);
			t->name[row] = intern(s, name);
			t->start_ns[row] = 1000000000ull * (row + 1);
		}
	}
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Moments of the samples: a third of them before the burn. */
static uint64_t *make_times(struct synth *s)
{
	uint64_t *times = calloc(s->o.samples, sizeof(*times));

	if (!times)
		die("times");
	for (uint64_t i = 0; i < s->o.samples; i++) {
		double u = uniform(s);

		u = u < 0.38 ? u / 0.38 * BURN_AT : BURN_AT + (u - 0.38) / 0.62 * (1 - BURN_AT);
		times[i] = u * s->o.seconds * 1e9;
	}
	qsort(times, s->o.samples, sizeof(*times), compare_u64);
	return times;
}

/* Which stack a sample has that is not the first of its stack. */
static size_t choose_leaf(struct synth *s, uint64_t t_ns)
{
	bool burns = t_ns > s->o.seconds * 1e9 * BURN_AT;

	if (burns && s->n_hot && uniform(s) < 0.58)
		return s->hot[choose(s, s->n_hot)];
	return choose(s, s->n_leaves);
}

/* Every stack once, at some time; between them the ones that come again. */
static void make_samples(struct synth *s)
{
	struct report_samples *m = &s->r.samples;
	uint64_t *times = make_times(s);
	size_t fresh = 0;

	for (uint64_t i = 0; i < s->o.samples; i++) {
		bool first =
			fresh < s->n_leaves && below(s, s->o.samples - i) < s->n_leaves - fresh;
		size_t leaf = first ? fresh++ : choose_leaf(s, times[i]);
		uint32_t role = s->leaf_role[leaf];
		int64_t row = report_samples_add(m);

		if (row < 0)
			die("samples");
		m->t_ns[row] = times[i];
		m->thread[row] = s->role_first[role] + below(s, s->role_threads[role]);
		m->stack[row] = s->leaf[leaf];
		m->cpu[row] = below(s, s->o.cpus);
	}
	free(times);
}

/* Exact times: what the samples stand for, a few per cent off, and a little that no sample hit. */
static void make_exact_times(struct synth *s)
{
	uint64_t period = s->o.seconds * 1e9 * s->o.cpus * LOAD / s->o.samples;
	struct report_threads *t = &s->r.threads;
	struct report_samples *m = &s->r.samples;

	for (size_t k = 0; k < m->n; k++) {
		uint32_t thread = m->thread[k];

		m->weight_ns[k] = period * (0.97 + 0.06 * (mix(thread) % 1000 / 1000.0));
		t->on_cpu_ns[thread] += m->weight_ns[k];
	}
	for (size_t i = 0; i < t->n; i++) {
		if (!t->on_cpu_ns[i] || i % 7 == 6) {
			t->not_sampled_ns[i] = period * (0.2 + uniform(s));
			t->on_cpu_ns[i] += t->not_sampled_ns[i];
		}
		t->wait_ns[i] = t->on_cpu_ns[i] * (0.02 + 0.2 * uniform(s));
		t->switches_voluntary[i] = below(s, 20000);
		t->switches_involuntary[i] = below(s, 900);
		s->r.machine.threads_ns += t->on_cpu_ns[i];
	}
}

/* A thread that has more than a slot holds ran in the slots before, too. */
static void make_timeline(struct synth *s)
{
	size_t slots = s->o.seconds * 1e9 / SLOT_NS + 1;
	struct report_timeline *l = &s->r.timeline;
	double *us = calloc(slots * s->r.threads.n, sizeof(*us));

	if (!us)
		die("time line");
	for (size_t k = 0; k < s->r.samples.n; k++)
		us[s->r.samples.thread[k] * slots + s->r.samples.t_ns[k] / SLOT_NS] +=
			s->r.samples.weight_ns[k] / 1e3;
	for (size_t i = 0; i < s->r.threads.n; i++) {
		us[i * slots + below(s, slots)] += s->r.threads.not_sampled_ns[i] / 1e3;
		for (size_t k = slots; k-- > 0;) {
			double *v = &us[i * slots + k];

			if (k && *v > 1e4) {
				v[-1] += *v - 1e4;
				*v = 1e4;
			}
		}
	}
	for (size_t k = 0; k < slots; k++) {
		for (size_t i = 0; i < s->r.threads.n; i++) {
			int64_t row;

			if (us[i * slots + k] < 1)
				continue;
			row = report_timeline_add(l);
			if (row < 0)
				die("time line");
			l->thread[row] = i;
			l->slot[row] = k;
			l->on_cpu_us[row] = us[i * slots + k];
			l->wait_us[row] = below(s, 900);
		}
	}
	free(us);
}

static void make_maps(struct synth *s)
{
	struct report *r = &s->r;
	int64_t begin = 1763776800000000000;
	uint64_t total = s->o.seconds * 1e9 * s->o.cpus;

	report_set(&r->schema, REPORT_SCHEMA);
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		r->id[i] = mix(s->o.seed) >> i % 8 * 8;
	r->window.start_ns = begin;
	r->window.end_ns = begin + (int64_t)(s->o.seconds * 1e9);
	r->window.trigger_ns = begin + (int64_t)(s->o.seconds * 1e9 * (BURN_AT + 0.05));
	r->window.rate_hz = RATE_HZ;
	report_set(&r->window.event, "cpu-clock");
	r->created_ns = r->window.end_ns;
	r->host.cpus = s->o.cpus;
	report_set(&r->host.label, s->o.hostile ? hostile[0] : "eu-west checkout 7");
	report_set(&r->host.cpu_model, "AMD EPYC 7B13");
	report_set(&r->host.os, "Debian GNU/Linux 12");
	report_set(&r->host.kernel, "6.1.0-37-amd64");
	report_set(&r->agent.name, "synth-report");
	report_set(&r->agent.version, BD_VERSION);
	report_set(&r->trigger.kind, "deviation");
	report_set(&r->trigger.client, s->o.hostile ? hostile[1] : "checkout");
	report_set(&r->trigger.explanation,
		   s->o.hostile
			   ? hostile[0]
			   : "checkout used 3.1 CPUs for 10 s; at this hour 0.4 to 1.2 is normal");
	report_set(&r->client.name, s->o.hostile ? hostile[2] : "checkout");
	report_set(&r->client.version, "2026.11.3");
	r->machine.capacity_ns = total;
	r->machine.idle_ns = total > r->machine.threads_ns ? total - r->machine.threads_ns : 0;
	r->window.present = r->host.present = r->agent.present = r->trigger.present = true;
	r->client.present = r->machine.present = r->unwind.present = r->loss.present = true;
}

/* Counts that agree with the samples: a cut stack begins with its mark. */
static void make_counts(struct synth *s)
{
	struct report *r = &s->r;

	for (size_t k = 0; k < r->samples.n; k++) {
		const struct synth_role *role = NULL;
		int32_t row = r->samples.stack[k];

		for (size_t i = 0; i < N_ROLES; i++)
			if (r->samples.thread[k] >= s->role_first[i])
				role = &roles[i];
		if (role->root == M_KERNEL)
			continue;
		r->unwind.user_samples++;
		while (r->stacks.parent[row] >= 0)
			row = r->stacks.parent[row];
		if (r->frames.module[r->stacks.frame[row]] >= 0)
			r->unwind.complete++;
		else if (report_count(&r->unwind.reasons,
				      report_text(r, r->frames.name[r->stacks.frame[row]]), 1))
			die("counts");
	}
	r->loss.lost = r->samples.n / 900;
	r->loss.recorded = (uint64_t)(r->samples.n / LOAD);
	r->loss.fired = r->loss.recorded + r->loss.lost;
	r->loss.idle = r->loss.recorded - r->samples.n;
	if (r->loss.lost && report_count(&r->loss.reasons, "ring full", r->loss.lost))
		die("counts");
}

void synth_make(struct synth *s)
{
	/* Hosts of one fleet run the same code, each in its own way. */
	s->random = s->o.code_seed ? s->o.code_seed : s->o.seed;
	if (report_init(&s->r))
		die("memory");
	code_init(s);
	make_threads(s);
	code_make(s);
	if (s->o.code_seed)
		s->random = s->o.seed;
	make_samples(s);
	make_exact_times(s);
	make_timeline(s);
	make_maps(s);
	make_counts(s);
}

void synth_release(struct synth *s)
{
	code_release(s);
	report_release(&s->r);
}
