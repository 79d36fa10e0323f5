// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/scrub/scrub_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/intern.h"
#include "user/lib/base/out.h"
#include "user/lib/profile/wire.h"

#define NOT_YET UINT32_MAX

/*
 * What each text of a report is. A field without a row is free text, the strictest: who adds one
 * that must not be touched adds a row. Container and build IDs, kinds and states are ours.
 */
/* clang-format off */
static const struct {
	const char *map, *field;
	enum scrub_treatment treatment;
} treatments[] = {
	{"report", "schema", SCRUB_KEEP},
	{"agent", "name", SCRUB_KEEP},
	{"agent", "version", SCRUB_KEEP},
	{"agent", "libbpf", SCRUB_KEEP},
	{"trigger", "kind", SCRUB_KEEP},
	{"trigger", "client", SCRUB_LABEL},
	{"trigger", "metric", SCRUB_KEEP},
	{"trigger", "explanation", SCRUB_NAME},
	{"triggers", "kind", SCRUB_KEEP},
	{"triggers", "client", SCRUB_LABEL},
	{"triggers", "metric", SCRUB_KEEP},
	{"triggers", "explanation", SCRUB_NAME},
	{"window", "event", SCRUB_KEEP},
	{"host", "label", SCRUB_KEEP},
	{"host", "cpu_model", SCRUB_KEEP},
	{"host", "disk", SCRUB_KEEP},
	{"host", "os", SCRUB_VERSION},
	{"host", "kernel", SCRUB_VERSION},
	{"host", "arch", SCRUB_KEEP},
	{"host", "virtualisation", SCRUB_KEEP},
	{"client", "name", SCRUB_LABEL},
	{"client", "version", SCRUB_VERSION},
	{"client", "build_id", SCRUB_KEEP},
	{"client", "container", SCRUB_KEEP},
	{"command", "name", SCRUB_NAME},
	{"threads", "process", SCRUB_NAME},
	{"threads", "name", SCRUB_NAME},
	{"threads", "container", SCRUB_KEEP},
	{"modules", "path", SCRUB_PATH},
	{"modules", "build_id", SCRUB_KEEP},
	{"frames", "name", SCRUB_KEEP}, /* but see frame_treatment() */
	{"frames", "kind", SCRUB_KEEP},
	{"frames", "file", SCRUB_PATH},
	{"frames", "symbol", SCRUB_KEEP},
	{"blockers", "by_name", SCRUB_NAME},
	{"cost", "limited", SCRUB_KEEP},
	{"baseline", "metric", SCRUB_KEEP},
	{"baseline", "hour", SCRUB_KEEP},
	{"normals", "metric", SCRUB_KEEP},
	{"normals", "unit", SCRUB_KEEP},
	{"dump", "signal_name", SCRUB_KEEP},
	{"dump", "signature", SCRUB_KEEP},
	{"dump_threads", "name", SCRUB_NAME},
	{"dump_threads", "state", SCRUB_KEEP},
	{"death", "kind", SCRUB_KEEP},
	{"death", "process", SCRUB_NAME},
	{"death", "sender", SCRUB_NAME},
	{"logs", "source", SCRUB_PATH},
	{"logs", "text", SCRUB_TEXT},
	{"log_sources", "path", SCRUB_PATH},
	{"log_sources", "state", SCRUB_KEEP},
	{"scrub", "allowed", SCRUB_KEEP},
};
/* clang-format on */

struct work {
	struct scrub *scrub;
	struct report *r;
	struct report_strings fresh;
	/* For each treatment and old REF, the new one: a text that is a path in one column and a
	 * function's name in another becomes two. */
	uint32_t *done[SCRUB_TREATMENTS];
	size_t unknown;
};

enum scrub_treatment scrub_treatment(const char *map, const char *field)
{
	for (size_t i = 0; i < sizeof(treatments) / sizeof(treatments[0]); i++)
		if (!strcmp(treatments[i].map, map) && !strcmp(treatments[i].field, field))
			return treatments[i].treatment;
	return SCRUB_TEXT;
}

/* `module+0xOFFSET` has a file's name, and what a JIT compiler names has the path of its source. */
static enum scrub_treatment frame_treatment(const char *name)
{
	const char *slash = strchr(name, '/');

	if (strstr(name, "+0x"))
		return SCRUB_PATH;
	for (; slash; slash = strchr(slash + 1, '/'))
		if (slash == name || strchr(" :(", slash[-1]))
			return SCRUB_PATH;
	return SCRUB_KEEP;
}

static int64_t text_again(struct work *w, enum scrub_treatment what, bool follows, uint32_t ref)
{
	const char *text = report_text(w->r, ref), *ret;
	size_t n;
	int err = scrub_text(w->scrub, what, follows, text, strlen(text), &ret, &n);

	return err ? err : intern_text(&w->fresh, ret, n);
}

/* The new REF of an old one. */
static int64_t ref_again(struct work *w, enum scrub_treatment what, uint32_t ref)
{
	uint32_t *done = ref < w->r->strings.n ? &w->done[what][ref] : NULL;
	int64_t fresh;

	if (done && *done != NOT_YET)
		return *done;
	fresh = text_again(w, what, false, ref);
	if (done && fresh >= 0)
		*done = fresh;
	return fresh;
}

