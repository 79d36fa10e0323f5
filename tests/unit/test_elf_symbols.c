// SPDX-License-Identifier: BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "own_base.h"
#include "user/lib/symbols/elf_symbols.h"

/* A hand-made ELF file: one section of code at 0x1000, one of data at 0x3000, symbols, build ID. */
struct made {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Shdr sections[6];
	Elf64_Sym symbols[32];
	char names[1024], section_names[64];
	struct {
		Elf64_Nhdr header;
		char name[4];
		uint8_t id[20];
	} note;
};

#define CODE 1
#define DATA 2

struct symbol {
	const char *name;
	uint64_t start, size;
	unsigned char bind, type;
	uint16_t section;
};

static const struct symbol table[] = {
	{"sized", 0x1000, 0x10, STB_GLOBAL, STT_FUNC, CODE},
	/* 0x1010: a hole, no name */
	{"outer", 0x1020, 0x40, STB_GLOBAL, STT_FUNC, CODE},
	{"inner", 0x1030, 0x10, STB_LOCAL, STT_FUNC, CODE},
	{"label_in_outer", 0x1050, 0, STB_LOCAL, STT_NOTYPE, CODE},
	/* aliases */
	{"__underscored_longer", 0x1100, 8, STB_GLOBAL, STT_FUNC, CODE},
	{"weak_but_much_longer", 0x1100, 8, STB_WEAK, STT_FUNC, CODE},
	{"local_but_longer", 0x1100, 8, STB_LOCAL, STT_FUNC, CODE},
	{"public@@VERSION_2.0", 0x1100, 8, STB_GLOBAL, STT_FUNC, CODE},
	{"pub", 0x1100, 8, STB_GLOBAL, STT_FUNC, CODE},
	/* without a size: to the next symbol */
	{"open_ended", 0x1200, 0, STB_GLOBAL, STT_FUNC, CODE},
	{"stops_it", 0x1280, 4, STB_GLOBAL, STT_FUNC, CODE},
	{"ifunc", 0x1290, 4, STB_GLOBAL, STT_GNU_IFUNC, CODE},
	{".Llocal_label", 0x1300, 0, STB_LOCAL, STT_NOTYPE, CODE},
	{"$x", 0x1310, 0, STB_LOCAL, STT_NOTYPE, CODE},
	{"asm_label", 0x1400, 0, STB_LOCAL, STT_NOTYPE, CODE},
	/* not functions */
	{"an_object", 0x1500, 64, STB_GLOBAL, STT_OBJECT, CODE},
	{"data_label", 0x3000, 0, STB_GLOBAL, STT_NOTYPE, DATA},
	{"imported", 0x1600, 64, STB_GLOBAL, STT_FUNC, SHN_UNDEF},
	/* to the end of its section */
	{"last_of_code", 0x1ff0, 0, STB_GLOBAL, STT_FUNC, CODE},
	{"wraps", 0xfffffffffffffff0, 0x100, STB_GLOBAL, STT_FUNC, CODE},
};

