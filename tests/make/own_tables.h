/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings and unwind tables of the very process that runs a test. */
#ifndef BD_OWN_TABLES_H
#define BD_OWN_TABLES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include "user/lib/symbols/elf_view.h"
#include "user/lib/unwind/unwind_table.h"

#ifndef __x86_64__
#error "the registers here are x86-64's"
#endif

static struct unwind_mapping maps[64];
static struct unwind_table tables[64];
static struct unwind_view views[64];
static size_t maps_count;
static uint64_t stack_end; /* of the main thread */

static uint64_t bias_of(const void *elf, size_t bytes, uint64_t start, uint64_t offset)
{
	struct elf_view view;
	Elf64_Phdr ph;

	assert_int_equal(elf_view_init(&view, elf, bytes), 0);
	for (unsigned int i = 0; i < view.head.e_phnum; i++) {
		assert_true(elf_view_phdr(&view, i, &ph));
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X) &&
		    (ph.p_offset & ~4095ULL) == offset)
			return start - offset - (ph.p_vaddr - ph.p_offset);
	}
	fail_msg("no segment at offset 0x%lx", (unsigned long)offset);
	return 0;
}

static void map_add(const void *elf, size_t bytes, uint64_t start, uint64_t end, uint64_t bias)
{
	size_t n = maps_count++;
	struct unwind_build build;

	assert_in_range(n, 0, 63);
	assert_int_equal(unwind_table_build(&tables[n], elf, bytes, &build), 0);
	views[n] = unwind_table_view(&tables[n]);
	maps[n] = (struct unwind_mapping){start, end, bias, UNWIND_MAPPING_TABLE, &views[n]};
}

static void map_file(const char *path, uint64_t start, uint64_t end, uint64_t offset)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *elf;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	elf = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(elf, MAP_FAILED);
	close(fd);
	map_add(elf, (size_t)st.st_size, start, end,
		bias_of(elf, (size_t)st.st_size, start, offset));
	munmap(elf, (size_t)st.st_size);
}

static int own_tables_init(void **state)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, end, offset;
	char line[4400], perms[8], path[4200];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		path[0] = 0;
		sscanf(line, "%lx-%lx %7s %lx %*s %*s %4199s", &start, &end, perms, &offset, path);
		if (!strcmp(path, "[stack]"))
			stack_end = end;
		if (perms[2] != 'x')
			continue;
		if (!strcmp(path, "[vdso]"))
			map_add((void *)start, end - start, start, end, start);
		else if (path[0] == '/')
			map_file(path, start, end, offset);
	}
	fclose(f);
	return 0;
}

static int own_tables_release(void **state)
{
	for (size_t i = 0; i < maps_count; i++)
		unwind_table_release(&tables[i]);
	return 0;
}

static void cursor_init(struct unwind_cursor *at, const uint64_t dwarf_order[16], uint64_t ip)
{
	memset(at, 0, sizeof(*at));
	memcpy(at->r, dwarf_order, 16 * sizeof(uint64_t));
	at->known = 0xffff;
	at->ip = ip;
	at->ip_mask = ~0ULL;
	at->exact = 1;
}

/* The registers that a signal handler's third argument points to. */
static void cursor_of_signal(struct unwind_cursor *at, const void *context)
{
	static const int order[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
				      REG_RBP, REG_RSP, REG_R8,	 REG_R9,  REG_R10, REG_R11,
				      REG_R12, REG_R13, REG_R14, REG_R15};
	const greg_t *gregs = ((const ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t regs[16];

	for (int i = 0; i < 16; i++)
		regs[i] = (uint64_t)gregs[order[i]];
	cursor_init(at, regs, (uint64_t)gregs[REG_RIP]);
}

#endif
