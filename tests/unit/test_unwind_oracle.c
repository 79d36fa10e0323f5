// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables of the binaries of this machine against libdw, which reads the same entries by other code:
 * the rules must be equal at each address where either of the two begins a new one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/lib/unwind/unwind_crt.h"
#include "user/lib/unwind/unwind_table.h"

enum { X86_RA = 16, RBX = 3, SAME_VALUE = 0 };

/* The first is this program; of the others those that are there. */
static const char *const files[] = {
	"/proc/self/exe",
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/libm.so.6",
	"/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/bin/bash",
	"/usr/bin/perl",
	"/usr/bin/python3",
	"/usr/bin/git",
	"/usr/bin/ld.lld",
};

struct oracle {
	const char *path;
	const char *data;
	size_t bytes;
	int fd;
	Elf *elf;
	Dwarf_CFI *cfi;
	struct unwind_table table;
	struct unwind_build build;
	struct unwind_view view;
	bool arm64;
	unsigned long compared, refused, wrong;
};

static bool oracle_open(struct oracle *o, const char *path)
{
	struct stat st;

	memset(o, 0, sizeof(*o));
	o->path = path;
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0)
		return false;
	assert_int_equal(fstat(o->fd, &st), 0);
	o->bytes = (size_t)st.st_size;
	o->data = mmap(NULL, o->bytes, PROT_READ, MAP_PRIVATE, o->fd, 0);
	assert_ptr_not_equal(o->data, MAP_FAILED);
	o->elf = elf_begin(o->fd, ELF_C_READ_MMAP, NULL);
	o->cfi = dwarf_getcfi_elf(o->elf);
	assert_non_null(o->cfi);
	assert_int_equal(unwind_table_build(&o->table, o->data, o->bytes, &o->build), 0);
	assert_int_equal(unwind_table_check(o->table.values, o->table.bytes), 0);
	o->view = unwind_table_view(&o->table);
	o->arm64 = unwind_table_head(&o->table)->machine == EM_AARCH64;
	return true;
}

static void oracle_close(struct oracle *o)
{
	unwind_table_release(&o->table);
	dwarf_cfi_end(o->cfi);
	elf_end(o->elf);
	munmap((void *)o->data, o->bytes);
	close(o->fd);
}

/* A location that is an offset from the CFA: libdw spells it call_frame_cfa, plus_uconst or
 * consts, plus. */
static bool at_cfa(const Dwarf_Op *ops, size_t n, int64_t *ret)
{
	if (!n || ops[0].atom != DW_OP_call_frame_cfa)
		return false;
	*ret = 0;
	if (n == 1)
		return true;
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst) {
		*ret = (int64_t)ops[1].number;
		return true;
	}
	return false;
}

/* What libdw says of a register, in a rule's terms: words from the CFA, or `other`. */
static int64_t expect_saved(Dwarf_Frame *frame, int reg, int64_t most, int64_t lost)
{
	Dwarf_Op mem[3], *ops;
	size_t n;
	int64_t off;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n) != 0)
		return lost;
	/* libdw's table of the ABI has rax in the place of rbx, so one that isn't said is undefined
	 */
	if (!n && (!ops || reg == RBX))
		return SAME_VALUE;
	if (reg == UNWIND_X86_RBP && n == 1 && ops[0].atom == DW_OP_breg6 && !ops[0].number)
		return UNWIND_FP_AT_FP;
	if (!at_cfa(ops, n, &off) || off % 8 || !off || off / 8 > most || off / 8 < -most)
		return lost;
	return off / 8;
}

static bool is_undefined(Dwarf_Frame *frame, int reg)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	return dwarf_frame_register(frame, reg, mem, &ops, &n) == 0 && !n && ops == mem;
}

