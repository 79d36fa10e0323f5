// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any rules, rows, registers and stack: a walk ends, stays in its arrays, and its sp goes up but
 * for signal frames. And any bytes as a table that somebody hands over: what the check lets pass
 * can be walked with.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/unwind/unwind_table.h"

#define CODE 0x400000ULL
#define STACK 0x7ff000ULL
#define RULES 16
#define MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t machine, kind, frames, reserved;
	uint32_t known, in_memory;
	uint16_t regs[UNWIND_REGS]; /* low bits of addresses in the stack */
	uint32_t ip;
	uint32_t rows[16];
	struct unwind_rule rules[RULES];
};

static void walk(const struct unwind_walk *w, const struct input *in)
{
	uint32_t sp_reg = w->machine == EM_AARCH64 ? UNWIND_ARM64_SP : UNWIND_X86_RSP;
	struct unwind_cursor at = {.ip = CODE + (in->ip & 0xffff),
				   .ip_mask = ~0ULL,
				   .known = in->known | 1u << sp_reg,
				   .in_memory = in->in_memory & ~(1u << sp_reg),
				   .exact = 1};
	uint64_t pcs[MOST], sp;
	enum unwind_reason reason;
	size_t n, total = 0;

	for (int i = 0; i < UNWIND_REGS; i++)
		at.r[i] = STACK + in->regs[i];
	do {
		sp = at.r[sp_reg];
		reason = unwind_walk(w, &at, pcs, 1 + in->frames % MOST, &n);
		if (!n || n > 1 + in->frames % MOST || reason == UNWIND_WALKING ||
		    reason >= UNWIND_REASON_COUNT)
			abort();
		total += n;
		if (in->kind & 1 && at.r[sp_reg] < sp)
			abort(); /* without signal frames there is no way down */
	} while (reason == UNWIND_TOO_DEEP && total < 4096);
}

static void walk_made(const struct input *in, const uint8_t *stack, size_t bytes)
{
	const struct unwind_head head = {
		.base = CODE, .shift = 16, .buckets = 1, .values = 1, .magic = UNWIND_MAGIC};
	const struct unwind_bucket bucket = {UNWIND_HEAD_WORDS + 2, 0, in->reserved};
	struct unwind_value value = {{0}};
	struct unwind_rule rules[RULES];
	struct unwind_view view = {&value, 1, RULES, rules};
	struct unwind_mapping map[2] = {
		{CODE, CODE + 0x10000, 0, UNWIND_MAPPING_TABLE, &view},
		{CODE + 0x10000, CODE + 0x20000, 0, UNWIND_MAPPING_JIT, NULL},
	};
	struct unwind_memory memory = {STACK, stack, bytes};
	struct unwind_walk w = {map, 2, &memory, 1, in->machine & 1 ? EM_AARCH64 : EM_X86_64};

	memcpy(value.word + UNWIND_HEAD_WORDS + 2, in->rows, sizeof(in->rows));
	memcpy(rules, in->rules, sizeof(rules));
	for (int i = 0; i < RULES; i++)
		if (in->kind & 1 &&
		    (rules[i].kind == UNWIND_KIND_SIGNAL || rules[i].kind == UNWIND_KIND_NO_FDE))
			rules[i].kind = UNWIND_KIND_ROOT;
	memcpy(&value, &head, sizeof(head));
	memcpy(&value.word[UNWIND_HEAD_WORDS], &bucket, sizeof(bucket));
	for (int i = 0; i < 16; i++)
		value.word[UNWIND_HEAD_WORDS + 2 + i] &= 0xffff000f;
	walk(&w, in);
}

static void rows_nothing(void *arg, uint64_t address, uint32_t rule)
{
}

static void walk_handed(const struct input *in, const uint8_t *data, size_t size)
{
	struct unwind_table table = {malloc(size + UNWIND_VALUE_BYTES), size};
	struct unwind_head *head = unwind_table_head(&table);
	struct unwind_view view;
	struct unwind_mapping map = {CODE, CODE + 0x10000, 0, UNWIND_MAPPING_TABLE, &view};
	struct unwind_memory memory = {STACK, data, size};
	struct unwind_walk w = {&map, 1, &memory, 1, EM_X86_64};
	struct unwind_rules *shared = unwind_rules_new(32, 7);
	uint32_t from;

	memcpy(table.values, data, size);
	memset((char *)table.values + size, 0, UNWIND_VALUE_BYTES);
	table.bytes = UNWIND_VALUE_BYTES + RULES * sizeof(struct unwind_rule);
	if (table.bytes > size + UNWIND_VALUE_BYTES)
		table.bytes = size + UNWIND_VALUE_BYTES;
	head->magic = UNWIND_MAGIC;
	head->values = 1;
	head->rules = RULES;
	head->base = CODE;
	head->machine = EM_X86_64;
	head->shift = 8 + head->shift % 9;
	if (!unwind_table_check(table.values, table.bytes)) {
		view = unwind_table_view(&table);
		walk(&w, in);
		unwind_table_rows(&table, rows_nothing, NULL);
		if (unwind_table_globalise(&table, shared, &from))
			abort();
	}
	unwind_rules_free(shared);
	unwind_table_release(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	walk_made(&in, data + sizeof(in), size - sizeof(in));
	in.kind &= 0xfe;
	walk_handed(&in, data + sizeof(in), size - sizeof(in));
	return 0;
}