static const struct {
	uint64_t address;
	const char *name;
} cases[] = {
	{0x0, NULL},
	{0xfff, NULL},
	{0x1000, "sized"},
	{0x100f, "sized"},
	{0x1010, NULL},
	{0x1020, "outer"},
	{0x1035, "inner"},
	{0x1045, "outer"},
	{0x1055, "outer"},
	{0x1070, "label_in_outer"},
	{0x1100, "public"},
	{0x1107, "public"},
	{0x1108, NULL},
	{0x1200, "open_ended"},
	{0x127f, "open_ended"},
	{0x1280, "stops_it"},
	{0x1284, NULL},
	{0x1292, "ifunc"},
	{0x1305, NULL},
	{0x1315, NULL},
	{0x1480, "asm_label"},
	{0x1510, "asm_label"},
	{0x1ff5, "last_of_code"},
	{0x2000, NULL},
	{0x3000, NULL},
	{0xfffffffffffffff8, "wraps"},
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static void make(struct made *m)
{
	size_t n = 1, at = 1;

	*m = (struct made){
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_phoff = offsetof(struct made, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3,
			   .e_shoff = offsetof(struct made, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 6,
			   .e_shstrndx = 5},
		.segments = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 0x800},
			     {.p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_offset = 0x800,
			      .p_filesz = 0x1000,
			      .p_vaddr = 0x1800},
			     {.p_type = PT_NOTE,
			      .p_offset = offsetof(struct made, note),
			      .p_filesz = sizeof(m->note)}},
		.section_names = "\0.text\0.data\0.symtab\0.strtab\0.shstrtab",
		.note = {{4, 20, NT_GNU_BUILD_ID}, "GNU", {0xde, 0xad, 0xbe, 0xef}},
	};
	m->sections[CODE] = (Elf64_Shdr){.sh_name = 1,
					 .sh_type = SHT_PROGBITS,
					 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					 .sh_addr = 0x1000,
					 .sh_size = 0x1000};
	m->sections[DATA] = (Elf64_Shdr){.sh_name = 7,
					 .sh_type = SHT_PROGBITS,
					 .sh_flags = SHF_ALLOC,
					 .sh_addr = 0x3000,
					 .sh_size = 0x1000};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++, n++) {
		m->symbols[n] = (Elf64_Sym){.st_name = (uint32_t)at,
					    .st_info = ELF64_ST_INFO(table[i].bind, table[i].type),
					    .st_shndx = table[i].section,
					    .st_value = table[i].start,
					    .st_size = table[i].size};
		strcpy(m->names + at, table[i].name);
		at += strlen(table[i].name) + 1;
	}
	m->sections[3] = (Elf64_Shdr){.sh_name = 13,
				      .sh_type = SHT_SYMTAB,
				      .sh_offset = offsetof(struct made, symbols),
				      .sh_size = n * sizeof(Elf64_Sym),
				      .sh_link = 4};
	m->sections[4] = (Elf64_Shdr){.sh_name = 21,
				      .sh_type = SHT_STRTAB,
				      .sh_offset = offsetof(struct made, names),
				      .sh_size = at};
	m->sections[5] = (Elf64_Shdr){.sh_name = 29,
				      .sh_type = SHT_STRTAB,
				      .sh_offset = offsetof(struct made, section_names),
				      .sh_size = sizeof(m->section_names)};
}

static void check_cases(const struct elf_image *e)
{
	struct elf_symbol found[N_CASES] = {0};
	uint64_t addresses[N_CASES];
	char name[64];

	for (size_t i = 0; i < N_CASES; i++)
		addresses[i] = cases[i].address;
	assert_true(elf_symbols_find(e, SHT_SYMTAB, addresses, N_CASES, found) > 0);
	for (size_t i = 0; i < N_CASES; i++) {
		int n = found[i].rank ? elf_symbols_name(e, &found[i], name, sizeof(name)) : 0;

		if (!!cases[i].name != !!n || (n && strcmp(name, cases[i].name) != 0))
			print_error("%#lx is %s\n", cases[i].address, n ? name : "nothing");
		assert_int_equal(n, cases[i].name ? strlen(cases[i].name) : 0);
		if (n)
			assert_string_equal(name, cases[i].name);
	}
}

static void rules(void **state)
{
	struct made *m = malloc(sizeof(*m));
	struct elf_image e;

	make(m);
	assert_int_equal(elf_image_open_memory(&e, m, sizeof(*m)), 0);
	check_cases(&e);
	assert_int_equal(elf_image_section_by_name(&e, ".strtab"), 4);
	assert_int_equal(elf_image_section_by_name(&e, ".strta"), -ENOENT);
	elf_image_release(&e);
	free(m);
}

/* The order of the table decides nothing. */
static void order_is_no_rule(void **state)
{
	struct made *m = malloc(sizeof(*m));
	size_t n = sizeof(table) / sizeof(table[0]);
	struct elf_image e;

	make(m);
	for (unsigned seed = 1; seed < 50; seed++) {
		srand(seed);
		for (size_t i = n; i > 1; i--) {
			size_t other = 1 + (size_t)rand() % i;
			Elf64_Sym swap = m->symbols[i];

			m->symbols[i] = m->symbols[other];
			m->symbols[other] = swap;
		}
		assert_int_equal(elf_image_open_memory(&e, m, sizeof(*m)), 0);
		check_cases(&e);
		elf_image_release(&e);
	}
	free(m);
}

