// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/summary_seconds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/summary_text.h"

#define SECOND_NS 1000000000ULL
#define ROWS_SHOWN 10
#define HEAD_COLUMNS 34 /* before the strip */
#define NAME_COLUMNS 14
#define STRIP_LEAST 10

/* user/clients/thread_history.c: then what came before the first row isn't known, though `series` has it. */
static const char dropped[] = "thread seconds: no room for the oldest ones";

/* One line: a thread, or all those that have no line. */
struct line {
	uint32_t thread;
	uint64_t on_cpu_us;
};

struct strip {
	const struct report *r;
	int64_t start_ns;
	uint64_t cell_ns;
	unsigned int cells;
	bool *known;	 /* a cell */
	double *busiest; /* CPUs, of the second of the cell in which it was most */
};

static int64_t cell_of(const struct strip *s, int64_t t_ns)
{
	if (t_ns <= s->start_ns)
		return -1;
	/* Any times may stand in a file: without a sign no difference of them is too large. */
	uint64_t cell = ((uint64_t)t_ns - (uint64_t)s->start_ns - 1) / s->cell_ns;

	return cell < s->cells ? (int64_t)cell : -1;
}

static int strip_init(struct strip *s, const struct report *r, unsigned int columns)
{
	const struct report_window *w = &r->window;
	const struct report_thread_seconds *t = &r->thread_seconds;
	unsigned int room = columns > HEAD_COLUMNS + STRIP_LEAST ? columns - HEAD_COLUMNS :
								     STRIP_LEAST;
	uint64_t all_ns = w->end_ns > w->start_ns ? (uint64_t)w->end_ns - (uint64_t)w->start_ns : 1;
	uint64_t seconds = (all_ns - 1) / SECOND_NS + 1;
	int64_t known_ns = INT64_MIN;

	*s = (struct strip){ .r = r, .start_ns = w->start_ns };
	s->cell_ns = ((seconds - 1) / room + 1) * SECOND_NS;
	s->cells = (all_ns - 1) / s->cell_ns + 1;
	s->known = calloc(s->cells, sizeof(*s->known));
	s->busiest = calloc(s->cells, sizeof(*s->busiest));
	if (!s->known || !s->busiest)
		return -ENOMEM;
	for (size_t i = 0; i < r->loss.reasons.n; i++)
		if (!strcmp(r->loss.reasons.name[i], dropped))
			known_ns = t->t_ns[0];
	/* In a second that has a row in `series` those ran that have a row here, and no others. */
	for (size_t i = 0; i < r->series.n; i++) {
		int64_t cell = cell_of(s, r->series.t_ns[i]);

		if (cell >= 0 && r->series.t_ns[i] >= known_ns)
			s->known[cell] = true;
	}
	for (size_t i = 0; i < t->n; i++) {
		int64_t cell = cell_of(s, t->t_ns[i]);

		if (cell >= 0)
			s->known[cell] = true;
	}
	return 0;
}

static int by_time(const void *x, const void *y)
{
	const struct line *a = x, *b = y;

	if (a->on_cpu_us != b->on_cpu_us)
		return a->on_cpu_us > b->on_cpu_us ? -1 : 1;
	return a->thread < b->thread ? -1 : a->thread > b->thread;
}

/* lines[] has room for all threads and one more. Returns how many there are that ran. */
static size_t find_lines(const struct report *r, struct line *lines, struct line *ret_rest)
{
	const struct report_thread_seconds *t = &r->thread_seconds;
	size_t n = 0;

	*ret_rest = (struct line){ 0 };
	for (size_t i = 0; i < r->threads.n; i++)
		lines[i].thread = i;
	for (size_t i = 0; i < t->n; i++)
		(t->thread[i] < 0 ? ret_rest : &lines[t->thread[i]])->on_cpu_us += t->on_cpu_us[i];
	qsort(lines, r->threads.n, sizeof(*lines), by_time);
	while (n < r->threads.n && lines[n].on_cpu_us)
		n++;
	return n;
}

static void write_strip(const struct strip *s, uint32_t thread, struct out *out)
{
	static const char *const levels[] = { "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	const struct report_thread_seconds *t = &s->r->thread_seconds;

	memset(s->busiest, 0, s->cells * sizeof(*s->busiest));
	for (size_t i = 0; i < t->n; i++) {
		int64_t cell = t->thread[i] == (int32_t)thread ? cell_of(s, t->t_ns[i]) : -1;
		double cpus = t->span_us[i] ? (double)t->on_cpu_us[i] / t->span_us[i] : 0;

		if (cell >= 0 && cpus > s->busiest[cell])
			s->busiest[cell] = cpus;
	}
	for (unsigned int i = 0; i < s->cells; i++) {
		if (s->busiest[i] > 0)
			out_text(out, levels[s->busiest[i] >= 1 ? 7 : (int)(s->busiest[i] * 8)]);
		else
			out_text(out, s->known[i] ? "." : "?");
	}
	out_text(out, "\n");
}

static void write_lines(const struct strip *s, const struct line *lines, size_t n,
			const struct line *rest, struct out *out)
{
	uint64_t rest_us = rest->on_cpu_us;
	char text[SUMMARY_NUMBER_BYTES];

	out_printf(out, "\n  CPU time  thread of the client  cells of %lld s: the busiest second of each\n",
		   (long long)(s->cell_ns / SECOND_NS));
	for (size_t i = 0; i < n && i < ROWS_SHOWN; i++) {
		const struct report_threads *t = &s->r->threads;
		const char *name = report_text(s->r, t->name[lines[i].thread]);

		out_printf(out, "%10s  ", summary_time(lines[i].on_cpu_us * 1000, text));
		unsigned int used = summary_name(out, *name ? name : "?", NAME_COLUMNS);

		out_printf(out, "%*s%6u ", (int)(NAME_COLUMNS + 1 - used), "", t->tid[lines[i].thread]);
		write_strip(s, lines[i].thread, out);
	}
	for (size_t i = ROWS_SHOWN; i < n; i++)
		rest_us += lines[i].on_cpu_us;
	if (rest_us)
		out_printf(out, "%10s  in other threads\n", summary_time(rest_us * 1000, text));
}

int summary_seconds(const struct report *r, unsigned int columns, struct out *out)
{
	struct strip s;
	struct line *lines, rest;
	int err;

	if (!r->thread_seconds.n)
		return 0;
	err = strip_init(&s, r, columns);
	lines = calloc(r->threads.n + 1, sizeof(*lines));
	if (!lines)
		err = -ENOMEM;
	if (!err) {
		size_t n = find_lines(r, lines, &rest);

		write_lines(&s, lines, n, &rest, out);
	}
	free(lines);
	free(s.known);
	free(s.busiest);
	return err;
}
