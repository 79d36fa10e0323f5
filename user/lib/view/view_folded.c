// SPDX-License-Identifier: BSD-2-Clause
/* The folded form of a view, and nothing else that stands in a line there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/view.h"

struct line {
	char *text;
	size_t cap;
	size_t *end; /* of the path at each depth */
};

static int line_room(struct line *l, size_t size)
{
	size_t cap = l->cap ? l->cap : 4096;
	char *text;

	while (cap < size)
		cap *= 2;
	if (cap == l->cap)
		return 0;
	text = realloc(l->text, cap);
	if (!text)
		return -ENOMEM;
	l->text = text;
	l->cap = cap;
	return 0;
}

/* The path of a node: its parent's, and its own label with nothing in it that means something. */
static int line_push(struct line *l, size_t depth, const struct view_label *label)
{
	const char *name = *label->name ? label->name : "?";
	size_t len = strlen(name), suffix = strlen(label->suffix), at = l->end[depth - 1];

	if (line_room(l, at + len + suffix + 1 + VIEW_PATH_ROOM))
		return -ENOMEM;
	if (depth > 1)
		l->text[at++] = ';';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = name[i];

		l->text[at++] = c == ';' ? ':' : c < 0x20 || c == 0x7f ? ' ' : c;
	}
	memcpy(l->text + at, label->suffix, suffix);
	l->end[depth] = at + suffix;
	return 0;
}

int view_paths(const struct view *v, int (*path)(void *ctx, uint32_t node, char *text, size_t len),
	       void *ctx)
{
	struct line l = {.end = calloc(v->max_depth + 1, sizeof(*l.end))};
	int status = l.end ? 0 : -ENOMEM;

	for (size_t i = 1; i < v->n_nodes && !status; i++) {
		const struct view_node *n = &v->nodes[i];

		status = line_push(&l, n->depth, &v->labels[n->label]);
		if (!status && n->self)
			status = path(ctx, i, l.text, l.end[n->depth]);
	}
	free(l.text);
	free(l.end);
	return status;
}

struct folded {
	const struct view *v;
	int (*line)(void *ctx, const char *text, size_t len);
	void *ctx;
};

static int put_folded(void *ctx, uint32_t node, char *text, size_t len)
{
	const struct folded *f = ctx;

	len += snprintf(text + len, VIEW_PATH_ROOM, " %llu\n",
			(unsigned long long)f->v->nodes[node].self);
	return f->line(f->ctx, text, len);
}

int view_folded(const struct view *v, int (*line)(void *ctx, const char *text, size_t len),
		void *ctx)
{
	struct folded f = {v, line, ctx};

	return view_paths(v, put_folded, &f);
}
