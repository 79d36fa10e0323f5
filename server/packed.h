/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers in few bytes, as the store keeps them: LEB128 varints, signed ones zigzag, in a buffer
 * that grows. The first failure sticks, as in struct out.
 */
#ifndef BD_SERVER_PACKED_H
#define BD_SERVER_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/profile/report.h"

struct packed {
	uint8_t *data;
	size_t n, cap;
	int status;
};

void packed_u64(struct packed *p, uint64_t value);
void packed_i64(struct packed *p, int64_t value);
void packed_release(struct packed *p);

/* Reads them back; past the end, or where a number has over 64 bits, `status` is -EINVAL. */
struct unpacked {
	const uint8_t *at, *end;
	int status;
};
uint64_t unpacked_u64(struct unpacked *u);
int64_t unpacked_i64(struct unpacked *u);

/*
 * The series of a report: rows, columns, and of each column its number in wire.def and the
 * differences from row to row. Nothing where there are no rows.
 */
void packed_series(struct packed *p, const struct report_series *series);
/* Calls `value` with each; 0, or -EINVAL where the bytes are no series. */
int unpacked_series(const uint8_t *data, size_t size,
		    void (*value)(void *ctx, uint64_t column, uint64_t row, int64_t value),
		    void *ctx);

#endif