static int by_source(const void *a, const void *b, void *ctx)
{
	const uint32_t *source = ctx, x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (source[x] != source[y])
		return source[x] < source[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Lines of one log can belong together, as those of a private key, whatever came between them. */
static int logs_again(struct work *w, struct report_logs *l)
{
	uint32_t *order = malloc((l->n + 1) * sizeof(*order));
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; i < l->n && order; i++)
		order[i] = i;
	if (order)
		qsort_r(order, l->n, sizeof(*order), by_source, l->source);
	for (size_t i = 0; i < l->n && !err; i++) {
		bool follows = i && l->source[order[i]] == l->source[order[i - 1]];
		int64_t fresh =
			text_again(w, scrub_treatment("logs", "text"), follows, l->text[order[i]]);

		if (fresh < 0)
			err = fresh;
		else
			l->text[order[i]] = fresh;
	}
	free(order);
	return err;
}

static int column_again(struct work *w, const struct wire_type *type, const void *table,
			const struct wire_field *f)
{
	enum scrub_treatment what = scrub_treatment(type->name, f->name);
	bool frame = !strcmp(type->name, "frames") && !strcmp(f->name, "name");
	uint32_t *refs = wire_column(table, f);

	for (size_t i = 0; i < wire_rows(table); i++) {
		int64_t fresh;

		if (frame)
			what = frame_treatment(report_text(w->r, refs[i]));
		fresh = ref_again(w, what, refs[i]);
		if (fresh < 0)
			return fresh;
		refs[i] = fresh;
	}
	return 0;
}

static int field_again(struct work *w, const struct wire_type *type, void *object,
		       const struct wire_field *f)
{
	char **text = wire_at(object, f), *copy = NULL;
	const char *ret;
	size_t n;
	int err;

	if (!*text)
		return 0;
	err = scrub_text(w->scrub, scrub_treatment(type->name, f->name), false, *text,
			 strlen(*text), &ret, &n);
	if (err || ret == *text)
		return err;
	copy = strndup(ret, n);
	err = copy ? report_set(text, copy) : -ENOMEM;
	free(copy);
	return err;
}

/* Done before all others, as long as the sources are what they were. */
static bool is_line(const struct wire_type *type, const struct wire_field *f)
{
	return !strcmp(type->name, "logs") && !strcmp(f->name, "text");
}

static int object_again(struct work *w, const struct wire_type *type, void *object)
{
	int err = 0;

	w->unknown += wire_drop_unknown(type, object);
	for (size_t i = 0; i < type->n_fields && !err; i++) {
		const struct wire_field *f = &type->fields[i];

		if (f->kind == WIRE_NEST)
			err = object_again(w, f->type, wire_at(object, f));
		else if (f->kind == WIRE_REF && !is_line(type, f))
			err = column_again(w, type, object, f);
		else if (f->kind == WIRE_STR)
			err = field_again(w, type, object, f);
	}
	return err;
}

static int count(struct report *r, const char *name, uint64_t n)
{
	return n ? report_count(&r->scrub.removed, name, n) : 0;
}

static int fill_counts(const struct work *w)
{
	struct report *r = w->r;
	struct out allowed;
	const char *name;
	uint64_t n;
	int err = 0;

	r->scrub.present = true;
	r->scrub.version = SCRUB_VERSION;
	out_init(&allowed, -1);
	for (int i = 0; i < SCRUB_CLASSES && !err; i++) {
		err = count(r, scrub_classes[i].name, scrub_count(w->scrub, i));
		if (scrub_allowed(w->scrub) & 1u << i)
			out_printf(&allowed, "%s%s", allowed.n ? " " : "", scrub_classes[i].name);
	}
	for (size_t i = 0; !err && (name = scrub_pattern_count(w->scrub, i, &n)); i++)
		err = count(r, name, n);
	if (!err)
		err = count(r, "withheld", scrub_withheld(w->scrub));
	if (!err)
		err = count(r, "cut", scrub_cut(w->scrub));
	if (!err)
		err = count(r, "unknown field", w->unknown);
	out_char(&allowed, '\0');
	if (!err)
		err = allowed.status
			      ? allowed.status
			      : report_set(&r->scrub.allowed, *allowed.data ? allowed.data : NULL);
	out_release(&allowed);
	return err;
}

int scrub_report(struct scrub *s, struct report *r)
{
	struct work w = {.scrub = s, .r = r};
	int err = scrub_begin(s);

	for (int i = 0; i < SCRUB_TREATMENTS && !err; i++) {
		w.done[i] = malloc((r->strings.n + 1) * sizeof(*w.done[i]));
		if (w.done[i])
			memset(w.done[i], 0xff, (r->strings.n + 1) * sizeof(*w.done[i]));
		else
			err = -ENOMEM;
	}
	if (!err && intern_text(&w.fresh, "", 0) < 0)
		err = -ENOMEM;
	if (!err)
		err = logs_again(&w, &r->logs);
	if (!err)
		err = object_again(&w, &wire_report, r);
	if (!err) {
		intern_release(&r->strings);
		r->strings = w.fresh;
		err = fill_counts(&w);
	} else {
		intern_release(&w.fresh);
	}
	for (int i = 0; i < SCRUB_TREATMENTS; i++)
		free(w.done[i]);
	return err;
}
