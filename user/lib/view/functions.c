// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/functions.h"

#include <errno.h>
#include <stdlib.h>

static int by_self(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return x->label < y->label ? -1 : x->label > y->label;
}

static int by_total(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return by_self(a, b);
}

void functions_sort(struct function *f, size_t n, bool total)
{
	qsort(f, n, sizeof(*f), total ? by_total : by_self);
}

/* Walks in depth-first order. `until` of a label is where the subtree ends in which it has already
 * been counted. */
static void functions_sum(const struct view *v, struct function *f, uint32_t *until)
{
	for (uint32_t i = 0; i < v->n_nodes; i++) {
		const struct view_node *n = &v->nodes[i];

		f[n->label].self += n->self;
		if (i < until[n->label])
			continue;
		f[n->label].total += n->total;
		until[n->label] = n->next;
	}
}

int functions_of(const struct view *v, struct function **ret, size_t *ret_n)
{
	struct function *f = calloc(v->n_labels + 1, sizeof(*f));
	uint32_t *until = calloc(v->n_labels + 1, sizeof(*until));
	size_t n = 0;

	if (!f || !until) {
		free(f);
		free(until);
		return -ENOMEM;
	}
	functions_sum(v, f, until);
	free(until);
	for (uint32_t i = 0; i < v->n_labels; i++) {
		if (v->labels[i].kind < VIEW_FRAME || !f[i].total)
			continue;
		f[n] = f[i];
		f[n++].label = i;
	}
	functions_sort(f, n, false);
	*ret = f;
	*ret_n = n;
	return 0;
}
