// SPDX-License-Identifier: BSD-2-Clause
/* The end of a log, which anybody may have written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/logs/log_tail.h"
#include "user/lib/symbols/symbol_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t n;
	const struct log_want *want;
};

static int take(void *arg, int64_t t_ns, const char *text, size_t len)
{
	struct seen *s = arg;

	if (len >= LOG_TEXT_BYTES || text[len] || !symbol_text_valid(text, len) ||
	    ++s->n > s->want->lines_max)
		abort();
	if (t_ns && (t_ns < s->want->since_ns || t_ns > s->want->clock.now_ns + 86401000000000))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_want want = {
		.clock = {.zone = {.n = 3, .part = {{0, 3600}, {1774746000, 7200}, {1792890000, 3600}}},
			  .now_ns = 1795627260000000000},
	};
	struct log_data log = {.mtime_ns = want.clock.now_ns};
	struct seen seen = {.want = &want};
	struct log_counts counts;
	char *text;

	if (size < 2)
		return 0;
	want.lines_max = data[0];
	want.since_ns = data[1] & 1 ? want.clock.now_ns - 60000000000 : 0;
	log.before_bytes = data[1] & 2 ? 1u << (data[1] >> 3) : 0;
	/* Exactly as long, so that ASan sees the end. */
	log.size = size - 2;
	log.text = text = malloc(log.size + 1);
	memcpy(text, data + 2, log.size);
	text = realloc(text, log.size ? log.size : 1);
	log.text = text;
	if (log_tail(&log, &want, take, &seen, &counts) || counts.lines != seen.n)
		abort();
	free(text);
	return 0;
}
