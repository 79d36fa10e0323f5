// SPDX-License-Identifier: BSD-2-Clause
/* The start files' code of this very program: found, and left alone where it is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/lib/unwind/unwind_crt.h"

struct program {
	uint8_t *data;
	struct elf_view image;
	struct unwind_plt crt[UNWIND_CRT_MOST];
	unsigned int n;
};

static void program_read(struct program *p)
{
	FILE *f = fopen("/proc/self/exe", "re");
	size_t bytes;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	bytes = (size_t)ftell(f);
	rewind(f);
	p->data = malloc(bytes);
	assert_non_null(p->data);
	assert_int_equal(fread(p->data, 1, bytes, f), bytes);
	fclose(f);
	assert_int_equal(elf_view_init(&p->image, p->data, bytes), 0);
	p->n = unwind_crt_find(&p->image, p->crt);
}

static uint8_t *code_at(const struct program *p, uint64_t address)
{
	struct elf_section s;

	assert_int_equal(elf_view_at(&p->image, address, &s), 0);
	return p->data + (s.data - p->data);
}

/* Frames begin behind what makes them and end at a ret. */
static void test_own(void **state)
{
	struct program p;

	program_read(&p);
	if (p.image.head.e_machine != EM_X86_64) {
		free(p.data);
		skip();
	}
	/* How many of the three a program has depends on how it is linked; each is three stretches. */
	assert_in_range(p.n, 3, 9);
	assert_int_equal(p.n % 3, 0);
	for (unsigned int i = 0; i < p.n; i += 3) {
		const struct unwind_plt *c = &p.crt[i];
		const uint8_t *frame = code_at(&p, c[1].start), *end = frame + c[1].bytes;

		assert_int_equal(c[0].start + c[0].bytes, c[1].start);
		assert_int_equal(c[1].start + c[1].bytes, c[2].start);
		assert_int_equal(c[0].rule.cfa_off, 8);
		assert_int_equal(c[1].rule.cfa_off, 16);
		assert_int_equal(c[2].rule.cfa_off, 8);
		assert_true(frame[-1] == 0x55 || !memcmp(frame - 4, "\x48\x83\xec\x08", 4));
		assert_int_equal(c[1].rule.fp, frame[-1] == 0x55 ? -2 : 0);
		assert_true(end[-1] == 0x5d || !memcmp(end - 4, "\x48\x83\xc4\x08", 4));
		assert_int_equal(end[0], 0xc3);
	}
	free(p.data);
}

/* An instruction more in it, and nothing is said of it any more. */
static void test_another(void **state)
{
	struct program p;

	program_read(&p);
	if (p.image.head.e_machine != EM_X86_64) {
		free(p.data);
		skip();
	}
	assert_in_range(p.n, 3, 9);
	*code_at(&p, p.crt[1].start - 2) ^= 0x10;
	assert_int_equal(unwind_crt_find(&p.image, p.crt), p.n - 3);
	free(p.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
