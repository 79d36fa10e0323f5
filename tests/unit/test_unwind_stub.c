// SPDX-License-Identifier: BSD-2-Clause
/* Functions without entries that only call what never returns: of this very program, and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/unwind/unwind_stub.h"
#include "user/lib/unwind/unwind_table.h"

static void test_bytes(void **state)
{
	static const struct {
		const char *code;
		size_t bytes;
		uint32_t found;
	} cases[] = {
		{ "\x50\xe8\x01\x02\x03\x04\x0f\x0b", 8, 8 },
		{ "\x50\xff\x15\x01\x02\x03\x04\x0f\x0b\x90", 10, 9 },
		{ "\x50\xff\x15\x01\x02\x03\x04\x0f\x0b", 8, 0 }, /* cut */
		{ "\x50\xe8\x01\x02\x03\x04\x0f", 7, 0 },
		{ "\x50\xe8\x01\x02\x03\x04\x58\xc3", 8, 0 }, /* it returns */
		{ "\x51\xe8\x01\x02\x03\x04\x0f\x0b", 8, 0 }, /* push %rcx */
		{ "\x50\xff\x25\x01\x02\x03\x04\x0f\x0b", 9, 0 }, /* a jump */
		{ "", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(unwind_stub_bytes((const uint8_t *)cases[i].code, cases[i].bytes),
				 cases[i].found);
}

#if defined(__x86_64__)
/* Between functions that have entries: one as rustc wrote it, and one that returns. */
__asm__(".text\n"
	".p2align 4\n"
	"stub_alone: .globl stub_alone\n"
	"	push %rax\n"
	"	call *abort@GOTPCREL(%rip)\n"
	"	ud2\n"
	".p2align 4\n"
	"no_stub: .globl no_stub\n"
	"	push %rax\n"
	"	call *abort@GOTPCREL(%rip)\n"
	"	pop %rax\n"
	"	ret\n"
	".p2align 4\n");
extern const uint8_t stub_alone[], no_stub[], __executable_start[];

/* The rule in force at an address of this process; NULL: none. */
static const struct unwind_rule *rule_of(const struct unwind_view *view, const uint8_t *address)
{
	uint32_t rule = unwind_view_lookup(view, (uint64_t)(address - __executable_start));

	return rule == UNWIND_RULE_NO_FDE ? NULL : &view->rules[rule];
}

static void test_own(void **state)
{
	FILE *f = fopen("/proc/self/exe", "re");
	struct unwind_build build;
	struct unwind_table table;
	size_t bytes;
	void *elf;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	bytes = (size_t)ftell(f);
	rewind(f);
	elf = malloc(bytes);
	assert_non_null(elf);
	assert_int_equal(fread(elf, 1, bytes, f), bytes);
	fclose(f);
	assert_int_equal(unwind_table_build(&table, elf, bytes, &build), 0);
	struct unwind_view view = unwind_table_view(&table);
	const struct unwind_rule *at_start = rule_of(&view, stub_alone);
	const struct unwind_rule *in_call = rule_of(&view, stub_alone + 6);

	assert_non_null(at_start);
	assert_int_equal(at_start->cfa_off, 8);
	assert_non_null(in_call);
	assert_int_equal(in_call->kind, UNWIND_KIND_REG);
	assert_int_equal(in_call->cfa_reg, UNWIND_X86_RSP);
	assert_int_equal(in_call->cfa_off, 16);
	assert_int_equal(in_call->ra, -1);
	assert_null(rule_of(&view, stub_alone + 9));
	assert_null(rule_of(&view, no_stub));
	assert_null(rule_of(&view, no_stub + 6));
	unwind_table_release(&table);
	free(elf);
}
#else
static void test_own(void **state)
{
	skip();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
