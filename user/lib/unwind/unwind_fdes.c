// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_fdes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/unwind/unwind_crt.h"

#define MOST_CIES 16384 /* linkers merge equal ones: libLLVM has 2 */
#define MOST_FDES (4u << 20)
#define MOST_SECTION (1u << 30)

static int grow(void **array, uint32_t *room, uint32_t count, size_t size)
{
	uint32_t more = *room ? *room * 2 : 256;
	void *p;

	if (count < *room)
		return 0;
	p = reallocarray(*array, more, size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = more;
	return 0;
}

/* Without section headers: where the index of it points, up to the end of what is loaded there. */
static int section_by_segment(const struct elf_view *image, struct eh_frame *frame)
{
	struct elf_section hdr;
	int32_t v;
	int err = elf_view_segment(image, PT_GNU_EH_FRAME, &hdr);

	if (err)
		return err;
	/* version 1, eh_frame_ptr as a signed pcrel value of 4 bytes: what every linker writes */
	if (hdr.bytes < 8 || hdr.data[0] != 1 || hdr.data[1] != 0x1b)
		return -ENOENT;
	memcpy(&v, hdr.data + 4, sizeof(v));
	frame->zero_ends = true;
	return elf_view_at(image, hdr.address + 4 + (uint64_t)(int64_t)v, &frame->section);
}

static bool has_entries(const struct eh_frame *frame)
{
	struct eh_entry entry;
	uint64_t offset = 0;
	int ret;

	while ((ret = eh_frame_next(frame, &offset, &entry)) == 1 && entry.is_cie)
		;
	return ret == 1;
}

static int debug_section(const struct elf_view *image, struct eh_frame *ret_frame)
{
	struct eh_frame frame = {.debug_frame = true};
	int err = elf_view_section(image, ".debug_frame", &frame.section);

	if (!err && (frame.section.flags & SHF_COMPRESSED))
		err = -ENOENT;
	if (!err)
		*ret_frame = frame;
	return err;
}

int unwind_fdes_section(const struct elf_view *image, struct eh_frame *ret_frame)
{
	struct eh_frame frame = {0};
	int err = elf_view_section(image, ".eh_frame", &frame.section);

	if (err == -ENOENT)
		err = section_by_segment(image, &frame);
	if (err == -ENOENT || (!err && !has_entries(&frame)))
		err = debug_section(image, &frame);
	if (err)
		return err == -ENOENT ? -ENODATA : err;
	if (frame.section.bytes > MOST_SECTION)
		return -E2BIG;
	*ret_frame = frame;
	return 0;
}

static uint32_t *cie_slot(struct unwind_fdes *f, uint64_t offset)
{
	uint32_t i = (uint32_t)(offset * 0x9e3779b97f4a7c15ULL >> 32) & (f->slots_count - 1);

	while (f->slots[i] && f->cies[f->slots[i] - 1].offset != offset)
		i = (i + 1) & (f->slots_count - 1);
	return &f->slots[i];
}

/* The index of an FDE's CIE, which is read the first time. -ENOMEM, -E2BIG: too many. */
static int fdes_cie(struct unwind_fdes *f, uint64_t offset, uint32_t *ret_index)
{
	uint32_t *slot = cie_slot(f, offset);
	struct unwind_cie *c;

	if (*slot) {
		*ret_index = *slot - 1;
		return 0;
	}
	if (f->cies_count == MOST_CIES)
		return -E2BIG;
	if (grow((void **)&f->cies, &f->cies_room, f->cies_count, sizeof(*f->cies)))
		return -ENOMEM;
	c = &f->cies[f->cies_count++];
	*slot = f->cies_count;
	*ret_index = f->cies_count - 1;
	memset(c, 0, sizeof(*c));
	c->offset = offset;
	c->err = eh_frame_cie_at(&f->frame, offset, &c->cie);
	if (!c->err)
		c->err = cfi_initial(f->image.head.e_machine, &c->cie, &c->initial);
	return 0;
}

static int fdes_add(struct unwind_fdes *f, uint64_t start, uint64_t bytes,
		    const struct unwind_fde *rest)
{
	uint64_t end, offset = start - f->base;

	if (!bytes) {
		f->build->drops[UNWIND_DROP_EMPTY]++;
		return 0;
	}
	if (!elf_view_is_code(&f->image, start, &end) || offset > UINT32_MAX) {
		f->build->drops[UNWIND_DROP_OUTSIDE]++;
		return 0;
	}
	if (bytes > end - start)
		bytes = end - start;
	if (bytes > UINT32_MAX - offset)
		bytes = UINT32_MAX - offset;
	if (f->count == MOST_FDES) {
		f->build->drops[UNWIND_DROP_TOO_MANY]++;
		return 0;
	}
	if (grow((void **)&f->fdes, &f->room, f->count, sizeof(*f->fdes)))
		return -ENOMEM;
	f->fdes[f->count] = *rest;
	f->fdes[f->count].offset = (uint32_t)offset;
	f->fdes[f->count++].bytes = (uint32_t)bytes;
	return 0;
}

static int fdes_entry(struct unwind_fdes *f, const struct eh_entry *entry)
{
	struct unwind_fde rest;
	struct eh_fde fde;
	int err;

	f->build->fdes++;
	err = fdes_cie(f, entry->cie, &rest.cie);
	if (err == -E2BIG || (!err && f->cies[rest.cie].err)) {
		f->build->drops[UNWIND_DROP_CIE]++;
		return 0;
	}
	if (err)
		return err;
	err = eh_frame_fde(&f->frame, entry, &f->cies[rest.cie].cie, &fde);
	if (err) {
		f->build->drops[UNWIND_DROP_FDE]++;
		return 0;
	}
	rest.program = (uint32_t)(fde.program - f->frame.section.data);
	rest.program_bytes = (uint32_t)fde.program_bytes;
	return fdes_add(f, fde.start, fde.bytes, &rest);
}

static int fdes_collect(struct unwind_fdes *f)
{
	struct eh_entry entry;
	uint64_t offset = 0;
	int ret, err = 0;

	while (!err && (ret = eh_frame_next(&f->frame, &offset, &entry)) == 1)
		if (!entry.is_cie)
			err = fdes_entry(f, &entry);
	if (!err && ret < 0)
		f->build->drops[UNWIND_DROP_SECTION_CUT]++;
	return err;
}

static uint64_t fdes_covered(const struct unwind_fdes *f)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < f->count; i++)
		bytes += f->fdes[i].bytes;
	return bytes;
}

