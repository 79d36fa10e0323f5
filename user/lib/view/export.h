/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Export formats: one row in the table of export.c and one file export_NAME.c each.
 *
 * A format writes to a struct out and returns 0 or -errno. Where it fails for another reason than
 * writing, it says why with out_fail(); the caller prints out->error, one line for a person.
 */
#ifndef BD_EXPORT_H
#define BD_EXPORT_H

#include "user/lib/base/out.h"
#include "user/lib/profile/report.h"
#include "user/lib/view/view.h"

struct export_format {
	const char *name, *extension, *description;
	int (*write)(const struct report *r, const struct view_options *options, struct out *out);
};

/* Ends with NULL. */
extern const struct export_format *const export_formats[];

/* NULL where there is none of that name. */
const struct export_format *export_find(const char *name);

/* One for each export_NAME.c. */
extern const struct export_format export_bdr, export_folded, export_html, export_json,
	export_svg;

/* view_build(), with its error put into `out`. */
int export_view(const struct report *r, const struct view_options *options, struct out *out,
		struct view *ret);

#endif