static bool same_cfa(Dwarf_Frame *frame, const struct unwind_rule *rule)
{
	Dwarf_Op *ops;
	size_t n;
	unsigned int reg;
	int64_t off;

	if (dwarf_frame_cfa(frame, &ops, &n) != 0)
		return false;
	if (rule->kind == UNWIND_KIND_PLT)
		return n == 9 && ops[0].atom == DW_OP_breg7 && ops[1].atom == DW_OP_breg16 &&
		       ops[4].atom == DW_OP_lit0 + rule->cfa_off && ops[5].atom == DW_OP_ge;
	if (ops[0].atom == DW_OP_bregx) {
		reg = (unsigned int)ops[0].number;
		off = (int64_t)ops[0].number2;
	} else {
		reg = ops[0].atom - DW_OP_breg0;
		off = (int64_t)ops[0].number;
	}
	if (rule->kind == UNWIND_KIND_INDEXED)
		return n == 7 && reg == UNWIND_X86_RSP && off == rule->cfa_off &&
		       ops[1].atom == DW_OP_breg0 + rule->cfa_reg && ops[2].atom == DW_OP_lit8 &&
		       ops[3].atom == DW_OP_mul && ops[4].atom == DW_OP_plus &&
		       ops[5].atom == DW_OP_deref && (int64_t)ops[6].number == rule->cfa_add;
	if (reg != rule->cfa_reg || off != rule->cfa_off)
		return false;
	if (rule->kind == UNWIND_KIND_REG)
		return n == 1;
	if (n == 2)
		return ops[1].atom == DW_OP_deref && !rule->cfa_add;
	return n == 3 && ops[1].atom == DW_OP_deref && ops[2].atom == DW_OP_plus_uconst &&
	       (int64_t)ops[2].number == rule->cfa_add;
}

static int ra_reg(const struct oracle *o)
{
	return o->arm64 ? UNWIND_ARM64_LR : X86_RA;
}

static bool in_register(Dwarf_Frame *frame, int reg, int other)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	return dwarf_frame_register(frame, reg, mem, &ops, &n) == 0 && n == 1 &&
	       ((ops[0].atom == DW_OP_regx && (int)ops[0].number == other) ||
		ops[0].atom == DW_OP_reg0 + other);
}

static bool same_registers(const struct oracle *o, Dwarf_Frame *frame,
			   const struct unwind_rule *rule)
{
	static const int callee[UNWIND_SAVED] = {RBX, 12, 13, 14, 15};
	int fp = o->arm64 ? UNWIND_ARM64_FP : UNWIND_X86_RBP;

	if (!o->arm64 && !rule->ra && !in_register(frame, X86_RA, rule->cfa_add))
		return false;
	if (expect_saved(frame, ra_reg(o), 32767, 0) != rule->ra ||
	    expect_saved(frame, fp, 32766, UNWIND_FP_LOST) != rule->fp)
		return false;
	for (int i = 0; i < UNWIND_SAVED && !o->arm64; i++)
		if (expect_saved(frame, callee[i], 127, UNWIND_LOST) != rule->saved[i])
			return false;
	return true;
}

static bool same(struct oracle *o, Dwarf_Frame *frame, bool signal, const struct unwind_rule *rule)
{
	if (rule->kind == UNWIND_KIND_UNSUPPORTED) {
		o->refused++;
		return true;
	}
	if (rule->kind == UNWIND_KIND_ROOT || is_undefined(frame, ra_reg(o)))
		return rule->kind == UNWIND_KIND_ROOT && is_undefined(frame, ra_reg(o));
	if (rule->kind == UNWIND_KIND_SIGNAL || signal)
		return rule->kind == UNWIND_KIND_SIGNAL && signal;
	if (rule->kind < UNWIND_KIND_PLT)
		return false;
	return same_cfa(frame, rule) && same_registers(o, frame, rule);
}

static bool is_crt(const struct oracle *o, uint64_t pc)
{
	struct unwind_plt crt[UNWIND_CRT_MOST];
	struct elf_view image;
	unsigned int n;

	assert_int_equal(elf_view_init(&image, o->data, o->bytes), 0);
	n = unwind_crt_find(&image, crt);
	for (unsigned int i = 0; i < n; i++)
		if (pc - crt[i].section < crt[i].section_bytes)
			return true;
	return false;
}