bool unwind_fdes_are_few(const struct unwind_fdes *f)
{
	uint64_t code = 0;

	for (unsigned int i = 0; i < f->image.code_count; i++)
		code += f->image.code[i].end - f->image.code[i].start;
	return fdes_covered(f) < code / 2;
}

static int fdes_collect_from(struct unwind_fdes *f, const struct eh_frame *frame)
{
	f->frame = *frame;
	f->count = f->cies_count = 0;
	memset(f->slots, 0, f->slots_count * sizeof(*f->slots));
	memset(f->build, 0, sizeof(*f->build));
	return fdes_collect(f);
}

/* Where .eh_frame has little more than the C library's start files, .debug_frame may have it all. */
static int fdes_collect_either(struct unwind_fdes *f)
{
	struct eh_frame first = f->frame, debug;
	uint64_t covered;
	int err = fdes_collect_from(f, &first);

	if (err || first.debug_frame || !unwind_fdes_are_few(f) || debug_section(&f->image, &debug))
		return err;
	covered = fdes_covered(f);
	err = fdes_collect_from(f, &debug);
	return err || fdes_covered(f) > covered ? err : fdes_collect_from(f, &first);
}

/* Stubs that a linker has made, and start files' code, where they have no FDE. */
static int fdes_plts(struct unwind_fdes *f, struct unwind_rules *rules)
{
	struct unwind_plt plt[UNWIND_PLT_MOST + UNWIND_CRT_MOST];
	unsigned int n = unwind_plt_find(&f->image, plt), count = f->count;
	int err = 0;

	n += unwind_crt_find(&f->image, plt + n);

	for (uint32_t i = 0; i < count; i++)
		for (unsigned int j = 0; j < n; j++)
			if (f->base + f->fdes[i].offset - plt[j].section < plt[j].section_bytes ||
			    plt[j].start - f->base - f->fdes[i].offset < f->fdes[i].bytes)
				plt[j].bytes = 0;
	for (unsigned int j = 0; j < n && !err; j++) {
		struct unwind_fde rest = {.cie = UNWIND_CIE_FIXED +
						 unwind_rules_add(rules, &plt[j].rule)};

		if (plt[j].bytes)
			err = fdes_add(f, plt[j].start, plt[j].bytes, &rest);
	}
	return err;
}

/* By offset, in the order of the section where they are equal: a radix sort of the upper half. */
static int fdes_sort(struct unwind_fdes *f)
{
	uint64_t *from = reallocarray(NULL, f->count + 1, sizeof(*from));
	uint64_t *to = reallocarray(NULL, f->count + 1, sizeof(*to)), *swap;

	if (!from || !to) {
		free(from);
		free(to);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < f->count; i++)
		from[i] = (uint64_t)f->fdes[i].offset << 32 | i;
	for (unsigned int shift = 32; shift < 64; shift += 8) {
		uint32_t start[257] = {0};

		for (uint32_t i = 0; i < f->count; i++)
			start[(from[i] >> shift & 255) + 1]++;
		for (unsigned int i = 0; i < 256; i++)
			start[i + 1] += start[i];
		for (uint32_t i = 0; i < f->count; i++)
			to[start[from[i] >> shift & 255]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	free(to);
	f->order = from;
	return 0;
}

static int fdes_base(struct unwind_fdes *f)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned int i = 0; i < f->image.code_count; i++)
		if (f->image.code[i].start < lowest)
			lowest = f->image.code[i].start;
	if (!f->image.code_count)
		return -ENODATA;
	f->base = lowest & ~((1ULL << UNWIND_SHIFT_MAX) - 1);
	return 0;
}

int unwind_fdes_read(struct unwind_fdes *f, const void *elf, size_t bytes,
		     struct unwind_rules *rules, struct unwind_build *build)
{
	int err;

	memset(f, 0, sizeof(*f));
	f->build = build;
	err = elf_view_init(&f->image, elf, bytes);
	if (!err)
		err = fdes_base(f);
	if (!err)
		err = unwind_fdes_section(&f->image, &f->frame);
	if (err)
		return err;
	f->slots_count = MOST_CIES * 2;
	f->slots = calloc(f->slots_count, sizeof(*f->slots));
	if (!f->slots)
		return -ENOMEM;
	err = fdes_collect_either(f);
	if (!err)
		err = fdes_plts(f, rules);
	if (!err)
		err = fdes_sort(f);
	return err;
}

void unwind_fdes_release(struct unwind_fdes *f)
{
	free(f->cies);
	free(f->slots);
	free(f->fdes);
	free(f->order);
	memset(f, 0, sizeof(*f));
}
