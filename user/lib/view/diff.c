// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/diff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/diff_private.h"
#include "user/lib/base/pairs.h"

bool diff_is_idle(const struct view_label *label)
{
	return label->kind == VIEW_MARK && !strcmp(label->name, VIEW_NOT_SAMPLED);
}

bool diff_changed(const struct diff *d, uint32_t label, int64_t change, double noise)
{
	return change && !diff_is_idle(&d->view.labels[label]) &&
	       fabs((double)change) > DIFF_SIGMAS * noise;
}

bool diff_node_changed(const struct diff *d, uint32_t node)
{
	const struct diff_node *n = &d->nodes[node];

	return diff_changed(d, d->view.nodes[node].label, n->total[1] - n->total[0], n->noise);
}

/* Where the rows of the merged report are in the view. */
struct places {
	uint32_t *frame_label; /* of each row of frames */
	uint32_t *thread_node; /* of each thread */
	struct pairs children; /* node and label -> node */
	struct pairs names;    /* process and thread, as strings -> node */
	uint32_t *path;
};

static int places_init(struct places *p, const struct diff *d)
{
	const struct report *r = &d->report;
	const struct view *v = &d->view;

	p->frame_label = malloc((r->frames.n + 1) * sizeof(uint32_t));
	p->thread_node = malloc((r->threads.n + 1) * sizeof(uint32_t));
	p->path = malloc((r->stacks.n + 1) * sizeof(uint32_t));
	if (!p->frame_label || !p->thread_node || !p->path)
		return -ENOMEM;
	/* Frames of the merged report all differ, so a label has exactly one. */
	for (size_t i = 0; i < v->n_labels; i++)
		if (v->labels[i].frame != VIEW_NONE)
			p->frame_label[v->labels[i].frame] = i;
	for (size_t i = 1; i < v->n_nodes; i++) {
		const struct view_node *n = &v->nodes[i];
		uint32_t *at = pairs_at(&p->children, n->parent, n->label);

		if (!at)
			return -ENOMEM;
		*at = i;
	}
	return 0;
}

/* Interned texts are the same pointers. */
static int find_threads(struct places *p, struct diff *d)
{
	const struct report_threads *t = &d->report.threads;
	const struct view *v = &d->view;

	for (size_t i = 1; i < v->n_nodes; i++) {
		const struct view_node *n = &v->nodes[i];
		const struct view_label *label = &v->labels[n->label];
		int64_t process, name;
		uint32_t *at;

		if (label->kind != VIEW_THREAD)
			continue;
		process = report_intern(&d->report, v->labels[v->nodes[n->parent].label].name);
		name = report_intern(&d->report, label->name);
		at = process < 0 || name < 0 ? NULL : pairs_at(&p->names, process, name);
		if (!at)
			return -ENOMEM;
		*at = i;
	}
	for (size_t i = 0; i < t->n; i++) {
		uint32_t *at = pairs_at(&p->names, t->process[i], t->name[i]);

		if (!at || *at == PAIRS_NEW)
			return -ENOMEM;
		p->thread_node[i] = *at;
	}
	return 0;
}

/* The node of a sample. The view has it, unless it is beyond the view's depth. */
static uint32_t find_node(struct places *p, const struct diff *d, size_t sample)
{
	const struct report *r = &d->report;
	uint32_t node = p->thread_node[r->samples.thread[sample]];
	size_t n = 0;

	for (int32_t row = r->samples.stack[sample]; row >= 0; row = r->stacks.parent[row])
		p->path[n++] = row;
	while (n) {
		uint32_t label = p->frame_label[r->stacks.frame[p->path[--n]]];
		uint32_t *at = pairs_at(&p->children, node, label);

		if (!at || *at == PAIRS_NEW)
			return node;
		node = *at;
	}
	return node;
}

static void add_sample(struct diff *d, size_t sample, uint32_t node)
{
	const struct report_samples *s = &d->report.samples;
	struct diff_node *n = &d->nodes[node];
	int side = diff_side_of(d, s->thread[sample]);

	n->self[side] += s->weight_ns[sample] / 1000;
	n->samples[side] += d->counts[sample];
	n->squares_self[side] += d->squares[sample];
}

static void sum_up(struct diff *d)
{
	for (size_t i = 0; i < d->view.n_nodes; i++) {
		struct diff_node *n = &d->nodes[i];

		for (int side = 0; side < 2; side++) {
			n->total[side] += n->self[side];
			n->squares_total[side] += n->squares_self[side];
		}
	}
	for (size_t i = d->view.n_nodes; i-- > 1;) {
		const struct diff_node *n = &d->nodes[i];
		struct diff_node *parent = &d->nodes[d->view.nodes[i].parent];

		for (int side = 0; side < 2; side++) {
			parent->total[side] += n->total[side];
			parent->samples[side] += n->samples[side];
			parent->squares_total[side] += n->squares_total[side];
		}
	}
}

int diff_fill(struct diff *d)
{
	struct places p = {0};
	int status = places_init(&p, d);

	d->nodes = calloc(d->view.n_nodes, sizeof(*d->nodes));
	if (!d->nodes)
		status = -ENOMEM;
	if (!status)
		status = find_threads(&p, d);
	for (size_t i = 0; i < d->report.samples.n && !status; i++)
		add_sample(d, i, find_node(&p, d, i));
	if (!status)
		sum_up(d);
	free(p.frame_label);
	free(p.thread_node);
	free(p.path);
	pairs_release(&p.children);
	pairs_release(&p.names);
	return status;
}

int diff_build(const struct report *a, const struct report *b, const struct view_options *options,
	       struct diff *ret, char error[VIEW_ERROR_BYTES])
{
	static const struct view_options everything;
	const struct report *const reports[2] = {a, b};
	int status;

	*error = '\0';
	*ret = (struct diff){.by = options->by};
	status = diff_merge(ret, reports, options, error);
	if (!status)
		status = view_build(&ret->report, &everything, &ret->view, error);
	ret->view.by = options->by;
	if (!status)
		status = diff_fill(ret);
	if (status) {
		if (!*error)
			snprintf(error, VIEW_ERROR_BYTES, "%s", strerror(-status));
		diff_release(ret);
		return status;
	}
	diff_scatter(ret);
	return 0;
}

void diff_release(struct diff *d)
{
	view_release(&d->view);
	report_release(&d->report);
	free(d->nodes);
	free(d->counts);
	free(d->squares);
	*d = (struct diff){0};
}