/* Compares at one address; *ret_end is where libdw's rule ends, or the next address. */
static void compare(struct oracle *o, uint64_t pc, uint64_t *ret_end)
{
	uint32_t number = unwind_view_lookup(&o->view, pc);
	const struct unwind_rule *rule;
	Dwarf_Frame *frame;
	Dwarf_Addr end;
	bool signal;

	assert_in_range(number, 0, o->view.rules_count - 1);
	rule = &o->view.rules[number];
	*ret_end = pc + 1;
	o->compared++;
	if (dwarf_cfi_addrframe(o->cfi, pc, &frame) != 0) {
		/* no FDE: a marker, or padding that keeps the rule of what lies before it, or start
		 * files' code */
		if (rule->kind != UNWIND_KIND_NO_FDE && pc % 16 == 0 && !is_crt(o, pc))
			goto wrong;
		return;
	}
	dwarf_frame_info(frame, NULL, &end, &signal);
	if (end > pc)
		*ret_end = end;
	if (!same(o, frame, signal, rule)) {
		free(frame);
		goto wrong;
	}
	free(frame);
	return;
wrong:
	if (++o->wrong <= 5)
		print_message("%s: 0x%lx: rule %u of kind %u is not libdw's\n", o->path,
			      (unsigned long)pc, number, rule->kind);
}

static void compare_row(void *arg, uint64_t address, uint32_t rule)
{
	uint64_t end;

	compare(arg, address, &end);
	compare(arg, address - 1, &end);
}

/* libdw's own boundaries, from the first FDE to the end of the code. */
static void compare_code(struct oracle *o)
{
	size_t n;

	assert_int_equal(elf_getphdrnum(o->elf, &n), 0);
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		gelf_getphdr(o->elf, (int)i, &ph);
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		for (uint64_t pc = ph.p_vaddr; pc < ph.p_vaddr + ph.p_memsz;) {
			uint64_t end;

			compare(o, pc, &end);
			if (end > pc + 1)
				compare(o, end - 1, &pc);
			pc = end;
		}
	}
}

static void compare_file(const char *path, unsigned long most_refused)
{
	struct oracle o;

	assert_true(oracle_open(&o, path));
	compare_code(&o);
	unwind_table_rows(&o.table, compare_row, &o);
	print_message("%s: %lu addresses, %lu not supported, %lu wrong\n", path, o.compared,
		      o.refused, o.wrong);
	assert_true(o.compared > o.build.rows);
	assert_true(o.refused <= most_refused);
	assert_int_equal(o.wrong, 0);
	oracle_close(&o);
}

static void test_oracle(void **state)
{
	unsigned int done = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (access(files[i], R_OK))
			continue;
		compare_file(files[i], 30);
		done++;
	}
	assert_true(done >= 3);
}

/* arm64: frames with and without x29, the pair at the bottom of small, large and too large ones,
 * leaves, signed return addresses. Needs clang and lld, which have that machine built in. */
static const char arm64_source[] =
	"void out(void *, long); __attribute__((noreturn)) void end(int);\n"
	"long leaf(long a) { return a * 3; }\n"
	"long vla(long n) { char b[n]; out(b, n); return b[0]; }\n"
	"long big(long n) { char b[70000]; out(b, n); return b[n] + vla(n); }\n"
	"long huge(long n) { char b[300000]; out(b, n); return b[n]; }\n"
	"long many(long a, long b, long c, long d, long e, long f, long g, long h) {\n"
	" out(&a, b); long x = a ^ b, y = c ^ d, z = e ^ f; out(&x, g); out(&y, h);\n"
	" if (x > y) return many(b, c, d, e, f, g, h, a) + x + y + z; if (!z) end(1); return x; "
	"}\n";

static void test_oracle_arm64(void **state)
{
	static const char *const variants[] = {
		"-fomit-frame-pointer", "-fno-omit-frame-pointer -mbranch-protection=standard"};
	char dir[] = "/tmp/backdraft-oracle-XXXXXX", command[512], path[64], source[64];
	FILE *f;

	if (system("command -v clang >/dev/null && command -v ld.lld >/dev/null"))
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/arm64.so", dir);
	snprintf(source, sizeof(source), "%s/arm64.c", dir);
	f = fopen(source, "we");
	assert_non_null(f);
	fputs(arm64_source, f);
	fclose(f);
	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command),
			 "clang --target=aarch64-linux-gnu -O2 -fPIC -fasynchronous-unwind-tables "
			 "%s "
			 "-shared -nostdlib -fuse-ld=lld -o %s %s",
			 variants[i], path, source);
		assert_int_equal(system(command), 0);
		compare_file(path, 0);
	}
	unlink(path);
	unlink(source);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle),
					   cmocka_unit_test(test_oracle_arm64)};

	elf_version(EV_CURRENT);
#ifndef __x86_64__
	return 0; /* the files above are x86-64's */
#endif
	return cmocka_run_group_tests_name("unwind_oracle", tests, NULL, NULL);
}
