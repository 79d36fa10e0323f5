// SPDX-License-Identifier: BSD-2-Clause
/*
 * The differential flame graph. Red and blue stay apart for every kind of colour blindness (the
 * scale is the RdBu of ColorBrewer, C. Brewer, 2002, made for that); how dark they are says how
 * much of the larger side the change is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/lib/view/diff_write.h"
#include "user/lib/base/summary_text.h"
#include "user/lib/view/svg_skin.h"

static const char style[] =
	".z0{fill:#dfe1e6}.z1{fill:#edeff4}\n"
	".a1{fill:#fde3d4}.a2{fill:#fac8ae}.a3{fill:#f2a184}.a4{fill:#e0735f}.a5{fill:#cf4a45}\n"
	".b1{fill:#dbe9f4}.b2{fill:#bcd8ea}.b3{fill:#93c1de}.b4{fill:#62a3cd}.b5{fill:#4189bd}\n"
	"@media(prefers-color-scheme:dark){.z0{fill:#434956}.z1{fill:#262b35}\n"
	".a1{fill:#5c4240}.a2{fill:#7a4640}.a3{fill:#984a40}.a4{fill:#b24c40}.a5{fill:#cb4a3e}\n"
	".b1{fill:#3b4a5c}.b2{fill:#39557a}.b3{fill:#366096}.b4{fill:#336cb0}.b5{fill:#2f78c8}}\n";

static const struct svg_legend legend[] = {
	{"b5", "gone, or much colder in B"}, {"b2", "colder"},
	{"z0", "no change, or by chance"},   {"a2", "hotter"},
	{"a5", "new, or much hotter in B"},
};

int diff_step(const struct diff *d, uint32_t node)
{
	static const double steps[] = {0.10, 0.25, 0.50, 0.75};
	const struct diff_node *n = &d->nodes[node];
	double a = n->total[0], b = n->total[1], part = fabs(b - a) / (a > b ? a : b);
	int step = 1;

	if (!diff_node_changed(d, node))
		return 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		step += part > steps[i];
	return b > a ? step : -step;
}

static void class_of(const void *ctx, uint32_t node, char ret[SVG_CLASS_BYTES])
{
	int step = diff_step(ctx, node);

	ret[0] = step > 0 ? 'a' : step < 0 ? 'b' : 'z';
	ret[1] = step ? '0' + abs(step) : node ? '0' : '1';
	ret[2] = '\0';
}

static void tooltip(const void *ctx, uint32_t node, char ret[SVG_TEXT_BYTES])
{
	const struct diff *d = ctx;
	const struct diff_node *n = &d->nodes[node];
	uint64_t whole = d->side[0].total;
	char factor[DIFF_VALUE_BYTES];

	snprintf(ret, SVG_TEXT_BYTES, "A %.2f %%, B %.2f %%: %+.2f points %s%s",
		 summary_percent(n->total[0], whole), summary_percent(n->total[1], whole),
		 100.0 * (int64_t)(n->total[1] - n->total[0]) / whole,
		 diff_factor(n->total[0], n->total[1], factor),
		 diff_node_changed(d, node) || n->total[0] == n->total[1] ? "" : ", by chance");
}

int diff_write_svg(const struct diff *d, struct out *out)
{
	char title[SVG_TEXT_BYTES], facts[SVG_TEXT_BYTES];
	char a[DIFF_VALUE_BYTES], b[DIFF_VALUE_BYTES];
	const struct svg_skin skin = {
		.style = style,
		.title = title,
		.facts = facts,
		.legend = legend,
		.n_legend = sizeof(legend) / sizeof(legend[0]),
		.ctx = d,
		.class_of = class_of,
		.tooltip = tooltip,
	};

	snprintf(title, sizeof(title), "%.80s \xe2\x86\x92 %.80s: what got hotter", d->side[0].name,
		 d->side[1].name);
	snprintf(facts, sizeof(facts),
		 "A: %s, B: %s, scaled to the same; a width is the mean of the two shares",
		 diff_value(d, d->side[0].total, a), diff_value(d, d->side[1].total, b));
	return svg_draw(&d->view, &skin, out);
}
