// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/export.h"

static int folded_line(void *out, const char *text, size_t len)
{
	return out_callback(out, text, len);
}

static int folded_write(const struct report *r, const struct view_options *options, struct out *out)
{
	struct view view;
	int status = export_view(r, options, out, &view);

	if (status)
		return status;
	status = view_folded(&view, folded_line, out);
	view_release(&view);
	return status ? out_fail(out, status, "out of memory") : 0;
}

const struct export_format export_folded = {
	.name = "folded",
	.extension = "folded",
	.description = "one line a stack, for flame graph tools and grep",
	.write = folded_write,
};
