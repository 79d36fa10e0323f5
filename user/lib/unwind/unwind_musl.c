// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_crt.h"

#include <string.h>

#define NEAR 1024 /* bytes on either side of __libc_start_main that may be of the same source */

/* The address of a function that the file itself has; 0: none. */
static uint64_t symbol_in(const struct elf_view *image, const char *symbols, const char *strings,
			  const char *name)
{
	struct elf_section table, text;
	size_t size = strlen(name) + 1;

	if (elf_view_section(image, symbols, &table) || elf_view_section(image, strings, &text))
		return 0;
	for (size_t at = 0; at + sizeof(Elf64_Sym) <= table.bytes; at += sizeof(Elf64_Sym)) {
		Elf64_Sym s;

		memcpy(&s, table.data + at, sizeof(s));
		if (s.st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s.st_info) == STT_FUNC &&
		    s.st_name < text.bytes && size <= text.bytes - s.st_name &&
		    !memcmp(text.data + s.st_name, name, size))
			return s.st_value;
	}
	return 0;
}

static uint64_t function(const struct elf_view *image, const char *name)
{
	uint64_t address = symbol_in(image, ".dynsym", ".dynstr", name);

	return address ? address : symbol_in(image, ".symtab", ".strtab", name);
}

/* call *%reg; mov %eax,%edi; call exit: the length of the first, or 0. */
static unsigned int calls_main(const uint8_t *p, uint64_t address, uint64_t exit)
{
	unsigned int n = p[0] == 0x41 ? 3 : 2;
	int32_t to;

	if (p[n - 2] != 0xff || (p[n - 1] & 0xf8) != 0xd0 || memcmp(p + n, "\x89\xc7\xe8", 3))
		return 0;
	memcpy(&to, p + n + 3, sizeof(to));
	return address + n + 7 + (uint64_t)(int64_t)to == exit ? n : 0;
}

/* With the byte before it, which is what a return address is looked up by. */
static unsigned int trampoline(const struct elf_view *image, uint64_t start, struct unwind_plt *ret)
{
	static const uint8_t code[] = {0x90, 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05};

	for (unsigned int i = 0; i < image->code_count; i++) {
		struct elf_section all;
		const uint8_t *found;

		if (start - image->code[i].start >= image->code[i].end - image->code[i].start ||
		    elf_view_at(image, image->code[i].start, &all))
			continue;
		found = memmem(all.data, all.bytes, code, sizeof(code));
		if (!found)
			continue;
		start = all.address + (uint64_t)(found - all.data);
		*ret = (struct unwind_plt){start, sizeof(code), start, sizeof(code),
					   {.kind = UNWIND_KIND_SIGNAL}};
		return 1;
	}
	return 0;
}

unsigned int unwind_musl_find(const struct elf_view *image,
			      struct unwind_plt ret[UNWIND_MUSL_MOST])
{
	uint64_t start = function(image, "__libc_start_main"), exit = function(image, "exit");
	struct elf_section code;

	if (!start || !exit)
		return 0;
	for (uint64_t at = start - NEAR; at != start + NEAR; at++) {
		unsigned int n;

		if (elf_view_at(image, at, &code) || code.bytes < 10)
			continue;
		n = calls_main(code.data, at, exit);
		if (!n)
			continue;
		ret[0] = (struct unwind_plt){at, n, at, n, {.kind = UNWIND_KIND_ROOT}};
		return 1 + trampoline(image, start, ret + 1);
	}
	return 0;
}
