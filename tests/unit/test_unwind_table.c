// SPDX-License-Identifier: BSD-2-Clause
/* Unwind entries made byte by byte, and the rows that must come out; then tables of any rows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/make/frame_image.h"
#include "user/lib/unwind/unwind_table.h"

#define B(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* --- entries, as an assembler would write them */

struct section {
	uint8_t data[8192];
	size_t bytes;
	size_t cie; /* offset of the last one */
	bool debug_frame;
};

static void put(struct section *s, const void *data, size_t bytes)
{
	assert_true(s->bytes + bytes <= sizeof(s->data));
	memcpy(s->data + s->bytes, data, bytes);
	s->bytes += bytes;
}

static void put_u32(struct section *s, uint32_t v)
{
	put(s, &v, sizeof(v));
}

static void put_u64(struct section *s, uint64_t v)
{
	put(s, &v, sizeof(v));
}

static size_t entry_begin(struct section *s, uint32_t id)
{
	put_u32(s, 0);
	put_u32(s, id);
	return s->bytes - 8;
}

static void entry_end(struct section *s, size_t at)
{
	uint32_t length;

	while (s->bytes % 4)
		put(s, "", 1);
	length = (uint32_t)(s->bytes - at - 4);
	memcpy(s->data + at, &length, sizeof(length));
}

/* Code factor 1 (arm64: 4), data factor -8, CFA = rsp + 8 and the return address at -8, or CFA = sp
 * and the return address in x30. */
static void put_cie(struct section *s, uint16_t machine, uint8_t version, const char *augmentation)
{
	s->cie = entry_begin(s, s->debug_frame ? ~0u : 0);
	put(s, &version, 1);
	put(s, augmentation, strlen(augmentation) + 1);
	if (version == 4)
		put(s, "\x08\x00", 2);
	put(s, machine == EM_AARCH64 ? "\x04\x78\x1e" : "\x01\x78\x10", 3);
	if (*augmentation == 'z')
		put(s, "\x01\x1b", 2); /* R: pcrel, signed, 4 bytes */
	if (machine == EM_AARCH64)
		put(s, "\x0c\x1f\x00", 3);
	else
		put(s, "\x0c\x07\x08\x90\x01", 5);
	entry_end(s, s->cie);
}

static void put_fde(struct section *s, uint64_t start, uint32_t bytes, const uint8_t *program,
		    size_t program_bytes)
{
	size_t at = entry_begin(s, 0);
	uint32_t id = (uint32_t)(s->debug_frame ? s->cie : at + 4 - s->cie);

	memcpy(s->data + at + 4, &id, sizeof(id));
	if (s->debug_frame) {
		put_u64(s, start);
		put_u64(s, bytes);
	} else {
		put_u32(s, (uint32_t)(start - (FRAME_SECTION + s->bytes)));
		put_u32(s, bytes);
		put(s, "", 1);
	}
	put(s, program, program_bytes);
	entry_end(s, at);
}

/* --- rows as text: "0:rsp+8 10:rsp+16" */

struct text {
	char s[1024];
	size_t n;
	const struct unwind_view *view;
};

static void text_row(void *arg, uint64_t address, uint32_t number)
{
	static const char *const kinds[UNWIND_KIND_COUNT] = {
		"none", "unsupported", "full", "root", "signal", "plt", "", "*", "*i"};
	struct text *t = arg;
	const struct unwind_rule *r = &t->view->rules[number];

	t->n += (size_t)sprintf(t->s + t->n, "%s%lx:%s", t->n ? " " : "",
				(unsigned long)(address - FRAME_CODE), kinds[r->kind]);
	if (r->kind >= UNWIND_KIND_REG)
		t->n += (size_t)sprintf(t->s + t->n, "r%u%+d", r->cfa_reg, r->cfa_off);
	if (r->kind >= UNWIND_KIND_PLT && r->cfa_add)
		t->n += (size_t)sprintf(t->s + t->n, "%+d", r->cfa_add);
	if (r->kind == UNWIND_KIND_PLT)
		t->n += (size_t)sprintf(t->s + t->n, "%d", r->cfa_off);
	if (r->kind >= UNWIND_KIND_PLT && r->ra != -1)
		t->n += (size_t)sprintf(t->s + t->n, ",ra%d", r->ra);
	if (r->fp)
		t->n += (size_t)sprintf(t->s + t->n, ",fp%d", r->fp);
	for (int i = 0; i < UNWIND_SAVED; i++)
		if (r->saved[i])
			t->n += (size_t)sprintf(t->s + t->n, ",s%d%d", i, r->saved[i]);
}

