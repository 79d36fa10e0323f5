// SPDX-License-Identifier: BSD-2-Clause
#include "server/limits.h"

#include "user/lib/profile/codec.h"

void limits_of_report(const struct limits *limits, struct report_limits *ret)
{
	*ret = (struct report_limits){
		.unpacked_bytes = limits->unpacked_bytes,
		.memory_bytes = limits->report_memory_bytes,
		.rows = limits->rows,
		.string_bytes = limits->string_bytes,
		.counts = limits->counts,
		.unknown_fields = limits->unknown_fields,
		.unknown_bytes = limits->unknown_bytes,
		.depth = limits->depth,
	};
}

void limits_of_beats(const struct limits *limits, struct report_limits *ret)
{
	limits_of_report(limits, ret);
	ret->unpacked_bytes = limits->beats_unpacked_bytes;
	ret->memory_bytes = limits->beats_memory_bytes;
	ret->rows = limits->beats_rows;
}
