// SPDX-License-Identifier: BSD-2-Clause
/* What the daemon has to do with uploading: a child, heartbeats, and the counts of what was dropped. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/common/clock.h"
#include "user/daemon/daemon.h"
#include "user/common/host.h"
#include "user/lib/scrub/scrub.h"
#include "user/common/machine_names.h"
#include "user/upload/spool_beats.h"
#include "user/upload/upload_confine.h"
#include "user/upload/upload_status.h"

#define TIDY_EVERY_S 10

static bool wanted(const struct daemon *d)
{
	return d->config.upload.url[0] && !d->dry_run;
}

void daemon_upload_start(struct daemon *d)
{
	const struct config_upload *c = &d->config.upload;
	struct upload_user user;
	int err;

	uploader_stop(&d->uploader);
	if (!wanted(d))
		return;
	err = upload_user_find(c->user, &user);
	if (err) {
		daemon_say("[upload] user = %s: there is no such user, or it is root; nothing is sent",
			   c->user);
		return;
	}
	err = spool_share(&d->spool, user.gid);
	if (err)
		daemon_say("spool %s: opening it to the group of %s: %s", d->spool.path, user.name,
			   strerror(-err));
}

void daemon_upload_stop(struct daemon *d)
{
	uploader_stop(&d->uploader);
	beat_minute_clear(&d->minute);
}

/* --- heartbeats */
static int add_facts(struct daemon *d, struct heartbeats *h, bool wanted_in_full)
{
	struct report r;
	int err = report_init(&r);

	if (!err)
		err = host_facts(&r);
	if (!err && d->config.agent.label[0])
		err = report_set(&r.host.label, d->config.agent.label);
	if (!err) {
		memcpy(r.host.id, h->host, sizeof(r.host.id));
		/* The batch owns them from now on. */
		h->facts.host = r.host;
		r.host = (struct report_host){ 0 };
		h->facts.present = h->facts.host.present = h->facts.agent.present = true;
		err = report_set(&h->facts.agent.name, "backdraft");
	}
	if (!err)
		err = report_set(&h->facts.agent.version, BD_VERSION);
	if (!err)
		err = heartbeats_facts_hash(&h->facts, h->facts_hash);
	if (!err && !wanted_in_full)
		wire_release(&wire_heartbeats_facts, &h->facts);
	report_release(&r);
	return err;
}

/* Sums since the start become those of this minute. */
static void add_cost(struct daemon *d, const struct flight_stats *stats, struct heartbeats_beats *b)
{
	struct daemon_beat_before *before = &d->beat_before;

	b->cpu_ns[0] = stats->cpu_ns - before->cpu_ns;
	b->bpf_ns[0] = stats->bpf_ns - before->bpf_ns;
	b->samples_fired[0] = stats->fired - before->fired;
	b->samples_lost[0] = stats->lost_samples - before->lost;
	b->rss_bytes[0] = stats->rss_bytes;
	b->map_bytes[0] = stats->map_bytes;
	*before = (struct daemon_beat_before){ stats->cpu_ns, stats->bpf_ns, stats->fired,
					       stats->lost_samples };
}

static int add_beat(struct daemon *d, struct heartbeats *h)
{
	struct heartbeats_beats *b = &h->beats;
	struct beat_minute *m = &d->minute;
	struct flight_stats stats;
	struct spool_stats waiting;

	if (heartbeats_beats_add(b) < 0)
		return -ENOMEM;
	flight_recorder_stats(d->flight, &stats);
	spool_stats(&d->spool, &waiting);
	add_cost(d, &stats, b);
	b->t_ns[0] = (int64_t)clock_ns(CLOCK_REALTIME);
	b->seconds[0] = m->seconds;
	b->reports_waiting[0] = waiting.reports;
	b->reports_written[0] = d->reports;
	b->reports_dropped[0] = spool_dropped(&d->spool);
	b->beats_dropped[0] = spool_beats_dropped(&d->spool);
	b->machine_cpu_milli[0] = m->seconds ? (int32_t)(m->machine_cpus / m->seconds * 1000) : -1;
	b->uptime_s[0] = (clock_monotonic_ns() - d->start_ns) / 1000000000;
	return 0;
}

static int replace(char **text, const char *with, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, with, len);
	copy[len] = '\0';
	free(*text);
	*text = copy;
	return 0;
}