static int build(const struct section *s, uint16_t machine, struct unwind_table *ret_table,
		 struct unwind_build *ret_build)
{
	size_t bytes = 0;
	struct frame_image *f = frame_image_new(
		machine, s->debug_frame ? ".debug_frame" : ".eh_frame", s->data, s->bytes, &bytes);
	int err = unwind_table_build(ret_table, f, bytes, ret_build);

	free(f);
	return err;
}

static void assert_rows(const struct section *s, uint16_t machine, const char *expected,
			struct unwind_build *ret_build)
{
	struct unwind_table table;
	struct unwind_view view;
	struct text t = {.view = &view};

	assert_int_equal(build(s, machine, &table, ret_build), 0);
	assert_int_equal(unwind_table_check(table.values, table.bytes), 0);
	view = unwind_table_view(&table);
	unwind_table_rows(&table, text_row, &t);
	assert_string_equal(t.s, expected);
	unwind_table_release(&table);
}

/* One FDE of 0x40 bytes at FRAME_CODE: its program, the rows. */
static const struct {
	const char *name;
	uint16_t machine;
	const char *augmentation;
	const uint8_t *program;
	size_t bytes;
	const char *rows;
} programs[] = {
	{"nothing", EM_X86_64, "zR", B(0), "0:r7+8 40:none"},
	{"push rbp; mov rsp,rbp; pop", EM_X86_64, "zR",
	 B(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x50, 0x0c, 7, 8),
	 "0:r7+8 1:r7+16,fp-2 4:r6+16,fp-2 14:r7+8,fp-2 40:none"},
	{"callee-saved", EM_X86_64, "zR", B(0x42, 0x0e, 24, 0x83, 3, 0x8c, 2, 0x8f, 4),
	 "0:r7+8 2:r7+24,s0-3,s1-2,s4-4 40:none"},
	{"caller-saved are not kept", EM_X86_64, "zR", B(0x42, 0x88, 3, 0x05, 9, 4),
	 "0:r7+8 40:none"},
	{"remember and restore", EM_X86_64, "zR",
	 B(0x42, 0x0e, 32, 0x0a, 0x42, 0x0e, 8, 0x41, 0x0b),
	 "0:r7+8 2:r7+32 4:r7+8 5:r7+32 40:none"},
	{"advance by 1 and 2 bytes", EM_X86_64, "zR",
	 B(0x02, 0x10, 0x0e, 16, 0x03, 0x10, 0, 0x0e, 24), "0:r7+8 10:r7+16 20:r7+24 40:none"},
	{"advance by 4 bytes, past the end", EM_X86_64, "zR",
	 B(0x04, 0x10, 0, 0, 0, 0x0e, 16, 0x04, 0, 1, 0, 0, 0x0e, 24), "0:r7+8 10:r7+16 40:none"},
	{"restore to the CIE's", EM_X86_64, "zR", B(0x41, 0x86, 2, 0x41, 0xc6, 0x41, 0x06, 0x10),
	 "0:r7+8 1:r7+8,fp-2 2:r7+8 40:none"},
	{"sf: signed and factored", EM_X86_64, "zR", B(0x41, 0x12, 6, 0x7e, 0x11, 3, 2, 0x13, 0x7d),
	 "0:r7+8 1:r6+24,s0-2 40:none"},
	{"GNU_args_size and negative offset", EM_X86_64, "zR", B(0x41, 0x2e, 64, 0x2f, 6, 0x7f),
	 "0:r7+8 1:r7+8,fp127 40:none"},
	{"undefined return address", EM_X86_64, "zR", B(0x07, 16), "0:root 40:none"},
	{"equal rows are one", EM_X86_64, "zR", B(0x41, 0x0e, 8, 0x41, 0x0e, 16, 0x41, 0x0e, 16),
	 "0:r7+8 2:r7+16 40:none"},
	{"realigned", EM_X86_64, "zR",
	 B(0x0c, 10, 0, 0x10, 6, 2, 0x76, 0, 0x44, 0x0f, 3, 0x76, 0x78, 6, 0x10, 12, 2, 0x76, 0x70),
	 "0:r10+0,fp-32767 4:*r6-8,fp-32767,s1-128 40:none"},
	{"rsp in a slot", EM_X86_64, "zR", B(0x0f, 6, 0x77, 0x98, 4, 6, 0x23, 8),
	 "0:*r7+536+8 40:none"},
	{"rsp in an indexed slot", EM_X86_64, "zR",
	 B(0x0f, 10, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 6, 0x23, 8), "0:*ir9+8+8 40:none"},
	{"PLT", EM_X86_64, "zR",
	 B(0x0e, 16, 0x46, 0x0e, 24, 0x4a, 0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33,
	   0x24, 0x22),
	 "0:r7+16 6:r7+24 10:plt11 40:none"},
	{"PLT, other layout", EM_X86_64, "zR",
	 B(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3a, 0x2a, 0x33, 0x24, 0x22),
	 "0:plt10 40:none"},
	{"register after an expression", EM_X86_64, "zR",
	 B(0x0e, 56, 0x41, 0x0f, 3, 0x77, 8, 6, 0x41, 0x0d, 7), "0:r7+56 1:*r7+8 2:r7+56 40:none"},
	{"signal frame", EM_X86_64, "zRS", B(0x0f, 4, 0x77, 0xa0, 1, 6), "0:signal 40:none"},
	{"signal frame of nobody", EM_X86_64, "zRS", B(0), "0:unsupported 40:none"},
	{"unknown expression", EM_X86_64, "zR", B(0x0f, 2, 0x30, 0x06), "0:unsupported 40:none"},
	{"return address in a register", EM_X86_64, "zR", B(0x09, 16, 5), "0:r7+8+5,ra0 40:none"},
	{"stack pointer restored", EM_X86_64, "zR", B(0x87, 3), "0:unsupported 40:none"},
	{"huge frame", EM_X86_64, "zR", B(0x0e, 0x90, 0x80, 0x80, 0x01), "0:r7+2097168 40:none"},
	{"frame of no machine", EM_X86_64, "zR", B(0x0e, 0xff, 0xff, 0xff, 0xff, 0x7f),
	 "0:unsupported 40:none"},
	{"unknown instruction", EM_X86_64, "zR", B(0x41, 0x0e, 16, 0x41, 0x3f),
	 "0:r7+8 1:r7+16 2:unsupported 40:none"},
	{"restore without remember", EM_X86_64, "zR", B(0x41, 0x0b),
	 "0:r7+8 1:unsupported 40:none"},
	{"operand cut off", EM_X86_64, "zR", B(0x41, 0x0f, 60, 0x77),
	 "0:r7+8 1:unsupported 40:none"},
	{"arm64 leaf", EM_AARCH64, "zR", B(0), "0:r31+0,ra0 40:none"},
	{"arm64 frame, signed", EM_AARCH64, "zR",
	 B(0x41, 0x2d, 0x41, 0x0e, 48, 0x9d, 6, 0x9e, 5, 0x41, 0x0d, 29),
	 "0:r31+0,ra0 8:r31+48,ra-5,fp-6 c:r29+48,ra-5,fp-6 40:none"},
	{"arm64 signal frame", EM_AARCH64, "zRS", B(0), "0:signal 40:none"},
};

