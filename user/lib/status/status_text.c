// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/status/status_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/status/status_page.h"
#include "user/lib/base/summary_text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST 60
#define ROWS_DEFAULT 24
#define ROWS_LEAST 8
#define TRIGGERS_SHOWN 10

static void head(struct status_page *p, const char *word)
{
	paint(p, BOLD);
	out_printf(p->out, "%-9s", word);
	paint(p, PLAIN);
}

/* "45 s", "12 min", "3 h 12 min", "4 d 3 h" */
static const char *duration(double seconds, char ret[SUMMARY_NUMBER_BYTES])
{
	long s = seconds > 0 && seconds < 1e12 ? (long)seconds : 0, min = s / 60, h = min / 60;

	if (s < 60)
		snprintf(ret, SUMMARY_NUMBER_BYTES, "%ld s", s);
	else if (min < 60)
		snprintf(ret, SUMMARY_NUMBER_BYTES, "%ld min", min);
	else if (h < 48)
		snprintf(ret, SUMMARY_NUMBER_BYTES, "%ld h %ld min", h, min % 60);
	else
		snprintf(ret, SUMMARY_NUMBER_BYTES, "%ld d %ld h", h / 24, h % 24);
	return ret;
}

/* --- how the daemon is */
static void write_agent(struct status_page *p)
{
	const struct status_agent *a = &p->s->agent;
	char up[SUMMARY_NUMBER_BYTES];

	head(p, "backdraft");
	out_char(p->out, ' ');
	summary_name(p->out, text_of(a->version), 20);
	out_printf(p->out, ", process %llu, up %s, ", (unsigned long long)a->pid,
		   duration(a->uptime_s, up));
	summary_name(p->out, text_of(a->mode), 20);
	out_char(p->out, '\n');
	head(p, "host");
	out_char(p->out, ' ');
	summary_name(p->out, *text_of(a->host) ? a->host : "without a name yet", 64);
	if (*text_of(a->label)) {
		out_text(p->out, ", ");
		summary_name(p->out, a->label, 40);
	}
	out_text(p->out, "; ");
	summary_name(p->out, text_of(a->config), 60);
	out_char(p->out, '\n');
}

static void write_sampling(struct status_page *p)
{
	const struct status_sampling *s = &p->s->sampling;
	bool lowered = s->rate_hz < s->wanted_hz;

	head(p, "sampling");
	if (lowered)
		paint(p, RED);
	out_printf(p->out, " %.3g Hz", isnan(s->rate_hz) ? 0 : s->rate_hz);
	if (lowered)
		out_printf(p->out, " of %.3g", s->wanted_hz);
	if (*text_of(s->reason)) {
		out_text(p->out, ": ");
		summary_name(p->out, s->reason, 200);
	}
	if (lowered)
		paint(p, PLAIN);
	out_char(p->out, '\n');
}

/* "3.00 MB of 16.0 MB"; only the first where there is no limit. */
static void write_bytes(struct status_page *p, uint64_t used, uint64_t limit)
{
	char text[SUMMARY_NUMBER_BYTES];

	out_text(p->out, bytes(used, text));
	if (limit)
		out_printf(p->out, " of %s", bytes(limit, text));
}

static void write_stores(struct status_page *p)
{
	const struct status_ring *r = &p->s->ring;
	const struct status_spool *s = &p->s->spool;
	char a[SUMMARY_NUMBER_BYTES];

	head(p, "recorder");
	out_printf(p->out, " %.0f s back, ", isnan(r->seconds) ? 0 : r->seconds);
	write_bytes(p, r->bytes, r->limit_bytes);
	out_text(p->out, ", ");
	out_printf(p->out, "%s samples\n", summary_count(r->samples, a));
	head(p, "spool");
	out_printf(p->out, " %llu report%s, ", (unsigned long long)s->reports,
		   s->reports == 1 ? "" : "s");
	write_bytes(p, s->bytes, s->limit_bytes);
	out_text(p->out, " in ");
	summary_name(p->out, text_of(s->path), 60);
	out_printf(p->out, "; %llu written, %llu dropped\n", (unsigned long long)s->written,
		   (unsigned long long)s->dropped);
	if (!*text_of(s->error))
		return;
	paint(p, RED);
	out_text(p->out, "          ");
	summary_name(p->out, s->error, 200);
	paint(p, PLAIN);
	out_char(p->out, '\n');
}

