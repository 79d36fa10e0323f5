// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_view.h"

#include <errno.h>
#include <string.h>

static bool inside(const struct elf_view *image, uint64_t offset, uint64_t bytes)
{
	return offset <= image->bytes && bytes <= image->bytes - offset;
}

/* Headers may lie at any address. */
static bool image_get(const struct elf_view *image, void *dst, uint64_t offset, size_t bytes)
{
	if (!inside(image, offset, bytes))
		return false;
	memcpy(dst, image->data + offset, bytes);
	return true;
}

bool elf_view_phdr(const struct elf_view *image, unsigned int i, Elf64_Phdr *ret)
{
	return image_get(image, ret, image->head.e_phoff + (uint64_t)i * sizeof(*ret),
			 sizeof(*ret));
}

static bool image_shdr(const struct elf_view *image, uint64_t i, Elf64_Shdr *ret)
{
	return image_get(image, ret, image->head.e_shoff + i * sizeof(*ret), sizeof(*ret));
}

static void image_find_code(struct elf_view *image)
{
	Elf64_Phdr ph;

	for (unsigned int i = 0; i < image->head.e_phnum; i++) {
		if (!elf_view_phdr(image, i, &ph) || image->code_count == ELF_VIEW_SEGMENTS)
			return;
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) || !ph.p_memsz ||
		    ph.p_vaddr + ph.p_memsz < ph.p_vaddr)
			continue;
		image->code[image->code_count].start = ph.p_vaddr;
		image->code[image->code_count++].end = ph.p_vaddr + ph.p_memsz;
	}
}

int elf_view_init(struct elf_view *image, const void *data, size_t bytes)
{
	const Elf64_Ehdr *h = &image->head;

	memset(image, 0, sizeof(*image));
	image->data = data;
	image->bytes = bytes;
	if (!image_get(image, &image->head, 0, sizeof(image->head)) ||
	    memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64 ||
	    h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h->e_machine != EM_X86_64 && h->e_machine != EM_AARCH64))
		return -ENOEXEC;
	if ((h->e_phnum && h->e_phentsize != sizeof(Elf64_Phdr)) ||
	    (h->e_shnum && h->e_shentsize != sizeof(Elf64_Shdr)))
		return -ENOEXEC;
	image_find_code(image);
	return 0;
}

static int image_slice(const struct elf_view *image, uint64_t offset, uint64_t bytes,
		       struct elf_section *ret)
{
	if (!inside(image, offset, bytes))
		return -EBADMSG;
	ret->data = image->data + offset;
	ret->bytes = bytes;
	return 0;
}

/* Files of over 65,279 sections keep their number and the index of the names in section 0. */
static bool image_sections(const struct elf_view *image, uint64_t *ret_count, Elf64_Shdr *ret_names)
{
	uint64_t names = image->head.e_shstrndx;
	Elf64_Shdr first;

	*ret_count = image->head.e_shnum;
	if (!image->head.e_shoff || !image_shdr(image, 0, &first))
		return false;
	if (!*ret_count)
		*ret_count = first.sh_size;
	if (names == SHN_XINDEX)
		names = first.sh_link;
	if (*ret_count > image->bytes / sizeof(first) || names >= *ret_count)
		return false;
	return image_shdr(image, names, ret_names) &&
	       inside(image, ret_names->sh_offset, ret_names->sh_size);
}

int elf_view_section(const struct elf_view *image, const char *name,
		     struct elf_section *ret_section)
{
	size_t len = strlen(name) + 1;
	Elf64_Shdr sh, names;
	uint64_t count;

	if (!image_sections(image, &count, &names))
		return -ENOENT;
	for (uint64_t i = 1; i < count && image_shdr(image, i, &sh); i++) {
		if (sh.sh_type == SHT_NOBITS || sh.sh_name >= names.sh_size ||
		    len > names.sh_size - sh.sh_name ||
		    memcmp(image->data + names.sh_offset + sh.sh_name, name, len) != 0)
			continue;
		ret_section->address = sh.sh_addr;
		ret_section->flags = sh.sh_flags;
		return image_slice(image, sh.sh_offset, sh.sh_size, ret_section);
	}
	return -ENOENT;
}

int elf_view_segment(const struct elf_view *image, uint32_t type, struct elf_section *ret_segment)
{
	Elf64_Phdr ph;

	for (unsigned int i = 0; i < image->head.e_phnum && elf_view_phdr(image, i, &ph); i++) {
		if (ph.p_type != type)
			continue;
		ret_segment->address = ph.p_vaddr;
		ret_segment->flags = 0;
		return image_slice(image, ph.p_offset, ph.p_filesz, ret_segment);
	}
	return -ENOENT;
}

int elf_view_at(const struct elf_view *image, uint64_t address, struct elf_section *ret_rest)
{
	Elf64_Phdr ph;

	for (unsigned int i = 0; i < image->head.e_phnum && elf_view_phdr(image, i, &ph); i++) {
		uint64_t off = address - ph.p_vaddr;

		if (ph.p_type != PT_LOAD || off >= ph.p_filesz || ph.p_offset + off < ph.p_offset)
			continue;
		ret_rest->address = address;
		ret_rest->flags = 0;
		return image_slice(image, ph.p_offset + off, ph.p_filesz - off, ret_rest);
	}
	return -ENOENT;
}

bool elf_view_is_code(const struct elf_view *image, uint64_t address, uint64_t *ret_end)
{
	for (unsigned int i = 0; i < image->code_count; i++) {
		if (address < image->code[i].start || address >= image->code[i].end)
			continue;
		*ret_end = image->code[i].end;
		return true;
	}
	return false;
}
