// SPDX-License-Identifier: BSD-2-Clause
/* A report that anybody may have written, compared with a good one in every way. */
#include <stdlib.h>

#include "tests/unit/sample.h"
#include "user/lib/profile/codec.h"
#include "user/lib/view/diff_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(const struct diff *d, bool reverse)
{
	static const struct diff_text_options plain;
	struct out out;

	out_init(&out, -1);
	diff_write_text(d, &plain, &out);
	diff_write_folded(d, &out);
	diff_write_svg(d, &out);
	if (!reverse)
		diff_write_html(d, false, &out);
	out_release(&out);
}

static void compare(const struct report *a, const struct report *b, enum view_by by, bool reverse)
{
	const struct view_options options = {.by = by, .reverse = reverse};
	char error[VIEW_ERROR_BYTES];
	struct diff d;

	if (diff_build(a, b, &options, &d, error))
		return;
	/* The two columns have one sum, whatever they are of. */
	if (d.nodes[0].total[0] != d.nodes[0].total[1])
		abort();
	write_all(&d, reverse);
	diff_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_limits limits = report_limits_default;
	char error[CODEC_ERROR_BYTES];
	struct report good, r;

	limits.memory_bytes = 16 << 20;
	limits.unpacked_bytes = 16 << 20;
	limits.rows = 1 << 16;
	if (report_decode(data, size, &limits, &r, error))
		return 0;
	sample_report(&good);
	for (int by = VIEW_CPU; by <= VIEW_WAIT; by++) {
		compare(&good, &r, by, by == VIEW_SAMPLES);
		compare(&r, &good, by, by == VIEW_CPU);
		compare(&r, &r, by, false);
	}
	report_release(&good);
	report_release(&r);
	return 0;
}