/* Names as in a report: those that the operator gave to clients, and those that processes have. */
static int depersonalise(struct daemon *d, struct heartbeats *h)
{
	char error[SCRUB_ERROR_BYTES];
	struct scrub *s;
	int err = machine_scrub_new(&d->config, NULL, &s, error);

	if (err) {
		daemon_say("depersonalising: %s", error);
		return err;
	}
	for (size_t i = 1; i < h->strings.n && !err; i++) {
		enum scrub_treatment what = SCRUB_LABEL;
		const char *text;
		size_t len;

		for (size_t row = 0; row < h->processes.n; row++)
			if (h->processes.name[row] == i)
				what = SCRUB_NAME;
		err = scrub_text(s, what, false, h->strings.text[i], strlen(h->strings.text[i]),
				 &text, &len);
		if (!err && text != h->strings.text[i])
			err = replace(&h->strings.text[i], text, len);
	}
	scrub_free(s);
	return err;
}

static int beat(struct daemon *d, char *error)
{
	struct upload_status upload;
	struct heartbeats h;
	int err = heartbeats_init(&h);

	if (err)
		return err;
	upload_status_read(d->spool.fd, &upload);
	memcpy(h.host, d->host_id, sizeof(h.host));
	if (getrandom(h.id, sizeof(h.id), GRND_NONBLOCK) != sizeof(h.id))
		memcpy(h.id, &d->seconds, sizeof(d->seconds));
	err = add_facts(d, &h, upload.facts_wanted);
	if (!err)
		err = add_beat(d, &h);
	if (!err)
		err = beat_minute_rows(&d->minute, &d->config, &h);
	if (!err)
		err = depersonalise(d, &h);
	if (!err)
		err = spool_beat_write(&d->spool, &h, error);
	heartbeats_release(&h);
	return err;
}

static void heartbeat_second(struct daemon *d)
{
	char error[SPOOL_ERROR] = "";
	int err;

	if (d->config.upload.heartbeat != CONFIG_HEARTBEAT_HTTP || !wanted(d)) {
		beat_minute_clear(&d->minute);
		return;
	}
	err = d->second.valid ? beat_minute_add(&d->minute, &d->config, d->clients, &d->second) : 0;
	if (!err && d->minute.seconds >= HEARTBEAT_S)
		err = beat(d, error);
	if (err && !d->beat_failed)
		daemon_say("heartbeat: %s", error[0] ? error : strerror(-err));
	d->beat_failed = err;
	if (err || d->minute.seconds >= HEARTBEAT_S)
		beat_minute_clear(&d->minute);
}

void daemon_upload_second(struct daemon *d)
{
	int err = uploader_second(&d->uploader, d->config_path, wanted(d),
				  clock_monotonic_ns() / 1000000000);

	if (err)
		daemon_say("starting the uploader: %s", strerror(-err));
	heartbeat_second(d);
	/* A spool that is far over its limit is emptied in steps, one a second. */
	if (d->spool_late || d->seconds % TIDY_EVERY_S == 0)
		d->spool_late = spool_tidy(&d->spool) == SPOOL_STEP;
}

/* --- what it says of it */
static int count(struct report *r, const char *name, uint64_t n)
{
	return n ? report_count(&r->spool_dropped, name, n) : 0;
}

int daemon_upload_report(struct daemon *d, struct report *r)
{
	const struct report_counts *dropped = &d->spool.dropped;
	struct upload_status upload;
	int err = 0;

	upload_status_read(d->spool.fd, &upload);
	for (size_t i = 0; i < dropped->n && !err; i++)
		err = count(r, dropped->name[i], dropped->count[i]);
	if (!err)
		err = count(r, "rejected", upload.rejected);
	if (!err)
		err = count(r, "damaged", upload.damaged);
	return err ? err : count(r, "heartbeat_unsent", upload.beats_lost);
}

int daemon_upload_status(const struct daemon *d, struct status *s)
{
	struct upload_status upload;

	upload_status_read(d->spool.fd, &upload);
	s->spool.limit_bytes = spool_limit(&d->spool);
	s->spool.dropped = spool_dropped(&d->spool);
	s->upload.pid = d->uploader.pid;
	s->upload.sent = upload.sent + upload.known;
	s->upload.rejected = upload.rejected;
	s->upload.damaged = upload.damaged;
	s->upload.last_success_s = upload.last_success_s;
	s->upload.next_try_s = upload.next_try_s;
	return status_set(&s->upload.url, d->config.upload.url) ||
			       status_set(&s->upload.error, wanted(d) ? upload.error : "") ?
		       -ENOMEM :
		       0;
}
