// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon tells who asks: user/lib/status/status.def. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/common/clock.h"
#include "user/daemon/daemon.h"
#include "user/lib/base/out.h"
#include "user/lib/status/status.h"

#define THREADS_MOST 64

/* Which amount of the rules a kind is compared with; NULL for deviation. */
static const struct config_amount *amount_of(const struct config_rules *rules, int kind)
{
	const struct config_amount *amounts[DETECTOR_KINDS] = {
		[DETECTOR_THRESHOLD] = &rules->threshold,
		[DETECTOR_STARVATION] = &rules->starvation,
		[DETECTOR_THROTTLED] = &rules->throttled,
		[DETECTOR_PRESSURE] = &rules->pressure,
	};

	return amounts[kind];
}

static double level_of(const struct watched *w, int kind, enum metric metric)
{
	const struct config_amount *amount = amount_of(w->rules, kind);

	if (!amount)
		return w->verdicts[metric].threshold > 0 ? w->verdicts[metric].threshold : NAN;
	return amount->percent / 100 * (amount->of_limit ? w->input.limit_cpus : 1);
}

static const char *deviation_state(const struct watched *w, enum metric metric, char *why,
				   size_t size)
{
	const struct baseline_verdict *v = &w->verdicts[metric];

	if (v->score == 0 && v->expected <= 0 && v->normal_high <= 0) {
		snprintf(why, size, "what is normal is not known yet");
		return "learning";
	}
	snprintf(why, size, "%.2f of the way from normal to a deviation", fabs(v->score));
	return fabs(v->score) > 1 ? "active" : "quiet";
}

/* The state of a rule over a level, and why it fires or does not. */
static const char *level_state(const struct watched *w, int kind, int64_t now_s, char *why,
			       size_t size)
{
	const struct detector_level *level = &w->detector.levels[kind];
	const struct config_amount *amount = amount_of(w->rules, kind);
	int64_t cooling_s = trigger_cooling_s(&w->trigger, now_s);

	if (isnan(w->findings[kind].value)) {
		snprintf(why, size, "this machine does not say how much it is");
		return "unknown";
	}
	if (level->active && cooling_s) {
		snprintf(why, size, "the next report comes in %lld s at the earliest",
			 (long long)cooling_s);
		return "cooling";
	}
	if (level->active) {
		snprintf(why, size, "%s", trigger_answer_text(w->answer));
		return w->answer >= TRIGGER_CLIENT_SPENT ? "spent" : "active";
	}
	if (level->over_s) {
		snprintf(why, size, "at the level for %u of %u s", level->over_s, amount->for_s);
		return "rising";
	}
	snprintf(why, size, "below the level");
	return "quiet";
}

static int add_rule(struct status *s, const struct watched *w, int kind, enum metric metric,
		    int64_t now_s)
{
	struct status_rules *row = status_add_rules(s);
	bool level = amount_of(w->rules, kind) != NULL;
	char why[160];

	if (!row)
		return -ENOMEM;
	row->value = level ? w->findings[kind].value : w->input.metric[metric];
	row->level = level_of(w, kind, metric);
	return status_set(&row->client, w->name) ||
			       status_set(&row->kind, detector_kind_name(kind)) ||
			       status_set(&row->metric, metric_name(metric)) ||
			       status_set(&row->state,
					  level ? level_state(w, kind, now_s, why, sizeof(why)) :
						  deviation_state(w, metric, why, sizeof(why))) ||
			       status_set(&row->why, why) ?
		       -ENOMEM :
		       0;
}

static int add_rules(struct status *s, const struct watched *w, int64_t now_s)
{
	int err = 0;

	/* Between a reload and the second after it. */
	if (!w->rules)
		return 0;
	for (int kind = 0; kind < DETECTOR_KINDS && !err; kind++) {
		const struct config_amount *amount = amount_of(w->rules, kind);

		if (amount && amount->on)
			err = add_rule(s, w, kind, detector_metric(kind), now_s);
		for (int m = 0; !amount && m < METRICS && !err; m++)
			if (w->rules->deviation != CONFIG_DEVIATION_OFF &&
			    (w->rules->deviation_metrics & 1u << m))
				err = add_rule(s, w, kind, m, now_s);
	}
	return err;
}

static int add_normals(struct status *s, const struct watched *w)
{
	float low, median, high;

	for (int m = 0; m < METRICS; m++) {
		struct status_normals *row = status_add_normals(s);

		if (!row || status_set(&row->client, w->name) ||
		    status_set(&row->metric, metric_name(m)) || status_set(&row->unit, metric_unit(m)))
			return -ENOMEM;
		row->value = w->input.t_s ? w->input.metric[m] : NAN;
		if (!watched_normal(w, m, &low, &median, &high))
			continue;
		row->low = low;
		row->median = median;
		row->high = high;
	}
	return 0;
}

