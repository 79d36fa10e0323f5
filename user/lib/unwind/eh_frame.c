// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/eh_frame.h"

#include <errno.h>
#include <string.h>

#include "user/lib/unwind/dwarf_read.h"

enum {
	PE_ABSPTR = 0x00,
	PE_FORMAT = 0x0f,
	PE_APPLICATION = 0x70,
	PE_PCREL = 0x10,
	PE_ALIGNED = 0x50,
	PE_INDIRECT = 0x80,
};

/* By the low four bits of an encoding: bytes, and whether they are signed. 0: LEB128 or unknown. */
static const struct {
	uint8_t bytes;
	bool is_signed;
} pointer_formats[16] = {
	[0x0] = {8, false}, [0x2] = {2, false}, [0x3] = {4, false}, [0x4] = {8, false},
	[0xa] = {2, true},  [0xb] = {4, true},	[0xc] = {8, true},
};

enum {
	FORMAT_ULEB = 0x1,
	FORMAT_SLEB = 0x9,
};

static uint64_t frame_address(const struct eh_frame *frame, const uint8_t *p)
{
	return frame->section.address + (uint64_t)(p - frame->section.data);
}

/* A value without what it is relative to. */
static int read_format(struct dwarf_reader *r, uint8_t encoding, uint64_t *ret)
{
	unsigned int format = encoding & PE_FORMAT, bytes = pointer_formats[format].bytes;
	uint64_t v;

	if ((encoding & PE_APPLICATION) == PE_ALIGNED)
		return -ENOTSUP;
	if (format == FORMAT_ULEB) {
		v = dwarf_uleb(r);
	} else if (format == FORMAT_SLEB) {
		v = (uint64_t)dwarf_sleb(r);
	} else if (!bytes) {
		return -ENOTSUP;
	} else {
		v = dwarf_fixed(r, bytes);
		if (pointer_formats[format].is_signed && bytes < 8 && v >> (bytes * 8 - 1))
			v |= ~0ULL << (bytes * 8);
	}
	*ret = v;
	return r->bad ? -EBADMSG : 0;
}

static int read_pointer(const struct eh_frame *frame, struct dwarf_reader *r, uint8_t encoding,
			uint64_t *ret)
{
	uint64_t at = frame_address(frame, r->at), v;
	int err;

	/* textrel, datarel, funcrel and aligned have no meaning for FDEs of a linked file */
	if ((encoding & PE_INDIRECT) ||
	    ((encoding & PE_APPLICATION) && (encoding & PE_APPLICATION) != PE_PCREL))
		return -ENOTSUP;
	err = read_format(r, encoding, &v);
	if (err)
		return err;
	*ret = (encoding & PE_APPLICATION) == PE_PCREL ? at + v : v;
	return 0;
}

/* In .debug_frame a CIE's id is all ones and an FDE has its CIE's offset; in .eh_frame a CIE's is 0
 * and an FDE has the way back to its CIE. */
static int entry_id(const struct eh_frame *frame, struct dwarf_reader *r, unsigned int width,
		    struct eh_entry *entry)
{
	uint64_t at = (uint64_t)(r->at - frame->section.data);
	uint64_t id = dwarf_fixed(r, frame->debug_frame ? width : 4);

	if (r->bad)
		return -EBADMSG;
	if (frame->debug_frame) {
		entry->is_cie = id == (width == 8 ? ~0ULL : 0xffffffffULL);
		entry->cie = entry->is_cie ? entry->offset : id;
	} else {
		entry->is_cie = !id;
		entry->cie = entry->is_cie ? entry->offset : at - id;
	}
	return entry->cie < frame->section.bytes ? 0 : -EBADMSG;
}

int eh_frame_next(const struct eh_frame *frame, uint64_t *offset, struct eh_entry *ret_entry)
{
	const struct elf_section *s = &frame->section;
	struct dwarf_reader r = {s->data + *offset, s->data + s->bytes, false};
	struct eh_entry entry;
	unsigned int width = 4;
	uint64_t length;

	if (*offset >= s->bytes)
		return 0;
	do {
		/* A zero ends the section, but more can have been linked in behind it. */
		entry.offset = (uint64_t)(r.at - s->data);
		if (dwarf_left(&r) < 4)
			return dwarf_left(&r) ? -EBADMSG : 0;
		length = dwarf_fixed(&r, 4);
	} while (!length && !frame->zero_ends);
	if (length == 0xffffffff) {
		width = 8;
		length = dwarf_fixed(&r, 8);
	}
	if (!length)
		return 0;
	if (r.bad || length > dwarf_left(&r))
		return -EBADMSG;
	r.end = r.at + length;
	*offset = (uint64_t)(r.end - s->data);
	if (entry_id(frame, &r, width, &entry))
		return -EBADMSG;
	entry.body = r.at;
	entry.bytes = dwarf_left(&r);
	*ret_entry = entry;
	return 1;
}

