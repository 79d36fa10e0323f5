// SPDX-License-Identifier: BSD-2-Clause
#include "server/packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/base/array.h"
#include "user/lib/profile/wire.h"

#define VARINT_BYTES_MAX 10

void packed_u64(struct packed *p, uint64_t value)
{
	if (!p->status)
		p->status = array_reserve((void **)&p->data, &p->cap, p->n, VARINT_BYTES_MAX, 1);
	if (p->status)
		return;
	for (; value >= 0x80; value >>= 7)
		p->data[p->n++] = value | 0x80;
	p->data[p->n++] = value;
}

void packed_i64(struct packed *p, int64_t value)
{
	packed_u64(p, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void packed_release(struct packed *p)
{
	free(p->data);
	*p = (struct packed){0};
}

uint64_t unpacked_u64(struct unpacked *u)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; u->at < u->end && shift < 64; shift += 7) {
		uint64_t byte = *u->at++;

		if (shift == 63 && byte > 1)
			break;
		value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	u->status = -EINVAL;
	return 0;
}

int64_t unpacked_i64(struct unpacked *u)
{
	uint64_t value = unpacked_u64(u);

	return (int64_t)(value >> 1 ^ -(value & 1));
}

static const struct wire_type *series_type(void)
{
	return wire_find(&wire_report, "series", strlen("series"))->type;
}

void packed_series(struct packed *p, const struct report_series *series)
{
	const struct wire_type *type = series_type();

	if (!series->n)
		return;
	packed_u64(p, series->n);
	packed_u64(p, type->n_fields);
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct wire_field *f = &type->fields[i];
		const char *column = wire_column(series, f);
		int64_t before = 0;

		packed_u64(p, f->number);
		for (size_t row = 0; row < series->n; row++) {
			int32_t narrow;
			int64_t value;

			if (f->kind == WIRE_I64) {
				memcpy(&value, column + row * sizeof(value), sizeof(value));
			} else {
				memcpy(&narrow, column + row * sizeof(narrow), sizeof(narrow));
				value = narrow;
			}
			/* Times of a hostile report may be any: the difference wraps, and so does
			 * the sum that undoes it. */
			packed_i64(p, (int64_t)((uint64_t)value - (uint64_t)before));
			before = value;
		}
	}
}

int unpacked_series(const uint8_t *data, size_t size,
		    void (*value)(void *ctx, uint64_t column, uint64_t row, int64_t value),
		    void *ctx)
{
	struct unpacked u = {data, data, 0};
	uint64_t rows, columns;

	/* Also NULL, to which nothing can be added. */
	if (!size)
		return 0;
	u.end = data + size;
	rows = unpacked_u64(&u);
	columns = unpacked_u64(&u);
	for (uint64_t i = 0; i < columns && !u.status; i++) {
		uint64_t number = unpacked_u64(&u), sum = 0;

		for (uint64_t row = 0; row < rows && !u.status; row++) {
			sum += (uint64_t)unpacked_i64(&u);
			if (!u.status)
				value(ctx, number, row, (int64_t)sum);
		}
	}
	return u.status || u.at != u.end ? -EINVAL : 0;
}
