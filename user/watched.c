// SPDX-License-Identifier: BSD-2-Clause
#include "user/watched.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched *watched_new(const char *name, size_t keep_s)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->name = strdup(name);
	w->most = keep_s;
	w->points = calloc(keep_s, sizeof(*w->points));
	if (!w->name || !w->points) {
		watched_free(w);
		return NULL;
	}
	detector_init(&w->detector, 1);
	return w;
}

void watched_free(struct watched *w)
{
	if (!w)
		return;
	baseline_free(w->baseline);
	free(w->name);
	free(w->points);
	free(w->logs);
	free(w);
}

/* In thousandths; -1 where it isn't known. */
static int32_t milli(double value)
{
	return isnan(value) ? -1 : value > 2e6 ? INT32_MAX : (int32_t)lround(value * 1000);
}

static void point_add(struct watched *w, const struct client_second *s, int64_t now_ns)
{
	w->points[w->at] = (struct watched_point){
		.t_ns = now_ns,
		.cpu_milli = milli(s->cpu_cores),
		.wait_permille = milli(s->wait_share),
		.throttled_permille = milli(s->throttled_share),
		.pressure_permille = milli(s->pressure),
		.threads = s->threads,
		.steal_milli = milli(s->steal_cores),
		.rss_kib = s->rss_bytes / 1024,
	};
	w->at = (w->at + 1) % w->most;
	w->npoints += w->npoints < w->most;
}

static void cause_of(const struct watched *w, const struct detector_finding *f,
		     struct watched_cause *ret)
{
	*ret = (struct watched_cause){
		.kind = detector_kind_name(f->kind),
		.metric = detector_metric_name(f->kind),
		.value = f->value,
		.expected = f->expected,
		.threshold = f->threshold,
		.since_ns = f->since_s * 1000000000LL,
	};
	snprintf(ret->client, sizeof(ret->client), "%s", w->name);
	detector_explain(f, &w->verdict, &w->input, w->name, ret->explanation,
			 sizeof(ret->explanation));
}

void watched_manual(const struct watched *w, const char *who, int64_t wall_ns,
		    struct watched_cause *ret)
{
	*ret = (struct watched_cause){
		.kind = "manual",
		.metric = "cpu",
		.value = w->input.cpus,
		.expected = w->verdict.expected,
		.since_ns = wall_ns,
	};
	snprintf(ret->client, sizeof(ret->client), "%s", w->name);
	snprintf(ret->explanation, sizeof(ret->explanation), "%s asked for a report of %s", who,
		 w->name);
}

enum trigger_answer watched_second(struct watched *w, const struct client_second *second,
				   int64_t wall_ns, int64_t now_ns, struct trigger_budget *host,
				   int64_t host_per_hour, struct watched_cause *ret_cause)
{
	const struct trigger_limits limits = {
		.cooldown_s = w->rules->cooldown_s,
		.client_per_hour = w->rules->reports_per_hour,
		.host_per_hour = host_per_hour,
	};
	const struct detector_finding *cause = NULL;

	w->now = *second;
	w->now.name = w->name;
	point_add(w, second, now_ns);
	w->input = (struct detector_input){
		.t_s = wall_ns / 1000000000,
		.cpus = second->cpu_cores,
		.limit_cpus = second->limit_cores,
		.starved = second->wait_share,
		.throttled = second->throttled_share,
		.pressure = second->pressure,
	};
	/* A value that isn't known is left out: nothing is learned from it, and nothing found. */
	if (detector_step(&w->detector, w->rules, w->baseline, &w->input, &w->verdict, w->findings))
		return TRIGGER_NONE;
	for (int kind = 0; kind < DETECTOR_KINDS && !cause; kind++)
		if (w->findings[kind].cause)
			cause = &w->findings[kind];
	w->answer = trigger_step(&w->trigger, &w->budget, host, &limits, now_ns / 1000000000,
				 cause != NULL);
	if (w->answer == TRIGGER_FIRE)
		cause_of(w, cause, ret_cause);
	else if (w->answer != TRIGGER_NONE)
		w->held_back++;
	return w->answer;
}

static const struct watched_point *point_at(const struct watched *w, size_t i)
{
	return &w->points[(w->at + w->most - w->npoints + i) % w->most];
}

/* The machine is fed in the same seconds, but it may have been there for longer. */
static const struct watched_point *same_second(const struct watched *machine, int64_t t_ns)
{
	for (size_t i = machine->npoints; i-- > 0;)
		if (point_at(machine, i)->t_ns == t_ns)
			return point_at(machine, i);
	return NULL;
}

static int series_fill(const struct watched *w, const struct watched *machine, int64_t from_ns,
		       int64_t ahead_ns, struct report *r)
{
	struct report_series *s = &r->series;

	for (size_t i = 0; i < w->npoints; i++) {
		const struct watched_point *p = point_at(w, i), *m;

		if (p->t_ns + ahead_ns < from_ns)
			continue;
		int64_t row = report_series_add(s);

		if (row < 0)
			return row;
		m = same_second(machine, p->t_ns);
		s->t_ns[row] = p->t_ns + ahead_ns;
		s->cpu_milli[row] = p->cpu_milli;
		s->wait_permille[row] = p->wait_permille;
		s->throttled_permille[row] = p->throttled_permille;
		s->pressure_permille[row] = p->pressure_permille;
		s->rss_kib[row] = p->rss_kib;
		s->threads[row] = p->threads;
		s->machine_cpu_milli[row] = m ? m->cpu_milli : -1;
		s->machine_wait_permille[row] = m ? m->wait_permille : -1;
		s->machine_pressure_permille[row] = m ? m->pressure_permille : -1;
		s->steal_milli[row] = m ? m->steal_milli : -1;
	}
	return 0;
}

int watched_report(const struct watched *w, const struct watched *machine, int64_t from_ns,
		   int64_t ahead_ns, struct report *r)
{
	float low, median, high;
	char hour[10];
	int err = series_fill(w, machine, from_ns, ahead_ns, r);

	if (err || !baseline_normal(w->baseline, w->input.t_s, &low, &median, &high))
		return err;
	r->baseline.present = true;
	r->baseline.low = low;
	r->baseline.median = median;
	r->baseline.high = high;
	calendar_name(w->verdict.week_hour, hour);
	if (report_set(&r->baseline.metric, "cpu") || report_set(&r->baseline.hour, hour))
		return -ENOMEM;
	return 0;
}
