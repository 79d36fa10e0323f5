// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/export.h"
#include "user/lib/profile/json.h"

/* The report itself: no option narrows it, since it would not be the report any more. */
static int json_write(const struct report *r, const struct view_options *options, struct out *out)
{
	json_report(r, out);
	return out->status;
}

const struct export_format export_json = {
	.name = "json",
	.extension = "json",
	.description = "the whole report, for jq and scripts; the options that narrow do not apply",
	.write = json_write,
};
