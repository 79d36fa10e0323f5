// SPDX-License-Identifier: BSD-2-Clause
/* From a death to a report in the spool, or to a count. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/common/clock.h"
#include "user/record/crash_watch.h"
#include "user/daemon/daemon.h"
#include "user/lib/profile/compact.h"
#include "user/lib/view/crash_text.h"

#define PREPARE_NS 20000000ULL /* tables may take so much of a second in which clients are new */

/* --- who is looked at */
struct adding {
	struct daemon *d;
	struct crash_watch *watch;
	uint64_t until_ns;
};

static void add_process(void *arg, const struct clients_process *p)
{
	const struct adding *adding = arg;
	const struct config_client *client = &adding->d->config.clients[p->section];
	enum bd_crash_mode mode = client->crash == CONFIG_CRASH_OFF   ? BD_CRASH_OFF
				  : client->crash == CONFIG_CRASH_ALL ? BD_CRASH_ALL
								      : BD_CRASH_ON;

	crash_watch_add(adding->watch, p->tgid, mode, p->section);
	if (mode == BD_CRASH_OFF || !p->ns_tgid)
		return;
	/* What there is no time for has its turn in the next second. */
	if (!crash_watch_is_ready(adding->watch, p->tgid, p->exec_id)) {
		if (clock_monotonic_ns() > adding->until_ns)
			return;
		flight_recorder_prepare(adding->d->flight, p->ns_tgid, p->tgid, p->exec_id);
		crash_watch_set_ready(adding->watch, p->tgid, p->exec_id);
	}
	if (p->place < adding->d->nwatched)
		adding->d->watched[p->place]->crash_ready++;
}

void daemon_crash_watch(struct daemon *d)
{
	struct adding adding = {d, flight_recorder_crash_watch(d->flight),
				clock_monotonic_ns() + PREPARE_NS};

	for (size_t i = 0; i < d->nwatched; i++)
		d->watched[i]->crash_ready = 0;
	crash_watch_begin(adding.watch);
	clients_each(d->clients, add_process, &adding);
	crash_watch_end(adding.watch);
}

void daemon_crash_configure(struct daemon *d)
{
	struct crash_watch *watch = flight_recorder_crash_watch(d->flight);

	uint64_t any[4] = { 0 };

	for (size_t i = 0; i < d->config.n_clients; i++) {
		const uint64_t *bits = d->config.clients[i].crash_exit;

		crash_watch_statuses(watch, i, bits);
		for (int k = 0; k < 4; k++)
			any[k] |= bits[k];
	}
	crash_watch_statuses(watch, BD_CRASH_SECTIONS - 1, any);
}

/* --- whose it was */
static struct watched *watched_of(struct daemon *d, const struct clients_dead *dead)
{
	uint32_t section;
	const char *name = clients_of_dead(d->clients, dead, &section);

	return name ? daemon_watched_make(d, name, section) : NULL;
}

const struct config_client *daemon_section(const struct daemon *d, const struct watched *w)
{
	for (size_t i = 0; i < d->config.n_clients; i++)
		if (&d->config.clients[i].rules == w->rules)
			return &d->config.clients[i];
	return NULL;
}

static struct watched *whose(struct daemon *d, const struct bd_crash *first)
{
	char name[BD_COMM + 1] = "";
	struct clients_dead dead = {
		.tgid = first->thread.tgid,
		.ns_tgid = first->ns_tgid,
		.parent = first->parent,
		.start_ns = first->process_start_ns,
		.cgroup_id = first->cgroup_id,
		.name = name,
		.exe = flight_recorder_program(d->flight, first->ns_tgid),
	};

	memcpy(name, first->process, BD_COMM);
	return watched_of(d, &dead);
}