static int add_crashes(struct status *s, const struct watched *w)
{
	for (size_t i = 0; i < w->crashes.n; i++) {
		const struct crash_log_entry *e = &w->crashes.entries[i];
		struct status_crashes *row = status_add_crashes(s);

		if (!row || status_set(&row->client, w->name) ||
		    status_set(&row->signature, e->names) || status_set(&row->what, e->what))
			return -ENOMEM;
		row->count = e->count;
		row->counted = e->counted;
	}
	return 0;
}

static int add_client(struct status *s, struct watched *w, int64_t now_s)
{
	struct status_clients *row = status_add_clients(s);
	const struct client_second *now = &w->now;
	float low, median, high;

	if (!row || status_set(&row->name, w->name) ||
	    status_set(&row->note, now->processes || !w->seen ? "" : "no process matches now"))
		return -ENOMEM;
	row->processes = now->processes;
	row->threads = now->threads;
	row->cpus = now->cpu_cores;
	row->limit_cpus = now->limit_cores;
	row->wait_share = now->wait_share;
	row->throttled_share = now->throttled_share;
	row->pressure = now->pressure;
	row->rss_bytes = now->rss_bytes;
	if (watched_normal(w, METRIC_CPU, &low, &median, &high)) {
		row->normal_low = low;
		row->normal_high = high;
	}
	row->crashes = w->crashes.crashes;
	row->crashes_reported = w->crashes.reports;
	row->stops = w->crashes.stops;
	row->kills = w->crashes.kills;
	row->crash_ready = w->crash_ready;
	if (status_set(&row->last_stop, w->crashes.last_stop))
		return -ENOMEM;
	int err = add_crashes(s, w);

	if (!err)
		err = add_normals(s, w);
	return err ? err : add_rules(s, w, now_s);
}

static int add_triggers(const struct daemon *d, struct status *s)
{
	for (size_t i = 0; i < DAEMON_PAST && d->past[(d->npast - 1 - i) % DAEMON_PAST].t_ns; i++) {
		const struct daemon_past *p = &d->past[(d->npast - 1 - i) % DAEMON_PAST];
		struct status_triggers *row = status_add_triggers(s);

		if (!row || status_set(&row->client, p->client) || status_set(&row->kind, p->kind) ||
		    status_set(&row->outcome, p->outcome) || status_set(&row->report, p->report) ||
		    status_set(&row->explanation, p->explanation))
			return -ENOMEM;
		row->t_s = p->t_ns / 1e9;
	}
	return 0;
}

static int fill_agent(const struct daemon *d, const struct flight_stats *stats, struct status *s,
		      uint64_t now_ns)
{
	s->agent.pid = getpid();
	s->agent.uptime_s = (now_ns - d->start_ns) / 1e9;
	s->agent.cpus = d->second.machine_cpus;
	s->agent.left_out = d->second.left_out;
	char host[2 * REPORT_ID_BYTES + 1];

	for (int i = 0; i < REPORT_ID_BYTES; i++)
		snprintf(host + 2 * i, 3, "%02x", d->host_id[i]);
	if (status_set(&s->agent.version, BD_VERSION) || status_set(&s->agent.host, host) ||
	    status_set(&s->agent.label, d->config.agent.label) ||
	    status_set(&s->agent.config, d->config_path) ||
	    status_set(&s->agent.mode,
		       d->dry_run ? "dry run" : stats->bursting ? "burst" : "watching"))
		return -ENOMEM;
	return 0;
}

static int add_losses(const struct flight_stats *stats, struct status *s)
{
	for (size_t i = 0; i < stats->nlosses; i++) {
		struct status_losses *row = status_add_losses(s);

		if (!row || status_set(&row->reason, stats->losses[i].reason))
			return -ENOMEM;
		row->count = stats->losses[i].n;
	}
	return 0;
}

static int fill_own(struct daemon *d, struct status *s, uint64_t now_ns)
{
	struct flight_stats stats;
	char limited[128];

	flight_recorder_stats(d->flight, &stats);
	budget_text(&d->budget, limited, sizeof(limited));
	s->sampling.rate_hz = stats.rate_hz;
	s->sampling.wanted_hz = d->config.agent.rate_hz;
	s->ring.seconds = stats.ring_ns / 1e9;
	s->ring.bytes = stats.ring_bytes;
	s->ring.limit_bytes = DAEMON_RING_BYTES;
	s->ring.samples = stats.samples;
	s->loss.fired = stats.fired;
	s->loss.lost = stats.lost_samples;
	s->cost.cpu = d->budget.percent / 100;
	/* Before the first window is over: what it has been since the start. */
	if (!d->budget.percent)
		s->cost.cpu = (double)(stats.cpu_ns + stats.bpf_ns) / (now_ns - d->start_ns + 1);
	s->cost.bpf = (double)stats.bpf_ns / (now_ns - d->start_ns + 1);
	s->cost.budget = BUDGET_PERCENT / 100;
	s->cost.rss_bytes = stats.rss_bytes;
	s->cost.map_bytes = stats.map_bytes;
	s->cost.delay_s = daemon_delay_s(d);
	if (status_set(&s->sampling.reason, limited) || add_losses(&stats, s))
		return -ENOMEM;
	return fill_agent(d, &stats, s, now_ns);
}