static void headers(void **state)
{
	struct made *m = malloc(sizeof(*m));
	struct elf_image e;

	make(m);
	assert_int_equal(elf_image_open_memory(&e, m, sizeof(*m)), 0);
	assert_int_equal(e.build_id_size, 20);
	assert_memory_equal(e.build_id, "\xde\xad\xbe\xef", 4);
	assert_int_equal(e.n_loads, 1);
	assert_int_equal(e.loads[0].offset, 0x800);
	assert_int_equal(e.loads[0].size, 0x1000);
	assert_int_equal(e.loads[0].vaddr, 0x1800);
	assert_int_equal(e.machine, EM_X86_64);
	assert_true(e.is64);
	elf_image_release(&e);
	free(m);
}

/* Any prefix, and any byte turned over: an answer or an error, and nothing is read outside (ASan).
 */
static void damage(void **state)
{
	struct made *m = malloc(sizeof(*m)), *bad;
	struct elf_symbol found[3];
	const uint64_t addresses[] = {0x1005, 0x1100, 0x1210};
	unsigned opened = 0, refused = 0;
	struct elf_image e;

	make(m);
	for (size_t i = 0; i < 2 * sizeof(*m); i++) {
		size_t size = i < sizeof(*m) ? i : sizeof(*m);

		bad = malloc(size + 1);
		memcpy(bad, m, size);
		if (i >= sizeof(*m))
			((uint8_t *)bad)[i - sizeof(*m)] ^= (uint8_t)(1u << i % 8 | 0x80);
		memset(found, 0, sizeof(found));
		if (elf_image_open_memory(&e, bad, size) == 0) {
			char name[64];

			opened++;
			if (elf_symbols_find(&e, SHT_SYMTAB, addresses, 3, found) > 0)
				for (int k = 0; k < 3; k++)
					if (found[k].rank)
						elf_symbols_name(&e, &found[k], name, sizeof(name));
			elf_image_release(&e);
		} else {
			refused++;
		}
		free(bad);
	}
	assert_true(opened > 100 && refused > 50);
	free(m);
}

/* This very program: the linker's table, by descriptor, and what dladdr could not know. */
static __attribute__((noinline)) int a_static_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void this_program(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_symbol found = {0};
	uint64_t address;
	struct elf_image e;
	char name[64];
	struct stat st;

	assert_int_equal(a_static_function(1), 2);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(elf_image_open(&e, fd, (uint64_t)st.st_size), 0);
	address = (uint64_t)(uintptr_t)a_static_function - (e.type == ET_DYN ? own_base() : 0);
	assert_int_equal(elf_symbols_find(&e, SHT_SYMTAB, &address, 1, &found), 1);
	assert_true(elf_symbols_name(&e, &found, name, sizeof(name)) > 0);
	assert_string_equal(name, "a_static_function");
	assert_int_equal(found.start, address);
	elf_image_release(&e);
	close(fd);
}

static void wrong_use(void **state)
{
	struct made *m = malloc(sizeof(*m));
	const uint64_t unsorted[] = {2, 1};
	struct elf_symbol found[2] = {0};
	struct elf_image e;

	make(m);
	assert_int_equal(elf_image_open_memory(&e, m, sizeof(*m)), 0);
	assert_int_equal(elf_symbols_find(&e, SHT_SYMTAB, unsorted, 2, found), -EINVAL);
	assert_int_equal(elf_symbols_find(&e, SHT_DYNSYM, unsorted, 0, found), -ENOENT);
	elf_image_release(&e);
	m->header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(elf_image_open_memory(&e, m, sizeof(*m)), -ENOEXEC);
	assert_int_equal(elf_image_open_memory(&e, "#!/bin/sh\n", 10), -ENOEXEC);
	assert_int_equal(elf_image_open_memory(&e, "", 0), -ENOEXEC);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),	cmocka_unit_test(order_is_no_rule),
		cmocka_unit_test(headers),	cmocka_unit_test(damage),
		cmocka_unit_test(this_program), cmocka_unit_test(wrong_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
