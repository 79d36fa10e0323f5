// SPDX-License-Identifier: BSD-2-Clause
/* The last step of a view: totals, children by weight, nodes in depth-first order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/view_tree.h"

/* By node: nodes in its subtree, where its children begin in `children`, and its place. */
struct order {
	uint32_t *size, *first, *children, *place;
};

static int by_weight(const void *a, const void *b, void *ctx)
{
	const struct view_tree *t = ctx;
	const struct view_node *x = &t->nodes[*(const uint32_t *)a];
	const struct view_node *y = &t->nodes[*(const uint32_t *)b];
	int names;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	names = strcmp(t->labels[x->label].name, t->labels[y->label].name);
	if (names)
		return names;
	return x->label < y->label ? -1 : x->label > y->label;
}

/* Children stand behind their parents, so one pass from the end gives totals and sizes. */
static void sum_up(struct view_tree *t, struct order *o)
{
	for (size_t i = 0; i < t->n_nodes; i++) {
		t->nodes[i].total = t->nodes[i].self;
		o->size[i] = 1;
	}
	for (size_t i = t->n_nodes; i-- > 1;) {
		uint32_t parent = t->nodes[i].parent;

		t->nodes[parent].total += t->nodes[i].total;
		o->size[parent] += o->size[i];
		o->first[parent + 1]++;
	}
}

/* The children of each node next to one another, by weight. */
static void gather(struct view_tree *t, struct order *o)
{
	for (size_t i = 0; i < t->n_nodes; i++)
		o->first[i + 1] += o->first[i];
	/* `place` counts what has been put where, for now. */
	memcpy(o->place, o->first, t->n_nodes * sizeof(*o->place));
	for (size_t i = 1; i < t->n_nodes; i++)
		o->children[o->place[t->nodes[i].parent]++] = i;
	for (size_t i = 0; i < t->n_nodes; i++) {
		size_t n = o->first[i + 1] - o->first[i];

		if (n > 1)
			qsort_r(o->children + o->first[i], n, sizeof(*o->children), by_weight, t);
	}
}

static void place(struct view_tree *t, struct order *o, struct view *ret)
{
	o->place[0] = 0;
	for (size_t i = 0; i < t->n_nodes; i++) {
		uint32_t at = o->place[i] + 1;

		for (size_t c = o->first[i]; c < o->first[i + 1]; c++) {
			o->place[o->children[c]] = at;
			at += o->size[o->children[c]];
		}
	}
	for (size_t i = 0; i < t->n_nodes; i++) {
		struct view_node *n = &ret->nodes[o->place[i]];

		*n = t->nodes[i];
		n->parent = i ? o->place[n->parent] : VIEW_NONE;
		n->next = o->place[i] + o->size[i];
		if (n->depth > ret->max_depth)
			ret->max_depth = n->depth;
	}
}

int view_tree_finish(struct view_tree *t, struct view *ret)
{
	size_t bytes = (t->n_nodes + 1) * sizeof(uint32_t);
	struct order o = {malloc(bytes), calloc(1, bytes), malloc(bytes), malloc(bytes)};
	int status = t->status;

	ret->nodes = malloc(t->n_nodes * sizeof(*ret->nodes));
	if (!status && (!o.size || !o.first || !o.children || !o.place || !ret->nodes))
		status = -ENOMEM;
	if (!status) {
		sum_up(t, &o);
		gather(t, &o);
		place(t, &o, ret);
		ret->n_nodes = t->n_nodes;
		ret->labels = t->labels;
		ret->n_labels = t->n_labels;
		t->labels = NULL;
	}
	free(o.size);
	free(o.first);
	free(o.children);
	free(o.place);
	return status;
}
