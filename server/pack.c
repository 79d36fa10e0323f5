// SPDX-License-Identifier: BSD-2-Clause
#include "server/pack.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)
/* Header and trailer. */
#define GZIP_LEAST_BYTES 18
/* More than that does not come out of it, so what says more is damaged (RFC 1951: 258 bytes for two
 * bits). */
#define RATIO_MOST 1032
#define ZLIB_MEMORY 9
/* What is stored for long is read seldom, but it is the sender who should have done it. */
#define LEVEL 3
#define STEP_BYTES 65536

bool pack_is_gzip(const uint8_t *data, size_t size)
{
	return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* What the trailer says that it unpacks to: to be checked by unpacking into so much, and no more.
 */
static size_t announced(const uint8_t *data, size_t size)
{
	const uint8_t *end = data + size - 4;

	return (size_t)end[0] | (size_t)end[1] << 8 | (size_t)end[2] << 16 | (size_t)end[3] << 24;
}

static int inflate_into(const uint8_t *data, size_t size, uint8_t *to, size_t n)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t used = 0, made = 0;
	enum libdeflate_result result;

	if (!d)
		return -ENOMEM;
	result = libdeflate_gzip_decompress_ex(d, data, size, to, n, &used, &made);
	libdeflate_free_decompressor(d);
	return result == LIBDEFLATE_SUCCESS && used == size && made == n ? 0 : -EINVAL;
}

int pack_inflate(const uint8_t *data, size_t size, size_t limit, bool (*hold)(void *, uint64_t),
		 void *ctx, struct out *out)
{
	size_t n;
	int err;

	if (!pack_is_gzip(data, size) || size < GZIP_LEAST_BYTES)
		return -EINVAL;
	n = announced(data, size);
	if (n / RATIO_MOST > size)
		return -EINVAL;
	if (n > limit)
		return -EFBIG;
	if (!hold(ctx, n))
		return -EAGAIN;
	free(out->data);
	out->data = malloc(n + 1);
	if (!out->data)
		return -ENOMEM;
	err = inflate_into(data, size, (uint8_t *)out->data, n);
	out->n = err ? 0 : n;
	return err;
}

int pack_deflate(const uint8_t *data, size_t size, struct out *out)
{
	z_stream zip = {.next_in = (uint8_t *)data, .avail_in = size};
	uint8_t step[STEP_BYTES];

	if (size > UINT32_MAX)
		return -EFBIG;
	if (deflateInit2(&zip, LEVEL, Z_DEFLATED, GZIP_WINDOW, ZLIB_MEMORY, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	do {
		zip.next_out = step;
		zip.avail_out = sizeof(step);
		deflate(&zip, Z_FINISH);
		out_write(out, step, sizeof(step) - zip.avail_out);
	} while (!zip.avail_out);
	deflateEnd(&zip);
	return out->status;
}

/* Of one header: its own bytes, the bytes that follow it, and the values that follow it. */
static bool header(const uint8_t *p, size_t left, size_t *ret_bytes, uint64_t *ret_values)
{
	/* From 0xc0 to 0xdf: bytes of argument, what it counts (0 nothing, 1 bytes, 2 values, 3
	 * pairs), and bytes besides. */
	static const struct {
		uint8_t argument, counts, more;
	} known[32] = {
		{0, 0, 0}, {9, 0, 0}, {0, 0, 0}, {0, 0, 0},  {1, 1, 0}, {2, 1, 0}, {4, 1, 0},
		{1, 1, 1}, {2, 1, 1}, {4, 1, 1}, {0, 0, 4},  {0, 0, 8}, {0, 0, 1}, {0, 0, 2},
		{0, 0, 4}, {0, 0, 8}, {0, 0, 1}, {0, 0, 2},  {0, 0, 4}, {0, 0, 8}, {0, 0, 2},
		{0, 0, 3}, {0, 0, 5}, {0, 0, 9}, {0, 0, 17}, {1, 1, 0}, {2, 1, 0}, {4, 1, 0},
		{2, 2, 0}, {4, 2, 0}, {2, 3, 0}, {4, 3, 0},
	};
	uint8_t first = p[0];
	uint64_t n = 0;

	*ret_values = 0;
	*ret_bytes = 1;
	if (first < 0x80 || first >= 0xe0)
		return true;
	if (first < 0xc0) {
		if (first < 0xa0)
			*ret_values = (first & 15) * (first < 0x90 ? 2 : 1);
		else
			*ret_bytes += first & 31;
		return *ret_bytes <= left;
	}
	if (known[first - 0xc0].argument >= left || first == 0xc1)
		return false;
	for (unsigned int i = 0; i < known[first - 0xc0].argument; i++)
		n = n << 8 | p[1 + i];
	*ret_bytes += known[first - 0xc0].argument + known[first - 0xc0].more;
	if (known[first - 0xc0].counts == 1)
		*ret_bytes += n;
	else if (known[first - 0xc0].counts)
		*ret_values = n * (known[first - 0xc0].counts - 1);
	return *ret_bytes <= left;
}

size_t pack_value_size(const uint8_t *data, size_t size)
{
	uint64_t wanted = 1, values;
	size_t at = 0, bytes;

	/* Each value has a byte at least: what wants more than is left is not whole. */
	while (wanted) {
		if (wanted > size - at || !header(data + at, size - at, &bytes, &values))
			return 0;
		at += bytes;
		wanted += values - 1;
	}
	return at;
}

size_t pack_array(const uint8_t *data, size_t size, uint64_t *ret_n)
{
	size_t bytes;

	if (!size || ((data[0] & 0xf0) != 0x90 && data[0] != 0xdc && data[0] != 0xdd) ||
	    !header(data, size, &bytes, ret_n))
		return 0;
	return bytes;
}
