// SPDX-License-Identifier: BSD-2-Clause
#include "status_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "summary_text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST 60
#define ROWS_DEFAULT 24
#define ROWS_LEAST 8
#define TRIGGERS_SHOWN 10
#define CLIENT_COLUMNS 52 /* before the name */
#define THREAD_COLUMNS 38

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

struct page {
	const struct status *s;
	struct out *out;
	unsigned int columns, rows;
	bool colour, live;
	double now_s;
};

static void paint(struct page *p, const char *colour)
{
	if (p->colour)
		out_text(p->out, colour);
}

static void head(struct page *p, const char *word)
{
	paint(p, BOLD);
	out_printf(p->out, "%-9s", word);
	paint(p, PLAIN);
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

static const char *bytes(uint64_t n, char ret[SUMMARY_NUMBER_BYTES])
{
	return n ? summary_bytes(n, ret) : "0";
}

/* A share or CPUs in per cent; "-" where it is not known. */
static const char *percent(double value, char ret[SUMMARY_NUMBER_BYTES])
{
	if (isnan(value))
		return "-";
	snprintf(ret, SUMMARY_NUMBER_BYTES, "%.1f", 100 * value);
	return ret;
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
static void write_agent(struct page *p)
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

static void write_sampling(struct page *p)
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
static void write_bytes(struct page *p, uint64_t used, uint64_t limit)
{
	char text[SUMMARY_NUMBER_BYTES];

	out_text(p->out, bytes(used, text));
	if (limit)
		out_printf(p->out, " of %s", bytes(limit, text));
}

static void write_stores(struct page *p)
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

static void write_upload(struct page *p)
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

static void write_losses(struct page *p)
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

static void write_cost(struct page *p)
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

/* --- clients and threads */
static int by_cpu(double x, double y)
{
	x = isnan(x) ? -1 : x;
	y = isnan(y) ? -1 : y;
	return x == y ? 0 : x > y ? -1 : 1;
}

static bool is_machine(const struct status_clients *c)
{
	return !strcmp(text_of(c->name), "machine");
}

static int clients_by_cpu(const void *a, const void *b)
{
	const struct status_clients *x = *(const struct status_clients *const *)a;
	const struct status_clients *y = *(const struct status_clients *const *)b;
	int order = by_cpu(x->cpus, y->cpus);

	if (is_machine(x) != is_machine(y))
		return is_machine(x) ? -1 : 1;
	return order ? order : strcmp(text_of(x->name), text_of(y->name));
}

static int threads_by_cpu(const void *a, const void *b)
{
	const struct status_threads *x = *(const struct status_threads *const *)a;
	const struct status_threads *y = *(const struct status_threads *const *)b;
	int order = by_cpu(x->cpus, y->cpus);

	return order ? order : x->tid < y->tid ? -1 : x->tid > y->tid;
}

/* Pointers to the rows of a table in an order; NULL without memory. The caller frees it. */
static const void **sorted(const void *rows, size_t n, size_t size,
			   int (*compare)(const void *, const void *))
{
	const void **order = malloc((n + 1) * sizeof(*order));

	for (size_t i = 0; order && i < n; i++)
		order[i] = (const char *)rows + i * size;
	if (order)
		qsort(order, n, sizeof(*order), compare);
	return order;
}

static const char *normal_of(const struct status_clients *c, char ret[SUMMARY_NUMBER_BYTES])
{
	if (isnan(c->normal_low) || isnan(c->normal_high))
		return "learning";
	snprintf(ret, SUMMARY_NUMBER_BYTES, "%.0f to %.0f", 100 * c->normal_low,
		 100 * c->normal_high);
	return ret;
}

static void write_client(struct page *p, const struct status_clients *c)
{
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES], n[SUMMARY_NUMBER_BYTES];
	bool high = c->cpus > c->normal_high, low = c->cpus < c->normal_low;
	unsigned int room = p->columns - CLIENT_COLUMNS;
	char tail[40] = "";

	paint(p, high ? RED : c->processes || is_machine(c) ? PLAIN : DIM);
	out_printf(p->out, "%7s%c %11s %6s ", percent(c->cpus, a),
		   high	 ? '+'
		   : low ? '-'
			 : ' ',
		   normal_of(c, n), percent(c->wait_share, b));
	out_printf(p->out, "%6s %6s ", percent(c->throttled_share, a), percent(c->pressure, b));
	out_printf(p->out, "%8s  ", bytes(c->rss_bytes, a));
	if (!is_machine(c))
		snprintf(tail, sizeof(tail), " (%llu)", (unsigned long long)c->processes);
	summary_name(p->out, text_of(c->name), room > strlen(tail) ? room - strlen(tail) : 0);
	out_text(p->out, tail);
	paint(p, PLAIN);
	out_char(p->out, '\n');
	if (p->live || !*text_of(c->note))
		return;
	out_printf(p->out, "%*s", CLIENT_COLUMNS, "");
	summary_name(p->out, c->note, 200);
	out_char(p->out, '\n');
}

static void write_client_head(struct page *p)
{
	paint(p, BOLD);
	out_text(p->out,
		 "  CPU %    normal %  wait % thrtl %  psi %   memory  client (processes)\n");
	paint(p, PLAIN);
}

static void write_clients(struct page *p, size_t most)
{
	const struct status *s = p->s;
	const void **order = sorted(s->clients, s->n_clients, sizeof(*s->clients), clients_by_cpu);
	size_t n = s->n_clients < most ? s->n_clients : most;

	if (!order) {
		out_fail(p->out, -ENOMEM, "out of memory");
		return;
	}
	write_client_head(p);
	for (size_t i = 0; i < n; i++)
		write_client(p, order[i]);
	free(order);
}

static void write_thread(struct page *p, const struct status_threads *t)
{
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES];
	const char *process = text_of(t->process), *name = text_of(t->name);
	unsigned int room = p->columns - THREAD_COLUMNS, used;

	out_printf(p->out, "%7s %7s %8llu  ", percent(t->cpus, a), percent(t->wait_share, b),
		   (unsigned long long)t->tid);
	used = summary_name(p->out, *text_of(t->client) ? t->client : "-", 10);
	out_printf(p->out, "%*s  ", 10 - (int)used, "");
	room -= summary_name(p->out, process, room);
	if (strcmp(process, name) && *name && room > 2) {
		out_char(p->out, '/');
		summary_name(p->out, name, room - 1);
	}
	out_char(p->out, '\n');
}

