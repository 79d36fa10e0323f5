// SPDX-License-Identifier: BSD-2-Clause
/* The report itself, whole: with `--scrub`, one that can be given away. */
#include "user/lib/profile/codec.h"
#include "user/lib/view/export.h"

static int write_bdr(const struct report *r, const struct view_options *options, struct out *out)
{
	return report_encode(r, out_callback, out);
}

const struct export_format export_bdr = {
	.name = "bdr",
	.extension = "bdr",
	.description = "the whole report as it is on disk; with --scrub, one to give away",
	.write = write_bdr,
};
