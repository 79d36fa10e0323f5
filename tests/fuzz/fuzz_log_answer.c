// SPDX-License-Identifier: BSD-2-Clause
/* What a child that reads logs and has been taken over might answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/logs/log_proto.h"
#include "user/lib/symbols/symbol_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_answer answer = {.lines_max = 8};
	struct log_record r;
	const char *text;
	uint64_t lines = 0;
	size_t at = 0;

	if (size > READER_PACKET_MAX)
		return 0;
	/* Aligned as a packet is, and exactly as long, so that ASan sees the end. */
	uint8_t *payload = malloc(size ? size : 1);

	memcpy(payload, data, size);
	/* Lengths are a matter of arithmetic, not of luck. */
	if (size > sizeof(r) && size % 8 == 0)
		memcpy(payload + offsetof(struct log_record, text_bytes),
		       &(uint32_t){(uint32_t)(size - sizeof(r) - 1 - data[size - 1] % 8)}, 4);
	while (log_record_next(payload, size, &at, &answer, &r, &text) > 0) {
		if (strlen(text) != r.text_bytes || !symbol_text_valid(text, r.text_bytes) || at > size)
			abort();
		if (r.kind == LOG_LINE && ++lines > 8)
			abort();
		if (r.kind == LOG_SOURCE && (r.counts.lines != lines || !*log_state_text(r.state)))
			abort();
		lines = r.kind == LOG_SOURCE ? 0 : lines;
	}
	free(payload);
	return 0;
}
