// SPDX-License-Identifier: BSD-2-Clause
/* The search and x86-64's step, on stacks and tables that are made here word by word. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/make/step_fixture.h"

/* Every count of rows that a bucket can have, at every address next to a row. */
static void test_search(void **state)
{
	static struct unwind_value v[2];
	struct unwind_head *head = (void *)v;
	struct unwind_bucket *b = (void *)&v->word[UNWIND_HEAD_WORDS];
	struct unwind_view view = {v, 2, 0, NULL};

	*head = (struct unwind_head){
		.magic = UNWIND_MAGIC, .base = CODE, .shift = 16, .buckets = 1, .values = 2};
	for (unsigned int n = 0; n <= UNWIND_BUCKET_ROWS; n++) {
		b->first = UNWIND_VALUE_WORDS + 1;
		b->rule = 7;
		b->count = n;
		for (unsigned int i = 0; i < UNWIND_VALUE_WORDS - 1; i++)
			v[1].word[1 + i] = i < n ? (i * 64 + 5) << 16 | (i + 100) : 0;
		for (unsigned int i = 0; i < n; i++) {
			assert_int_equal(unwind_view_lookup(&view, CODE + i * 64 + 5), i + 100);
			assert_int_equal(unwind_view_lookup(&view, CODE + i * 64 + 4),
					 i ? i + 99 : 7);
		}
		assert_int_equal(unwind_view_lookup(&view, CODE + 65535), n ? n + 99 : 7);
	}
	assert_int_equal(unwind_view_lookup(&view, CODE - 1), UNWIND_RULE_NO_FDE);
	assert_int_equal(unwind_view_lookup(&view, CODE + 65536), UNWIND_RULE_NO_FDE);
	view.count = 1;
	assert_int_equal(unwind_view_lookup(&view, CODE), UNWIND_RULE_NO_FDE);
}

/* rsp, then a frame pointer whose value came through two frames that had only saved it. */
static void test_frame_pointer_saved_below(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 32, .ra = -1, .fp = -3};
	f.rules[9] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 16, .ra = -1};
	f.rules[10] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 6, .cfa_off = 16, .ra = -1, .fp = -2};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, 9);
	fixture_row(&f, 32, 10);
	fixture_row(&f, 48, UNWIND_RULE_ROOT);
	fixture_x86(&f, CODE + 4, at_word(0));
	f.stack[1] = at_word(20); /* rbp of the third frame, saved by the first */
	f.stack[3] = CODE + 20;
	f.stack[5] = CODE + 40;
	f.stack[20] = 0x1234;
	f.stack[21] = CODE + 64;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.pcs[0], CODE + 4);
	assert_int_equal(f.pcs[1], CODE + 19);
	assert_int_equal(f.pcs[2], CODE + 39);
	assert_int_equal(f.pcs[3], CODE + 63);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(22));
	assert_int_equal(f.at.r[UNWIND_X86_RBP], 0x1234);
}

/* A return address that is the first byte of the next function belongs to the call before it. */
static void test_call_at_the_end(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] =
		(struct unwind_rule){.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, UNWIND_RULE_ROOT);
	fixture_row(&f, 32, UNWIND_RULE_NO_FDE);
	fixture_x86(&f, CODE, at_word(0));
	f.stack[0] = CODE + 32;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 2);
}

/* As in the dynamic linker's trampoline: CFA in rbx, which the callee has saved. */
static void test_rbx(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_REG,
					  .cfa_reg = 7,
					  .cfa_off = 24,
					  .ra = -1,
					  .saved = {-2, 0, -3}};
	f.rules[9] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 3, .cfa_off = 24, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, 9);
	fixture_row(&f, 32, UNWIND_RULE_ROOT);
	fixture_x86(&f, CODE + 1, at_word(0));
	f.stack[1] = at_word(40);
	f.stack[2] = CODE + 17;
	f.stack[42] = CODE + 33;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(43));
	/* rbx was needed, so it was read; r13 never */
	assert_int_equal(f.at.in_memory, 1u << 13);
	assert_int_equal(f.at.r[3], at_word(40));
	assert_int_equal(f.at.r[13], at_word(0));
	/* where the callee saved it is not said, nothing may be guessed */
	f.rules[8].saved[0] = UNWIND_LOST;
	fixture_x86(&f, CODE + 1, at_word(0));
	f.at.exact = 1;
	assert_int_equal(fixture_walk(&f), UNWIND_REGISTER);
	assert_int_equal(f.count, 2);
}

