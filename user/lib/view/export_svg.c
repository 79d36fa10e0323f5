// SPDX-License-Identifier: BSD-2-Clause
/*
 * `export -f svg`: the view as a flame graph that any viewer shows: no script, no font of its own,
 * light or dark as the reader prefers.
 *
 * Frames too narrow to be seen are left out with all that is above them; if that still draws too
 * many, the least width grows. The picture says how many are missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/view/export.h"
#include "user/lib/view/svg_skin.h"
#include "user/lib/base/utf8.h"

#define WIDTH 1200.0
#define MARGIN 10.0
#define ROW 17
#define HEAD 78
#define FOOT 26
#define FONT_PX 11.5
#define LEAST_PX 0.1
#define MAX_DRAWN 12000
#define MAX_TEXT 256
#define MAX_ROWS 2000

static const char style[] =
	"<style>\n"
	"svg{font:11.5px Verdana,\"DejaVu Sans\",sans-serif;background:#fff}\n"
	"text{fill:#1b2130;pointer-events:none}.t{font-size:17px;font-weight:600}.m{fill:#646c7c}\n"
	".u0{fill:#f8b875}.u1{fill:#fcc285}.u2{fill:#f3ac68}.i0{fill:#fbdf98}.i1{fill:#fde7ab}.i2{"
	"fill:#f6d689}\n"
	".j0{fill:#7fd1b0}.j1{fill:#93dabd}.j2{fill:#70c5a3}.k0{fill:#96c3f2}.k1{fill:#a8cff8}.k2{"
	"fill:#87b6ea}\n"
	".o0{fill:#cdb6ea}.o1{fill:#d7c4f0}.o2{fill:#c2a9e2}.c0{fill:#e9b6bf}.n0{fill:#dfe1e6}.p0{"
	"fill:#d6dae3}.r0{fill:#edeff4}\n"
	".h{fill:url(#cut);pointer-events:none}g:hover>rect:first-of-type{stroke:#1b2130}\n"
	"@media(prefers-color-scheme:dark){svg{background:#191c23}text{fill:#f4f6fa}.m{fill:#"
	"98a1b2}\n"
	".u0{fill:#b9682f}.u1{fill:#c5753b}.u2{fill:#ac5d27}.i0{fill:#bf9746}.i1{fill:#caa455}.i2{"
	"fill:#b28a38}\n"
	".j0{fill:#2f8a6c}.j1{fill:#3b9779}.j2{fill:#267d60}.k0{fill:#3f76b5}.k1{fill:#4c84c3}.k2{"
	"fill:#3569a6}\n"
	".o0{fill:#8261a8}.o1{fill:#8f6fb5}.o2{fill:#76559b}.c0{fill:#944a5c}.n0{fill:#434956}.p0{"
	"fill:#363c48}.r0{fill:#262b35}\n"
	"g:hover>rect:first-of-type{stroke:#fff}}\n"
	"</style>\n"
	"<defs><pattern id=\"cut\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
	"patternTransform=\"rotate(45)\">"
	"<rect width=\"2\" height=\"6\" fill=\"#5a0018\" fill-opacity=\".35\"/></pattern></defs>\n";

/* What a colour stands for; `class` is the first letter of those in the style. */
static const struct {
	const char *suffix;
	char class;
	const char *legend;
} kinds[] = {
	{"", 'u', "user"},	 {"_[i]", 'i', "inlined"}, {"_[j]", 'j', "JIT"},
	{"_[k]", 'k', "kernel"}, {NULL, 'c', "stack cut"}, {NULL, 'n', "not sampled"},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct picture {
	const struct view *v;
	const struct svg_skin *skin; /* or NULL */
	struct out *out;
	double scale, least_px; /* pixels a unit; narrower frames are left out */
	uint64_t drawn, left_out;
	uint32_t rows;
	double bottom;
};

static bool is_cut(const struct view_label *l)
{
	return l->kind == VIEW_MARK && !strncmp(l->name, "[unwind", 7);
}

static char class_of(const struct view_label *l)
{
	if (l->kind == VIEW_ROOT)
		return 'r';
	if (l->kind == VIEW_PROCESS || l->kind == VIEW_THREAD)
		return 'p';
	if (l->kind == VIEW_MARK)
		return is_cut(l) ? 'c' : 'n';
	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i].suffix && !strcmp(kinds[i].suffix, l->suffix))
			return kinds[i].class;
	return 'o';
}

