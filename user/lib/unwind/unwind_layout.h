/* SPDX-License-Identifier: BSD-2-Clause */
/* From a sorted list of rows to the values of a table. A part of unwind_table.c. */
#ifndef BD_UNWIND_LAYOUT_H
#define BD_UNWIND_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/unwind/unwind_table.h"

struct unwind_row {
	uint32_t offset; /* from `base` */
	uint32_t rule;
};

/*
 * Rows by offset, each offset once. `base` is a multiple of 1 << UNWIND_SHIFT_MAX. What lies before
 * the first row has UNWIND_RULE_NO_FDE. -E2BIG, -ENOMEM.
 */
int unwind_layout(uint64_t base, uint16_t machine, const struct unwind_row *rows, uint32_t count,
		  const struct unwind_rules *rules, struct unwind_table *ret_table);

#endif
