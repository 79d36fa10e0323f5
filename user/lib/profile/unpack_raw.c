// SPDX-License-Identifier: BSD-2-Clause
/* Values that nobody here understands, kept as they came. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/profile/unpack.h"

struct raw {
	uint8_t *data;
	size_t n, cap, limit;
};

static int raw_append(struct unpack *u, struct raw *raw, const void *data, size_t size)
{
	size_t cap = raw->cap ? raw->cap : 64;

	if (!data)
		return u->status;
	while (cap < raw->n + size)
		cap *= 2;
	if (cap > raw->cap) {
		uint8_t *grown = realloc(raw->data, cap);

		if (!grown)
			return unpack_fail(u, -ENOMEM, "out of memory");
		raw->data = grown;
		raw->cap = cap;
	}
	memcpy(raw->data + raw->n, data, size);
	raw->n += size;
	return 0;
}

/* One header with the bytes that belong to it. `ret_values` follow it. */
static int raw_token(struct unpack *u, struct raw *raw, uint64_t *ret_values)
{
	struct unpack_token t;
	uint64_t body;

	if (unpack_next(u, &t))
		return u->status;
	body = t.type >= UNPACK_STR && t.type <= UNPACK_EXT ? t.u : 0;
	if (body > raw->limit || raw->n + t.header + body > raw->limit || body > UNPACK_BYTES_MAX)
		return unpack_fail(u, -EFBIG, "too many bytes of unknown fields");
	*ret_values = t.type == UNPACK_MAP ? 2 * t.u : t.type == UNPACK_ARRAY ? t.u : 0;
	if (raw_append(u, raw, unpack_last(u, &t), t.header))
		return u->status;
	return raw_append(u, raw, unpack_bytes(u, body), body);
}

int unpack_raw(struct unpack *u, unsigned int depth, size_t limit, uint8_t **ret, size_t *ret_size)
{
	uint64_t left[UNPACK_DEPTH_MAX + 1] = {1}, values = 0;
	struct raw raw = {.limit = limit};
	unsigned int level = 0;

	while (left[0] || level) {
		if (!left[level]) {
			level--;
			continue;
		}
		left[level]--;
		if (raw_token(u, &raw, &values))
			break;
		if (values && ++level > depth) {
			unpack_fail(u, -EFBIG, "unknown fields are nested too deep");
			break;
		}
		if (values)
			left[level] = values;
	}
	if (u->status) {
		free(raw.data);
		return u->status;
	}
	*ret = raw.data;
	*ret_size = raw.n;
	return 0;
}