static void write_threads(struct page *p, size_t most)
{
	const struct status *s = p->s;
	const void **order = sorted(s->threads, s->n_threads, sizeof(*s->threads), threads_by_cpu);

	if (!order) {
		out_fail(p->out, -ENOMEM, "out of memory");
		return;
	}
	paint(p, BOLD);
	out_printf(p->out, "%7s %7s %8s  %-10s  process/thread\n", "CPU %", "wait %", "thread",
		   "client");
	paint(p, PLAIN);
	for (size_t i = 0; i < s->n_threads && i < most; i++)
		write_thread(p, order[i]);
	free(order);
}

/* --- rules and triggers */
static void write_rules(struct page *p)
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

static void write_triggers(struct page *p)
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

static struct page page_of(const struct status *s, const struct status_text_options *o,
			   struct out *out)
{
	struct page p = {
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
	struct page p = page_of(s, options, out);

	write_agent(&p);
	write_sampling(&p);
	write_stores(&p);
	write_upload(&p);
	write_losses(&p);
	write_cost(&p);
	out_char(out, '\n');
	write_clients(&p, SIZE_MAX);
	out_char(out, '\n');
	write_rules(&p);
	write_triggers(&p);
	return out->status;
}

/* Half of the screen is for clients, or what threads leave of it. */
int status_write_top(const struct status *s, const struct status_text_options *options,
		     struct out *out)
{
	struct page p = page_of(s, options, out);
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
	write_clients(&p, clients);
	out_char(out, '\n');
	write_threads(&p, room - clients);
	return out->status;
}
