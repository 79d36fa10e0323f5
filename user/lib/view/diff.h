/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two reports compared: what got hotter. The same part of each is looked at (struct view_options),
 * and what has the same names is the same: process and thread by name, a frame by its function's
 * name, kind and the base name of its module. So addresses, process numbers and paths may differ.
 *
 * Normalisation: B is scaled so that its total is that of A, by the rounding of running sums, so it
 * adds up to A's total exactly. All values of a diff are A's units (us of exact CPU time, samples,
 * or us of waiting), those of B after scaling. What doubles as the whole doubles is no change.
 *
 * Noise: which stacks a thread was sampled in is chance, how long it ran is exact. Within a thread
 *of one side, with samples of weights w, the part p of a function varies as sum((w * (1 - p))^2)
 *over samples in it + sum((w * p)^2) over those outside (the linearised variance of a ratio; with
 *equal weights the binomial n p (1 - p) w^2), plus one mean sample, so that nothing is certain
 *after few samples. Variances add up over threads and both sides. A change below DIFF_SIGMAS
 *standard deviations is noise. Of VIEW_SAMPLES the threads are noise as well; of VIEW_WAIT all is
 *exact. That the program itself does not do the same twice is no part of this.
 *
 * Ownership: a diff owns all that it points to, and needs the two reports no longer. It must not be
 * moved: its view points to its report.
 */
#ifndef BD_DIFF_H
#define BD_DIFF_H

#include "user/lib/profile/report.h"
#include "user/lib/view/view.h"

#define DIFF_NAME_BYTES 96
/* Of a thousand functions that did not change one in two comparisons would be shown as one. */
#define DIFF_SIGMAS 3.5

/* [0] is A, [1] is B: scaled. */
struct diff_node {
	uint64_t self[2], total[2];
	uint64_t samples[2]; /* in the subtree; not scaled */
	double noise;	     /* standard deviation of total[1] - total[0]; 0: both are exact */
	double squares_self[2], squares_total[2]; /* what the noise comes from */
};

/* One function, mark or thread. */
struct diff_row {
	uint32_t label;		    /* of the view */
	uint32_t node;		    /* of a thread; else VIEW_NONE */
	uint64_t self[2], total[2]; /* total: each path counts once */
	double self_noise, total_noise;
};

struct diff_side {
	uint64_t total, samples; /* not scaled */
	size_t threads;
	double from_s, to_s;
	char name[DIFF_NAME_BYTES]; /* client, command or "Machine" */
	int64_t start_ns;
};

struct diff {
	enum view_by by;
	double scale; /* B's values were multiplied by it */
	struct diff_side side[2];
	/*
	 * Both sides as one report, for exports: the threads of A have process number 1, those of B
	 * 2; each sample is a stack of one thread of one side, its weight the value * 1000. Of that
	 * sample `counts` are how many there were, and `squares` the sum of the squares of their
	 * weights, in units of the (scaled) value.
	 */
	struct report report;
	uint64_t *counts;
	double *squares;
	/* The tree of both: values are the sum of the two sides, so a width stands for their mean.
	 */
	struct view view;
	struct diff_node *nodes; /* of view.nodes */
};

/*
 * 0 and a diff for diff_release(); or the errors of view_build(), or -ENODATA: one of the two has
 * nothing in the part that was asked for. `error` is one line for a person.
 */
int diff_build(const struct report *a, const struct report *b, const struct view_options *options,
	       struct diff *ret, char error[VIEW_ERROR_BYTES]);
void diff_release(struct diff *d);

/* The change is more than chance. Time that no sample hit never is: it depends on the rate. */
bool diff_changed(const struct diff *d, uint32_t label, int64_t change, double noise);
bool diff_node_changed(const struct diff *d, uint32_t node);

/*
 * Functions and marks, or threads (whose self is their total), in no order; the caller frees the
 * array. 0 or -ENOMEM.
 */
int diff_functions(const struct diff *d, struct diff_row **ret, size_t *ret_n);
int diff_threads(const struct diff *d, struct diff_row **ret, size_t *ret_n);

#endif