static void write_upload(struct status_page *p)
{
	const struct status_upload *u = &p->s->upload;

	if (!*text_of(u->url))
		return;
	head(p, "upload");
	out_printf(p->out, " %llu sent to ", (unsigned long long)u->sent);
	summary_name(p->out, u->url, 60);
	out_printf(p->out, "; %llu rejected, %llu damaged\n", (unsigned long long)u->rejected,
		   (unsigned long long)u->damaged);
	if (!*text_of(u->error))
		return;
	paint(p, RED);
	out_text(p->out, "          ");
	summary_name(p->out, u->error, 200);
	paint(p, PLAIN);
	out_char(p->out, '\n');
}

static void write_losses(struct status_page *p)
{
	const struct status *s = p->s;
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES];

	head(p, "lost");
	out_printf(p->out, " %s of %s samples (%.2f %%)", summary_count(s->loss.lost, a),
		   summary_count(s->loss.fired, b), summary_percent(s->loss.lost, s->loss.fired));
	for (size_t i = 0; i < s->n_losses; i++) {
		out_text(p->out, i ? ", " : ": ");
		summary_name(p->out, text_of(s->losses[i].reason), 60);
		out_printf(p->out, " %s", summary_count(s->losses[i].count, a));
	}
	out_char(p->out, '\n');
}

static void write_cost(struct status_page *p)
{
	const struct status_cost *c = &p->s->cost;
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES], d[SUMMARY_NUMBER_BYTES];

	head(p, "own cost");
	if (c->cpu > c->budget)
		paint(p, RED);
	snprintf(a, sizeof(a), "%.2f", isnan(c->cpu) ? 0 : 100 * c->cpu);
	out_printf(p->out, " %s %% of a CPU", a);
	if (c->cpu > c->budget)
		paint(p, PLAIN);
	out_printf(p->out, " (%s in BPF, budget %s), ", percent(c->bpf, a), percent(c->budget, b));
	out_printf(p->out, "%s resident, %s of maps", bytes(c->rss_bytes, a),
		   bytes(c->map_bytes, b));
	if (!isnan(c->delay_s))
		out_printf(p->out, ", at most %s late", summary_time(c->delay_s * 1e9, d));
	out_char(p->out, '\n');
}

/* --- rules and triggers */
static void write_rules(struct status_page *p)
{
	const struct status *s = p->s;
	size_t quiet = 0;

	for (size_t i = 0; i < s->n_rules; i++) {
		const struct status_rules *r = &s->rules[i];
		bool loud = strcmp(text_of(r->state), "quiet");

		quiet += !loud;
		if (!loud)
			continue;
		paint(p, strcmp(text_of(r->state), "active") ? PLAIN : RED);
		summary_name(p->out, text_of(r->client), 30);
		out_printf(p->out, " %.20s, %.20s: ", text_of(r->kind), text_of(r->state));
		paint(p, PLAIN);
		summary_name(p->out, text_of(r->why), 300);
		out_char(p->out, '\n');
	}
	if (s->n_rules)
		out_printf(p->out, "%zu of %zu rules are quiet; --json says why each of them is\n",
			   quiet, s->n_rules);
}

