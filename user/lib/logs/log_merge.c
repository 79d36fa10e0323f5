// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/logs/log_merge.h"

#include <stdlib.h>
#include <string.h>

#include "user/lib/base/array.h"

int log_merge_line(struct log_merge *m, int64_t t_ns, const char *text)
{
	if (array_reserve((void **)&m->lines, &m->cap_lines, m->n_lines, 1, sizeof(*m->lines)))
		return -ENOMEM;
	m->lines[m->n_lines] = (struct log_merge_line){.text = strdup(text), .t_ns = t_ns};
	return m->lines[m->n_lines++].text ? 0 : -ENOMEM;
}

static void drop_pending(struct log_merge *m)
{
	while (m->n_lines > m->pending)
		free(m->lines[--m->n_lines].text);
}

static struct log_merge_source *source_add(struct log_merge *m, const char *path,
					   const char *state, const char *note)
{
	struct log_merge_source *s;

	if (array_reserve((void **)&m->sources, &m->cap_sources, m->n_sources, 1,
			  sizeof(*m->sources)))
		return NULL;
	s = &m->sources[m->n_sources++];
	*s = (struct log_merge_source){
		.path = strdup(path), .state = strdup(state), .note = strdup(note)};
	return s->path && s->state && s->note ? s : NULL;
}

static bool is_there(const struct log_merge *m, const char *path)
{
	for (size_t i = 0; i < m->n_sources; i++)
		if (!strcmp(m->sources[i].path, path))
			return true;
	return false;
}

int log_merge_source(struct log_merge *m, const struct log_record *source, const char *path,
		     const char *note)
{
	int64_t order_ns = 0;
	struct log_merge_source *s;

	if (is_there(m, path)) {
		drop_pending(m);
		return 0;
	}
	s = source_add(m, path, log_state_text(source->state), note);
	if (!s)
		return -ENOMEM;
	s->counts = source->counts;
	/* Lines before the first with a time belong to it; where none has one, to the last write. */
	for (size_t i = m->pending; i < m->n_lines && !order_ns; i++)
		order_ns = m->lines[i].t_ns;
	if (!order_ns)
		order_ns = source->t_ns;
	for (; m->pending < m->n_lines; m->pending++) {
		struct log_merge_line *l = &m->lines[m->pending];

		if (l->t_ns > order_ns)
			order_ns = l->t_ns;
		l->order_ns = order_ns;
		l->rank_ns = source->flags & LOG_ROTATED ? source->t_ns : INT64_MAX;
		l->source = (uint32_t)(m->n_sources - 1);
	}
	return 0;
}

int log_merge_failure(struct log_merge *m, const char *path, const char *state)
{
	drop_pending(m);
	return source_add(m, path, state, "") ? 0 : -ENOMEM;
}

/*
 * By time, then by source and place; both say the same within one. Stamps are whole seconds often:
 * what stands in a file that was rotated away comes before what is in the new one.
 */
