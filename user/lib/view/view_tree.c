// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/view_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a row in strings or modules stands in a pair, these mean something else. */
#define NO_MODULE (UINT32_MAX - 1)
#define KIND_OF_NAME(kind) (UINT32_MAX - 16 + (kind))
#define NAME_OF_MARK(first_byte) (UINT32_MAX - 512 + (first_byte))

static const struct {
	const char *kind, *suffix;
	enum view_kind view;
} frame_kinds[] = {
	{"kernel", "_[k]", VIEW_FRAME},
	{"inlined", "_[i]", VIEW_FRAME},
	{"jit", "_[j]", VIEW_FRAME},
	{"cut", "", VIEW_MARK},
	/* Marks as frames: no recording has them, but what diff.h puts together does. */
	{"idle", "", VIEW_MARK},
	{"lost", "", VIEW_MARK},
	{"wait", "", VIEW_MARK},
};

static uint32_t tree_fail(struct view_tree *t, int status)
{
	t->status = t->status ? t->status : status;
	return 0;
}

/* One more element in a growing array: the array, or NULL. */
static void *tree_grow(void *array, size_t n, size_t *cap, size_t element)
{
	void *grown;

	if (n < *cap)
		return array;
	grown = realloc(array, (*cap ? *cap * 2 : 256) * element);
	if (grown)
		*cap = *cap ? *cap * 2 : 256;
	return grown;
}

static uint32_t tree_add_label(struct view_tree *t, struct view_label label)
{
	struct view_label *labels =
		tree_grow(t->labels, t->n_labels, &t->cap_labels, sizeof(*labels));

	if (!labels)
		return tree_fail(t, -ENOMEM);
	t->labels = labels;
	labels[t->n_labels] = label;
	return t->n_labels++;
}

static uint32_t tree_add_node(struct view_tree *t, uint32_t parent, uint32_t label)
{
	struct view_node *nodes = tree_grow(t->nodes, t->n_nodes, &t->cap_nodes, sizeof(*nodes));

	if (!nodes)
		return tree_fail(t, -ENOMEM);
	t->nodes = nodes;
	if (t->n_nodes >= VIEW_MAX_NODES)
		return tree_fail(t, -E2BIG);
	nodes[t->n_nodes] = (struct view_node){
		.label = label,
		.parent = parent,
		.depth = parent == VIEW_NONE ? 0 : nodes[parent].depth + 1,
	};
	return t->n_nodes++;
}

int view_tree_init(struct view_tree *t, const struct report *r)
{
	*t = (struct view_tree){.report = r};
	t->frame_label = malloc((r->frames.n + 1) * sizeof(uint32_t));
	t->memo = malloc((r->stacks.n + 1) * sizeof(uint32_t));
	t->touched = malloc((r->stacks.n + 1) * sizeof(uint32_t));
	t->path = malloc((r->stacks.n + 1) * sizeof(uint32_t));
	if (!t->frame_label || !t->memo || !t->touched || !t->path) {
		view_tree_release(t);
		return -ENOMEM;
	}
	memset(t->frame_label, 0xff, r->frames.n * sizeof(uint32_t));
	memset(t->memo, 0xff, r->stacks.n * sizeof(uint32_t));
	tree_add_label(t, (struct view_label){VIEW_ROOT, "all", "", VIEW_NONE});
	tree_add_node(t, VIEW_NONE, 0);
	return t->status;
}

void view_tree_release(struct view_tree *t)
{
	free(t->nodes);
	free(t->labels);
	free(t->frame_label);
	free(t->memo);
	free(t->touched);
	free(t->path);
	pairs_release(&t->children);
	pairs_release(&t->kinds);
	pairs_release(&t->modules);
	*t = (struct view_tree){0};
}

/* The label of (name, kind, module), made by `label` where it is new. */
static uint32_t tree_label(struct view_tree *t, uint32_t name, uint32_t kind, uint32_t module,
			   struct view_label label)
{
	uint32_t *named = pairs_at(&t->kinds, name, kind), *at;

