// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/symbols/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ELF_NATIVE ELFDATA2LSB
#else
#define ELF_NATIVE ELFDATA2MSB
#endif

int elf_image_read(const struct elf_image *e, uint64_t offset, void *buf, size_t n)
{
	uint8_t *p = buf;

	if (offset > e->size || n > e->size - offset)
		return -EBADMSG;
	if (e->fd < 0) {
		memcpy(buf, e->data + offset, n);
		return 0;
	}
	while (n > 0) {
		ssize_t got = pread(e->fd, p, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		p += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int elf_image_text(const struct elf_image *e, uint64_t offset, uint64_t limit, char *buf,
		   size_t size)
{
	size_t n = 0, len;
	int err;

	if (limit > e->size)
		limit = e->size;
	if (offset >= limit || size == 0)
		return -EBADMSG;
	/* Most names are short: in steps, so that a name costs no page of strings. */
	while (n < size - 1 && offset < limit) {
		size_t step = n < 128 ? 128 : 1024;

		if (step > size - 1 - n)
			step = size - 1 - n;
		if (step > limit - offset)
			step = (size_t)(limit - offset);
		err = elf_image_read(e, offset, buf + n, step);
		if (err < 0)
			return err;
		len = strnlen(buf + n, step);
		n += len;
		if (len < step)
			break;
		offset += step;
	}
	buf[n] = '\0';
	return (int)n;
}

struct elf_header {
	uint64_t phoff, shoff;
	uint32_t phnum, shnum, names;
};

static int read_header(struct elf_image *e, struct elf_header *h)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (elf_image_read(e, 0, ident, sizeof(ident)) < 0 || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
	    ident[EI_DATA] != ELF_NATIVE)
		return -ENOEXEC;
	e->is64 = ident[EI_CLASS] == ELFCLASS64;
	if (!e->is64 && ident[EI_CLASS] != ELFCLASS32)
		return -ENOEXEC;
	if (e->is64) {
		if (elf_image_read(e, 0, &e64, sizeof(e64)) < 0)
			return -ENOEXEC;
		e->machine = e64.e_machine;
		e->type = e64.e_type;
		*h = (struct elf_header){e64.e_phoff, e64.e_shoff, e64.e_phnum, e64.e_shnum,
					 e64.e_shstrndx};
		return e64.e_phnum == 0 || e64.e_phentsize == sizeof(Elf64_Phdr) ? 0 : -EBADMSG;
	}
	if (elf_image_read(e, 0, &e32, sizeof(e32)) < 0)
		return -ENOEXEC;
	e->machine = e32.e_machine;
	e->type = e32.e_type;
	*h = (struct elf_header){e32.e_phoff, e32.e_shoff, e32.e_phnum, e32.e_shnum,
				 e32.e_shstrndx};
	return e32.e_phnum == 0 || e32.e_phentsize == sizeof(Elf32_Phdr) ? 0 : -EBADMSG;
}

static int read_section(const struct elf_image *e, uint64_t shoff, uint32_t i,
			struct elf_image_section *s)
{
	Elf64_Shdr s64;
	Elf32_Shdr s32;
	int err;

	if (e->is64) {
		err = elf_image_read(e, shoff + i * sizeof(s64), &s64, sizeof(s64));
		if (err < 0)
			return err;
		*s = (struct elf_image_section){s64.sh_name, s64.sh_type,   s64.sh_flags,
						s64.sh_addr, s64.sh_offset, s64.sh_size,
						s64.sh_link};
		return 0;
	}
	err = elf_image_read(e, shoff + i * sizeof(s32), &s32, sizeof(s32));
	if (err < 0)
		return err;
	*s = (struct elf_image_section){s32.sh_name,   s32.sh_type, s32.sh_flags, s32.sh_addr,
					s32.sh_offset, s32.sh_size, s32.sh_link};
	return 0;
}

static int read_sections(struct elf_image *e, const struct elf_header *h)
{
	struct elf_image_section first = {0};
	uint64_t n = h->shnum;
	int err;

	/* No section table (sstrip), or one that was cut off: the rest is still of use. */
	if (h->shoff == 0 || h->shoff > e->size || read_section(e, h->shoff, 0, &first) < 0)
		return 0;
	if (n == 0)
		n = first.size;
	e->names = h->names == SHN_XINDEX ? first.link : h->names;
	if (n > ELF_IMAGE_SECTIONS_MAX)
		return -EBADMSG;
	e->sections = calloc(n ? n : 1, sizeof(*e->sections));
	if (!e->sections)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		err = read_section(e, h->shoff, i, &e->sections[i]);
		if (err == -EBADMSG)
			break;
		if (err < 0)
			return err;
		e->n_sections = i + 1;
	}
	if (e->names >= e->n_sections)
		e->names = 0;
	return 0;
}

/* A note's name and descriptor are padded to 4 bytes (the GNU ones in 8-aligned segments too). */
static bool find_build_id(struct elf_image *e, uint64_t offset, uint64_t size)
{
	Elf32_Nhdr n;
	char name[4];

	if (size > ELF_IMAGE_NOTE_MAX)
		size = ELF_IMAGE_NOTE_MAX;
	while (size >= sizeof(n)) {
		uint64_t name_size, desc_size, all;

		if (elf_image_read(e, offset, &n, sizeof(n)) < 0)
			return false;
		name_size = ((uint64_t)n.n_namesz + 3) & ~3ULL;
		desc_size = ((uint64_t)n.n_descsz + 3) & ~3ULL;
		all = sizeof(n) + name_size + desc_size;
		if (all > size)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(name) && n.n_descsz > 0 &&
		    n.n_descsz <= ELF_BUILD_ID_MAX &&
		    elf_image_read(e, offset + sizeof(n), name, sizeof(name)) == 0 &&
		    memcmp(name, "GNU", 4) == 0 &&
		    elf_image_read(e, offset + sizeof(n) + name_size, e->build_id, n.n_descsz) ==
			    0) {
			e->build_id_size = n.n_descsz;
			return true;
		}
		offset += all;
		size -= all;
	}
	return false;
}