static int fill_spool(const struct daemon *d, struct status *s)
{
	struct spool_stats stats;

	spool_stats(&d->spool, &stats);
	s->spool.reports = stats.reports;
	s->spool.bytes = stats.bytes;
	s->spool.written = d->reports;
	return status_set(&s->spool.path, d->spool.path) ||
			       status_set(&s->spool.error, d->spool_error) ?
		       -ENOMEM :
		       0;
}

struct top {
	const struct daemon *d;
	const struct thread *threads[THREADS_MOST];
	size_t n;
};

/* Keeps the busiest, in order. */
static void top_take(void *arg, const struct thread *t)
{
	struct top *top = arg;
	size_t at = top->n;

	if (!t->step_on_cpu_ns || t->exited)
		return;
	while (at && top->threads[at - 1]->step_on_cpu_ns < t->step_on_cpu_ns)
		at--;
	if (at == THREADS_MOST)
		return;
	if (top->n < THREADS_MOST)
		top->n++;
	memmove(top->threads + at + 1, top->threads + at,
		(top->n - 1 - at) * sizeof(*top->threads));
	top->threads[at] = t;
}

static int add_threads(struct daemon *d, struct status *s)
{
	struct top top = { .d = d };

	flight_recorder_threads(d->flight, top_take, &top);
	for (size_t i = 0; i < top.n; i++) {
		const struct thread *t = top.threads[i];
		uint32_t client = clients_of_tgid(d->clients, t->id.tgid);
		struct status_threads *row = status_add_threads(s);

		if (!row || status_set(&row->process, t->process) ||
		    status_set(&row->name, t->name) ||
		    status_set(&row->client, client < d->second.n && d->second.clients ?
						     d->second.clients[client].name :
						     ""))
			return -ENOMEM;
		row->pid = t->ns_tgid;
		row->tid = t->ns_tid;
		row->cpus = t->step_ns ? (double)t->step_on_cpu_ns / t->step_ns : NAN;
		row->wait_share = (double)t->step_wait_ns /
				  (double)(t->step_wait_ns + t->step_on_cpu_ns);
	}
	return 0;
}

static int fill(struct daemon *d, bool threads, struct status *s)
{
	uint64_t now_ns = clock_monotonic_ns();
	int64_t now_s = now_ns / 1000000000;
	int err = fill_own(d, s, now_ns);

	if (!err)
		err = fill_spool(d, s);
	if (!err)
		err = daemon_upload_status(d, s);
	if (!err)
		err = add_client(s, d->machine, now_s);
	for (size_t i = 0; !err && i < d->nwatched; i++)
		if (d->watched[i]->seen == d->seconds || d->watched[i]->crashes.crashes)
			err = add_client(s, d->watched[i], now_s);
	if (!err)
		err = add_triggers(d, s);
	return !err && threads ? add_threads(d, s) : err;
}

static void answer_status(struct daemon *d, bool threads, struct out *out)
{
	struct status s;

	status_init(&s);
	if (fill(d, threads, &s))
		status_write_error(out, "out of memory");
	else
		status_write(&s, out);
	status_release(&s);
}

static void answer_trigger(struct daemon *d, const char *client, struct out *out)
{
	bool joins = d->burst.on;
	char text[SPOOL_NAME + 4300];

	if (daemon_trigger_manual(d, client, "a person")) {
		snprintf(text, sizeof(text), "no client '%s'; `backdraft status` lists them", client);
		status_write_error(out, text);
	} else if (d->dry_run) {
		status_write_error(out, "this daemon reports nothing: it runs with --dry-run");
	} else if (!d->burst.on) {
		status_write_error(out, "the report could not begin; the daemon's log says why");
	} else {
		snprintf(text, sizeof(text), "%s%s/%s.bdr is whole in %.0f s",
			 joins ? "it joins the report that is being recorded: " : "",
			 d->spool.path, d->burst.name,
			 d->burst.end_ns > clock_monotonic_ns() ?
				 (d->burst.end_ns - clock_monotonic_ns()) / 1e9 :
				 0);
		status_write_text(out, text);
	}
}

void daemon_answer(void *arg, const char *line, struct out *answer)
{
	struct daemon *d = arg;
	struct status_request request;
	char error[STATUS_ERROR_BYTES];

	if (status_request_read(line, strlen(line), &request, error))
		status_write_error(answer, error);
	else if (request.verb == STATUS_TRIGGER)
		answer_trigger(d, request.client, answer);
	else
		answer_status(d, request.verb == STATUS_TOP, answer);
}
