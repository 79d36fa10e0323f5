// SPDX-License-Identifier: BSD-2-Clause
#define PCRE2_CODE_UNIT_WIDTH 8
#include "user/lib/view/view.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/view_tree.h"

static const struct {
	const char *name, *unit;
} metrics[] = {
	[VIEW_CPU] = {"cpu", "us"},	    [VIEW_SAMPLES] = {"samples", "samples"},
	[VIEW_OFF_CPU] = {"off-cpu", "us"}, [VIEW_WAIT] = {"wait", "us"},
	[VIEW_SQUARES] = {NULL, "us*us"},
};

/* What view_build() works with. */
struct builder {
	const struct report *r;
	const struct view_options *o;
	struct view *view;
	struct view_tree tree;
	uint64_t from_ns, to_ns;
	bool whole;	   /* all of the window */
	uint32_t *thread;  /* node of each thread, VIEW_NONE where it is not in the view */
	uint32_t *order;   /* threads in the view, those of one node together */
	uint64_t *span_ns; /* of each thread: exact time, or wait, within a part of the window */
	uint32_t *sample;  /* samples in the view, those of one thread together */
	size_t *first;	   /* of each thread, where its samples begin there */
	uint64_t *sum;	   /* of each stack + 1: of the thread at hand; 0 is the lost stack */
	uint32_t *used;	   /* stacks + 1 that have a sum */
	uint8_t *cut;	   /* of each stack: an [unwind: …] frame is in it */
};

const char *view_unit(enum view_by by)
{
	return metrics[by].unit;
}

