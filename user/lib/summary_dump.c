// SPDX-License-Identifier: BSD-2-Clause
#include "summary_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crash_text.h"
#include "summary_text.h"

#define NAMES_SHOWN 4	  /* of the threads in a group */
#define FRAMES_SHOWN 64	  /* of a stack, leaf first */
#define GROUPS_SHOWN 100
#define INDENT "          "

/* Threads that were in the same place. */
struct group {
	int32_t stack;
	uint32_t state;
	size_t n, first; /* row in dump.threads */
};

static void write_frame(const struct report *r, uint32_t frame, unsigned int columns,
			struct out *out)
{
	const struct report_frames *f = &r->frames;
	const char *file = report_text(r, f->file[frame]);
	const char *base = strrchr(file, '/');

	out_text(out, INDENT);
	unsigned int used = summary_name(out, report_text(r, f->name[frame]), columns - 12);

	if (*file && used + 30 < columns) {
		out_text(out, "  ");
		summary_name(out, base ? base + 1 : file, columns - used - 24);
		out_printf(out, ":%u", f->line[frame]);
	}
	out_text(out, "\n");
}

static void write_stack(const struct report *r, int32_t row, unsigned int columns, struct out *out)
{
	unsigned int n = 0, left = 0;

	if (row < 0)
		out_text(out, INDENT "no stack\n");
	for (; row >= 0; row = r->stacks.parent[row], n++) {
		if (n < FRAMES_SHOWN)
			write_frame(r, r->stacks.frame[row], columns, out);
		else
			left++;
	}
	if (left)
		out_printf(out, INDENT "… %u more\n", left);
}

static int by_size(const void *x, const void *y)
{
	const struct group *a = x, *b = y;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static size_t group_rows(const struct report_dump_threads *t, size_t from, struct group *groups)
{
	size_t n = 0;

	for (size_t i = from; i < t->n; i++) {
		size_t k = 0;

		while (k < n && (groups[k].stack != t->stack[i] || groups[k].state != t->state[i]))
			k++;
		if (k == n)
			groups[n++] = (struct group){ t->stack[i], t->state[i], 0, i };
		groups[k].n++;
	}
	qsort(groups, n, sizeof(*groups), by_size);
	return n;
}

static void write_names(const struct report *r, const struct group *g, struct out *out)
{
	const struct report_dump_threads *t = &r->dump.threads;
	size_t shown = 0;

	for (size_t i = g->first; i < t->n && shown < NAMES_SHOWN; i++) {
		if (t->stack[i] != g->stack || t->state[i] != g->state)
			continue;
		out_text(out, shown++ ? ", " : "");
		summary_name(out, report_text(r, t->name[i]), 15);
		out_printf(out, " (%u)", t->tid[i]);
	}
	if (g->n > shown)
		out_printf(out, " and %zu more", g->n - shown);
}

static void write_groups(const struct report *r, const struct group *groups, size_t n,
			 unsigned int columns, struct out *out)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (i >= GROUPS_SHOWN) {
			left += groups[i].n;
			continue;
		}
		out_printf(out, "%-9zu ", groups[i].n);
		summary_name(out, report_text(r, groups[i].state), 40);
		out_text(out, ": ");
		write_names(r, &groups[i], out);
		out_text(out, "\n");
		write_stack(r, groups[i].stack, columns, out);
	}
	if (left)
		out_printf(out, INDENT "and %zu threads with other stacks\n", left);
}

static void write_first(const struct report *r, unsigned int columns, struct out *out)
{
	const struct report_dump_threads *t = &r->dump.threads;
	char text[CRASH_SENTENCE_BYTES];

	crash_sentence(r, crash_client(r), text);
	out_text(out, "crash     ");
	summary_name(out, text, 400);
	out_text(out, "\n");
	if (r->dump.signature)
		out_printf(out, INDENT "signature %s\n", r->dump.signature);
	if (!t->n)
		return;
	out_text(out, "died      ");
	summary_name(out, report_text(r, t->name[0]), 15);
	out_printf(out, " (%u), %s\n", t->tid[0], report_text(r, t->state[0]));
	write_stack(r, t->stack[0], columns, out);
}

int summary_dump(const struct report *r, unsigned int columns, struct out *out)
{
	const struct report_counts *left = &r->dump.left_out, *counted = &r->dump.counted;
	bool lives = r->dump.tid == 0;
	struct group *groups;

	if (!r->dump.present)
		return 0;
	groups = calloc(r->dump.threads.n + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	if (!lives)
		write_first(r, columns, out);
	size_t n = group_rows(&r->dump.threads, lives ? 0 : 1, groups);

	if (n)
		out_text(out, "threads   by stack, those that are in the same place together\n");
	write_groups(r, groups, n, columns, out);
	for (size_t i = 0; i < left->n; i++)
		out_printf(out, "left out  %" PRIu64 ": %s\n", left->count[i], left->name[i]);
	for (size_t i = 0; i < counted->n; i++)
		out_printf(out, "counted   %" PRIu64 " times before: %s\n", counted->count[i],
			   counted->name[i]);
	free(groups);
	return 0;
}
