// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as unwind entries: what comes out is a table, and every address has a rule in it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/make/frame_image.h"
#include "user/lib/unwind/unwind_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void row_check(void *arg, uint64_t address, uint32_t rule)
{
	struct unwind_view *view = arg;

	if (rule >= view->rules_count || unwind_view_lookup(view, address) != rule ||
	    address < FRAME_CODE || address > FRAME_CODE + FRAME_CODE_BYTES)
		abort();
}

/* Once with its own numbers, once with numbers of a set that has no room. */
static void table_check(struct unwind_table *table)
{
	struct unwind_rules *shared = unwind_rules_new(8, 7);
	struct unwind_view view = unwind_table_view(table);
	uint32_t from;

	if (unwind_table_check(table->values, table->bytes))
		abort();
	unwind_table_rows(table, row_check, &view);
	if (unwind_table_globalise(table, shared, &from) || from != UNWIND_RULE_FIXED)
		abort();
	view.rules = unwind_rules_all(shared);
	view.rules_count = unwind_rules_count(shared);
	if (view.rules_count > 8)
		abort();
	for (uint64_t a = FRAME_CODE - 16; a < FRAME_CODE + 4096; a += 5)
		if (unwind_view_lookup(&view, a) >= view.rules_count)
			abort();
	unwind_rules_free(shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY_BYTES] = "0123456789abcde";
	struct unwind_table table;
	struct unwind_build build;
	struct frame_image *f;
	uint64_t hash;
	size_t bytes = 0;

	if (!size)
		return 0;
	f = frame_image_new(data[0] & 1 ? EM_AARCH64 : EM_X86_64,
			    data[0] & 2 ? ".debug_frame" : ".eh_frame", data + 1, size - 1, &bytes);
	if (!unwind_table_build(&table, f, bytes, &build)) {
		if (build.rows > 2 * size + 2 || unwind_table_identity(f, bytes, key, &hash))
			abort();
		table_check(&table);
		unwind_table_release(&table);
	}
	free(f);
	/* and as the whole file */
	if (!unwind_table_build(&table, data, size, &build))
		unwind_table_release(&table);
	return 0;
}
