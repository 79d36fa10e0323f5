// SPDX-License-Identifier: BSD-2-Clause
/* The client's log in the summary: where it was read, what went wrong, and its last lines. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/lib/view/summary.h"
#include "user/lib/base/summary_text.h"

#define LINE_COLUMNS_MAX 100000 /* where lines are asked for as a whole */
#define TIME_COLUMNS 14

static bool is_quiet(const struct report *r, size_t source)
{
	const struct report_log_sources *s = &r->log_sources;

	return !strcmp(report_text(r, s->state[source]), "read") && !s->note[source] &&
	       !s->lines_left_out[source] && !s->bytes_left_out[source] &&
	       !s->bytes_replaced[source];
}

static void write_counts(const struct report_log_sources *s, size_t i, struct out *out)
{
	const struct {
		uint64_t n;
		const char *what;
	} counts[] = {
		{s->lines_left_out[i], "lines left out"},
		{s->lines_cut[i], "lines cut"},
		{s->bytes_left_out[i], "bytes left out"},
		{s->bytes_replaced[i], "bytes that are no text"},
	};
	char text[SUMMARY_NUMBER_BYTES];

	for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++)
		if (counts[k].n)
			out_printf(out, ", %s %s", summary_count(counts[k].n, text), counts[k].what);
}

static void write_source(const struct report *r, size_t i, struct out *out)
{
	const struct report_log_sources *s = &r->log_sources;

	out_printf(out, "%-9s", "");
	summary_name(out, report_text(r, s->path[i]), 300);
	out_text(out, ": ");
	summary_name(out, report_text(r, s->state[i]), 100);
	if (s->note[i]) {
		out_text(out, "; ");
		summary_name(out, report_text(r, s->note[i]), 100);
	}
	write_counts(s, i, out);
	out_char(out, '\n');
}

/* Seconds of the day, UTC, as the window's; blanks where the line says none. */
static void write_time(int64_t t_ns, struct out *out)
{
	time_t t = t_ns / 1000000000;
	char text[16] = "";
	struct tm tm;

	if (t_ns && gmtime_r(&t, &tm))
		snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
			 (int)(t_ns / 1000000 % 1000));
	out_printf(out, "%-*s", TIME_COLUMNS, text);
}

void summary_logs(const struct report *r, const struct summary_options *o, struct out *out)
{
	const struct report_logs *l = &r->logs;
	const struct report_log_sources *s = &r->log_sources;
	size_t shown = o->all_logs || l->n < o->rows ? l->n : o->rows, read = 0;
	char count[SUMMARY_NUMBER_BYTES];

	if (!s->n)
		return;
	for (size_t i = 0; i < s->n; i++)
		read += s->lines[i] > 0;
	out_printf(out, "\n%s%-9s%s%s line%s of %zu file%s", o->colour ? "\033[1m" : "", "log",
		   o->colour ? "\033[0m" : "", summary_count(l->n, count), l->n == 1 ? "" : "s", read,
		   read == 1 ? "" : "s");
	out_printf(out, shown < l->n ? ", the last %zu (--logs shows all)\n" : "\n", shown);
	for (size_t i = 0; i < s->n; i++)
		if (!is_quiet(r, i))
			write_source(r, i, out);
	for (size_t i = l->n - shown; i < l->n; i++) {
		write_time(l->t_ns[i], out);
		summary_name(out, report_text(r, l->text[i]),
			     o->all_logs ? LINE_COLUMNS_MAX : o->columns - TIME_COLUMNS);
		out_char(out, '\n');
	}
}
