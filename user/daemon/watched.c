// SPDX-License-Identifier: BSD-2-Clause
#include "user/daemon/watched.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_LEAST_CORES 0.005

struct watched *watched_new(const char *name, size_t keep_s)
{
	struct watched *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->name = strdup(name);
	w->most = keep_s;
	w->points = calloc(keep_s, sizeof(*w->points));
	w->bands = malloc(sizeof(*w->bands));
	if (!w->name || !w->points || !w->bands) {
		watched_free(w);
		return NULL;
	}
	bands_init(w->bands);
	detector_init(&w->detector, 1);
	return w;
}

void watched_free(struct watched *w)
{
	if (!w)
		return;
	baseline_free(w->baseline);
	free(w->bands);
	free(w->name);
	free(w->points);
	free(w->logs);
	free(w);
}

void watched_rules(struct watched *w, const struct config_agent *agent,
		   const struct config_rules *rules)
{
	w->rules = rules;
	for (int m = 0; m < METRICS; m++)
		w->options[m] = detector_baseline_options(agent, rules, m, 1);
	if (w->baseline)
		baseline_set_options(w->baseline, &w->options[METRIC_CPU]);
}

bool watched_normal(const struct watched *w, enum metric metric, float *ret_low, float *ret_median,
		    float *ret_high)
{
	if (metric != METRIC_CPU)
		return bands_normal(w->bands, metric, w->input.t_s, ret_low, ret_median, ret_high);
	return w->baseline &&
	       baseline_normal(w->baseline, w->input.t_s, ret_low, ret_median, ret_high);
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
		.system_milli = milli(s->system_cores),
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
		.metric = metric_name(f->metric),
		.value = f->value,
		.expected = f->expected,
		.threshold = f->threshold,
		.since_ns = f->since_s * 1000000000LL,
	};
	snprintf(ret->client, sizeof(ret->client), "%s", w->name);
	detector_explain(f, &w->verdicts[f->metric], &w->input, w->name, ret->explanation,
			 sizeof(ret->explanation));
}

void watched_manual(const struct watched *w, const char *who, int64_t wall_ns,
		    struct watched_cause *ret)
{
	*ret = (struct watched_cause){
		.kind = "manual",
		.metric = "cpu",
		.value = w->input.cpus,
		.expected = w->verdicts[METRIC_CPU].expected,
		.since_ns = wall_ns,
	};
	snprintf(ret->client, sizeof(ret->client), "%s", w->name);
	snprintf(ret->explanation, sizeof(ret->explanation), "%s asked for a report of %s", who,
		 w->name);
}

/*
 * What the detectors see of a second. A client without processes has no memory and no threads, rather
 * than none of them; and of who hardly ran or waited, the share that it waited says nothing.
 */
static struct detector_input input_of(const struct client_second *s, int64_t wall_ns)
{
	return (struct detector_input){
		.t_s = wall_ns / 1000000000,
		.cpus = s->cpu_cores,
		.limit_cpus = s->limit_cores,
		.starved = s->wait_share,
		.throttled = s->throttled_share,
		.pressure = s->pressure,
		.metric = {
			[METRIC_CPU] = s->cpu_cores,
			[METRIC_WAIT] = s->cpu_cores + s->wait_cores >= WAIT_LEAST_CORES ? s->wait_share : NAN,
			[METRIC_THROTTLED] = s->throttled_share,
			[METRIC_PRESSURE] = s->pressure,
			[METRIC_MEMORY] = s->processes ? (double)s->rss_bytes : NAN,
			[METRIC_THREADS] = s->processes ? (double)s->threads : NAN,
		},
	};
}

/* All metrics, each against its normal. What a deviation of CPU brings with it isn't learned. */
static int detect(struct watched *w)
{
	int err = detector_step(&w->detector, w->rules, w->baseline, &w->input,
				&w->verdicts[METRIC_CPU], w->findings);

	if (err)
		return err;
	bands_feed(w->bands, w->options, w->input.t_s, w->input.metric,
		   fabsf(w->verdicts[METRIC_CPU].score) > 1, w->verdicts);
	detector_metrics(w->rules, &w->input, w->verdicts, w->findings);
	return 0;
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
	w->input = input_of(second, wall_ns);
	/* A value that isn't known is left out: nothing is learned from it, and nothing found. */
	if (detect(w))
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

/* Both make the exact time. */
static int32_t user_milli(const struct watched_point *p)
{
	return p->system_milli < 0 ? -1 : p->cpu_milli - p->system_milli;
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
		s->system_milli[row] = p->system_milli;
		s->user_milli[row] = user_milli(p);
		s->machine_system_milli[row] = m ? m->system_milli : -1;
		s->machine_user_milli[row] = m ? user_milli(m) : -1;
		s->machine_wait_permille[row] = m ? m->wait_permille : -1;
		s->machine_pressure_permille[row] = m ? m->pressure_permille : -1;
		s->steal_milli[row] = m ? m->steal_milli : -1;
	}
	return 0;
}

/* What a column of the series says in the last second up to the trigger, in its metric's unit. */
static double at_trigger(const struct report *r, enum metric metric)
{
	const struct report_series *s = &r->series;
	size_t row = s->n;

	while (row && s->t_ns[row - 1] > r->window.trigger_ns)
		row--;
	if (!row)
		return -1;
	row--;
	const double values[METRICS] = {
		[METRIC_CPU] = s->cpu_milli[row] / 1000.0,
		[METRIC_WAIT] = s->wait_permille[row] / 1000.0,
		[METRIC_THROTTLED] = s->throttled_permille[row] / 1000.0,
		[METRIC_PRESSURE] = s->pressure_permille[row] / 1000.0,
		[METRIC_MEMORY] = s->rss_kib[row] * 1024.0,
		[METRIC_THREADS] = s->threads[row],
	};

	return values[metric] < 0 ? -1 : values[metric];
}

static int normals_fill(const struct watched *w, struct report *r)
{
	struct report_normals *n = &r->normals;
	float low, median, high;

	for (int m = 0; m < METRICS; m++) {
		int64_t row;

		if (!watched_normal(w, m, &low, &median, &high))
			continue;
		row = report_normals_add(n);
		if (row < 0)
			return row;
		n->metric[row] = report_intern(r, metric_name(m));
		n->unit[row] = report_intern(r, metric_unit(m));
		n->value[row] = at_trigger(r, m);
		n->low[row] = low;
		n->median[row] = median;
		n->high[row] = high;
	}
	return 0;
}

int watched_report(const struct watched *w, const struct watched *machine, int64_t from_ns,
		   int64_t ahead_ns, struct report *r)
{
	float low, median, high;
	char hour[10];
	int err = series_fill(w, machine, from_ns, ahead_ns, r);

	if (!err)
		err = normals_fill(w, r);
	if (err || !watched_normal(w, METRIC_CPU, &low, &median, &high))
		return err;
	r->baseline.present = true;
	r->baseline.low = low;
	r->baseline.median = median;
	r->baseline.high = high;
	calendar_name(w->verdicts[METRIC_CPU].week_hour, hour);
	if (report_set(&r->baseline.metric, "cpu") || report_set(&r->baseline.hour, hour))
		return -ENOMEM;
	return 0;
}
