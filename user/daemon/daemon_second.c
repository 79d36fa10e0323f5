// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon does each second: numbers to detectors, causes to reports. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/common/clock.h"
#include "user/daemon/daemon.h"
#include "user/lib/base/array.h"
#include "user/lib/base/out.h"

#define SAVE_EVERY_S 900 /* each baseline */
#define FORGET_AFTER_S 3600

static void rules_set(struct daemon *d, struct watched *w, uint32_t section)
{
	const struct config_rules *rules = section == CLIENTS_NONE ?
						   &d->config.machine :
						   &d->config.clients[section].rules;

	if (w->rules == rules && w->baseline)
		return;
	watched_rules(w, &d->config.agent, rules);
}

int daemon_learned(struct daemon *d, struct watched *w)
{
	char error[STATE_ERROR] = "";
	int err = state_dir_load_bands(&d->state, w->name, w->bands, error);

	if (err && err != -ENOENT)
		daemon_say("%s", error[0] ? error : strerror(-err));
	error[0] = '\0';
	err = state_dir_load(&d->state, w->name, &w->options[METRIC_CPU], &w->baseline, error);
	if (!err)
		return 0;
	if (err != -ENOENT)
		daemon_say("%s", error[0] ? error : strerror(-err));
	w->baseline = baseline_new(&w->options[METRIC_CPU]);
	return w->baseline ? 0 : -ENOMEM;
}

struct watched *daemon_watched(struct daemon *d, const char *name)
{
	if (!strcmp(name, d->machine->name))
		return d->machine;
	for (size_t i = 0; i < d->nwatched; i++)
		if (!strcmp(d->watched[i]->name, name))
			return d->watched[i];
	return NULL;
}

struct watched *daemon_watched_make(struct daemon *d, const char *name, uint32_t section)
{
	struct watched *w = NULL;

	for (size_t k = 0; !w && k < d->nwatched; k++)
		if (!strcmp(d->watched[k]->name, name))
			w = d->watched[k];
	if (!w) {
		w = watched_new(name, d->keep_s);
		if (!w || array_reserve((void **)&d->watched, &d->cap_watched, d->nwatched, 1,
					sizeof(*d->watched))) {
			watched_free(w);
			return NULL;
		}
		d->watched[d->nwatched++] = w;
	}
	rules_set(d, w, section);
	return w->baseline || !daemon_learned(d, w) ? w : NULL;
}

/* The client in place `i` of the second's table: most are where they were. */
static struct watched *watched_at(struct daemon *d, uint32_t i)
{
	const struct client_second *s = &d->second.clients[i];
	struct watched *w =
		i < d->nwatched && !strcmp(d->watched[i]->name, s->name) ? d->watched[i] : NULL;

	if (w)
		rules_set(d, w, s->section);
	if (!w || !w->baseline)
		w = daemon_watched_make(d, s->name, s->section);
	if (!w)
		return NULL;
	w->seen = d->seconds;
	w->place = i;
	return w;
}

static void feed(struct daemon *d, struct watched *w, const struct client_second *s,
		 int64_t wall_ns, uint64_t now_ns)
{
	struct watched_cause cause;
	enum trigger_answer answer = watched_second(w, s, wall_ns, (int64_t)now_ns,
						    &d->host_budget,
						    d->config.agent.reports_per_hour, &cause);

	if (answer == TRIGGER_FIRE)
		daemon_trigger(d, w, &cause);
}

static void save_one(struct daemon *d, const struct watched *w)
{
	char error[STATE_ERROR];

	if (w->baseline && state_dir_save(&d->state, w->name, w->baseline, w->bands, error))
		daemon_say("%s", error);
}

/* Clients whose processes have been gone for long: their baseline is on disk. */
static void forget_gone(struct daemon *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->nwatched; i++) {
		struct watched *w = d->watched[i];

		if (d->seconds - w->seen < FORGET_AFTER_S || w == d->burst.watched) {
			d->watched[kept++] = w;
			continue;
		}
		save_one(d, w);
		watched_free(w);
	}
	d->nwatched = kept;
}

