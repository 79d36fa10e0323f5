// SPDX-License-Identifier: BSD-2-Clause
#include "server/pack.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16)
#define ZLIB_MEMORY 9
/* What is stored for long is read seldom, but it is the sender who should have done it. */
#define LEVEL 3
#define STEP_BYTES 65536

bool pack_is_gzip(const uint8_t *data, size_t size)
{
	return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

int pack_first_byte(const uint8_t *data, size_t size)
{
	z_stream zip = {.next_in = (uint8_t *)data, .avail_in = size < 4096 ? size : 4096};
	uint8_t first;

	if (!pack_is_gzip(data, size))
		return size ? data[0] : -1;
	if (inflateInit2(&zip, GZIP_WINDOW) != Z_OK)
		return -1;
	zip.next_out = &first;
	zip.avail_out = 1;
	inflate(&zip, Z_NO_FLUSH);
	inflateEnd(&zip);
	return zip.avail_out ? -1 : first;
}

static int inflate_all(z_stream *zip, size_t limit, bool (*hold)(void *, uint64_t), void *ctx,
		       struct out *out)
{
	uint8_t step[STEP_BYTES];
	int status;

	do {
		size_t n;

		zip->next_out = step;
		zip->avail_out = sizeof(step);
		status = inflate(zip, Z_NO_FLUSH);
		n = sizeof(step) - zip->avail_out;
		if (status == Z_MEM_ERROR)
			return -ENOMEM;
		if ((status != Z_OK && status != Z_STREAM_END) || (!n && status == Z_OK))
			return -EINVAL;
		if (out->n + n > limit)
			return -EFBIG;
		if (!hold(ctx, n))
			return -EAGAIN;
		out_write(out, step, n);
	} while (status != Z_STREAM_END && !out->status);
	return out->status ? out->status : zip->avail_in ? -EINVAL : 0;
}

int pack_inflate(const uint8_t *data, size_t size, size_t limit, bool (*hold)(void *, uint64_t),
		 void *ctx, struct out *out)
{
	z_stream zip = {.next_in = (uint8_t *)data, .avail_in = size};
	int err;

	if (size > UINT32_MAX)
		return -EFBIG;
	if (inflateInit2(&zip, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	err = inflate_all(&zip, limit, hold, ctx, out);
	inflateEnd(&zip);
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