/* What stands in the place of a table that was given back. */
static void test_empty_table(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	memset(&f.value, 0, sizeof(f.value));
	fixture_x86(&f, CODE + 1, at_word(4));
	assert_int_equal(fixture_walk(&f), UNWIND_NO_TABLE);
}

/* vfork() keeps its return address in rdi, which only the leaf has. */
static void test_return_address_in_register(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_add = 5};
	f.rules[9] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 16, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, 9);
	fixture_row(&f, 32, UNWIND_RULE_ROOT);
	fixture_x86(&f, CODE + 1, at_word(4));
	f.at.r[5] = CODE + 17;
	f.stack[5] = CODE + 33;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.pcs[1], CODE + 16);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(6));
	/* further up nobody knows rdi, and a frame without a size would be no progress */
	fixture_x86(&f, CODE + 17, at_word(4));
	f.at.exact = 1;
	f.stack[5] = CODE + 2;
	assert_int_equal(fixture_walk(&f), UNWIND_STUCK);
	assert_int_equal(f.count, 2);
}

/* A caller-saved register is good for a CFA in the leaf only. */
static void test_leaf_registers(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 10, .cfa_off = 0, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_x86(&f, CODE + 1, at_word(0));
	f.at.r[10] = at_word(9);
	f.stack[8] = CODE + 33;
	assert_int_equal(fixture_walk(&f), UNWIND_REGISTER);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(9));
}

/* gcc's realigned frame: CFA at *(rbp - 8), rbp at *(rbp). */
static void test_realigned(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_DEREF,
					  .cfa_reg = 6,
					  .cfa_off = -8,
					  .cfa_add = 8,
					  .ra = -1,
					  .fp = UNWIND_FP_AT_FP};
	f.rules[9] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 6, .cfa_off = 16, .ra = -1, .fp = -2};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, 9);
	fixture_row(&f, 32, UNWIND_RULE_ROOT);
	fixture_x86(&f, CODE, at_word(0));
	f.at.r[6] = at_word(10);
	f.stack[9] = at_word(20);
	f.stack[10] = at_word(30);
	f.stack[20] = CODE + 17;
	f.stack[31] = CODE + 33;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(32));

	/* behind the pop of its epilogue, where gcc's entry still says the same */
	f.rules[8].kind = UNWIND_KIND_REG;
	f.rules[8].cfa_reg = 10;
	f.rules[8].cfa_off = 0;
	fixture_x86(&f, CODE, at_word(15));
	f.at.exact = 1;
	f.at.in_memory = 0;
	f.at.r[6] = at_word(30);
	f.at.r[10] = at_word(21);
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(32));
}

/* OpenSSL's Montgomery multiplication: the old rsp in a slot whose index is in r9. */
static void test_indexed(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){
		.kind = UNWIND_KIND_INDEXED, .cfa_reg = 9, .cfa_off = 8, .cfa_add = 8, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 64, UNWIND_RULE_ROOT);
	fixture_x86(&f, CODE, at_word(4));
	f.at.r[9] = 32;
	f.stack[4 + 32 + 1] = at_word(90);
	f.stack[90] = CODE + 65;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(91));
}