/* --- stops and kills */
void daemon_killed(struct daemon *d, const struct bd_kill *event)
{
	char name[BD_COMM + 1] = "", sender[BD_COMM + 1] = "", text[CRASH_TEXT_BYTES];
	struct clients_dead dead = {
		.tgid = event->thread.tgid,
		.ns_tgid = event->ns_tgid,
		.start_ns = event->thread.start_ns,
		.cgroup_id = event->cgroup_id,
		.name = name,
		.exe = flight_recorder_program(d->flight, event->ns_tgid),
	};

	memcpy(name, event->process, BD_COMM);
	memcpy(sender, event->sender_comm, BD_COMM);
	struct watched *w = watched_of(d, &dead);

	if (!w)
		return;
	w->crashes.stops += event->signal != 9;
	w->crashes.kills += event->signal == 9;
	snprintf(w->crashes.last_stop, sizeof(w->crashes.last_stop), "%s by %s%s (%u)",
		 crash_signal_name(event->signal, text), event->from_kernel ? "the kernel in " : "",
		 sender, event->ns_sender);
}

/* --- reports */
static void say_what(const struct crash *c, char *text, size_t size)
{
	char name[CRASH_TEXT_BYTES];

	if (c->oom)
		snprintf(text, size, "out of memory");
	else if (c->first.death == BD_DEATH_EXIT)
		snprintf(text, size, "exit status %u", c->first.status);
	else
		snprintf(text, size, "%s", crash_signal_name(c->first.signal, name));
}

/* What was only counted since a report told of it. */
static int add_counted(const struct crash_log *log, struct report *r)
{
	char text[CRASH_LOG_TEXT + 40];
	int err = 0;

	for (size_t i = 0; !err && i < log->n; i++) {
		const struct crash_log_entry *e = &log->entries[i];

		if (!e->counted)
			continue;
		if (e->names[0])
			snprintf(text, sizeof(text), "%s %s", e->names, e->what);
		else
			snprintf(text, sizeof(text), "%016" PRIx64 " %s", e->places, e->what);
		err = report_count(&r->dump.counted, text, e->counted);
	}
	return err;
}

static void remember(struct daemon *d, struct watched *w, const struct watched_cause *cause,
		     const char *outcome, const uint8_t *id)
{
	struct daemon_past *p = &d->past[d->npast++ % DAEMON_PAST];

	*p = (struct daemon_past){
		.t_ns = (int64_t)clock_ns(CLOCK_REALTIME),
		.kind = cause->kind,
		.outcome = outcome,
	};
	snprintf(p->client, sizeof(p->client), "%s", w->name);
	memcpy(p->explanation, cause->explanation, sizeof(p->explanation));
	for (size_t k = 0; id && k < REPORT_ID_BYTES; k++)
		snprintf(p->report + 2 * k, 3, "%02x", id[k]);
	memcpy(w->last, cause->explanation, sizeof(w->last));
}

static int write_out(struct daemon *d, struct watched *w, struct crash *c,
		     struct watched_cause *cause, struct report *r)
{
	char name[SPOOL_NAME], error[SPOOL_ERROR] = "";
	int err = add_counted(&w->crashes, r);

	if (!err)
		err = daemon_fill(d, w, cause, r);
	if (!err)
		err = compact_report(r);
	if (!err) {
		spool_name(r, cause->client, name);
		err = spool_write(&d->spool, name, false, r, error);
	}
	if (err) {
		d->failed++;
		snprintf(d->spool_error, sizeof(d->spool_error), "%s",
			 error[0] ? error : strerror(-err));
		daemon_say("%s: %s", cause->client, d->spool_error);
		return err;
	}
	d->reports++;
	w->reports++;
	w->last_s = clock_monotonic_ns() / 1000000000;
	crash_log_reported(&w->crashes, c->signature);
	remember(d, w, cause, "reported", r->id);
	daemon_say("%s: report %s/%s.bdr", cause->client, d->spool.path, name);
	return 0;
}

