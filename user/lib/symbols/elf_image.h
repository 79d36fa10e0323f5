/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An ELF file that nobody vouches for, read piece by piece: from a descriptor with pread (so that a
 * file which shrinks meanwhile is an error and not a SIGBUS), or from memory. Both classes, this
 * machine's byte order. Nothing is ever read beyond the limits below.
 *
 * An image borrows its descriptor or memory, which must live as long; elf_image_release() frees
 * the section table only.
 *
 * Errors of all functions: -ENOEXEC not such an ELF file, -EBADMSG damaged, -ENOENT not in there,
 * -ENOMEM, or the errno of reading.
 */
#ifndef BD_ELF_IMAGE_H
#define BD_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_IMAGE_SECTIONS_MAX 16384
#define ELF_IMAGE_SEGMENTS_MAX 128
#define ELF_IMAGE_LOADS_MAX 8
#define ELF_IMAGE_NOTE_MAX 65536
#define ELF_BUILD_ID_MAX 32

struct elf_image_section {
	uint32_t name; /* offset in the section names */
	uint32_t type;
	uint64_t flags, addr, offset, size;
	uint32_t link;
};

/* A PT_LOAD with code: bytes [offset, offset + size) of the file are at vaddr. */
struct elf_image_load {
	uint64_t offset, size, vaddr;
};

struct elf_image {
	int fd; /* -1: `data` */
	const uint8_t *data;
	uint64_t size;
	bool is64;
	uint16_t machine, type;
	uint32_t n_sections, names; /* `names` is the index of .shstrtab, or 0 */
	struct elf_image_section *sections;
	uint32_t n_loads;
	struct elf_image_load loads[ELF_IMAGE_LOADS_MAX];
	uint32_t build_id_size; /* 0: none */
	uint8_t build_id[ELF_BUILD_ID_MAX];
};

/* Headers, sections, executable segments and build ID. After an error there is nothing to release.
 */
int elf_image_open(struct elf_image *e, int fd, uint64_t size);
int elf_image_open_memory(struct elf_image *e, const void *data, size_t size);
void elf_image_release(struct elf_image *e);

/* Copies `n` bytes at `offset`; -EBADMSG where the file ends before. */
int elf_image_read(const struct elf_image *e, uint64_t offset, void *buf, size_t n);
/*
 * The zero-terminated text at `offset`, which may go on to `limit` of the file, cut to fit `size`.
 * Returns its length.
 */
int elf_image_text(const struct elf_image *e, uint64_t offset, uint64_t limit, char *buf,
		   size_t size);

/* First section of this type, or name: its index, or -ENOENT. */
int elf_image_section_by_type(const struct elf_image *e, uint32_t type);
int elf_image_section_by_name(const struct elf_image *e, const char *name);

#endif
