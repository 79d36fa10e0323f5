// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/view/export.h"

#include <string.h>

const struct export_format *const export_formats[] = {
	&export_folded,
	&export_html,
	&export_json,
	&export_svg,
	&export_bdr,
	NULL,
};

const struct export_format *export_find(const char *name)
{
	for (size_t i = 0; export_formats[i]; i++)
		if (!strcmp(export_formats[i]->name, name))
			return export_formats[i];
	return NULL;
}

int export_view(const struct report *r, const struct view_options *options, struct out *out,
		struct view *ret)
{
	char error[VIEW_ERROR_BYTES];
	int status = view_build(r, options, ret, error);

	return status ? out_fail(out, status, "%s", error) : 0;
}