static void test_plt(void **state)
{
	for (unsigned int off = 0; off < 16; off++) {
		for (int bound = 9; bound <= 11; bound++) {
			struct fixture f;

			fixture_init(&f, EM_X86_64);
			f.rules[8] = (struct unwind_rule){
				.kind = UNWIND_KIND_PLT, .cfa_off = bound, .ra = -1};
			fixture_row(&f, 0, 8);
			fixture_row(&f, 64, UNWIND_RULE_ROOT);
			fixture_x86(&f, CODE + 16 + off, at_word(0));
			f.stack[off >= bound] = CODE + 65;
			assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
			assert_int_equal(f.count, 2);
		}
	}
}

/* The handler is on another stack, above the one that it interrupted; the interrupted frame has its
 * CFA in a caller-saved register, and its first instruction is not yet run. */
static void test_signal_x86(void **state)
{
	static const uint8_t restorer[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};

	for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
		struct fixture f;

		fixture_init(&f, EM_X86_64);
		f.rules[8] = (struct unwind_rule){
			.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1};
		f.rules[9].kind = by_bytes ? UNWIND_KIND_NO_FDE : UNWIND_KIND_SIGNAL;
		f.rules[10] = (struct unwind_rule){
			.kind = UNWIND_KIND_REG, .cfa_reg = 11, .cfa_off = 8, .ra = -1};
		fixture_row(&f, 0, 8);
		fixture_row(&f, 16, 9);
		fixture_row(&f, 32, 10);
		fixture_row(&f, 64, UNWIND_RULE_ROOT);
		f.memory[1] = (struct unwind_memory){CODE + 20, restorer, sizeof(restorer)};
		f.walk.memory_count = 2;
		fixture_x86(&f, CODE, at_word(300));
		f.stack[300] = CODE + 20;
		f.stack[301 + 5 + 3] = at_word(50);  /* r11 */
		f.stack[301 + 5 + 10] = 0xb0;	     /* rbp */
		f.stack[301 + 5 + 15] = at_word(10); /* rsp */
		f.stack[301 + 5 + 16] = CODE + 32;   /* rip */
		f.stack[50] = CODE + 65;
		assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
		assert_int_equal(f.count, 4);
		assert_int_equal(f.pcs[2], CODE + 32);
		assert_int_equal(f.pcs[3], CODE + 64);
		assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(51));
		/* rbp is still where the kernel has saved it */
		assert_int_equal(f.at.r[6], at_word(301 + 5 + 10));
		assert_true(f.at.in_memory & 1u << 6);
	}
}

/* Ends: what makes one frame the last, and its name. */
static const struct {
	struct unwind_rule rule;
	uint64_t ra;
	uint64_t rbp;
	enum unwind_reason reason;
	size_t frames;
	const char *name;
} ends[] = {
	{{.kind = UNWIND_KIND_ROOT}, 0, 1, UNWIND_COMPLETE, 1, "complete"},
	{{.kind = UNWIND_KIND_NO_FDE}, 0, 1, UNWIND_NO_FDE, 1, "no FDE"},
	{{.kind = UNWIND_KIND_NO_FDE}, 0, 0, UNWIND_NO_FDE, 1, "no FDE"},
	{{.kind = UNWIND_KIND_UNSUPPORTED}, 0, 1, UNWIND_UNSUPPORTED, 1, "rule not supported"},
	{{.kind = UNWIND_KIND_FULL}, 0, 1, UNWIND_RULES_FULL, 1, "rules full"},
	{{.kind = UNWIND_KIND_COUNT}, 0, 1, UNWIND_UNSUPPORTED, 1, "rule not supported"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1},
	 0,
	 1,
	 UNWIND_NULL_RETURN,
	 1,
	 "null return address"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1},
	 0x5000,
	 1,
	 UNWIND_MAPPING,
	 2,
	 "mapping"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1},
	 CODE + 513,
	 1,
	 UNWIND_NO_FDE,
	 2,
	 "no FDE"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8, .ra = -1},
	 CODE + 513,
	 0,
	 UNWIND_OUTERMOST,
	 2,
	 "outermost"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 0, .ra = -1},
	 CODE + 1,
	 1,
	 UNWIND_STUCK,
	 1,
	 "not advancing"},
	{{.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 8 * WORDS, .ra = -1},
	 CODE + 1,
	 1,
	 UNWIND_STACK,
	 1,
	 "stack not readable"},
	{{.kind = UNWIND_KIND_DEREF, .cfa_reg = 6, .cfa_off = 0, .ra = -1},
	 0,
	 1,
	 UNWIND_STACK,
	 1,
	 "stack not readable"},
};

