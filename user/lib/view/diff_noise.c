// SPDX-License-Identifier: BSD-2-Clause
/* How much of a change is chance; see diff.h. And sums by function, which need the same sums. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "user/lib/view/diff_private.h"

/* A thread, or of VIEW_SAMPLES all: within it samples fell where they fell. */
struct stratum {
	uint32_t from, to; /* nodes */
	double value[2], squares[2], mean_square[2];
};

/* Of what varies with the samples; a stratum's own node is the whole, so it does not. */
static bool next_stratum(const struct diff *d, uint32_t *at, struct stratum *ret)
{
	const struct view *v = &d->view;
	enum view_kind kind = d->by == VIEW_SAMPLES ? VIEW_ROOT : VIEW_THREAD;
	const struct diff_node *n;

	while (*at < v->n_nodes && v->labels[v->nodes[*at].label].kind != kind)
		++*at;
	if (*at >= v->n_nodes || d->by == VIEW_WAIT)
		return false;
	n = &d->nodes[*at];
	*ret = (struct stratum){.from = *at, .to = v->nodes[*at].next};
	for (int side = 0; side < 2; side++) {
		ret->value[side] = n->total[side];
		ret->squares[side] = n->squares_total[side];
		ret->mean_square[side] =
			n->samples[side] ? ret->squares[side] / n->samples[side] : 0;
	}
	for (uint32_t i = ret->from; i < ret->to; i++)
		for (int side = 0; side < 2; side++)
			if (diff_is_idle(&v->labels[v->nodes[i].label]))
				ret->value[side] -= d->nodes[i].total[side];
	*at = ret->to;
	return true;
}

/* The variance of a value within a stratum, without the one sample more. */
static double variance(const struct stratum *s, int side, double value, double squares)
{
	double part = s->value[side] > 0 ? value / s->value[side] : 0;
	double outside = s->squares[side] - squares;

	part = part > 1 ? 1 : part;
	return squares * (1 - part) * (1 - part) + (outside > 0 ? outside : 0) * part * part;
}

void diff_scatter(struct diff *d)
{
	struct stratum s;
	uint32_t at = 0;

	while (next_stratum(d, &at, &s)) {
		for (uint32_t i = s.from + 1; i < s.to; i++) {
			struct diff_node *n = &d->nodes[i];
			double sum = 0;

			for (int side = 0; side < 2; side++)
				sum += variance(&s, side, n->total[side], n->squares_total[side]) +
				       s.mean_square[side];
			n->noise = sqrt(sum);
		}
	}
}

/* --- by function */
struct sums {
	double self[2], total[2], squares_self[2], squares_total[2]; /* in the stratum at hand */
	double self_variance, total_variance, mean_square[2];	     /* so far */
	uint32_t until; /* where the subtree ends in which it has been counted */
	bool touched;
};

static void sums_add(struct diff_row *row, struct sums *s, const struct diff_node *n,
		     bool outermost)
{
	for (int side = 0; side < 2; side++) {
		row->self[side] += n->self[side];
		s->self[side] += n->self[side];
		s->squares_self[side] += n->squares_self[side];
		if (!outermost)
			continue;
		row->total[side] += n->total[side];
		s->total[side] += n->total[side];
		s->squares_total[side] += n->squares_total[side];
	}
}

/* A stratum is done: the next one varies by itself. */
static void sums_close(struct sums *s, const struct stratum *stratum)
{
	for (int side = 0; side < 2; side++) {
		s->self_variance += variance(stratum, side, s->self[side], s->squares_self[side]);
		s->total_variance +=
			variance(stratum, side, s->total[side], s->squares_total[side]);
		s->mean_square[side] = fmax(s->mean_square[side], stratum->mean_square[side]);
		s->self[side] = s->total[side] = s->squares_self[side] = s->squares_total[side] = 0;
	}
	s->touched = false;
}

static void sum_stratum(const struct diff *d, const struct stratum *stratum, struct diff_row *rows,
			struct sums *sums, uint32_t *touched)
{
	size_t n = 0;

	for (uint32_t i = stratum->from; i < stratum->to; i++) {
		const struct view_node *node = &d->view.nodes[i];
		struct sums *s = &sums[node->label];
		bool outermost = i >= s->until;

		if (!s->touched)
			touched[n++] = node->label;
		s->touched = true;
		if (outermost)
			s->until = node->next;
		sums_add(&rows[node->label], s, &d->nodes[i], outermost);
	}
	while (n)
		sums_close(&sums[touched[--n]], stratum);
}

/* Of VIEW_WAIT there are no strata: all is exact. */
static void sum_exact(const struct diff *d, struct diff_row *rows, struct sums *sums)
{
	for (uint32_t i = 0; i < d->view.n_nodes; i++) {
		const struct view_node *node = &d->view.nodes[i];
		struct sums *s = &sums[node->label];
		bool outermost = i >= s->until;

		if (outermost)
			s->until = node->next;
		sums_add(&rows[node->label], s, &d->nodes[i], outermost);
	}
}

int diff_functions(const struct diff *d, struct diff_row **ret, size_t *ret_n)
{
	const struct view *v = &d->view;
	struct diff_row *rows = calloc(v->n_labels + 1, sizeof(*rows));
	struct sums *sums = calloc(v->n_labels + 1, sizeof(*sums));
	uint32_t *touched = malloc((v->n_labels + 1) * sizeof(*touched)), at = 0;
	struct stratum stratum;
	size_t n = 0;

	if (!rows || !sums || !touched) {
		free(rows);
		free(sums);
		free(touched);
		return -ENOMEM;
	}
	if (d->by == VIEW_WAIT)
		sum_exact(d, rows, sums);
	while (next_stratum(d, &at, &stratum))
		sum_stratum(d, &stratum, rows, sums, touched);
	for (uint32_t i = 0; i < v->n_labels; i++) {
		double more = sums[i].mean_square[0] + sums[i].mean_square[1];
		struct diff_row row = rows[i];

		if (v->labels[i].kind < VIEW_FRAME || !(row.total[0] || row.total[1]))
			continue;
		row.label = i;
		row.node = VIEW_NONE;
		row.self_noise = sqrt(sums[i].self_variance + more);
		row.total_noise = sqrt(sums[i].total_variance + more);
		rows[n++] = row;
	}
	free(sums);
	free(touched);
	*ret = rows;
	*ret_n = n;
	return 0;
}

int diff_threads(const struct diff *d, struct diff_row **ret, size_t *ret_n)
{
	const struct view *v = &d->view;
	struct diff_row *rows = calloc(v->n_nodes, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->n_nodes; i++) {
		const struct diff_node *node = &d->nodes[i];
		struct diff_row *row = &rows[n];

		if (v->labels[v->nodes[i].label].kind != VIEW_THREAD)
			continue;
		row->label = v->nodes[i].label;
		row->node = i;
		for (int side = 0; side < 2; side++)
			row->self[side] = row->total[side] = node->total[side];
		row->self_noise = row->total_noise = node->noise;
		n++;
	}
	*ret = rows;
	*ret_n = n;
	return 0;
}
