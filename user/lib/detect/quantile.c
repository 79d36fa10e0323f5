// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/detect/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values are added in lots of this many: the scratch arrays live on the stack. */
#define LOT 64

/* An outermost point that stands for less than this much of one value is dropped. */
#define FORGOTTEN 0.125f

struct point {
	float value, weight;
};

static int value_order(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* An hour's values are few, and often in order already: they are added to several sketches. */
static void values_sort(float *values, size_t count)
{
	size_t i, k;

	if (count > LOT) {
		qsort(values, count, sizeof(*values), value_order);
		return;
	}
	for (i = 1; i < count; i++) {
		float value = values[i];

		for (k = i; k > 0 && values[k - 1] > value; k--)
			values[k] = values[k - 1];
		values[k] = value;
	}
}

/* cos and sin of 2 pi / QUANTILE_POINTS: the step of k1 */
#define STEP_COS 0.86602540378443865
#define STEP_SIN 0.5
_Static_assert(QUANTILE_POINTS == 12, "the two constants above belong to 12 points");

/*
 * The share of the weight at which the next point ends when one begins at the share P:
 * (sin(asin(2 P - 1) + step) + 1) / 2, by the addition theorem.
 */
static double point_end(double p)
{
	double x = 2 * p - 1;

	return x >= STEP_COS ? 1
			     : (x * STEP_COS + sqrt(x * x < 1 ? 1 - x * x : 0) * STEP_SIN + 1) / 2;
}

/* Squeezes COUNT points in ascending order into the sketch. */
static void sketch_squeeze(struct quantile *q, const struct point *in, size_t count)
{
	double total = 0, done = 0, limit;
	size_t i;

	for (i = 0; i < count; i++)
		total += in[i].weight;
	q->n = 0;
	limit = total * point_end(0);
	for (i = 0; i < count; i++) {
		uint32_t last = q->n - 1;

		if (q->n && (done + in[i].weight <= limit * 1.000001 || q->n == QUANTILE_POINTS)) {
			q->weight[last] += in[i].weight;
			q->value[last] +=
				(in[i].value - q->value[last]) * in[i].weight / q->weight[last];
		} else {
			if (q->n)
				limit = total * point_end(done / total);
			q->value[q->n] = in[i].value;
			q->weight[q->n++] = in[i].weight;
		}
		done += in[i].weight;
	}
}

static void sketch_merge(struct quantile *q, const float *values, size_t count)
{
	struct point all[QUANTILE_POINTS + LOT];
	size_t i = 0, k = 0, n = 0;

	while (i < q->n || k < count) {
		if (k == count || (i < q->n && q->value[i] <= values[k])) {
			all[n++] = (struct point){q->value[i], q->weight[i]};
			i++;
		} else {
			all[n++] = (struct point){values[k++], 1};
		}
	}
	sketch_squeeze(q, all, n);
}

void quantile_add(struct quantile *q, float *values, size_t count)
{
	size_t lot;

	if (!count)
		return;
	values_sort(values, count);
	if (!q->n || values[0] < q->min)
		q->min = values[0];
	if (!q->n || values[count - 1] > q->max)
		q->max = values[count - 1];
	for (; count; count -= lot, values += lot) {
		lot = count < LOT ? count : LOT;
		sketch_merge(q, values, lot);
	}
}

void quantile_decay(struct quantile *q, float keep)
{
	uint32_t i;

	if (!q->n)
		return;
	for (i = 0; i < q->n; i++)
		q->weight[i] *= keep;
	while (q->n > 1 && q->weight[q->n - 1] < FORGOTTEN)
		q->n--;
	while (q->n > 1 && q->weight[0] < FORGOTTEN) {
		q->n--;
		memmove(q->value, q->value + 1, q->n * sizeof(q->value[0]));
		memmove(q->weight, q->weight + 1, q->n * sizeof(q->weight[0]));
	}
	q->min += (q->value[0] - q->min) * (1 - keep);
	q->max += (q->value[q->n - 1] - q->max) * (1 - keep);
}

float quantile_weight(const struct quantile *q)
{
	float total = 0;
	uint32_t i;

	for (i = 0; i < q->n; i++)
		total += q->weight[i];
	return total;
}

/* Linear between the middles of neighbouring points, and to the extremes at both ends. */
float quantile_at(const struct quantile *q, double p)
{
	double want = p * quantile_weight(q), at = 0, before = 0;
	float value = q->min;
	uint32_t i;

	if (!q->n)
		return 0;
	if (p >= 1)
		return q->max;
	for (i = 0; i < q->n; i++) {
		double middle = at + q->weight[i] / 2;

		if (want <= middle)
			return middle > before ? value + (q->value[i] - value) * (want - before) /
								 (middle - before)
					       : q->value[i];
		value = q->value[i];
		before = middle;
		at += q->weight[i];
	}
	return at > before ? value + (q->max - value) * (want - before) / (at - before) : q->max;
}
