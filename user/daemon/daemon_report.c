// SPDX-License-Identifier: BSD-2-Clause
/* From a trigger to a report in the spool. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/clients/client_identity.h"
#include "user/common/clock.h"
#include "user/daemon/daemon.h"
#include "user/lib/profile/compact.h"
#include "user/lib/scrub/scrub_report.h"
#include "user/common/machine_names.h"
#include "user/reader/reader.h"

#define READING_NS 5000000000ULL /* a report waits so long for what others' files hold, names and logs */
#define PARTIAL_READING_NS 1500000000ULL /* it must be on disk within 2 s */
#define LOGS_SHARE 5			 /* of it the last fifth is kept for the logs */

static int fill_trigger(const struct watched_cause *c, struct report *r)
{
	r->trigger.present = true;
	r->trigger.value = c->value;
	r->trigger.expected = c->expected;
	r->trigger.threshold = c->threshold;
	r->trigger.since_ns = c->since_ns;
	return report_set(&r->trigger.kind, c->kind) || report_set(&r->trigger.client, c->client) ||
			       report_set(&r->trigger.metric, c->metric) ||
			       report_set(&r->trigger.explanation, c->explanation) ?
		       -ENOMEM :
		       0;
}

static int add_joined(const struct watched_cause *c, struct report *r)
{
	struct report_triggers *t = &r->triggers;
	int64_t row = report_triggers_add(t);

	if (row < 0)
		return row;
	t->kind[row] = report_intern(r, c->kind);
	t->client[row] = report_intern(r, c->client);
	t->metric[row] = report_intern(r, c->metric);
	t->explanation[row] = report_intern(r, c->explanation);
	t->value[row] = c->value;
	t->expected[row] = c->expected;
	t->threshold[row] = c->threshold;
	t->since_ns[row] = c->since_ns;
	return 0;
}

uint64_t daemon_reading_begin(struct daemon *d, bool partial)
{
	uint64_t whole_ns = partial ? PARTIAL_READING_NS : READING_NS;

	d->read_until_ns = clock_monotonic_ns() + whole_ns;
	return whole_ns - whole_ns / LOGS_SHARE;
}

int64_t daemon_reading_left_ns(const struct daemon *d)
{
	int64_t left_ns = (int64_t)(d->read_until_ns - clock_monotonic_ns());

	return left_ns > 0 ? left_ns : 0;
}

static int fill_client(struct daemon *d, const struct watched *w, struct report *r)
{
	struct reader *reader = flight_recorder_reader(d->flight);
	struct client_identity identity = { "" };

	r->client.present = true;
	/* Without rules its section and place are those of the configuration before. */
	reader_set_deadline(reader, (int64_t)d->read_until_ns);
	if (w != d->machine && w->rules && w->seen == d->seconds)
		client_identity_find(&d->config.clients[w->now.section], reader,
				     clients_main_pid(d->clients, w->place), &identity);
	reader_set_deadline(reader, 0);
	if (report_set(&r->client.name, w->name) ||
	    (identity.version[0] && report_set(&r->client.version, identity.version)) ||
	    (identity.build_id[0] && report_set(&r->client.build_id, identity.build_id)) ||
	    (identity.container[0] && report_set(&r->client.container, identity.container)))
		return -ENOMEM;
	return d->config.agent.label[0] ? report_set(&r->host.label, d->config.agent.label) : 0;
}

/* How late the daemon itself was: a report of a machine that drowns is worth what this says. */
static int fill_cost(struct daemon *d, struct report *r)
{
	int64_t window_s = (r->window.end_ns - r->window.start_ns) / 1000000000;
	uint64_t back = window_s < (int64_t)d->seconds ? window_s : d->seconds - 1;
	char text[128];

	if (back >= d->keep_s)
		back = d->keep_s - 1;
	r->cost.wait_ns = d->wait_ns[d->seconds % d->keep_s] -
			  d->wait_ns[(d->seconds - back) % d->keep_s];
	if (d->burst.cut_ns)
		snprintf(text, sizeof(text), "it ends %.1f s early: the recorder's %u MB were full",
			 d->burst.cut_ns / 1e9, DAEMON_RING_BYTES >> 20);
	else
		budget_text(&d->budget, text, sizeof(text));
	return text[0] ? report_set(&r->cost.limited, text) : 0;
}