static void test_programs(void **state)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct section s = {{0}};
		struct unwind_build b;

		print_message("%s\n", programs[i].name);
		put_cie(&s, programs[i].machine, 1, programs[i].augmentation);
		put_fde(&s, FRAME_CODE, 0x40, programs[i].program, programs[i].bytes);
		assert_rows(&s, programs[i].machine, programs[i].rows, &b);
		assert_int_equal(b.fdes, 1);
		assert_int_equal(b.refusals[CFI_REFUSAL_PROGRAM], b.drops[UNWIND_DROP_PROGRAM]);
		assert_int_equal(strstr(programs[i].rows, "unsupported") != NULL,
				 b.refusals[CFI_REFUSAL_PROGRAM] + b.refusals[CFI_REFUSAL_CFA] +
					 b.refusals[CFI_REFUSAL_CFA_RANGE] +
					 b.refusals[CFI_REFUSAL_RA] + b.refusals[CFI_REFUSAL_SP] +
					 b.refusals[CFI_REFUSAL_SIGNAL]);
	}
}

/* Two entries: where they begin and end, and what lies between. */
static const struct {
	uint64_t start[2];
	uint32_t bytes[2];
	const char *rows;
	enum unwind_drop drop; /* UNWIND_DROP_COUNT: none */
} places[] = {
	{{0, 0x40}, {0x40, 0x40}, "0:r7+8 1:r7+16 40:r7+8 41:r7+16 80:none", UNWIND_DROP_COUNT},
	{{0x40, 0}, {0x40, 0x40}, "0:r7+8 1:r7+16 40:r7+8 41:r7+16 80:none", UNWIND_DROP_COUNT},
	{{0, 0x40}, {0x31, 0x40}, "0:r7+8 1:r7+16 40:r7+8 41:r7+16 80:none", UNWIND_DROP_COUNT},
	{{0, 0x40},
	 {0x30, 0x40},
	 "0:r7+8 1:r7+16 30:none 40:r7+8 41:r7+16 80:none",
	 UNWIND_DROP_COUNT},
	{{0, 0x48},
	 {0x40, 0x40},
	 "0:r7+8 1:r7+16 40:none 48:r7+8 49:r7+16 88:none",
	 UNWIND_DROP_COUNT},
	{{0, 0x20}, {0x40, 0x40}, "0:r7+8 1:r7+16 20:r7+8 21:r7+16 60:none", UNWIND_DROP_OVERLAP},
	{{0, 0x20}, {0x80, 0x10}, "0:r7+8 1:r7+16 20:r7+8 21:r7+16 30:none", UNWIND_DROP_OVERLAP},
	{{0, 0}, {0x40, 0x20}, "0:r7+8 1:r7+16 40:none", UNWIND_DROP_OVERLAP},
	{{0, 0x40}, {0x40, 0}, "0:r7+8 1:r7+16 40:none", UNWIND_DROP_EMPTY},
	{{0, 0x200000}, {0x40, 0x40}, "0:r7+8 1:r7+16 40:none", UNWIND_DROP_OUTSIDE},
	{{0, -0x400000ULL}, {0x40, 0x40}, "0:r7+8 1:r7+16 40:none", UNWIND_DROP_OUTSIDE},
	{{0, 0x1fffc0},
	 {0x40, 0x1000},
	 "0:r7+8 1:r7+16 40:none 1fffc0:r7+8 1fffc1:r7+16 200000:none",
	 UNWIND_DROP_COUNT},
};

