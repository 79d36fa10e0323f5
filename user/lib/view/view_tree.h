/* SPDX-License-Identifier: BSD-2-Clause */
/* The call tree of a view while it is being built; see view.h for what it becomes. */
#ifndef BD_VIEW_TREE_H
#define BD_VIEW_TREE_H

#include "user/lib/base/pairs.h"
#include "user/lib/view/view.h"

struct view_tree {
	const struct report *report;
	struct view_node *nodes; /* parents before children; `next` and `total` not yet */
	size_t n_nodes, cap_nodes;
	struct view_label *labels;
	size_t n_labels, cap_labels;
	uint32_t *frame_label;		       /* of each row in frames, VIEW_NONE until used */
	struct pairs children, kinds, modules; /* the last two tell labels apart */
	uint32_t *memo;			       /* node of each row in stacks, below `thread` */
	uint32_t *touched, *path;	       /* rows that have a memo; rows on the way up */
	size_t n_touched;
	uint32_t thread;
	int status; /* sticky: -ENOMEM or -E2BIG */
};

/* 0 or -ENOMEM. The root is node 0. */
int view_tree_init(struct view_tree *t, const struct report *r);
void view_tree_release(struct view_tree *t);

/* All these return a node or label, or 0 after an error, which sticks. */
uint32_t view_tree_label(struct view_tree *t, enum view_kind kind, uint32_t name);
uint32_t view_tree_mark(struct view_tree *t, const char *name);
uint32_t view_tree_child(struct view_tree *t, uint32_t parent, uint32_t label);
/* The node of a row in stacks below a thread's node. Fast while the thread stays the same. */
uint32_t view_tree_stack(struct view_tree *t, uint32_t thread, uint32_t row, bool reverse);

/* Totals, order, and what view.h promises: moves nodes and labels to `ret`. 0 or -ENOMEM. */
int view_tree_finish(struct view_tree *t, struct view *ret);

#endif
