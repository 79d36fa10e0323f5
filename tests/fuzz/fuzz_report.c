// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as a report. What is accepted must come back the same after it has been written, and
 * every reader of a report must live with it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/unit/fill.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/compact.h"
#include "user/lib/view/export.h"
#include "user/lib/view/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void write_again(const struct report *r)
{
	char error[CODEC_ERROR_BYTES];
	struct report back;
	struct out out;

	out_init(&out, -1);
	must(!report_encode(r, out_callback, &out));
	must(!report_decode(out.data, out.n, NULL, &back, error));
	must(!fill_differs(&wire_report, r, &back));
	report_release(&back);
	out_release(&out);
}

/* One way of looking at it in every format; which one comes from the input. */
static void export_all(const struct report *r, size_t choice)
{
	static const struct view_options options[] = {
		{0},
		{.by = VIEW_SAMPLES, .reverse = true},
		{.by = VIEW_WAIT},
		{.to_s = 0.5, .thread_re = "."},
	};

	for (size_t f = 0; export_formats[f]; f++) {
		struct out out;

		out_init(&out, -1);
		export_formats[f]->write(r, &options[choice % 4], &out);
		out_release(&out);
	}
}

static void summarise(const struct report *r)
{
	static const struct summary_options plain;
	struct out out;

	out_init(&out, -1);
	summary_write(r, &plain, &out);
	out_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_limits limits = report_limits_default;
	char error[CODEC_ERROR_BYTES];
	struct report r;

	limits.memory_bytes = 16 << 20;
	limits.unpacked_bytes = 16 << 20;
	limits.rows = 1 << 16;
	if (report_decode(data, size, &limits, &r, error)) {
		must(*error);
		return 0;
	}
	write_again(&r);
	export_all(&r, size);
	summarise(&r);
	must(!compact_report(&r));
	report_release(&r);
	return 0;
}
