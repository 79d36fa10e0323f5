// SPDX-License-Identifier: BSD-2-Clause
/* Code that has frame pointers and no unwind entries: when a file is taken for such, and the step. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/make/frame_image.h"
#include "tests/make/step_fixture.h"
#include "user/lib/unwind/unwind_frames.h"

/* One frame by its pointer at word 10, saved by the caller's at word 20, and a root. */
static void frames_init(struct fixture *f, const void *code, size_t bytes)
{
	static uint8_t text[64];

	memset(text, 0x90, sizeof(text));
	memcpy(text + 16, code, bytes);
	fixture_init(f, EM_X86_64);
	f->rules[8] = (struct unwind_rule){.kind = UNWIND_KIND_FRAMES};
	fixture_row(f, 0, 8);
	fixture_row(f, 64, UNWIND_RULE_ROOT);
	f->memory[1] = (struct unwind_memory){CODE, text, sizeof(text)};
	f->walk.memory_count = 2;
	fixture_x86(f, CODE + 16, at_word(0));
	f->at.r[UNWIND_X86_RBP] = at_word(10);
	f->stack[10] = at_word(20);
	f->stack[11] = CODE + 40;
	f->stack[20] = 0;
	f->stack[21] = CODE + 70;
}

static void test_inside(void **state)
{
	struct fixture f;

	frames_init(&f, "\x90", 1);
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.pcs[1], CODE + 39);
	assert_int_equal(f.pcs[2], CODE + 69);
	/* without its code, as in a late walk, the leaf is taken for the same */
	frames_init(&f, "\x90", 1);
	f.walk.memory_count = 1;
	assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
	assert_int_equal(f.count, 3);
}

/* The leaf has no frame yet, or no more: its caller is not passed over. */
static void test_edges(void **state)
{
	static const struct {
		const char *code;
		size_t bytes;
		unsigned int words; /* from sp to the return address */
	} edges[] = {
		{"\x55\x48\x89\xe5", 4, 0},
		{"\xf3\x0f\x1e\xfa\x55", 5, 0},
		{"\xc3", 1, 0},
		{"\x48\x89\xe5", 3, 1},
		{"\x5d\xc3", 2, 1},
	};
	struct fixture f;

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		frames_init(&f, edges[i].code, edges[i].bytes);
		f.stack[0] = edges[i].words ? at_word(10) : CODE + 30;
		f.stack[1] = CODE + 30;
		if (edges[i].words)
			f.at.r[UNWIND_X86_RBP] = f.at.r[UNWIND_X86_RSP];
		assert_int_equal(fixture_walk(&f), UNWIND_COMPLETE);
		assert_int_equal(f.count, 4);
		assert_int_equal(f.pcs[1], CODE + 29);
		assert_int_equal(f.pcs[2], CODE + 39);
		assert_int_equal(f.pcs[3], CODE + 69);
	}
}

static void test_broken(void **state)
{
	static const uint64_t broken[] = {STACK - 8, STACK + 83, 0x10};
	struct fixture f;

	for (int i = 0; i < 3; i++) {
		frames_init(&f, "\x90", 1);
		f.at.r[UNWIND_X86_RBP] = broken[i];
		assert_int_equal(fixture_walk(&f), UNWIND_FRAME_POINTER);
		assert_int_equal(f.count, 1);
	}
}

/* --- which files are such: one page of code, an FDE for some of it */
#define PAGE 4096

static bool found(uint16_t machine, unsigned int prologues, uint32_t covered)
{
	struct unwind_fde fde = {.bytes = covered};
	struct unwind_fdes fdes = {.fdes = &fde, .count = 1, .base = FRAME_CODE};
	struct frame_image *file;
	uint8_t code[PAGE] = {0};
	size_t bytes;
	bool ret;

	for (unsigned int i = 0; i < prologues; i++)
		memcpy(code + i * 256 + 3, "\x55\x48\x89\xe5", 4);
	file = frame_image_new(machine, ".text", code, sizeof(code), &bytes);
	assert_non_null(file);
	file->ph[0].p_offset = offsetof(struct frame_image, section);
	file->ph[0].p_filesz = file->ph[0].p_memsz = PAGE;
	assert_int_equal(elf_view_init(&fdes.image, file, bytes), 0);
	ret = unwind_frames_find(&fdes);
	free(file);
	return ret;
}

static void test_files(void **state)
{
	assert_true(found(EM_X86_64, 12, 100));
	assert_true(found(EM_X86_64, 4, 100));
	/* a function here and there sets up a frame in any code */
	assert_false(found(EM_X86_64, 3, 100));
	assert_false(found(EM_X86_64, 0, 100));
	/* most of it has entries: what has none is somebody's assembler */
	assert_false(found(EM_X86_64, 12, PAGE / 2));
	assert_false(found(EM_AARCH64, 12, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
