// SPDX-License-Identifier: BSD-2-Clause
/* arm64's step, on stacks and tables that are made here word by word. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/make/step_fixture.h"

static void fixture_arm64(struct fixture *f, uint64_t ip, uint64_t sp)
{
	f->at.ip = ip;
	f->at.r[UNWIND_ARM64_SP] = sp;
	f->at.known = ~0u;
	f->at.ip_mask = (1ULL << 48) - 1;
}

/* A leaf that has no frame, a frame with the pair at its bottom and a signed return address, a
 * function that keeps x29 but isn't a frame pointer's, the root. */
static void test_arm64(void **state)
{
	struct fixture f;

	fixture_init(&f, EM_AARCH64);
	f.rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_REG, .cfa_reg = 31};
	f.rules[9] = (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = 29, .cfa_off = 64, .fp = -8, .ra = -7};
	fixture_row(&f, 0, 8);
	fixture_row(&f, 16, 9);
	fixture_row(&f, 64, UNWIND_RULE_ROOT);
	fixture_arm64(&f, CODE + 4, at_word(2));
	f.at.r[UNWIND_ARM64_LR] = CODE + 20;
	f.at.r[UNWIND_ARM64_FP] = at_word(10);
	f.stack[10] = at_word(30);
	f.stack[11] = 0x005a000000000000ULL | (CODE + 24); /* PAC */
	f.stack[30] = 0;
	f.stack[31] = CODE + 68;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.pcs[2], CODE + 23);
	assert_int_equal(f.at.r[UNWIND_ARM64_SP], at_word(38));

	/* the link register is the leaf's only: a caller that says the same is not walked in a ring
	 */
	fixture_arm64(&f, CODE + 4, at_word(2));
	f.at.exact = 1;
	f.at.in_memory = 0;
	f.at.r[UNWIND_ARM64_LR] = CODE + 8;
	assert_int_equal(fixture_walk(&f), UNWIND_STUCK);
	assert_int_equal(f.count, 2);
	f.rules[8].cfa_off = 16;
	fixture_arm64(&f, CODE + 4, at_word(2));
	f.at.exact = 1;
	f.at.r[UNWIND_ARM64_LR] = CODE + 8;
	assert_int_equal(fixture_walk(&f), UNWIND_REGISTER);
	assert_int_equal(f.count, 2);
}

static void test_signal_arm64(void **state)
{
	static const uint8_t restorer[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};

	for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
		struct fixture f;
		const unsigned int frame = 100, regs = frame + 312 / 8;

		fixture_init(&f, EM_AARCH64);
		f.rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_REG, .cfa_reg = 31};
		f.rules[9].kind = by_bytes ? UNWIND_KIND_NO_FDE : UNWIND_KIND_SIGNAL;
		fixture_row(&f, 0, 8);
		fixture_row(&f, 16, 9);
		fixture_row(&f, 64, UNWIND_RULE_ROOT);
		f.memory[1] = (struct unwind_memory){CODE + 20, restorer, sizeof(restorer)};
		f.walk.memory_count = 2;
		fixture_arm64(&f, CODE + 4, at_word(frame));
		f.at.r[UNWIND_ARM64_LR] = CODE + 20;
		f.stack[regs + 29] = 0xf9;
		f.stack[regs + 30] = CODE + 68;
		f.stack[regs + 31] = at_word(5);
		f.stack[regs + 32] = CODE + 4; /* a leaf was interrupted */
		assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
		assert_int_equal(f.count, 4);
		assert_int_equal(f.pcs[2], CODE + 4);
		assert_int_equal(f.pcs[3], CODE + 67);
		assert_int_equal(f.at.r[UNWIND_ARM64_SP], at_word(5));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arm64),
		cmocka_unit_test(test_signal_arm64),
	};

	return cmocka_run_group_tests_name("unwind_step_arm64", tests, NULL, NULL);
}