static int by_time(const void *a, const void *b)
{
	const struct log_merge_line *const *x = a, *const *y = b;

	if ((*x)->order_ns != (*y)->order_ns)
		return (*x)->order_ns < (*y)->order_ns ? -1 : 1;
	if ((*x)->rank_ns != (*y)->rank_ns)
		return (*x)->rank_ns < (*y)->rank_ns ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

struct range {
	size_t first, end;
};

/* The last of the lines that end there, as many as there is room for. */
static size_t first_of(struct log_merge_line *const *sorted, size_t end, uint64_t lines,
		       uint64_t bytes)
{
	size_t first = end;

	while (first > 0 && end - first < lines && strlen(sorted[first - 1]->text) <= bytes)
		bytes -= strlen(sorted[--first]->text);
	return first;
}

/*
 * What there is room for: the last ones; but a program that starts again after the trigger must not
 * push out what it wrote before, so half of the room is that of the lines up to there.
 */
static struct range kept(const struct log_merge *m, struct log_merge_line *const *sorted)
{
	size_t before = 0, n = m->n_lines;
	uint64_t bytes = 0;

	while (before < n && sorted[before]->order_ns <= m->trigger_ns)
		before++;
	size_t half = first_of(sorted, before, m->lines_max / 2, LOG_MERGE_BYTES / 2);
	struct range r = {half, before};

	for (size_t i = half; i < before; i++)
		bytes += strlen(sorted[i]->text);
	/* What comes right after the trigger, and if there is room left, more from before it. */
	while (r.end < n && r.end - half < m->lines_max &&
	       bytes + strlen(sorted[r.end]->text) <= LOG_MERGE_BYTES)
		bytes += strlen(sorted[r.end++]->text);
	r.first = first_of(sorted, half, m->lines_max - (r.end - half), LOG_MERGE_BYTES - bytes);
	return r;
}

static int add_lines(struct log_merge *m, struct log_merge_line **sorted, struct report *r)
{
	for (size_t i = 0; i < m->n_lines; i++)
		sorted[i] = &m->lines[i];
	qsort(sorted, m->n_lines, sizeof(*sorted), by_time);
	const struct range range = kept(m, sorted);

	for (size_t i = 0; i < m->n_lines; i++) {
		const struct log_merge_line *l = sorted[i];
		struct log_merge_source *s = &m->sources[l->source];
		int64_t row, text, path;

		if (i < range.first || i >= range.end) {
			s->counts.lines--;
			s->counts.lines_left_out++;
			continue;
		}
		row = report_logs_add(&r->logs);
		text = report_intern(r, l->text);
		path = report_intern(r, s->path);
		if (row < 0 || text < 0 || path < 0)
			return -ENOMEM;
		r->logs.t_ns[row] = l->t_ns;
		r->logs.source[row] = (uint32_t)path;
		r->logs.text[row] = (uint32_t)text;
	}
	return 0;
}

static int add_source(const struct log_merge_source *s, struct report *r)
{
	struct report_log_sources *t = &r->log_sources;
	int64_t row = report_log_sources_add(t), path = report_intern(r, s->path),
		state = report_intern(r, s->state), note = report_intern(r, s->note);

	if (row < 0 || path < 0 || state < 0 || note < 0)
		return -ENOMEM;
	t->path[row] = (uint32_t)path;
	t->state[row] = (uint32_t)state;
	t->note[row] = (uint32_t)note;
	t->lines[row] = (uint32_t)s->counts.lines;
	t->lines_left_out[row] = s->counts.lines_left_out;
	t->bytes_left_out[row] = s->counts.bytes_left_out;
	t->lines_cut[row] = (uint32_t)s->counts.lines_cut;
	t->bytes_replaced[row] = s->counts.bytes_replaced;
	return 0;
}

static int count_loss(const struct log_counts *c, struct report *r)
{
	const struct {
		const char *name;
		uint64_t n;
	} losses[] = {
		{"logs: lines left out", c->lines_left_out},
		{"logs: bytes left out", c->bytes_left_out},
		{"logs: bytes that are no text", c->bytes_replaced},
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]) && !err; i++)
		if (losses[i].n)
			err = report_count(&r->loss.reasons, losses[i].name, losses[i].n);
	return err;
}

int log_merge_report(struct log_merge *m, struct report *r)
{
	struct log_merge_line **sorted = calloc(m->n_lines + 1, sizeof(*sorted));
	int err = -ENOMEM;

	drop_pending(m);
	if (sorted)
		err = add_lines(m, sorted, r);
	free(sorted);
	for (size_t i = 0; i < m->n_sources && !err; i++) {
		err = add_source(&m->sources[i], r);
		if (!err)
			err = count_loss(&m->sources[i].counts, r);
	}
	return err;
}

void log_merge_release(struct log_merge *m)
{
	m->pending = 0;
	drop_pending(m);
	for (size_t i = 0; i < m->n_sources; i++) {
		free(m->sources[i].path);
		free(m->sources[i].state);
		free(m->sources[i].note);
	}
	free(m->sources);
	free(m->lines);
	*m = (struct log_merge){0};
}
