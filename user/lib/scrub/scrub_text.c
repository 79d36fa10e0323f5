// SPDX-License-Identifier: BSD-2-Clause
/* What was taken out of a report, for a person. */
#include <inttypes.h>
#include <string.h>

#include "user/lib/base/out.h"
#include "user/lib/scrub/scrub_report.h"
#include "user/lib/base/summary_text.h"

static uint64_t removed(const struct report *r, const char *name)
{
	for (size_t i = 0; i < r->scrub.removed.n; i++)
		if (!strcmp(r->scrub.removed.name[i], name))
			return r->scrub.removed.count[i];
	return 0;
}

static bool is_allowed(const struct report *r, const char *name)
{
	const char *at = r->scrub.allowed ? r->scrub.allowed : "";
	size_t n = strlen(name);

	for (; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == n && !strncmp(at, name, n))
			return true;
	return false;
}

void scrub_write(const struct report *r, struct out *out)
{
	const struct report_counts *c = &r->scrub.removed;
	unsigned int at;

	if (!r->scrub.present) {
		out_text(
			out,
			"nothing was removed: this report was made without depersonalising, as a "
			"capture is;\n`backdraft export --scrub -f bdr -o OUT.bdr FILE` does it\n");
		return;
	}
	out_printf(out, "depersonalised by rules of version %" PRIu64 "\n\n", r->scrub.version);
	for (int i = 0; i < SCRUB_CLASSES; i++) {
		const struct scrub_class_info *info = &scrub_classes[i];

		out_printf(out, "%-12s", info->name);
		if (is_allowed(r, info->name))
			out_text(out, "   allowed");
		else
			out_printf(out, "%10" PRIu64, removed(r, info->name));
		out_printf(out, "  %s\n", info->what);
	}
	for (size_t i = 0; i < c->n; i++) {
		if (scrub_class_find(c->name[i], strlen(c->name[i])) >= 0)
			continue;
		at = summary_name(out, c->name[i], 20);
		out_printf(out, "%*" PRIu64 "\n", at < 12 ? (int)(22 - at) : 10, c->count[i]);
	}
}
