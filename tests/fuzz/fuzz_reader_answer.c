// SPDX-License-Identifier: BSD-2-Clause
/* What a reader child that has been taken over might answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/symbols/reader_proto.h"
#include "user/lib/symbols/symbol_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	if (!symbol_text_valid(text, strlen(text)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct reader_answer *a;
	struct reader_identity id;
	struct reader_frame f;
	int64_t last = -1;
	uint8_t *packet;
	size_t at = 0;

	if (size < 8 || size > READER_PACKET_MAX)
		return 0;
	/* Aligned as a packet is, and exactly as long, so that ASan sees the end. */
	packet = malloc(size);
	memcpy(packet, data, size);
	if (size >= sizeof(*a)) {
		/* The length is a matter of arithmetic, not of luck. */
		const uint32_t bytes = (uint32_t)(size - sizeof(*a));

		memcpy(packet + offsetof(struct reader_answer, bytes), &bytes, sizeof(bytes));
	}
	if (reader_answer_check(packet, size, READER_SYMBOLS, 7, &a) == 0) {
		while (reader_record_next(a + 1, a->bytes, 64, &at, &last, &f) > 0) {
			check_text(f.name);
			check_text(f.symbol);
			check_text(f.file);
			if (f.index >= 64 || f.name[0] == 0)
				abort();
		}
	}
	if (reader_identity_check(packet, size, &id) == 0 &&
	    (id.n_loads > ELF_IMAGE_LOADS_MAX || id.build_id_size > ELF_BUILD_ID_MAX))
		abort();
	free(packet);
	return 0;
}