static void cause_of(const struct watched *w, const struct crash *c, const struct report *r,
		     struct watched_cause *ret)
{
	*ret = (struct watched_cause){
		.kind = c->oom ? "oom" : "crash",
		.metric = "",
		.since_ns = (int64_t)r->dump.taken_ns,
	};
	snprintf(ret->client, sizeof(ret->client), "%s", w->name);
	_Static_assert(WATCHED_TEXT >= CRASH_SENTENCE_BYTES, "a sentence fits");
	crash_sentence(r, w->name, ret->explanation);
}

/* A crash that addresses don't know: names may, since it may be another build of the same program.
 */
static void report_it(struct daemon *d, struct watched *w, struct crash *c, int64_t now_s)
{
	struct watched_cause cause;
	struct report r;
	int err = report_init(&r);

	if (!err)
		err = flight_recorder_crash_report(
			d->flight, c, daemon_reading_begin(d, false), &r);
	/* For its threads the second ends where the window does, at the last look at them. */
	if (!err)
		err = thread_history_take(&d->history, d->clients,
					  r.window.end_ns - daemon_wall_ahead_ns());
	if (err) {
		d->failed++;
		daemon_say("%s: the report of a crash: %s", w->name, strerror(-err));
		report_release(&r);
		return;
	}
	cause_of(w, c, &r, &cause);
	if (!crash_log_name(&w->crashes, c->signature, r.dump.signature, cause.explanation,
			    now_s)) {
		daemon_say("%s: %s; it has been reported before (%s)", cause.kind,
			   cause.explanation, r.dump.signature);
		remember(d, w, &cause, "counted", NULL);
	} else if (d->dry_run) {
		daemon_say("would report: %s: %s", cause.kind, cause.explanation);
		crash_log_reported(&w->crashes, c->signature);
		remember(d, w, &cause, "dry run", NULL);
	} else {
		daemon_say("%s: %s", cause.kind, cause.explanation);
		write_out(d, w, c, &cause, &r);
	}
	report_release(&r);
}

static void take(struct daemon *d, struct crash *c)
{
	struct watched *w = whose(d, &c->first);
	const struct config_client *rules = w ? daemon_section(d, w) : NULL;
	int64_t now_s = clock_monotonic_ns() / 1000000000;
	char what[CRASH_LOG_TEXT];

	if (!rules || rules->crash == CONFIG_CRASH_OFF)
		return;
	/* A kill, whose sender has been counted. */
	if (c->first.death == BD_DEATH_KILL && !c->oom && rules->crash != CONFIG_CRASH_ALL)
		return;
	if (c->first.death == BD_DEATH_EXIT &&
	    !(rules->crash_exit[c->first.status / 64 % 4] >> c->first.status % 64 & 1))
		return;
	say_what(c, what, sizeof(what));
	if (!crash_log_add(&w->crashes, c->signature, now_s))
		return;
	const struct trigger_limits limits = {
		.client_per_hour = w->rules->reports_per_hour,
		.host_per_hour = d->config.agent.reports_per_hour,
	};
	struct trigger once = { 0 }; /* what keeps it quiet is that the same crash is known */
	enum trigger_answer answer =
		trigger_step(&once, &w->budget, &d->host_budget, &limits, now_s, true);

	if (answer == TRIGGER_FIRE) {
		report_it(d, w, c, now_s);
		budget_pardon(&d->budget, clock_monotonic_ns(), flight_recorder_cost(d->flight));
		return;
	}
	w->held_back++;
	crash_log_counted(&w->crashes, c->signature, what);
	daemon_say("%s: a crash (%s) is only counted: %s", w->name, what,
		   trigger_answer_text(answer));
}

bool daemon_crashes(struct daemon *d)
{
	uint64_t reports = d->reports;
	struct crash *c = NULL;

	while (reports == d->reports && (c = flight_recorder_take_crash(d->flight))) {
		take(d, c);
		crash_free(c);
	}
	return c != NULL;
}