static int read_segments(struct elf_image *e, const struct elf_header *h)
{
	uint32_t n = h->phnum;
	Elf64_Phdr p;
	Elf32_Phdr p32;
	int err;

	if (n > ELF_IMAGE_SEGMENTS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		if (e->is64) {
			err = elf_image_read(e, h->phoff + i * sizeof(p), &p, sizeof(p));
		} else {
			err = elf_image_read(e, h->phoff + i * sizeof(p32), &p32, sizeof(p32));
			if (err == 0)
				p = (Elf64_Phdr){.p_type = p32.p_type,
						 .p_flags = p32.p_flags,
						 .p_offset = p32.p_offset,
						 .p_vaddr = p32.p_vaddr,
						 .p_filesz = p32.p_filesz};
		}
		if (err < 0)
			return err;
		if (p.p_type == PT_NOTE && e->build_id_size == 0)
			find_build_id(e, p.p_offset, p.p_filesz);
		if (p.p_type == PT_LOAD && (p.p_flags & PF_X) && e->n_loads < ELF_IMAGE_LOADS_MAX)
			e->loads[e->n_loads++] =
				(struct elf_image_load){p.p_offset, p.p_filesz, p.p_vaddr};
	}
	return 0;
}

static int open_image(struct elf_image *e)
{
	struct elf_header h;
	int err = read_header(e, &h);

	if (err == 0)
		err = read_segments(e, &h);
	if (err == 0)
		err = read_sections(e, &h);
	for (uint32_t i = 0; err == 0 && i < e->n_sections && e->build_id_size == 0; i++)
		if (e->sections[i].type == SHT_NOTE)
			find_build_id(e, e->sections[i].offset, e->sections[i].size);
	if (err < 0)
		elf_image_release(e);
	return err;
}

int elf_image_open(struct elf_image *e, int fd, uint64_t size)
{
	*e = (struct elf_image){.fd = fd, .size = size};
	return open_image(e);
}

int elf_image_open_memory(struct elf_image *e, const void *data, size_t size)
{
	*e = (struct elf_image){.fd = -1, .data = data, .size = size};
	return open_image(e);
}

void elf_image_release(struct elf_image *e)
{
	free(e->sections);
	e->sections = NULL;
	e->n_sections = 0;
}

int elf_image_section_by_type(const struct elf_image *e, uint32_t type)
{
	for (uint32_t i = 1; i < e->n_sections; i++)
		if (e->sections[i].type == type)
			return (int)i;
	return -ENOENT;
}

int elf_image_section_by_name(const struct elf_image *e, const char *name)
{
	char text[64];

	if (e->names == 0)
		return -ENOENT;
	for (uint32_t i = 1; i < e->n_sections; i++) {
		const struct elf_image_section *names = &e->sections[e->names];

		if (e->sections[i].name < names->size &&
		    elf_image_text(e, names->offset + e->sections[i].name,
				   names->offset + names->size, text, sizeof(text)) >= 0 &&
		    strcmp(text, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}
