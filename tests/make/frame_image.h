/* SPDX-License-Identifier: BSD-2-Clause */
/* An ELF file that has some code and one section of unwind entries, made in memory. */
#ifndef BD_FRAME_IMAGE_H
#define BD_FRAME_IMAGE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_CODE 0x400000ULL /* of FRAME_CODE_BYTES, executable, no bytes in the file */
#define FRAME_CODE_BYTES 0x200000ULL
#define FRAME_SECTION 0x700000ULL /* where the section is loaded */

struct frame_image {
	Elf64_Ehdr head;
	Elf64_Phdr ph[2];
	Elf64_Shdr sh[3];
	char names[32];
	unsigned char section[];
};

/* malloc'd; *ret_bytes is its size. NULL: no memory. */
static inline struct frame_image *frame_image_new(uint16_t machine, const char *name,
						  const void *section, size_t bytes,
						  size_t *ret_bytes)
{
	const size_t at = offsetof(struct frame_image, section);
	struct frame_image *f = calloc(1, at + bytes);

	if (!f)
		return NULL;
	memcpy(f->head.e_ident, ELFMAG, SELFMAG);
	f->head.e_ident[EI_CLASS] = ELFCLASS64;
	f->head.e_ident[EI_DATA] = ELFDATA2LSB;
	f->head.e_machine = machine;
	f->head.e_phoff = offsetof(struct frame_image, ph);
	f->head.e_phentsize = sizeof(f->ph[0]);
	f->head.e_phnum = 2;
	f->head.e_shoff = offsetof(struct frame_image, sh);
	f->head.e_shentsize = sizeof(f->sh[0]);
	f->head.e_shnum = 3;
	f->head.e_shstrndx = 2;
	f->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_vaddr = FRAME_CODE,
				.p_memsz = FRAME_CODE_BYTES};
	f->ph[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_flags = PF_R,
				.p_vaddr = FRAME_SECTION,
				.p_offset = at,
				.p_filesz = bytes,
				.p_memsz = bytes};
	strcpy(f->names + 1, name);
	f->sh[1] = (Elf64_Shdr){.sh_name = 1,
				.sh_type = SHT_PROGBITS,
				.sh_addr = FRAME_SECTION,
				.sh_offset = at,
				.sh_size = bytes};
	f->sh[2] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct frame_image, names),
				.sh_size = sizeof(f->names)};
	memcpy(f->section, section, bytes);
	*ret_bytes = at + bytes;
	return f;
}

#endif
