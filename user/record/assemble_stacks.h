/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of assembling that concerns stacks and samples. */
#ifndef BD_ASSEMBLE_STACKS_H
#define BD_ASSEMBLE_STACKS_H

#include "user/record/assemble_phases.h"
#include "user/record/naming.h"

/* The report's prefix tree while it is made. */
struct assemble_tree {
	struct aggregate *a;
	struct report *r;
	struct naming naming;
	struct idmap rows; /* (parent, frame) -> row in stacks */
};

/* Names, frames, the prefix tree, samples with their weights, `unwind`. Threads have their rows. */
int assemble_samples(struct aggregate *a, const struct phases *phases, struct report *r);

/* The row of `frame` below `parent`, or -errno. */
int64_t assemble_tree_step(struct assemble_tree *t, int64_t parent, uint32_t frame);
/*
 * The user part of a sample: its row, with a mark at the root where frames are missing, for
 * *ret_reason, which is NULL where the stack is whole. -1: there is none; less: -errno.
 */
int64_t assemble_tree_user(struct assemble_tree *t, const struct aggregate_sample *s,
			   const char **ret_reason);

#endif