static void test_ends(void **state)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct fixture f;

		fixture_init(&f, EM_X86_64);
		f.rules[8] = ends[i].rule;
		fixture_row(&f, 0, 8);
		fixture_row(&f, 512, UNWIND_RULE_NO_FDE);
		fixture_x86(&f, CODE, at_word(3));
		f.at.r[6] = ends[i].rbp;
		f.stack[3] = ends[i].ra;
		assert_int_equal(fixture_walk(&f), ends[i].reason);
		assert_int_equal(f.count, ends[i].frames);
		assert_string_equal(unwind_reason_name(ends[i].reason), ends[i].name);
	}
	for (int i = 0; i < UNWIND_REASON_COUNT; i++)
		assert_non_null(unwind_reason_name(i));
}

/* Recursion fills the caller's array: the walk says so and could go on. */
static void test_too_deep(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 16, .ra = -1};
	fixture_row(&f, 0, 8);
	fixture_x86(&f, CODE, at_word(0));
	for (int i = 0; i < WORDS; i++)
		f.stack[i] = CODE + 9;
	assert_int_equal(fixture_walk(&f), UNWIND_TOO_DEEP);
	assert_int_equal(f.count, 16);
	assert_int_equal(f.at.r[UNWIND_X86_RSP], at_word(32));
}

/* JIT code with frame pointers between two functions that have tables. */
static void test_jit(void **state)
{
	struct unwind_mapping maps[2];
	struct fixture f;

	fixture_init(&f, EM_X86_64);
	f.rules[8] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 7, .cfa_off = 16, .ra = -1, .fp = -2};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 64, UNWIND_RULE_ROOT);
	maps[0] = f.map;
	maps[1] = (struct unwind_mapping){0x700000, 0x701000, 0, UNWIND_MAPPING_JIT, NULL};
	f.walk.mappings = maps;
	f.walk.mappings_count = 2;
	fixture_x86(&f, CODE, at_word(0));
	f.stack[0] = at_word(10);
	f.stack[1] = 0x700010;
	f.stack[10] = at_word(20);
	f.stack[11] = 0x700020;
	f.stack[20] = 77;
	f.stack[21] = CODE + 65;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 4);
	/* a chain that goes down, is not aligned, or isn't there */
	static const uint64_t broken[] = {STACK + 8, STACK + 83, 0x10};

	for (int i = 0; i < 3; i++) {
		fixture_x86(&f, CODE, at_word(0));
		f.at.exact = 1;
		f.at.in_memory = 0;
		f.stack[0] = broken[i];
		assert_int_equal(fixture_walk(&f), UNWIND_FRAME_POINTER);
		assert_int_equal(f.count, 2);
	}
	maps[1].kind = UNWIND_MAPPING_NO_TABLE;
	fixture_x86(&f, CODE, at_word(0));
	f.at.exact = 1;
	assert_int_equal(fixture_walk(&f), UNWIND_NO_TABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_frame_pointer_saved_below),
		cmocka_unit_test(test_call_at_the_end),
		cmocka_unit_test(test_rbx),
		cmocka_unit_test(test_empty_table),
		cmocka_unit_test(test_return_address_in_register),
		cmocka_unit_test(test_leaf_registers),
		cmocka_unit_test(test_realigned),
		cmocka_unit_test(test_indexed),
		cmocka_unit_test(test_plt),
		cmocka_unit_test(test_signal_x86),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_jit),
	};

	return cmocka_run_group_tests_name("unwind_step", tests, NULL, NULL);
}