	if (!named)
		return tree_fail(t, -ENOMEM);
	if (*named == PAIRS_NEW)
		*named = t->kinds.n;
	at = pairs_at(&t->modules, *named, module);
	if (!at)
		return tree_fail(t, -ENOMEM);
	if (*at == PAIRS_NEW)
		*at = tree_add_label(t, label);
	return *at;
}

uint32_t view_tree_label(struct view_tree *t, enum view_kind kind, uint32_t name)
{
	struct view_label label = {kind, report_text(t->report, name), "", VIEW_NONE};

	return tree_label(t, name, KIND_OF_NAME(kind), NO_MODULE, label);
}

uint32_t view_tree_mark(struct view_tree *t, const char *name)
{
	struct view_label label = {VIEW_MARK, name, "", VIEW_NONE};

	/* The marks that are ours differ in their second byte. */
	return tree_label(t, NAME_OF_MARK((unsigned char)name[1]), KIND_OF_NAME(VIEW_MARK),
			  NO_MODULE, label);
}

static uint32_t tree_frame_label(struct view_tree *t, uint32_t row)
{
	const struct report_frames *f = &t->report->frames;
	struct view_label label = {VIEW_FRAME, report_text(t->report, f->name[row]), "", row};
	const char *kind = report_text(t->report, f->kind[row]);

	if (t->frame_label[row] != VIEW_NONE)
		return t->frame_label[row];
	for (size_t i = 0; i < sizeof(frame_kinds) / sizeof(frame_kinds[0]); i++) {
		if (strcmp(kind, frame_kinds[i].kind))
			continue;
		label.suffix = frame_kinds[i].suffix;
		label.kind = frame_kinds[i].view;
	}
	t->frame_label[row] = tree_label(t, f->name[row], f->kind[row],
					 f->module[row] < 0 ? NO_MODULE : f->module[row], label);
	return t->frame_label[row];
}

uint32_t view_tree_child(struct view_tree *t, uint32_t parent, uint32_t label)
{
	uint32_t *at = t->status ? NULL : pairs_at(&t->children, parent, label);

	if (!at)
		return tree_fail(t, -ENOMEM);
	if (*at == PAIRS_NEW)
		*at = tree_add_node(t, parent, label);
	return *at;
}

/* Frames beyond the limit are one node. */
static uint32_t tree_step(struct view_tree *t, uint32_t node, uint32_t row)
{
	uint32_t depth = t->nodes[node].depth;

	if (depth >= VIEW_MAX_DEPTH)
		return node;
	if (depth == VIEW_MAX_DEPTH - 1)
		return view_tree_child(t, node, view_tree_mark(t, VIEW_DEEPER));
	return view_tree_child(t, node, tree_frame_label(t, t->report->stacks.frame[row]));
}

static void tree_enter(struct view_tree *t, uint32_t thread)
{
	for (size_t i = 0; i < t->n_touched; i++)
		t->memo[t->touched[i]] = VIEW_NONE;
	t->n_touched = 0;
	t->thread = thread;
}

uint32_t view_tree_stack(struct view_tree *t, uint32_t thread, uint32_t row, bool reverse)
{
	const int32_t *parent = t->report->stacks.parent;
	uint32_t node = thread;
	size_t n = 0;
	int32_t at;

	if (reverse) {
		for (at = row; at >= 0 && t->nodes[node].depth < VIEW_MAX_DEPTH; at = parent[at])
			node = tree_step(t, node, at);
		return node;
	}
	if (thread != t->thread)
		tree_enter(t, thread);
	for (at = row; at >= 0 && t->memo[at] == VIEW_NONE; at = parent[at])
		t->path[n++] = at;
	if (at >= 0)
		node = t->memo[at];
	while (n && !t->status) {
		at = t->path[--n];
		node = tree_step(t, node, at);
		t->memo[at] = node;
		t->touched[t->n_touched++] = at;
	}
	return node;
}
