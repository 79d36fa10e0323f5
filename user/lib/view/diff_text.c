// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/view/diff_write.h"
#include "user/lib/base/summary_text.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_LEAST 60
#define ROWS_DEFAULT 12
#define NUMBERS_COLUMNS 34

#define BOLD "\033[1m"
#define HOT "\033[31m"
#define COLD "\033[34m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

struct text {
	const struct diff *d;
	struct out *out;
	unsigned int columns, rows;
	bool colour;
};

static void paint(struct text *t, const char *colour)
{
	if (t->colour)
		out_text(t->out, colour);
}

static void head(struct text *t, const char *word)
{
	paint(t, BOLD);
	out_printf(t->out, "%-9s", word);
	paint(t, PLAIN);
}

const char *diff_value(const struct diff *d, uint64_t value, char ret[DIFF_VALUE_BYTES])
{
	char number[SUMMARY_NUMBER_BYTES];

	if (d->by == VIEW_SAMPLES)
		snprintf(ret, DIFF_VALUE_BYTES, "%s sample%s", summary_count(value, number),
			 value == 1 ? "" : "s");
	else
		snprintf(ret, DIFF_VALUE_BYTES, "%s %s", summary_time(value * 1000, number),
			 d->by == VIEW_WAIT ? "waiting for a CPU" : "on a CPU");
	return ret;
}

const char *diff_factor(uint64_t a, uint64_t b, char ret[DIFF_VALUE_BYTES])
{
	*ret = '\0';
	if (a && b)
		snprintf(ret, DIFF_VALUE_BYTES,
			 (double)b / a < 99.95 ? "%.2f\xc3\x97" : "%.0f\xc3\x97", (double)b / a);
	else if (a || b)
		snprintf(ret, DIFF_VALUE_BYTES, "%s", a ? "gone" : "new");
	return ret;
}

static void write_side(struct text *t, int side)
{
	const struct diff_side *s = &t->d->side[side];
	char value[DIFF_VALUE_BYTES], number[SUMMARY_NUMBER_BYTES], when[40] = "";
	time_t start = s->start_ns / 1000000000;
	struct tm tm;

	if (start > 0 && gmtime_r(&start, &tm))
		strftime(when, sizeof(when), " of %Y-%m-%d %H:%M:%S UTC", &tm);
	head(t, side ? "B" : "A");
	summary_name(t->out, s->name, 40);
	out_printf(t->out, "%s: %s in %.2f s", when, diff_value(t->d, s->total, value),
		   s->to_s - s->from_s);
	if (t->d->by == VIEW_CPU)
		out_printf(t->out, ", %s samples", summary_count(s->samples, number));
	out_char(t->out, '\n');
}

static void write_head(struct text *t)
{
	char value[DIFF_VALUE_BYTES];

	write_side(t, 0);
	write_side(t, 1);
	head(t, "compared");
	out_printf(t->out, "B is multiplied by %.4g to have A's %s\n", t->d->scale,
		   diff_value(t->d, t->d->side[0].total, value));
	if (t->d->by == VIEW_WAIT)
		return;
	head(t, "~");
	out_printf(t->out,
		   "within what so few samples differ by chance (%.1f standard deviations)\n",
		   DIFF_SIGMAS);
}

/* --- tables */
struct order {
	const struct diff *d;
	bool total;
};

static int64_t change_of(const struct diff_row *r, bool total)
{
	return total ? r->total[1] - r->total[0] : r->self[1] - r->self[0];
}

static bool is_change(const struct diff *d, const struct diff_row *r, bool total)
{
	return diff_changed(d, r->label, change_of(r, total),
			    total ? r->total_noise : r->self_noise);
}

/* Changes first, then noise, each the largest first. */
static int by_change(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const struct diff_row *x = a, *y = b;
	bool x_is = is_change(o->d, x, o->total), y_is = is_change(o->d, y, o->total);
	uint64_t x_size = llabs(change_of(x, o->total)), y_size = llabs(change_of(y, o->total));
	int names;

	if (x_is != y_is)
		return x_is ? -1 : 1;
	if (x_size != y_size)
		return x_size > y_size ? -1 : 1;
	names = strcmp(o->d->view.labels[x->label].name, o->d->view.labels[y->label].name);
	if (names)
		return names;
	return x->label != y->label ? (x->label < y->label ? -1 : 1) : (x->node < y->node ? -1 : 1);
}

static const char *module_of(const struct diff *d, const struct view_label *label)
{
	const struct report *r = &d->report;
	int32_t module = label->frame == VIEW_NONE ? -1 : r->frames.module[label->frame];

	return module < 0 ? "" : report_text(r, r->modules.path[module]);
}

static void write_function_name(struct text *t, const struct diff_row *row, unsigned int room)
{
	const struct view_label *label = &t->d->view.labels[row->label];
	const char *module = module_of(t->d, label);
	unsigned int extra = *module ? 2 + strlen(module) : 0;

	extra = extra > room / 2 ? 0 : extra;
	summary_name(t->out, *label->name ? label->name : "?",
		     room - extra - strlen(label->suffix));
	out_text(t->out, label->suffix);
	if (extra) {
		out_text(t->out, "  ");
		summary_name(t->out, module, extra);
	}
}

