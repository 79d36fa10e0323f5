/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file of 64 bits in memory, read in place and with every bound checked: what it says of
 * itself can be a lie. Where libelf would do more, this does nothing: no names but of sections, no
 * relocation. The memory is the caller's and must stay; a file that is mapped can shrink, so map
 * one only where SIGBUS may strike.
 */
#ifndef BD_ELF_VIEW_H
#define BD_ELF_VIEW_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_VIEW_SEGMENTS 16 /* executable ones that are looked at */

struct elf_view {
	const uint8_t *data;
	size_t bytes;
	Elf64_Ehdr head;
	struct {
		uint64_t start, end; /* addresses */
	} code[ELF_VIEW_SEGMENTS];
	unsigned int code_count;
};

struct elf_section {
	const uint8_t *data;
	size_t bytes;
	uint64_t address;
	uint64_t flags;
};

/* 0; -ENOEXEC: no little-endian ELF64 file of x86-64 or arm64, or its headers lie outside of it. */
int elf_view_init(struct elf_view *image, const void *data, size_t bytes);

/* The i-th program header; false: it lies outside of the file. */
bool elf_view_phdr(const struct elf_view *image, unsigned int i, Elf64_Phdr *ret_phdr);

/* A section that has bytes in the file. -ENOENT: none of this name; -EBADMSG: it lies outside. */
int elf_view_section(const struct elf_view *image, const char *name,
		     struct elf_section *ret_section);

/* What a program header of this type covers; errors as above. */
int elf_view_segment(const struct elf_view *image, uint32_t type, struct elf_section *ret_segment);

/* The bytes of the file from an address to the end of its loaded segment. -ENOENT: none. */
int elf_view_at(const struct elf_view *image, uint64_t address, struct elf_section *ret_rest);

/* Whether an executable segment has this address; *ret_end is where that ends. */
bool elf_view_is_code(const struct elf_view *image, uint64_t address, uint64_t *ret_end);

#endif
