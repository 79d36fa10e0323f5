/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small decaying quantile sketch: at most QUANTILE_POINTS (value, weight) pairs in ascending
 * order of value, finer towards the tails, and the two extremes by themselves.
 *
 * It is a merging t-digest (Dunning and Ertl, "Computing extremely accurate quantiles using
 * t-digests", 2019, scale function k1) with a fixed size: no allocation, and it can be copied,
 * compared and stored as it is. The extremes are kept exactly, because what is rare and habitual
 * (a job of one minute an hour) has no weight and is what a detector must know.
 *
 * A zeroed sketch is empty. Values must be finite.
 */
#ifndef BD_QUANTILE_H
#define BD_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

#define QUANTILE_POINTS 12

struct quantile {
	float value[QUANTILE_POINTS];
	float weight[QUANTILE_POINTS];
	float min, max;
	uint32_t n;
};

/* Adds COUNT values of weight 1 each; the array is sorted in place. COUNT may be 0. */
void quantile_add(struct quantile *q, float *values, size_t count);

/*
 * Ages what is in the sketch: weights are multiplied by KEEP (0 to 1), and the extremes move
 * towards the outermost points by the share 1 - KEEP, so that what does not recur fades.
 */
void quantile_decay(struct quantile *q, float keep);

/* Value below which the share P (0 to 1) of the weight lies; 0 gives min, 1 gives max. 0 if empty.
 */
float quantile_at(const struct quantile *q, double p);

/* Sum of the weights: how many values it stands for after decay. */
float quantile_weight(const struct quantile *q);

#endif
