// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/summary_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/crash_text.h"
#include "user/lib/base/idmap.h"
#include "user/lib/base/summary_text.h"

#define NAMES_SHOWN 4	  /* of the threads in a group */
#define FRAMES_SHOWN 64	  /* of a stack, leaf first */
#define GROUPS_SHOWN 100
#define STATES_SHOWN 16 /* of the threads in a group */
#define INDENT "          "

/* Threads that were in the same place. */
struct group {
	uint32_t place;
	int32_t stack; /* of the first of them */
	size_t n, first; /* row in dump.threads */
};

/* What the writers of groups share. */
struct places {
	const struct report *r;
	uint32_t *of_row;    /* of stacks */
	uint32_t *of_thread; /* of dump.threads; IDMAP_NONE: no stack */
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

/*
 * Stacks that read alike from the root on, by function, file and line, are one place: threads that
 * spin in one loop are hardly ever at the same address. The page does the same (ui/dump.js).
 */
static int places_init(struct places *p, const struct report *r)
{
	const struct report_dump_threads *t = &r->dump.threads;
	const struct report_frames *f = &r->frames;
	struct idmap ids = { 0 };
	int err = 0;

	*p = (struct places){ r, calloc(r->stacks.n + 1, sizeof(*p->of_row)),
			      calloc(t->n + 1, sizeof(*p->of_thread)) };
	if (!p->of_row || !p->of_thread)
		return -ENOMEM;
	for (size_t i = 0; !err && i < r->stacks.n; i++) {
		int32_t parent = r->stacks.parent[i];
		uint32_t frame = r->stacks.frame[i];
		const uint32_t parts[] = { f->name[frame], f->module[frame], f->kind[frame],
					   f->file[frame], f->line[frame] };
		uint64_t key = parent < 0 ? 0 : p->of_row[parent] + 1;

		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
			key = idmap_mix(key, parts[k]);
		p->of_row[i] = idmap_get(&ids, key);
		if (p->of_row[i] != IDMAP_NONE)
			continue;
		p->of_row[i] = i;
		err = idmap_set(&ids, key, i);
	}
	for (size_t i = 0; i < t->n; i++)
		p->of_thread[i] = t->stack[i] < 0 ? IDMAP_NONE : p->of_row[t->stack[i]];
	idmap_release(&ids);
	return err;
}

static void places_release(struct places *p)
{
	free(p->of_row);
	free(p->of_thread);
}

static size_t group_rows(const struct places *p, size_t from, struct group *groups)
{
	const struct report_dump_threads *t = &p->r->dump.threads;
	size_t n = 0;

	for (size_t i = from; i < t->n; i++) {
		size_t k = 0;

		while (k < n && groups[k].place != p->of_thread[i])
			k++;
		if (k == n)
			groups[n++] = (struct group){ p->of_thread[i], t->stack[i], 0, i };
		groups[k].n++;
	}
	qsort(groups, n, sizeof(*groups), by_size);
	return n;
}

struct state {
	uint32_t text;
	size_t n, first;
};

static int by_count(const void *x, const void *y)
{
	const struct state *a = x, *b = y;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* The states of its threads, the most frequent first; with a count where there are several. */
static void write_states(const struct places *p, const struct group *g, struct out *out)
{
	const struct report_dump_threads *t = &p->r->dump.threads;
	struct state states[STATES_SHOWN];
	size_t n = 0, counted = 0;

	for (size_t i = g->first; i < t->n; i++) {
		size_t k = 0;

		if (p->of_thread[i] != g->place)
			continue;
		while (k < n && states[k].text != t->state[i])
			k++;
		if (k == STATES_SHOWN)
			continue;
		if (k == n)
			states[n++] = (struct state){ t->state[i], 0, i };
		states[k].n++;
		counted++;
	}
	qsort(states, n, sizeof(*states), by_count);
	for (size_t k = 0; k < n; k++) {
		const char *text = report_text(p->r, states[k].text);

		out_text(out, k ? ", " : "");
		if (states[k].n < g->n)
			out_printf(out, "%zu ", states[k].n);
		summary_name(out, *text ? text : "state unknown", 40);
	}
	if (counted < g->n)
		out_printf(out, ", %zu in other states", g->n - counted);
}

static void write_names(const struct places *p, const struct group *g, struct out *out)
{
	const struct report_dump_threads *t = &p->r->dump.threads;
	size_t shown = 0;

	for (size_t i = g->first; i < t->n && shown < NAMES_SHOWN; i++) {
		if (p->of_thread[i] != g->place)
			continue;
		out_text(out, shown++ ? ", " : "");
		summary_name(out, report_text(p->r, t->name[i]), 15);
		out_printf(out, " (%u)", t->tid[i]);
	}
	if (g->n > shown)
		out_printf(out, " and %zu more", g->n - shown);
}

static void write_groups(const struct places *p, const struct group *groups, size_t n,
			 unsigned int columns, struct out *out)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (i >= GROUPS_SHOWN) {
			left += groups[i].n;
			continue;
		}
		out_printf(out, "%-9zu ", groups[i].n);
		write_states(p, &groups[i], out);
		out_text(out, ": ");
		write_names(p, &groups[i], out);
		out_text(out, "\n");
		write_stack(p->r, groups[i].stack, columns, out);
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
	struct places places;
	int err;

	if (!r->dump.present)
		return 0;
	err = places_init(&places, r);
	groups = calloc(r->dump.threads.n + 1, sizeof(*groups));
	if (err || !groups)
		goto out;
	if (!lives)
		write_first(r, columns, out);
	size_t n = group_rows(&places, lives ? 0 : 1, groups);

	if (n)
		out_text(out, "threads   by stack, those that are in the same place together\n");
	write_groups(&places, groups, n, columns, out);
	for (size_t i = 0; i < left->n; i++)
		out_printf(out, "left out  %" PRIu64 ": %s\n", left->count[i], left->name[i]);
	for (size_t i = 0; i < counted->n; i++)
		out_printf(out, "counted   %" PRIu64 " times before: %s\n", counted->count[i],
			   counted->name[i]);
out:
	err = groups ? err : -ENOMEM;
	free(groups);
	places_release(&places);
	return err;
}