/* In turn: each write waits for the disk, and they all at once would do so for long. */
void daemon_save(struct daemon *d, bool all)
{
	size_t n = d->nwatched + 1;

	for (size_t i = 0; i < n; i++)
		if (all || (i + 1) * SAVE_EVERY_S / n == d->seconds % SAVE_EVERY_S + 1)
			save_one(d, i < d->nwatched ? d->watched[i] : d->machine);
}

/* How long the main thread has waited for a CPU so far: the one that looks at the clients. */
static uint64_t own_wait_ns(void)
{
	unsigned long long on_cpu, wait = 0;
	FILE *f = fopen("/proc/self/schedstat", "re");

	if (f && fscanf(f, "%llu %llu", &on_cpu, &wait) != 2)
		wait = 0;
	if (f)
		fclose(f);
	return wait;
}

double daemon_delay_s(const struct daemon *d)
{
	uint64_t most_ns = 0;

	for (uint64_t i = d->seconds; i > 1 && i + 60 > d->seconds && i + d->keep_s > d->seconds + 1; i--) {
		uint64_t ns = d->wait_ns[i % d->keep_s] - d->wait_ns[(i - 1) % d->keep_s];

		if (ns > most_ns)
			most_ns = ns;
	}
	return most_ns / 1e9;
}

static void keep_budget(struct daemon *d, uint64_t now_ns)
{
	struct budget_cost cost = flight_recorder_cost(d->flight);
	char text[128];

	/* What the start cost, and the tables of all that was there, no lower rate makes less. */
	if (d->burst.on || now_ns - d->start_ns < BUDGET_WINDOW_NS) {
		budget_pardon(&d->budget, now_ns, cost);
		return;
	}
	if (!budget_step(&d->budget, now_ns, cost))
		return;
	budget_text(&d->budget, text, sizeof(text));
	daemon_say("%s", text[0] ? text : "the configured sampling rate is affordable again");
	int err = flight_recorder_set_rate(d->flight, d->budget.rate_hz);

	if (err)
		daemon_say("changing the sampling rate: %s", strerror(-err));
}

/* Once, when everything has been looked at: what will not do what its author hopes for. */
static void warn(struct daemon *d)
{
	struct out out;
	char *line, *rest;

	d->warned = true;
	out_init(&out, -1);
	clients_warn(d->clients, &d->second, &out);
	out_char(&out, '\0');
	for (line = out.status ? NULL : strtok_r(out.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		daemon_say("%s", line);
	out_release(&out);
}

int daemon_second(struct daemon *d)
{
	uint64_t now_ns = clock_monotonic_ns();
	int64_t wall_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	char error[COLLECTOR_ERROR] = "";

	d->seconds++;
	d->wait_ns[d->seconds % d->keep_s] = own_wait_ns();
	clients_begin_second(d->clients, now_ns);
	d->in_second = true;
	int err = flight_recorder_second(d->flight, error);

	d->in_second = false;
	if (err) {
		daemon_say("%s", error[0] ? error : strerror(-err));
		return err;
	}
	err = clients_end_second(d->clients, &d->second);
	/* After a reload everything is seen for the first time. */
	if (!d->second.valid)
		d->history.last_ns = 0;
	if (!err)
		err = thread_history_take(&d->history, d->clients, d->second.t_ns);
	if (err)
		return err;
	if (d->second.valid) {
		if (!d->warned && !d->second.looks_left)
			warn(d);
		feed(d, d->machine, &d->second.machine, wall_ns, now_ns);
		for (uint32_t i = 0; i < d->second.n; i++) {
			struct watched *w = watched_at(d, i);

			if (w)
				feed(d, w, &d->second.clients[i], wall_ns, now_ns);
		}
	}
	daemon_logs_second(d);
	daemon_upload_second(d);
	daemon_crash_watch(d);
	if (d->seconds % 60 == 0)
		forget_gone(d);
	daemon_save(d, false);
	keep_budget(d, now_ns);
	return 0;
}
