// SPDX-License-Identifier: BSD-2-Clause
/* A saved baseline with arbitrary content under a right checksum: loaded, used, saved again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "user/lib/detect/baseline.h"

#define HEAD_BYTES 16
#define MONDAY 1767571200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Puts input over a whole one, two bytes of it say where, so that a few bytes get deep. */
static void bytes_patch(uint8_t *bytes, size_t n, const uint8_t *data, size_t size)
{
	while (size >= 4) {
		size_t at = HEAD_BYTES + (data[0] | data[1] << 8) % (n - HEAD_BYTES);
		size_t length = data[2] % 16;

		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		if (length > n - at)
			length = n - at;
		memcpy(bytes + at, data, length);
		data += length;
		size -= length;
	}
}

/* A baseline that knows a week, as bytes. */
static uint8_t *taught(const struct baseline_options *options)
{
	uint8_t *bytes = malloc(baseline_size());
	struct baseline *b = baseline_new(options);
	struct baseline_verdict v;

	for (int i = 0; i < 7 * 288; i++)
		baseline_feed(b, MONDAY + i * 300, 1 + i % 7, &v);
	baseline_save(b, bytes, baseline_size());
	baseline_free(b);
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baseline_options options = baseline_defaults;
	static uint8_t *whole, *bytes;
	size_t n = baseline_size();
	struct baseline_verdict v;
	struct baseline *b;
	uint32_t sum;

	options.step_s = 300;
	if (!whole) {
		whole = taught(&options);
		bytes = malloc(n);
	}
	memcpy(bytes, whole, n);
	bytes_patch(bytes, n, data, size);
	sum = crc32(0, bytes + HEAD_BYTES, n - HEAD_BYTES);
	for (int i = 0; i < 4; i++)
		bytes[12 + i] = sum >> 8 * i;
	if (baseline_load(&options, bytes, n, &b))
		return 0;
	for (int i = 0; i < 400; i++)
		baseline_feed(b, MONDAY + (7 * 288 + i) * 300, 1 + i % 7 + (i > 300), &v);
	baseline_save(b, bytes, n);
	baseline_free(b);
	return 0;
}