/* Those that are the same are one: by the functions of the thread that died first. */
static void write_crashes(struct status_page *p)
{
	const struct status *s = p->s;
	char n[SUMMARY_NUMBER_BYTES];

	for (size_t i = 0; i < s->n_crashes; i++) {
		const struct status_crashes *c = &s->crashes[i];

		if (!i) {
			paint(p, BOLD);
			out_text(p->out, "\ncrashes, those that are the same together\n");
			paint(p, PLAIN);
		}
		out_printf(p->out, "%12s\xc3\x97  ", summary_count(c->count, n));
		summary_name(p->out, text_of(c->client), 30);
		if (*text_of(c->signature))
			out_printf(p->out, " %.16s", c->signature);
		if (c->counted)
			out_printf(p->out, ", %s not in a report yet", summary_count(c->counted, n));
		out_text(p->out, ": ");
		summary_name(p->out, text_of(c->what), 300);
		out_char(p->out, '\n');
	}
}

static void write_triggers(struct status_page *p)
{
	const struct status *s = p->s;
	char ago[SUMMARY_NUMBER_BYTES];

	for (size_t i = 0; i < s->n_triggers && i < TRIGGERS_SHOWN; i++) {
		const struct status_triggers *t = &s->triggers[i];

		if (!i) {
			paint(p, BOLD);
			out_text(p->out, "\nlast triggers\n");
			paint(p, PLAIN);
		}
		out_printf(p->out, "%12s ago  ", duration(p->now_s - t->t_s, ago));
		summary_name(p->out, text_of(t->client), 30);
		out_printf(p->out, " %.20s, %.30s", text_of(t->kind), text_of(t->outcome));
		if (*text_of(t->report))
			out_printf(p->out, " %.32s", t->report);
		out_text(p->out, ": ");
		summary_name(p->out, text_of(t->explanation), 300);
		out_char(p->out, '\n');
	}
}

static struct status_page page_of(const struct status *s, const struct status_text_options *o,
			   struct out *out)
{
	struct status_page p = {
		.s = s,
		.out = out,
		.columns = o->columns ? o->columns : COLUMNS_DEFAULT,
		.rows = o->rows ? o->rows : ROWS_DEFAULT,
		.colour = o->colour,
		.now_s = o->now_s,
	};

	if (p.columns < COLUMNS_LEAST)
		p.columns = COLUMNS_LEAST;
	if (p.rows < ROWS_LEAST)
		p.rows = ROWS_LEAST;
	return p;
}

int status_write_plain(const struct status *s, const struct status_text_options *options,
		       struct out *out)
{
	struct status_page p = page_of(s, options, out);

	write_agent(&p);
	write_sampling(&p);
	write_stores(&p);
	write_upload(&p);
	write_losses(&p);
	write_cost(&p);
	out_char(out, '\n');
	status_page_clients(&p, SIZE_MAX);
	status_page_left_out(&p);
	out_char(out, '\n');
	write_rules(&p);
	write_crashes(&p);
	write_triggers(&p);
	return out->status;
}

/* Half of the screen is for clients, or what threads leave of it. */
int status_write_top(const struct status *s, const struct status_text_options *options,
		     struct out *out)
{
	struct status_page p = page_of(s, options, out);
	size_t room = p.rows - 5, clients;
	char up[SUMMARY_NUMBER_BYTES], own[SUMMARY_NUMBER_BYTES];

	clients = s->n_threads < room / 2 ? room - s->n_threads : room - room / 2;
	clients = clients < s->n_clients ? clients : s->n_clients;
	p.live = true;
	paint(&p, BOLD);
	out_printf(out, "backdraft, up %s, ", duration(s->agent.uptime_s, up));
	summary_name(out, text_of(s->agent.mode), 12);
	out_printf(out, " at %.3g Hz, own cost %s %%, %llu in the spool\n",
		   isnan(s->sampling.rate_hz) ? 0 : s->sampling.rate_hz, percent(s->cost.cpu, own),
		   (unsigned long long)s->spool.reports);
	paint(&p, PLAIN);
	if (s->n_triggers) {
		const struct status_triggers *t = &s->triggers[0];

		out_printf(out, "%s ago: ", duration(p.now_s - t->t_s, up));
		summary_name(out, text_of(t->explanation), p.columns - 20);
	}
	out_char(out, '\n');
	status_page_clients(&p, clients);
	out_char(out, '\n');
	status_page_threads(&p, room - clients);
	return out->status;
}