static void test_places(void **state)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct section s = {{0}};
		struct unwind_build b;
		unsigned int drops = 0;

		put_cie(&s, EM_X86_64, 1, "zR");
		for (int j = 0; j < 2; j++)
			put_fde(&s, FRAME_CODE + places[i].start[j], places[i].bytes[j],
				B(0x41, 0x0e, 16));
		assert_rows(&s, EM_X86_64, places[i].rows, &b);
		for (int d = 0; d < UNWIND_DROP_COUNT; d++) {
			drops += b.drops[d];
			assert_int_equal(b.drops[d] > 0, d == places[i].drop);
		}
		assert_true(drops <= 1);
	}
}

/* Versions, .debug_frame, and sections that are damaged behind a good entry. */
static void test_sections(void **state)
{
	static const char *const rows = "0:r7+8 1:r7+16 40:none";
	static const uint8_t versions[] = {1, 3, 4};
	struct unwind_build b;

	for (int i = 0; i < 6; i++) {
		struct section s = {.debug_frame = i & 1};

		put_cie(&s, EM_X86_64, versions[i / 2], i & 1 ? "" : "zR");
		put_fde(&s, FRAME_CODE, 0x40, B(0x41, 0x0e, 16));
		assert_rows(&s, EM_X86_64, rows, &b);

		put_u32(&s, 0x1000); /* an entry that leads outside */
		assert_rows(&s, EM_X86_64, rows, &b);
		assert_int_equal(b.drops[UNWIND_DROP_SECTION_CUT], 1);
	}
}