static void write_thread_name(struct text *t, const struct diff_row *row, unsigned int room)
{
	const struct view *v = &t->d->view;
	const char *name = v->labels[row->label].name;
	const char *process = v->labels[v->nodes[v->nodes[row->node].parent].label].name;

	room -= summary_name(t->out, *process ? process : "?", room);
	if (strcmp(process, name) && room > 2) {
		out_char(t->out, '/');
		summary_name(t->out, *name ? name : "?", room - 1);
	}
}

static void write_row(struct text *t, const struct diff_row *row, bool total)
{
	const uint64_t *value = total ? row->total : row->self, whole = t->d->side[0].total;
	int64_t change = change_of(row, total);
	bool changed = is_change(t->d, row, total);
	char factor[DIFF_VALUE_BYTES];
	int wide;

	paint(t, !changed ? DIM : change > 0 ? HOT : COLD);
	diff_factor(value[0], value[1], factor);
	/* The sign has two bytes. */
	wide = strchr(factor, '\xc3') ? 9 : 8;
	out_printf(t->out, "%c %6.1f %6.1f %+7.1f %*s  ", changed ? ' ' : '~',
		   summary_percent(value[0], whole), summary_percent(value[1], whole),
		   100.0 * change / whole, wide, factor);
	if (row->node == VIEW_NONE)
		write_function_name(t, row, t->columns - NUMBERS_COLUMNS);
	else
		write_thread_name(t, row, t->columns - NUMBERS_COLUMNS);
	paint(t, PLAIN);
	out_char(t->out, '\n');
}

static void write_table(struct text *t, const char *title, struct diff_row *rows, size_t n,
			bool total)
{
	struct order o = {t->d, total};
	size_t changed = 0, shown = 0, quiet;

	qsort_r(rows, n, sizeof(*rows), by_change, &o);
	for (size_t i = 0; i < n; i++)
		changed += is_change(t->d, &rows[i], total);
	paint(t, BOLD);
	out_printf(t->out, "\n     A %%    B %%  change   factor  %s\n", title);
	paint(t, PLAIN);
	if (!changed)
		out_text(t->out, "  nothing changed by more than chance\n");
	/* What is a twentieth of a point or less would be shown as no change. */
	for (; shown < n && shown < t->rows; shown++) {
		uint64_t size = llabs(change_of(&rows[shown], total));

		if (shown >= changed && size * 2000.0 < t->d->side[0].total)
			break;
		write_row(t, &rows[shown], total);
	}
	quiet = n - (shown > changed ? shown : changed);
	if (changed > shown)
		out_printf(t->out, "  %zu more changed", changed - shown);
	if (quiet)
		out_printf(t->out, "%s%zu more did not, or by chance",
			   changed > shown ? ", " : "  ", quiet);
	if (changed > shown || quiet)
		out_char(t->out, '\n');
}

static int write_tables(struct text *t)
{
	static const char *const thread_titles[] = {
		[VIEW_CPU] = "thread, by its CPU time",
		[VIEW_SAMPLES] = "thread, by its samples",
		[VIEW_WAIT] = "thread, by its waiting for a CPU",
	};
	struct diff_row *rows;
	size_t n;
	int status = diff_functions(t->d, &rows, &n);

	if (status)
		return status;
	if (t->d->by != VIEW_WAIT) {
		write_table(t, "function, by its own time", rows, n, false);
		write_table(t, "function, with what it calls", rows, n, true);
	}
	free(rows);
	status = diff_threads(t->d, &rows, &n);
	if (status)
		return status;
	write_table(t, thread_titles[t->d->by], rows, n, true);
	free(rows);
	return 0;
}

int diff_write_text(const struct diff *d, const struct diff_text_options *options, struct out *out)
{
	struct text t = {
		.d = d,
		.out = out,
		.columns = options->columns ? options->columns : COLUMNS_DEFAULT,
		.rows = options->rows ? options->rows : ROWS_DEFAULT,
		.colour = options->colour,
	};
	int status;

	if (t.columns < COLUMNS_LEAST)
		t.columns = COLUMNS_LEAST;
	write_head(&t);
	status = write_tables(&t);
	return status ? out_fail(out, status, "%s", strerror(-status)) : out->status;
}

/* --- folded */
struct folded {
	const struct diff *d;
	struct out *out;
};

static int put_folded(void *ctx, uint32_t node, char *text, size_t len)
{
	const struct folded *f = ctx;
	const struct diff_node *n = &f->d->nodes[node];

	len += snprintf(text + len, VIEW_PATH_ROOM, " %llu %llu\n", (unsigned long long)n->self[0],
			(unsigned long long)n->self[1]);
	return out_callback(f->out, text, len);
}

int diff_write_folded(const struct diff *d, struct out *out)
{
	struct folded f = {d, out};
	int status = view_paths(&d->view, put_folded, &f);

	return status ? out_fail(out, status, "out of memory") : 0;
}
