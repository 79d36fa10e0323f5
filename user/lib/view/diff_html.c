// SPDX-License-Identifier: BSD-2-Clause
/* The page in its mode for two reports; user/lib/ui/diff.js reads what is written here. */
#include <inttypes.h>
#include <stdio.h>

#include "user/lib/view/diff_write.h"
#include "user/lib/view/html_page.h"

static void put_side(const struct diff_side *s, struct out *out)
{
	out_text(out, "{\"name\":");
	out_json(out, s->name);
	/* Times since the epoch do not fit the page's numbers. */
	out_printf(out,
		   ",\"total\":%" PRIu64 ",\"samples\":%" PRIu64
		   ",\"seconds\":%.9g,\"start_ns\":\"%" PRId64 "\"}",
		   s->total, s->samples, s->to_s - s->from_s, s->start_ns);
}

static void put_options(const void *ctx, struct out *out)
{
	static const char *const by[] = {
		[VIEW_CPU] = "cpu", [VIEW_SAMPLES] = "samples", [VIEW_WAIT] = "wait"};
	const struct diff *d = ctx;

	out_printf(out, ",\"diff\":{\"by\":\"%s\",\"sigmas\":%g,\"scale\":%.9g,\"sides\":[",
		   by[d->by], DIFF_SIGMAS, d->scale);
	put_side(&d->side[0], out);
	out_char(out, ',');
	put_side(&d->side[1], out);
	out_text(out, "],\"counts\":[");
	for (size_t i = 0; i < d->report.samples.n; i++)
		out_printf(out, i ? ",%" PRIu64 : "%" PRIu64, d->counts[i]);
	out_text(out, "],\"squares\":[");
	for (size_t i = 0; i < d->report.samples.n; i++)
		out_printf(out, i ? ",%.6g" : "%.6g", d->squares[i]);
	out_text(out, "]}");
}

int diff_write_html(const struct diff *d, bool reverse, struct out *out)
{
	/* What was asked for is all that is in it, and the unit is the diff's. */
	const struct view_options options = {.reverse = reverse};
	char title[2 * DIFF_NAME_BYTES + 8];
	const struct html_extra extra = {.title = title, .ctx = d, .options = put_options};

	snprintf(title, sizeof(title), "%s \xe2\x86\x92 %s", d->side[0].name, d->side[1].name);
	return html_page(&d->report, &options, &extra, out);
}