/* A CIE of a kind that nobody knows takes its FDEs with it, and no others. */
static void test_unknown_cie(void **state)
{
	static const struct {
		uint8_t version;
		const char *augmentation;
	} cies[] = {{2, "zR"}, {5, "zR"}, {1, "eh"}, {1, "zRP"}};
	struct unwind_table table;
	struct unwind_build b;

	for (size_t i = 0; i < sizeof(cies) / sizeof(cies[0]); i++) {
		struct section s = {{0}};

		put_cie(&s, EM_X86_64, cies[i].version, cies[i].augmentation);
		put_fde(&s, FRAME_CODE + 0x100, 0x40, B(0x41, 0x0e, 16));
		assert_int_equal(build(&s, EM_X86_64, &table, &b), -ENODATA);
		assert_int_equal(b.drops[UNWIND_DROP_CIE], 1);
		put_cie(&s, EM_X86_64, 1, "zR");
		put_fde(&s, FRAME_CODE, 0x40, B(0x41, 0x0e, 16));
		assert_rows(&s, EM_X86_64, "0:r7+8 1:r7+16 40:none", &b);
		assert_int_equal(b.drops[UNWIND_DROP_CIE], 1);
	}
}

static void test_no_elf(void **state)
{
	struct section s = {{0}};
	struct unwind_table table;
	struct unwind_build b;
	struct frame_image *f;
	size_t bytes = 0;

	assert_int_equal(unwind_table_build(&table,
					    "\x7f"
					    "ELF",
					    4, &b),
			 -ENOEXEC);
	assert_int_equal(build(&s, EM_X86_64, &table, &b), -ENODATA);
	assert_int_equal(build(&s, EM_386, &table, &b), -ENOEXEC);
	put_cie(&s, EM_X86_64, 1, "zR");
	f = frame_image_new(EM_X86_64, ".eh_frame", s.data, s.bytes, &bytes);
	f->sh[1].sh_size = 1 << 20;
	assert_int_equal(unwind_table_build(&table, f, bytes, &b), -EBADMSG);
	f->sh[1].sh_type = SHT_NOBITS;
	assert_int_equal(unwind_table_build(&table, f, bytes, &b), -ENODATA);
	f->head.e_shoff = UINT64_MAX - 8;
	assert_int_equal(unwind_table_build(&table, f, bytes, &b), -ENODATA);
	f->head.e_phoff = UINT64_MAX - 8;
	assert_int_equal(unwind_table_build(&table, f, bytes, &b), -ENODATA);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs), cmocka_unit_test(test_places),
		cmocka_unit_test(test_sections), cmocka_unit_test(test_unknown_cie),
		cmocka_unit_test(test_no_elf),
	};

	return cmocka_run_group_tests_name("unwind_table", tests, NULL, NULL);
}