/* What the letters of the augmentation announce: "zPLRSB" in any order after the z. */
static int cie_augmentation(const struct eh_frame *frame, const char *letters,
			    struct dwarf_reader *r, struct eh_cie *cie)
{
	uint64_t length, ignored;
	struct dwarf_reader data;
	const uint8_t *p;
	int err = 0;

	length = dwarf_uleb(r);
	p = dwarf_skip(r, length);
	if (!p)
		return -EBADMSG;
	data = (struct dwarf_reader){p, p + length, false};
	for (; *letters && !err; letters++) {
		if (*letters == 'R') {
			cie->fde_encoding = dwarf_u8(&data);
		} else if (*letters == 'L') {
			dwarf_u8(&data);
		} else if (*letters == 'P') {
			/* the personality may well be indirect: only its width counts */
			err = read_format(&data, dwarf_u8(&data), &ignored);
		} else if (*letters == 'S') {
			cie->signal = true;
		} else if (*letters == 'B') {
			cie->b_key = true;
		} else {
			break; /* as the z is there for: what follows is only skipped */
		}
	}
	return err ? err : data.bad ? -EBADMSG : 0;
}

int eh_frame_cie(const struct eh_frame *frame, const struct eh_entry *entry, struct eh_cie *ret_cie)
{
	struct dwarf_reader r = {entry->body, entry->body + entry->bytes, false};
	struct eh_cie cie = {.fde_encoding = PE_ABSPTR};
	const char *letters;
	uint8_t version;
	int err;

	if (!entry->is_cie)
		return -EBADMSG;
	version = dwarf_u8(&r);
	if (version != 1 && version != 3 && version != 4)
		return r.bad ? -EBADMSG : -ENOTSUP;
	letters = (const char *)r.at;
	if (!memchr(letters, 0, dwarf_left(&r)))
		return -EBADMSG;
	dwarf_skip(&r, strlen(letters) + 1);
	if (version == 4 && (dwarf_u8(&r) != 8 || dwarf_u8(&r) != 0))
		return r.bad ? -EBADMSG : -ENOTSUP; /* bytes of an address, of a segment */
	cie.code_align = dwarf_uleb(&r);
	cie.data_align = dwarf_sleb(&r);
	cie.ra_reg = (uint32_t)(version == 1 ? dwarf_u8(&r) : dwarf_uleb(&r));
	if (*letters == 'z') {
		cie.augmented = true;
		err = cie_augmentation(frame, letters + 1, &r, &cie);
		if (err)
			return err;
	} else if (*letters) {
		return -ENOTSUP;
	}
	if (r.bad)
		return -EBADMSG;
	cie.program = r.at;
	cie.program_bytes = dwarf_left(&r);
	*ret_cie = cie;
	return 0;
}

int eh_frame_cie_at(const struct eh_frame *frame, uint64_t offset, struct eh_cie *ret_cie)
{
	struct eh_entry entry;

	if (eh_frame_next(frame, &offset, &entry) != 1)
		return -EBADMSG;
	return eh_frame_cie(frame, &entry, ret_cie);
}

int eh_frame_fde(const struct eh_frame *frame, const struct eh_entry *entry,
		 const struct eh_cie *cie, struct eh_fde *ret_fde)
{
	struct dwarf_reader r = {entry->body, entry->body + entry->bytes, false};
	uint8_t encoding = cie->fde_encoding;
	struct eh_fde fde;
	int err;

	err = read_pointer(frame, &r, encoding, &fde.start);
	if (!err)
		err = read_format(&r, encoding, &fde.bytes);
	if (err)
		return err;
	/* a length is never negative, whatever its encoding says */
	if (pointer_formats[encoding & PE_FORMAT].bytes == 4)
		fde.bytes &= 0xffffffff;
	else if (pointer_formats[encoding & PE_FORMAT].bytes == 2)
		fde.bytes &= 0xffff;
	if (cie->augmented)
		dwarf_skip(&r, dwarf_uleb(&r));
	if (r.bad)
		return -EBADMSG;
	fde.program = r.at;
	fde.program_bytes = dwarf_left(&r);
	*ret_fde = fde;
	return 0;
}