int view_by_parse(const char *name, enum view_by *ret)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		if (metrics[i].name && !strcmp(name, metrics[i].name)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Seconds from the window's start; a window that somebody made up can be longer than a double is
 * exact. */
static uint64_t window_ns(double seconds, uint64_t all)
{
	return seconds < all / 1e9 ? (uint64_t)(seconds * 1e9 + 0.5) : all;
}

/* The part of the window, in ns from its start. */
static int build_range(struct builder *b, char *error)
{
	const struct report_window *w = &b->r->window;
	const struct view_options *o = b->o;
	uint64_t all = w->end_ns > w->start_ns ? (uint64_t)w->end_ns - w->start_ns : 0;
	double to = o->to_s > 0 && o->to_s < all / 1e9 ? o->to_s : all / 1e9;

	if (!(o->from_s >= 0 && o->to_s >= 0) || (o->to_s > 0 && o->to_s <= o->from_s)) {
		snprintf(error, VIEW_ERROR_BYTES, "from %g s to %g s is no part of the window",
			 o->from_s, o->to_s);
		return -EINVAL;
	}
	if (o->from_s > 0 && o->from_s >= all / 1e9) {
		snprintf(error, VIEW_ERROR_BYTES, "from %g s: the window has %g s", o->from_s,
			 all / 1e9);
		return -EINVAL;
	}
	b->from_ns = window_ns(o->from_s, all);
	/* Samples of the last moment may be a little behind the end. */
	b->to_ns = to < all / 1e9 ? window_ns(to, all) : UINT64_MAX;
	b->whole = !b->from_ns && b->to_ns == UINT64_MAX;
	b->view->from_s = o->from_s;
	b->view->to_s = to;
	return 0;
}

/* NULL without an expression. */
static int compile_re(const char *text, pcre2_code **ret, char *error)
{
	PCRE2_SIZE at;
	int code;

	*ret = NULL;
	if (!text)
		return 0;
	*ret = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
	if (!*ret) {
		char message[160] = "";

		pcre2_get_error_message(code, (PCRE2_UCHAR *)message, sizeof(message));
		snprintf(error, VIEW_ERROR_BYTES, "regular expression '%.60s': %s, at position %zu",
			 text, message, at);
		return -EINVAL;
	}
	return 0;
}

/* 1, 0, or an error: an expression can need more steps than PCRE2 grants it. */
static int match_re(const pcre2_code *re, pcre2_match_data *data, const char *name, char *error)
{
	int n;

	if (!re)
		return 1;
	n = pcre2_match(re, (PCRE2_SPTR)name, PCRE2_ZERO_TERMINATED, 0, 0, data, NULL);
	if (n >= 0 || n == PCRE2_ERROR_NOMATCH)
		return n >= 0;
	snprintf(error, VIEW_ERROR_BYTES, "regular expression: too much work for the name '%.60s'",
		 name);
	return -EINVAL;
}

/* Which threads are in the view, and their nodes. */
static int build_threads(struct builder *b, char *error)
{
	const struct report_threads *t = &b->r->threads;
	pcre2_match_data *data = NULL;
	pcre2_code *re;
	int status = compile_re(b->o->thread_re, &re, error);

	if (re)
		data = pcre2_match_data_create_from_pattern(re, NULL);
	if (re && !data)
		status = -ENOMEM;
	for (size_t i = 0; i < t->n && !status; i++) {
		const char *name = report_text(b->r, t->name[i]);
		int match = (!b->o->pid || b->o->pid == t->pid[i]) &&
			    (!b->o->client || t->client[i]);
		uint32_t process;

		b->thread[i] = VIEW_NONE;
		if (match)
			match = match_re(re, data, name, error);
		status = match < 0 ? match : b->tree.status;
		if (match <= 0)
			continue;
		process = view_tree_child(&b->tree, 0,
					  view_tree_label(&b->tree, VIEW_PROCESS, t->process[i]));
		b->thread[i] = view_tree_child(&b->tree, process,
					       view_tree_label(&b->tree, VIEW_THREAD, t->name[i]));
		b->order[b->view->threads++] = i;
	}
	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return status;
}

static int by_node(const void *a, const void *b, void *ctx)
{
	const uint32_t *thread = ctx, x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (thread[x] != thread[y])
		return thread[x] < thread[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool sample_is_in(const struct builder *b, size_t i)
{
	const struct report_samples *s = &b->r->samples;

	return b->thread[s->thread[i]] != VIEW_NONE &&
	       (b->whole || (s->t_ns[i] >= b->from_ns && s->t_ns[i] < b->to_ns));
}

/* A counting sort of the samples by thread. */
static void build_samples(struct builder *b)
{
	const struct report_samples *s = &b->r->samples;

	for (size_t i = 0; i < s->n; i++)
		b->first[s->thread[i] + 1] += sample_is_in(b, i);
	for (size_t i = 0; i < b->r->threads.n; i++)
		b->first[i + 1] += b->first[i];
	b->view->samples = b->first[b->r->threads.n];
	/* From the end, so that each thread's stay in the order of time. */
	for (size_t i = s->n; i-- > 0;)
		if (sample_is_in(b, i))
			b->sample[--b->first[s->thread[i] + 1]] = i;
	/* first[i + 1] has moved down to where thread i begins. */
	memmove(b->first, b->first + 1, b->r->threads.n * sizeof(*b->first));
	b->first[b->r->threads.n] = b->view->samples;
}

/* What each thread ran (or waited) within the part of the window, by its time line. */
static void build_spans(struct builder *b)
{
	const struct report_timeline *l = &b->r->timeline;
	const struct report_threads *t = &b->r->threads;
	bool wait = b->o->by == VIEW_WAIT;

	for (size_t i = 0; b->whole && i < t->n; i++)
		b->span_ns[i] = wait ? t->wait_ns[i] : t->on_cpu_ns[i];
	for (size_t i = 0; !b->whole && i < l->n; i++) {
		uint64_t start = l->slot[i] * REPORT_SLOT_NS, end = start + REPORT_SLOT_NS;
		uint64_t us = wait ? l->wait_us[i] : l->on_cpu_us[i];
		uint64_t from = start > b->from_ns ? start : b->from_ns;
		uint64_t to = end < b->to_ns ? end : b->to_ns;

		if (from < to)
			b->span_ns[l->thread[i]] +=
				us * 1000 * ((to - from) / 1000) / (REPORT_SLOT_NS / 1000);
	}
}

static void build_cuts(struct builder *b)
{
	const struct report_stacks *s = &b->r->stacks;
	const struct report_frames *f = &b->r->frames;

	for (size_t i = 0; i < s->n; i++)
		b->cut[i] = !strcmp(report_text(b->r, f->kind[s->frame[i]]), "cut") ||
			    (s->parent[i] >= 0 && b->cut[s->parent[i]]);
}

/* Sums end at the largest number: one that came round to 0 would look new. */
static uint64_t add_up(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (unit > 1 && value % unit >= unit / 2);
}

static uint64_t sample_value(const struct builder *b, uint32_t row)
{
	uint64_t ns = b->r->samples.weight_ns[row], us = ns / 1000;

	if (b->o->by == VIEW_SAMPLES)
		return 1;
	if (b->o->by == VIEW_SQUARES)
		return us > UINT32_MAX ? UINT64_MAX : us * us;
	return ns;
}

/* Of what is not microseconds there is nothing to round, and nothing besides the samples. */
static bool by_time(const struct builder *b)
{
	return b->o->by == VIEW_CPU || b->o->by == VIEW_WAIT;
}

/* The sums of one thread by stack: how many stacks, and the sum of all. */
static size_t thread_sums(struct builder *b, uint32_t thread, uint64_t *ret_total)
{
	const struct report_samples *s = &b->r->samples;
	size_t n = 0;

	*ret_total = 0;
	for (size_t i = b->first[thread]; i < b->first[thread + 1]; i++) {
		uint32_t row = b->sample[i], stack = s->stack[row] + 1;
		uint64_t value = sample_value(b, row);

		/* A weight of 0 is not worth a node, and this is how a new stack is known. */
		if (value && !b->sum[stack])
			b->used[n++] = stack;
		b->sum[stack] = add_up(b->sum[stack], value);
		*ret_total = add_up(*ret_total, value);
		b->view->cut_samples += stack && b->cut[stack - 1];
	}
	return n;
}

/*
 * One thread's share of the tree. Nanoseconds become microseconds by rounding the running sum, so
 * that the values add up to the rounded whole.
 */
static void build_thread(struct builder *b, uint32_t thread)
{
	struct view_tree *t = &b->tree;
	uint64_t unit = by_time(b) ? 1000 : 1, total, sum = 0, done = 0;
	size_t n = b->o->by == VIEW_WAIT ? (total = 0) : thread_sums(b, thread, &total);
	uint64_t rest = b->span_ns[thread] > total ? b->span_ns[thread] - total : 0;
	uint32_t node;

	for (size_t i = 0; i < n; i++) {
		uint32_t stack = b->used[i];
		uint64_t value;

		sum = add_up(sum, b->sum[stack]);
		b->sum[stack] = 0;
		value = rounded(sum, unit) - done;
		done += value;
		if (!value || t->status)
			continue;
		node = stack ? view_tree_stack(t, b->thread[thread], stack - 1, b->o->reverse)
			     : view_tree_child(t, b->thread[thread],
					       view_tree_mark(t, VIEW_STACK_LOST));
		t->nodes[node].self += value;
	}
	rest = rounded(add_up(sum, rest), unit) - done;
	if (!by_time(b) || !rest)
		return;
	node = view_tree_child(
		t, b->thread[thread],
		view_tree_mark(t, b->o->by == VIEW_WAIT ? VIEW_WAITING : VIEW_NOT_SAMPLED));
	t->nodes[node].self += rest;
}

static int build_alloc(struct builder *b)
{
	const struct report *r = b->r;

	b->thread = malloc((r->threads.n + 1) * sizeof(*b->thread));
	b->order = malloc((r->threads.n + 1) * sizeof(*b->order));
	b->span_ns = calloc(r->threads.n + 1, sizeof(*b->span_ns));
	b->first = calloc(r->threads.n + 2, sizeof(*b->first));
	b->sample = malloc((r->samples.n + 1) * sizeof(*b->sample));
	b->sum = calloc(r->stacks.n + 1, sizeof(*b->sum));
	b->used = malloc((r->stacks.n + 1) * sizeof(*b->used));
	b->cut = calloc(r->stacks.n + 1, 1);
	if (!b->thread || !b->order || !b->span_ns || !b->first || !b->sample || !b->sum ||
	    !b->used || !b->cut)
		return -ENOMEM;
	return view_tree_init(&b->tree, r);
}

static void build_free(struct builder *b)
{
	free(b->thread);
	free(b->order);
	free(b->span_ns);
	free(b->first);
	free(b->sample);
	free(b->sum);
	free(b->used);
	free(b->cut);
	view_tree_release(&b->tree);
}

int view_build(const struct report *r, const struct view_options *options, struct view *ret,
	       char error[VIEW_ERROR_BYTES])
{
	struct view view = {.report = r, .by = options->by};
	struct builder b = {.r = r, .o = options, .view = &view};
	int status;

	if (options->by == VIEW_OFF_CPU) {
		snprintf(error, VIEW_ERROR_BYTES, "the report has no off-CPU stacks");
		return -ENODATA;
	}
	if (options->client && !report_has_client(r)) {
		snprintf(error, VIEW_ERROR_BYTES,
			 "the report says of no thread that it is its client's: only those of the "
			 "daemon about a client do");
		return -ENODATA;
	}
	*error = '\0';
	status = build_range(&b, error);
	if (!status)
		status = build_alloc(&b);
	if (!status)
		status = build_threads(&b, error);
	if (!status) {
		qsort_r(b.order, view.threads, sizeof(*b.order), by_node, b.thread);
		build_samples(&b);
		build_spans(&b);
		build_cuts(&b);
		for (size_t i = 0; i < view.threads && !b.tree.status; i++)
			build_thread(&b, b.order[i]);
		status = view_tree_finish(&b.tree, &view);
	}
	build_free(&b);
	if (status) {
		view_release(&view);
		if (!*error)
			snprintf(error, VIEW_ERROR_BYTES, "%s",
				 status == -E2BIG ? "too many different stacks for one picture"
						  : strerror(-status));
		return status;
	}
	*ret = view;
	return 0;
}

void view_release(struct view *v)
{
	free(v->nodes);
	free(v->labels);
	*v = (struct view){0};
}
