/* SPDX-License-Identifier: BSD-2-Clause */
/* A static flame graph that says something else than what kinds of code there are. */
#ifndef BD_SVG_SKIN_H
#define BD_SVG_SKIN_H

#include "user/lib/base/out.h"
#include "user/lib/view/view.h"

#define SVG_CLASS_BYTES 4
#define SVG_TEXT_BYTES 256

struct svg_skin {
	const char *style; /* CSS rules with a fill for each class */
	const char *title, *facts;
	const struct svg_legend {
		const char *class, *text;
	} * legend;
	size_t n_legend;
	const void *ctx;
	/* Of a node: its class, and what the second line of its tooltip says. */
	void (*class_of)(const void *ctx, uint32_t node, char ret[SVG_CLASS_BYTES]);
	void (*tooltip)(const void *ctx, uint32_t node, char ret[SVG_TEXT_BYTES]);
};

/* The picture of a view; without a skin that of `export -f svg`. 0 or the error of `out`. */
int svg_draw(const struct view *v, const struct svg_skin *skin, struct out *out);

#endif