/* Made for each report: it takes about 1 ms, and users come and go. */
static int depersonalise(struct daemon *d, const struct watched *w, struct report *r)
{
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;
	int err = machine_scrub_new(&d->config, daemon_section(d, w), &s, error);

	if (err) {
		daemon_say("depersonalising: %s", error);
		return err;
	}
	err = scrub_report(s, r);
	scrub_free(s);
	return err;
}

int64_t daemon_wall_ahead_ns(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) - clock_monotonic_ns());
}

struct marking {
	struct report *r;
	const struct clients *clients;
	uint64_t client;
	uint32_t place; /* of a client that still has processes, or CLIENTS_NONE */
};

static void mark_thread(void *arg, const struct thread *t)
{
	const struct marking *m = arg;
	bool its = t->client == m->client || (m->place != CLIENTS_NONE &&
					      clients_of_tgid(m->clients, t->id.tgid) == m->place);

	if (its && t->row < m->r->threads.n)
		m->r->threads.client[t->row] = 1;
}

/* Of a thread that ran it was heard whose it is; one that starves belongs to its process's client. */
static void mark_threads(struct daemon *d, const struct watched *w, struct report *r)
{
	struct marking m = {
		.r = r,
		.clients = d->clients,
		.client = thread_history_client(w->name),
		.place = w->rules && w->seen == d->seconds ? w->place : CLIENTS_NONE,
	};

	flight_recorder_threads(d->flight, mark_thread, &m);
}

int daemon_fill(struct daemon *d, const struct watched *w, const struct watched_cause *cause,
		struct report *r)
{
	int err = fill_trigger(cause, r);

	if (!err)
		err = fill_client(d, w, r);
	if (!err)
		err = watched_report(w, d->machine, r->window.start_ns, daemon_wall_ahead_ns(), r);
	if (!err && w != d->machine)
		mark_threads(d, w, r);
	if (!err && w != d->machine)
		err = thread_history_report(&d->history, w->name, r->window.start_ns,
					    daemon_wall_ahead_ns(), r);
	if (!err)
		err = daemon_logs(d, w, r);
	if (!err)
		err = daemon_upload_report(d, r);
	if (!err)
		err = fill_cost(d, r);
	memcpy(r->host.id, d->host_id, sizeof(r->host.id));
	return err ? err : depersonalise(d, w, r);
}

static int fill(struct daemon *d, struct report *r)
{
	int err = flight_recorder_report(d->flight, daemon_reading_begin(d, !d->burst.named), r);

	/* At the end of a burst all threads have been looked at: what they ran until then is known. */
	if (!err && d->burst.named)
		err = thread_history_take(&d->history, d->clients,
					  r->window.end_ns - daemon_wall_ahead_ns());
	for (size_t i = 0; !err && i < d->burst.njoined; i++)
		err = add_joined(d->burst.joined[i], r);
	if (!err)
		err = daemon_fill(d, d->burst.watched, &d->burst.cause, r);
	/* The partial report and the whole one are the same one. */
	if (!err && d->burst.named)
		memcpy(r->id, d->burst.id, sizeof(r->id));
	return err ? err : compact_report(r);
}

/* Makes the report as it is now, and puts it on disk. */
static int write_report(struct daemon *d, bool partial)
{
	struct daemon_burst *b = &d->burst;
	char error[SPOOL_ERROR] = "";
	struct report r;
	int err = report_init(&r);

	if (!err)
		err = fill(d, &r);
	if (!err) {
		if (!b->named) {
			memcpy(b->id, r.id, sizeof(b->id));
			spool_name(&r, b->cause.client, b->name);
		}
		err = spool_write(&d->spool, b->name, partial, &r, error);
	}
	report_release(&r);
	if (err) {
		d->failed++;
		snprintf(d->spool_error, sizeof(d->spool_error), "%s",
			 error[0] ? error : strerror(-err));
		daemon_say("%s: %s", b->cause.client, d->spool_error);
		return err;
	}
	b->named = true;
	d->partials += partial;
	d->reports += !partial;
	return 0;
}

