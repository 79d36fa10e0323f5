/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entries of `.eh_frame` and `.debug_frame`, read in place. The section is walked from its
 * start: `.eh_frame_hdr` is an index that can be wrong, and nothing needs it.
 * Sources: DWARF 5 section 6.4; the Linux Standard Base on `.eh_frame` and on pointer encodings;
 * the arm64 DWARF supplement on augmentation 'B'.
 */
#ifndef BD_EH_FRAME_H
#define BD_EH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/symbols/elf_view.h"

struct eh_frame {
	struct elf_section section;
	bool debug_frame; /* other marks and pointers than .eh_frame */
	bool zero_ends;	  /* a length of 0 is the end: set where the section's size is a guess */
};

/* Common information entry. */
struct eh_cie {
	uint64_t code_align;
	int64_t data_align;
	uint32_t ra_reg;
	uint8_t fde_encoding;
	bool augmented; /* 'z': an FDE has a length of augmentation data */
	bool signal;	/* 'S' */
	bool b_key;	/* 'B': return addresses are signed with the B key */
	const uint8_t *program;
	size_t program_bytes;
};

struct eh_fde {
	uint64_t start, bytes; /* code that it covers */
	const uint8_t *program;
	size_t program_bytes;
};

/* One entry as it lies in the section. */
struct eh_entry {
	uint64_t offset;     /* of its length */
	uint64_t cie;	     /* of an FDE: its CIE's offset; of a CIE: its own */
	const uint8_t *body; /* what follows the id */
	size_t bytes;
	bool is_cie;
};

/*
 * The entry at *offset, which is moved to the one after it. 1; 0: the end; -EBADMSG: a length or a
 * reference leads outside of the section, so that nothing after it can be found.
 */
int eh_frame_next(const struct eh_frame *frame, uint64_t *offset, struct eh_entry *ret_entry);

/* -EBADMSG: damaged, or no CIE; -ENOTSUP: a version, augmentation or address size that is not
 * known. */
int eh_frame_cie(const struct eh_frame *frame, const struct eh_entry *entry,
		 struct eh_cie *ret_cie);

/* The CIE at an offset that an FDE named. */
int eh_frame_cie_at(const struct eh_frame *frame, uint64_t offset, struct eh_cie *ret_cie);

/* -EBADMSG: damaged; -ENOTSUP: a pointer encoding that no linked file has, an indirect one say. */
int eh_frame_fde(const struct eh_frame *frame, const struct eh_entry *entry,
		 const struct eh_cie *cie, struct eh_fde *ret_fde);

#endif
