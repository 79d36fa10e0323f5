// SPDX-License-Identifier: BSD-2-Clause
/* Two reports as one: names are interned, so what has the same names becomes the same row. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/diff_private.h"
#include "user/lib/base/pairs.h"

/* What a view's values are put into. */
enum column { VALUES, COUNTS, SQUARES, COLUMNS };

struct merge {
	struct diff *d;
	struct report *to;
	struct pairs modules, kinds, frames, stacks; /* rows of `to` by names */
	struct pairs threads[2];		     /* of each side, by process and thread */
	struct pairs samples;			     /* by thread and stack */
	size_t samples_cap;
	uint32_t *row;	  /* of each node of the view at hand: its stack, or what it was named by */
	uint32_t nowhere; /* stands for a value that there was no memory for */
	int status;
};

static uint32_t merge_fail(struct merge *m, int status)
{
	m->status = m->status ? m->status : status;
	return 0;
}

/* The row that (a, b) has; where it has none, `add` makes one. */
static uint32_t *merge_at(struct merge *m, struct pairs *pairs, uint32_t a, uint32_t b)
{
	uint32_t *at = pairs_at(pairs, a, b);

	if (at)
		return at;
	merge_fail(m, -ENOMEM);
	m->nowhere = 0;
	return &m->nowhere;
}

static uint32_t merge_text(struct merge *m, const char *text)
{
	int64_t ref = report_intern(m->to, text);

	return ref < 0 ? merge_fail(m, ref) : ref;
}

static uint32_t merge_row(struct merge *m, int64_t row)
{
	return row < 0 ? merge_fail(m, row) : row;
}

/* A module by its base name: where it lies is another matter. */
static int64_t merge_module(struct merge *m, const struct report *r, const struct view_label *label)
{
	int32_t from = label->frame == VIEW_NONE ? -1 : r->frames.module[label->frame];
	const char *path = from < 0 ? "" : report_text(r, r->modules.path[from]);
	const char *slash = strrchr(path, '/');
	uint32_t name, *at;

	if (from < 0)
		return -1;
	name = merge_text(m, slash && slash[1] ? slash + 1 : path);
	at = merge_at(m, &m->modules, name, 0);
	if (*at == PAIRS_NEW) {
		*at = merge_row(m, report_modules_add(&m->to->modules));
		if (!m->status)
			m->to->modules.path[*at] = name;
	}
	return m->status ? -1 : *at;
}

static const char *kind_of(const struct report *r, const struct view_label *label)
{
	if (label->frame != VIEW_NONE)
		return report_text(r, r->frames.kind[label->frame]);
	if (!strcmp(label->name, VIEW_NOT_SAMPLED))
		return "idle";
	return strcmp(label->name, VIEW_WAITING) ? "lost" : "wait";
}

static uint32_t merge_frame(struct merge *m, const struct report *r, const struct view_label *label)
{
	uint32_t name = merge_text(m, label->name), kind = merge_text(m, kind_of(r, label));
	int64_t module = merge_module(m, r, label);
	uint32_t *named = merge_at(m, &m->kinds, name, kind), *at;

	if (*named == PAIRS_NEW)
		*named = m->kinds.n;
	at = merge_at(m, &m->frames, *named, module + 1);
	if (*at == PAIRS_NEW) {
		struct report_frames *f = &m->to->frames;

		*at = merge_row(m, report_frames_add(f));
		if (m->status)
			return 0;
		f->name[*at] = name;
		f->kind[*at] = kind;
		f->module[*at] = module;
	}
	return *at;
}

/* `parent`: a row of stacks + 1, 0 at the root; so is what it returns. */
static uint32_t merge_stack(struct merge *m, uint32_t parent, uint32_t frame)
{
	uint32_t *at = merge_at(m, &m->stacks, parent, frame);

	if (*at == PAIRS_NEW) {
		struct report_stacks *s = &m->to->stacks;

		*at = merge_row(m, report_stacks_add(s));
		if (m->status)
			return 0;
		s->parent[*at] = (int32_t)parent - 1;
		s->frame[*at] = frame;
	}
	return *at + 1;
}

static uint32_t merge_thread(struct merge *m, int side, uint32_t process, uint32_t name)
{
	uint32_t *at = merge_at(m, &m->threads[side], process, name);

	if (*at == PAIRS_NEW) {
		struct report_threads *t = &m->to->threads;

		*at = merge_row(m, report_threads_add(t));
		if (m->status)
			return 0;
		t->pid[*at] = side + 1;
		t->tid[*at] = *at + 1;
		t->process[*at] = process;
		t->name[*at] = name;
	}
	return *at;
}

/* The sample of a thread and stack; VIEW_NONE where only values may make one. */
static uint32_t merge_sample(struct merge *m, uint32_t thread, uint32_t stack, bool may_add)
{
	struct report_samples *s = &m->to->samples;
	uint32_t *at = merge_at(m, &m->samples, thread, stack);
	size_t n = s->n;

	if (*at != PAIRS_NEW)
		return *at;
	if (!may_add || m->status)
		return VIEW_NONE;
	*at = merge_row(m, report_samples_add(s));
	if (!m->status && n >= m->samples_cap) {
		size_t cap = m->samples_cap ? m->samples_cap * 2 : 1024;
		void *counts = realloc(m->d->counts, cap * sizeof(*m->d->counts));
		void *squares;

		if (counts)
			m->d->counts = counts;
		squares = realloc(m->d->squares, cap * sizeof(*m->d->squares));
		if (squares)
			m->d->squares = squares;
		if (!counts || !squares)
			merge_fail(m, -ENOMEM);
		m->samples_cap = cap;
	}
	if (m->status)
		return VIEW_NONE;
	s->thread[n] = thread;
	s->stack[n] = (int32_t)stack - 1;
	m->d->counts[n] = 0;
	m->d->squares[n] = 0;
	return n;
}

