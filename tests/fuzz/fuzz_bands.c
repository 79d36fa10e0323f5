// SPDX-License-Identifier: BSD-2-Clause
/* Saved bands with arbitrary content under a right checksum: loaded, used, saved again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "user/lib/detect/band.h"

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

static void feed(struct bands *b, int64_t from_s, int64_t to_s)
{
	struct baseline_verdict v[METRICS];
	struct baseline_options options[METRICS];

	for (int m = 0; m < METRICS; m++)
		options[m] = baseline_defaults;
	for (int64_t t = from_s; t < to_s; t += 2) {
		const double values[METRICS] = {0, 0.1, 0.2, 0.3, t % 7000, t / 60 % 9};

		bands_feed(b, options, MONDAY + t, values, t % 900 < 30, v);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *whole, *bytes;
	static struct bands b;
	size_t n = bands_size();
	uint32_t sum;

	if (!whole) {
		whole = malloc(n);
		bytes = malloc(n);
		bands_init(&b);
		feed(&b, 0, 3 * 86400);
		bands_save(&b, whole, n);
	}
	memcpy(bytes, whole, n);
	bytes_patch(bytes, n, data, size);
	sum = crc32(0, bytes + HEAD_BYTES, n - HEAD_BYTES);
	for (int i = 0; i < 4; i++)
		bytes[12 + i] = sum >> 8 * i;
	if (bands_load(bytes, n, &b))
		return 0;
	feed(&b, 3 * 86400 - 60, 3 * 86400 + 3720);
	bands_save(&b, bytes, n);
	return 0;
}
