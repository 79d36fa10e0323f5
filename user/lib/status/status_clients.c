// SPDX-License-Identifier: BSD-2-Clause
/* The tables of a status in words: clients and threads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/metric.h"
#include "user/lib/status/status_page.h"

#define NAME_LEAST 5 /* of a client, beside how often it crashed */
#define CLIENT_COLUMNS 52 /* before the name */
#define THREAD_COLUMNS 38
#define NORMAL_COLUMNS 9

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

/* What is normal of a metric of the client; NULL where the daemon doesn't say. */
static const struct status_normals *normal_find(const struct status_page *p,
						const struct status_clients *c, const char *metric)
{
	const struct status *s = p->s;

	for (size_t i = 0; i < s->n_normals; i++)
		if (!strcmp(text_of(s->normals[i].metric), metric) &&
		    !strcmp(text_of(s->normals[i].client), text_of(c->name)))
			return &s->normals[i];
	return NULL;
}

/* '+' above what is normal, '-' below, else a blank. */
static char mark_of(const struct status_page *p, const struct status_clients *c, enum metric metric)
{
	const struct status_normals *n = normal_find(p, c, metric_name(metric));

	return !n ? ' ' : n->value > n->high ? '+' : n->value < n->low ? '-' : ' ';
}

/* Of the metrics whose column says only how it is now: what is normal at this hour. */
static void write_normally(struct status_page *p, const struct status_clients *c)
{
	const char *before = "normally";
	char text[METRIC_TEXT];

	paint(p, DIM);
	for (int m = METRIC_CPU + 1; m < METRICS; m++) {
		const struct status_normals *n = normal_find(p, c, metric_name(m));

		if (!n || !(n->high > 0))
			continue;
		if (*before == 'n')
			out_printf(p->out, "%*s", NORMAL_COLUMNS, "");
		out_printf(p->out, "%s ", before);
		if (m != METRIC_THREADS) /* its unit says it */
			out_printf(p->out, "%s ", metric_name(m));
		out_text(p->out, metric_range(m, n->low, n->high, text));
		/* It has no column. */
		if (m == METRIC_THREADS && !isnan(n->value))
			out_printf(p->out, " (now %.0f)", n->value);
		before = ",";
	}
	paint(p, PLAIN);
	if (*before == ',')
		out_char(p->out, '\n');
}

static void times(struct out *out, const char *what, uint64_t n)
{
	out_printf(out, n == 1 ? "%s once" : "%s %llu times", what, (unsigned long long)n);
}

/* How often it died, and what others did to it, which is no crash and has no report. */
static void write_crashes(struct status_page *p, const struct status_clients *c)
{
	uint64_t counted = c->crashes > c->crashes_reported ? c->crashes - c->crashes_reported : 0;
	const char *between = "";

	if (!c->crashes && !c->stops && !c->kills)
		return;
	out_text(p->out, "         ");
	if (c->crashes) {
		paint(p, RED);
		times(p->out, "crashed", c->crashes);
		paint(p, PLAIN);
		out_printf(p->out, " (%llu reported, %llu only counted)",
			   (unsigned long long)c->crashes_reported, (unsigned long long)counted);
		between = "; ";
	}
	if (c->stops) {
		times(p->out, *between ? "; stopped" : "stopped", c->stops);
		between = ", ";
	}
	if (c->kills)
		times(p->out, !*between ? "killed" : c->stops ? ", killed" : "; killed", c->kills);
	if (*text_of(c->last_stop)) {
		out_text(p->out, ", the last: ");
		summary_name(p->out, c->last_stop, 100);
	}
	out_char(p->out, '\n');
}

static void write_client(struct status_page *p, const struct status_clients *c)
{
	char a[SUMMARY_NUMBER_BYTES], b[SUMMARY_NUMBER_BYTES], n[SUMMARY_NUMBER_BYTES];
	bool high = c->cpus > c->normal_high, low = c->cpus < c->normal_low;
	unsigned int room = p->columns - CLIENT_COLUMNS;
	char tail[80] = "";

	paint(p, high ? RED : c->processes || is_machine(c) ? PLAIN : DIM);
	out_printf(p->out, "%7s%c %11s %6s%c", percent(c->cpus, a),
		   high	 ? '+'
		   : low ? '-'
			 : ' ',
		   normal_of(c, n), percent(c->wait_share, b), mark_of(p, c, METRIC_WAIT));
	out_printf(p->out, "%6s%c", percent(c->throttled_share, a), mark_of(p, c, METRIC_THROTTLED));
	out_printf(p->out, "%6s%c", percent(c->pressure, a), mark_of(p, c, METRIC_PRESSURE));
	out_printf(p->out, "%8s%c ", bytes(c->rss_bytes, a), mark_of(p, c, METRIC_MEMORY));
	if (!is_machine(c))
		snprintf(tail, sizeof(tail), " (%llu)", (unsigned long long)c->processes);
	/* The name comes first. */
	if (p->live && c->crashes && room > NAME_LEAST + 20)
		snprintf(tail + strlen(tail), sizeof(tail) - strlen(tail), ", %llu crash%s",
			 (unsigned long long)c->crashes, c->crashes == 1 ? "" : "es");
	summary_name(p->out, text_of(c->name), room > strlen(tail) ? room - strlen(tail) : 0);
	out_text(p->out, tail);
	paint(p, PLAIN);
	out_char(p->out, '\n');
	if (p->live)
		return;
	write_normally(p, c);
	write_crashes(p, c);
	if (!*text_of(c->note))
		return;
	out_printf(p->out, "%*s", CLIENT_COLUMNS, "");
	summary_name(p->out, c->note, 200);
	out_char(p->out, '\n');
}

static void write_client_head(struct status_page *p)
{
	paint(p, BOLD);
	out_text(p->out,
		 "  CPU %    normal %  wait % thrtl %  psi %   memory  client (processes)\n");
	paint(p, PLAIN);
}

void status_page_clients(struct status_page *p, size_t most)
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

void status_page_left_out(struct status_page *p)
{
	unsigned long long n = p->s->agent.left_out;

	if (!n)
		return;
	paint(p, RED);
	out_printf(p->out, "left out: %llu more unit%s or container%s of a template, which has made as "
			   "many clients as it may\n",
		   n, n == 1 ? "" : "s", n == 1 ? "" : "s");
	paint(p, PLAIN);
}

static void write_thread(struct status_page *p, const struct status_threads *t)
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

void status_page_threads(struct status_page *p, size_t most)
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