static void remember(struct daemon *d, struct watched *w, const struct watched_cause *cause)
{
	struct daemon_past *p = &d->past[d->npast++ % DAEMON_PAST];

	*p = (struct daemon_past){
		.t_ns = (int64_t)clock_ns(CLOCK_REALTIME),
		.kind = cause->kind,
		.outcome = d->dry_run ? "dry run" : d->burst.on ? "joined" : "reporting",
	};
	snprintf(p->client, sizeof(p->client), "%s", w->name);
	memcpy(p->explanation, cause->explanation, sizeof(p->explanation));
	w->reports++;
	w->last_s = clock_monotonic_ns() / 1000000000;
	memcpy(w->last, cause->explanation, sizeof(w->last));
}

/* The report that has just been made, in the list of what became of causes. */
static void outcome(struct daemon *d, const char *what)
{
	for (size_t i = 0; i < DAEMON_PAST; i++) {
		struct daemon_past *p = &d->past[i];

		if (!p->t_ns || (strcmp(p->outcome, "reporting") && strcmp(p->outcome, "joined")) ||
		    p->report[0])
			continue;
		if (!strcmp(p->outcome, "reporting"))
			p->outcome = what;
		for (size_t k = 0; d->burst.named && k < REPORT_ID_BYTES; k++)
			snprintf(p->report + 2 * k, 3, "%02x", d->burst.id[k]);
	}
}

static void join(struct daemon *d, const struct watched_cause *cause)
{
	struct daemon_burst *b = &d->burst;
	struct watched_cause *copy = b->njoined < DAEMON_JOINED_MAX ? malloc(sizeof(*copy)) : NULL;

	if (!copy)
		return;
	*copy = *cause;
	b->joined[b->njoined++] = copy;
	daemon_say("%s: %s; it joins the report of %s", cause->kind, cause->explanation,
		   b->cause.client);
}

void daemon_trigger(struct daemon *d, struct watched *w, const struct watched_cause *cause)
{
	char error[COLLECTOR_ERROR] = "";

	remember(d, w, cause);
	if (d->dry_run) {
		daemon_say("would report: %s: %s", cause->kind, cause->explanation);
		return;
	}
	if (d->burst.on) {
		join(d, cause);
		return;
	}
	daemon_say("%s: %s", cause->kind, cause->explanation);
	int err = flight_recorder_burst(d->flight, error);

	if (err) {
		d->failed++;
		daemon_say("%s", error[0] ? error : strerror(-err));
		outcome(d, "failed");
		return;
	}
	d->burst = (struct daemon_burst){
		.on = true,
		.watched = w,
		.cause = *cause,
		.end_ns = clock_monotonic_ns() + d->config.agent.after_s * 1000000000ULL,
	};
	write_report(d, true);
}

int daemon_trigger_manual(struct daemon *d, const char *client, const char *who)
{
	struct watched *w = client && client[0] ? daemon_watched(d, client) : d->machine;
	struct watched_cause cause;

	if (!w)
		return -ENOENT;
	watched_manual(w, who, (int64_t)clock_ns(CLOCK_REALTIME), &cause);
	daemon_trigger(d, w, &cause);
	return 0;
}

void daemon_cut(struct daemon *d)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (d->burst.end_ns <= now_ns)
		return;
	d->burst.cut_ns = d->burst.end_ns - now_ns;
	d->burst.end_ns = now_ns;
	daemon_say("%s: the report ends %.1f s early: the recorder's %u MB are full",
		   d->burst.cause.client, d->burst.cut_ns / 1e9, DAEMON_RING_BYTES >> 20);
}

void daemon_finish(struct daemon *d)
{
	struct daemon_burst *b = &d->burst;
	char error[COLLECTOR_ERROR] = "";

	if (!b->on)
		return;
	int err = flight_recorder_calm(d->flight, error);

	if (err)
		daemon_say("%s", error[0] ? error : strerror(-err));
	err = write_report(d, false);
	outcome(d, err ? "failed" : "reported");
	if (!err)
		daemon_say("%s: report %s/%s.bdr", b->cause.client, d->spool.path, b->name);
	for (size_t i = 0; i < b->njoined; i++)
		free(b->joined[i]);
	*b = (struct daemon_burst){ 0 };
	/* Making a report takes more memory than watching: it isn't kept for the next one. */
	malloc_trim(0);
	budget_pardon(&d->budget, clock_monotonic_ns(), flight_recorder_cost(d->flight));
}