/* One of three shades, so that neighbours are told apart; the same for a name in every picture. */
static char shade_of(const struct view_label *l)
{
	uint32_t h = 2166136261u;

	if (l->kind != VIEW_FRAME)
		return '0';
	for (const char *p = l->name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return '0' + (h >> 7) % 3;
}

/* About as wide as Verdana and DejaVu Sans, the widest that this is likely to be shown in. */
static double char_px(unsigned char c)
{
	if (c >= 0x80)
		return FONT_PX * (c >= 0xe0 ? 1.0 : 0.65);
	if (strchr("iljI.,:;'|!()[]{} tfr/-\"", c))
		return FONT_PX * 0.43;
	if (strchr("mwMW@%", c))
		return FONT_PX * 1.0;
	return FONT_PX * (c >= 'A' && c <= 'Z' ? 0.73 : 0.63);
}

/* `text` or as much of it as fits with two dots behind it; "" where no three characters do. */
static void fit_text(const char *text, double room, char ret[MAX_TEXT + 4])
{
	double dots = 2 * char_px('.'), px = 0;
	size_t n = 0, fits = 0, chars = 0, len = strlen(text);

	while (n < len && n < MAX_TEXT - 4) {
		size_t step = utf8_step(text + n, len - n);

		if (!step)
			break;
		px += char_px(text[n]);
		if (px > room)
			break;
		n += step;
		if (px + dots <= room) {
			fits = n;
			chars++;
		}
	}
	if (n == len) {
		memcpy(ret, text, n + 1);
		return;
	}
	n = chars >= 3 ? fits : 0;
	memcpy(ret, text, n);
	strcpy(ret + n, n ? ".." : "");
}

/*
 * `a::b<c>::Thing::run(int) const` becomes `Thing::run`, as it does in the page: without what is in
 * brackets, the last two parts. False where there is nothing to leave out.
 */
static bool short_name(const char *name, char ret[MAX_TEXT])
{
	size_t n = 0, begin = 0, before = 0;
	int depth = 0;

	if (!strstr(name, "::") || name[0] == '[' || strstr(name, "operator"))
		return false;
	for (const char *p = name; *p && n < MAX_TEXT - 1; p++) {
		if (*p == '<' || *p == '(') {
			depth++;
		} else if (*p == '>' || *p == ')') {
			depth -= depth > 0;
		} else if (!depth && *p == ' ') {
			break;
		} else if (!depth) {
			ret[n++] = *p;
			if (n >= 2 && ret[n - 1] == ':' && ret[n - 2] == ':') {
				before = begin;
				begin = n;
			}
		}
	}
	ret[n] = '\0';
	if (n == begin)
		return false;
	memmove(ret, ret + before, n - before + 1);
	return true;
}

static void format_value(const struct picture *p, uint64_t value, char *ret, size_t size)
{
	if (p->v->by == VIEW_SAMPLES)
		snprintf(ret, size, "%" PRIu64 " sample%s", value, value == 1 ? "" : "s");
	else if (value >= 1000000)
		snprintf(ret, size, "%.2f s", value / 1e6);
	else
		snprintf(ret, size, "%.2f ms", value / 1e3);
}

/* --- which frames: nodes stand in depth-first order, so one cursor a depth says where they lie */
struct walk {
	const struct picture *p;
	uint64_t *cursor;
	size_t i;
	uint64_t left_out;
};

/* The next node that is wide enough, and where it begins; false at the end. */
static bool walk_next(struct walk *w, const struct view_node **ret, uint64_t *ret_start)
{
	const struct view *v = w->p->v;

	while (w->i < v->n_nodes) {
		const struct view_node *n = &v->nodes[w->i];
		uint64_t start = w->cursor[n->depth];

		w->cursor[n->depth] += n->total;
		if (n->total * w->p->scale < w->p->least_px || n->depth >= MAX_ROWS) {
			w->left_out += n->next - w->i;
			w->i = n->next;
			continue;
		}
		w->cursor[n->depth + 1] = start;
		w->i++;
		*ret = n;
		*ret_start = start;
		return true;
	}
	return false;
}

/* Finds the least width with which the picture stays light, and how many rows it has then. */
static void measure(struct picture *p, uint64_t *cursor)
{
	const struct view_node *n;
	uint64_t start;

	for (p->least_px = LEAST_PX;; p->least_px *= 1.3) {
		struct walk w = {.p = p, .cursor = cursor};

		cursor[0] = 0;
		p->drawn = p->rows = 0;
		while (walk_next(&w, &n, &start)) {
			p->drawn++;
			if (n->depth >= p->rows)
				p->rows = n->depth + 1;
		}
		p->left_out = w.left_out;
		if (p->drawn <= MAX_DRAWN)
			return;
	}
}

/* --- drawing */
static const char *module_of(const struct picture *p, const struct view_label *l)
{
	const struct report *r = p->v->report;
	int32_t module = l->frame == VIEW_NONE ? -1 : r->frames.module[l->frame];
	const char *path = module < 0 ? "" : report_text(r, r->modules.path[module]);
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void put_tooltip(struct picture *p, const struct view_node *n, const struct view_label *l)
{
	const char *module = module_of(p, l);
	uint64_t all = p->v->nodes[0].total;
	char value[64], text[SVG_TEXT_BYTES];

	out_text(p->out, "<title>");
	out_xml(p->out, l->kind == VIEW_ROOT ? "all" : l->name);
	if (*module) {
		out_text(p->out, " (");
		out_xml(p->out, module);
		out_text(p->out, ")");
	}
	if (p->skin) {
		p->skin->tooltip(p->skin->ctx, n - p->v->nodes, text);
	} else {
		format_value(p, n->total, value, sizeof(value));
		snprintf(text, sizeof(text), "%s, %.2f %%", value,
			 all ? 100.0 * n->total / all : 0.0);
	}
	out_char(p->out, '\n');
	out_xml(p->out, text);
	out_text(p->out, "</title>");
}

/* The name, else the short name, else as much of it as there is room for. */
static void put_label(struct picture *p, const struct view_label *l, double x, double y,
		      double room)
{
	const char *name = l->kind == VIEW_ROOT ? "all" : l->name;
	char text[MAX_TEXT + 4], shorter[MAX_TEXT];

	fit_text(name, room, text);
	if (strcmp(text, name) && l->kind == VIEW_FRAME && short_name(name, shorter))
		fit_text(shorter, room, text);
	if (!*text)
		return;
	out_printf(p->out, "<text x=\"%.2f\" y=\"%.0f\">", x + 3, y + 12);
	out_xml(p->out, text);
	out_text(p->out, "</text>");
}

static void put_frame(struct picture *p, const struct view_node *n, uint64_t start)
{
	const struct view_label *l = &p->v->labels[n->label];
	double x = MARGIN + start * p->scale, width = n->total * p->scale;
	double y = p->bottom - (n->depth + 1.0) * ROW, drawn = width > 2 ? width - 0.6 : width;
	char class[SVG_CLASS_BYTES] = {class_of(l), shade_of(l)};

	if (p->skin)
		p->skin->class_of(p->skin->ctx, n - p->v->nodes, class);
	out_text(p->out, "<g>");
	put_tooltip(p, n, l);
	out_printf(p->out,
		   "<rect class=\"%s\" x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\"/>", class,
		   x, y, drawn, ROW - 1);
	if (is_cut(l))
		out_printf(p->out,
			   "<rect class=\"h\" x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%d\"/>",
			   x, y, drawn, ROW - 1);
	put_label(p, l, x, y, width - 7);
	out_text(p->out, "</g>\n");
}

static void put_line(struct picture *p, const char *class, double y, const char *text)
{
	char fits[MAX_TEXT + 4];

	fit_text(text, WIDTH - 2 * MARGIN, fits);
	out_printf(p->out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">", class, MARGIN, y);
	out_xml(p->out, fits);
	out_text(p->out, "</text>\n");
}

static void put_title(struct picture *p)
{
	const struct report *r = p->v->report;
	const char *client = r->client.name && *r->client.name	   ? r->client.name
			     : r->command.name && *r->command.name ? r->command.name
								   : "Machine";
	const char *label = r->host.label ? r->host.label : "";
	char text[MAX_TEXT], when[32] = "";
	time_t start = r->window.start_ns / 1000000000;
	struct tm tm;

	if (start > 0 && gmtime_r(&start, &tm))
		strftime(when, sizeof(when), ", %Y-%m-%d %H:%M:%S UTC", &tm);
	snprintf(text, sizeof(text), "%.90s%s%.90s%s", client, *label ? " on " : "", label, when);
	put_line(p, "t", 26, text);
}

static void put_facts(struct picture *p)
{
	const struct view *v = p->v;
	char value[64], cut[64] = "", text[MAX_TEXT];

	format_value(p, v->nodes[0].total, value, sizeof(value));
	if (v->samples && v->cut_samples)
		snprintf(cut, sizeof(cut), ", %.2f %% of the stacks cut",
			 100.0 * v->cut_samples / v->samples);
	snprintf(text, sizeof(text), "%s%s in %.2f s, %" PRIu64 " samples, %zu threads%s", value,
		 v->by == VIEW_CPU    ? " on a CPU"
		 : v->by == VIEW_WAIT ? " waiting for a CPU"
				      : "",
		 v->to_s - v->from_s, v->samples, v->threads, cut);
	put_line(p, "m", 44, text);
}

static double put_legend_entry(struct picture *p, double x, const char *class, const char *text)
{
	out_printf(p->out,
		   "<rect class=\"%s\" x=\"%.0f\" y=\"55\" width=\"12\" height=\"12\" rx=\"2\"/>"
		   "<text class=\"m\" x=\"%.0f\" y=\"65\">%s</text>\n",
		   class, x, x + 17, text);
	return x + 36 + strlen(text) * 6.8;
}

static void put_skin_legend(struct picture *p)
{
	double x = MARGIN;

	for (size_t i = 0; i < p->skin->n_legend; i++)
		x = put_legend_entry(p, x, p->skin->legend[i].class, p->skin->legend[i].text);
}

static void put_legend(struct picture *p)
{
	double x = MARGIN;

	for (size_t i = 0; i < N_KINDS; i++) {
		for (int hatched = 0; hatched <= (kinds[i].class == 'c'); hatched++)
			out_printf(p->out,
				   "<rect class=\"%s\" x=\"%.0f\" y=\"55\" width=\"12\" "
				   "height=\"12\" rx=\"2\"/>",
				   hatched ? "h" : (char[]){kinds[i].class, '0', '\0'}, x);
		out_printf(p->out, "<text class=\"m\" x=\"%.0f\" y=\"65\">%s</text>\n", x + 17,
			   kinds[i].legend);
		x += 36 + strlen(kinds[i].legend) * 6.8;
	}
}

static void put_note(struct picture *p)
{
	char text[128];

	if (!p->v->nodes[0].total)
		put_line(p, "m", p->bottom + 17,
			 "Nothing of this kind is in the part that was asked for");
	if (!p->left_out || !p->v->nodes[0].total)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " frames narrower than %.2g pixels are not drawn",
		 p->left_out, p->least_px);
	put_line(p, "m", p->bottom + 17, text);
}

static int draw(struct picture *p)
{
	uint64_t *cursor = calloc((p->v->max_depth < MAX_ROWS ? p->v->max_depth : MAX_ROWS) + 2,
				  sizeof(*cursor));
	struct walk w = {.p = p, .cursor = cursor};
	const struct view_node *n;
	uint64_t start;
	double height;

	if (!cursor)
		return -ENOMEM;
	measure(p, cursor);
	p->bottom = HEAD + (double)p->rows * ROW;
	height = p->bottom + FOOT;
	out_printf(p->out,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		   "width=\"%.0f\" height=\"%.0f\">\n",
		   WIDTH, height, WIDTH, height);
	out_text(p->out, style);
	if (p->skin) {
		out_printf(p->out, "<style>\n%s</style>\n", p->skin->style);
		put_line(p, "t", 26, p->skin->title);
		put_line(p, "m", 44, p->skin->facts);
		put_skin_legend(p);
	} else {
		put_title(p);
		put_facts(p);
		put_legend(p);
	}
	cursor[0] = 0;
	while (walk_next(&w, &n, &start))
		put_frame(p, n, start);
	put_note(p);
	out_text(p->out, "</svg>\n");
	free(cursor);
	return p->out->status;
}

int svg_draw(const struct view *v, const struct svg_skin *skin, struct out *out)
{
	struct picture p = {.v = v, .skin = skin, .out = out};
	int status;

	if (v->nodes[0].total)
		p.scale = (WIDTH - 2 * MARGIN) / v->nodes[0].total;
	status = draw(&p);
	return status ? out_fail(out, status, "%s", strerror(-status)) : 0;
}

static int write_svg(const struct report *r, const struct view_options *options, struct out *out)
{
	struct view view;
	int status = export_view(r, options, out, &view);

	if (status)
		return status;
	status = svg_draw(&view, NULL, out);
	view_release(&view);
	return status;
}

const struct export_format export_svg = {
	.name = "svg",
	.extension = "svg",
	.description = "a static flame graph, for documents",
	.write = write_svg,
};