/* B in A's units: running sums are rounded, so that the parts add up to the whole. */
static uint64_t scaled(const struct diff *d, int side, uint64_t sum)
{
	unsigned __int128 a = d->side[0].total, b = d->side[1].total;

	return side ? (sum * a + b / 2) / b : sum;
}

static void merge_value(struct merge *m, int side, enum column column, uint32_t thread,
			uint32_t stack, uint64_t value)
{
	uint32_t row = merge_sample(m, thread, stack, column == VALUES);
	double scale = side ? m->d->scale : 1;

	if (row == VIEW_NONE)
		return;
	if (column == VALUES) {
		m->to->samples.weight_ns[row] += value * 1000;
		m->to->threads.on_cpu_ns[thread] += value * 1000;
	} else if (column == COUNTS) {
		m->d->counts[row] += value;
	} else {
		m->d->squares[row] += value * scale * scale;
	}
}

/* One view of one side. Nodes stand in depth-first order, so a parent's row is there already. */
static void merge_view(struct merge *m, int side, enum column column, const struct view *v)
{
	uint32_t thread = 0, *of_label = malloc(v->n_labels * sizeof(*of_label));
	uint64_t sum = 0, done = 0;

	m->row = malloc(v->n_nodes * sizeof(*m->row));
	if (!of_label || !m->row)
		merge_fail(m, -ENOMEM);
	for (size_t i = 0; i < v->n_labels && !m->status; i++)
		of_label[i] = v->labels[i].kind >= VIEW_FRAME
				      ? merge_frame(m, v->report, &v->labels[i])
				      : merge_text(m, v->labels[i].name);
	for (size_t i = 1; i < v->n_nodes && !m->status; i++) {
		const struct view_node *n = &v->nodes[i];
		enum view_kind kind = v->labels[n->label].kind;
		uint32_t name = of_label[n->label], parent = m->row[n->parent];
		uint64_t value = n->self;

		m->row[i] = name;
		/* A thread without a value would only be a name. */
		if (kind == VIEW_THREAD && n->total)
			thread = merge_thread(m, side, parent, name);
		if (kind >= VIEW_FRAME)
			m->row[i] = merge_stack(m, n->depth > 3 ? parent : 0, name);
		if (!value)
			continue;
		if (column == VALUES) {
			sum += n->self;
			value = scaled(m->d, side, sum) - done;
			done += value;
		}
		if (value)
			merge_value(m, side, column, thread, kind < VIEW_FRAME ? 0 : m->row[i],
				    value);
	}
	free(of_label);
	free(m->row);
}

static void describe_side(struct diff_side *s, const struct report *r, const struct view *v)
{
	const char *client = r->client.name, *command = r->command.name;

	s->total = v->nodes[0].total;
	s->samples = v->samples;
	s->threads = v->threads;
	s->from_s = v->from_s;
	s->to_s = v->to_s;
	s->start_ns = r->window.start_ns;
	snprintf(s->name, sizeof(s->name), "%s",
		 client && *client     ? client
		 : command && *command ? command
				       : "Machine");
}

static int merge_side(struct merge *m, int side, const struct report *r,
		      const struct view_options *options, const struct view *values, char *error)
{
	const enum view_by by[COLUMNS] = {
		[COUNTS] = VIEW_SAMPLES,
		[SQUARES] = options->by == VIEW_CPU ? VIEW_SQUARES : VIEW_SAMPLES,
	};

	merge_view(m, side, VALUES, values);
	for (int column = COUNTS; column < COLUMNS && options->by != VIEW_WAIT; column++) {
		struct view_options o = *options;
		struct view v;
		int status;

		o.by = by[column];
		status = m->status ? m->status : view_build(r, &o, &v, error);
		if (status)
			return status;
		merge_view(m, side, column, &v);
		view_release(&v);
	}
	return m->status;
}

static void merge_release(struct merge *m)
{
	pairs_release(&m->modules);
	pairs_release(&m->kinds);
	pairs_release(&m->frames);
	pairs_release(&m->stacks);
	pairs_release(&m->threads[0]);
	pairs_release(&m->threads[1]);
	pairs_release(&m->samples);
}

int diff_merge(struct diff *d, const struct report *const reports[2],
	       const struct view_options *options, char error[VIEW_ERROR_BYTES])
{
	struct merge m = {.d = d, .to = &d->report};
	struct view v[2] = {{0}};
	int status = report_init(&d->report);

	for (int side = 0; side < 2 && !status; side++) {
		char why[VIEW_ERROR_BYTES];

		status = view_build(reports[side], options, &v[side], why);
		if (status) {
			snprintf(error, VIEW_ERROR_BYTES, "report %c: %.240s", 'A' + side, why);
			break;
		}
		describe_side(&d->side[side], reports[side], &v[side]);
		if (!d->side[side].total) {
			snprintf(error, VIEW_ERROR_BYTES,
				 "report %c has nothing of this kind in the part that was asked "
				 "for: there is nothing to compare",
				 'A' + side);
			status = -ENODATA;
		}
	}
	if (!status)
		d->scale = (double)d->side[0].total / d->side[1].total;
	for (int side = 0; side < 2 && !status; side++)
		status = merge_side(&m, side, reports[side], options, &v[side], error);
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		d->report.id[i] = reports[0]->id[i] ^ (reports[1]->id[i] << 1);
	view_release(&v[0]);
	view_release(&v[1]);
	merge_release(&m);
	return status;
}
