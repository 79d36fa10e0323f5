/* SPDX-License-Identifier: BSD-2-Clause */
/* The FDEs of a binary, sorted, with their CIEs. A part of unwind_table.c. */
#ifndef BD_UNWIND_FDES_H
#define BD_UNWIND_FDES_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/unwind/dwarf_cfi.h"
#include "user/lib/unwind/eh_frame.h"
#include "user/lib/symbols/elf_view.h"
#include "user/lib/unwind/unwind_table.h"

struct unwind_cie {
	uint64_t offset;
	int err; /* why its FDEs are of no use */
	struct eh_cie cie;
	struct cfi_state initial;
};

/* Of code that has a rule but no FDE (a PLT), `cie` is UNWIND_CIE_FIXED + the rule's number. */
#define UNWIND_CIE_FIXED 0x80000000u

struct unwind_fde {
	uint32_t offset; /* of its code, from base */
	uint32_t bytes;
	uint32_t cie;
	uint32_t program; /* in the section */
	uint32_t program_bytes;
};

struct unwind_fdes {
	struct elf_view image;
	struct eh_frame frame;
	uint64_t base;
	struct unwind_cie *cies;
	uint32_t cies_count, cies_room;
	uint32_t *slots; /* by a CIE's offset: index + 1 */
	uint32_t slots_count;
	struct unwind_fde *fdes;
	uint32_t count, room;
	uint64_t *order; /* offset << 32 | index, ascending */
	struct unwind_build *build;
};

/* The section that a table is made from. Errors as unwind_table_build() has them. */
int unwind_fdes_section(const struct elf_view *image, struct eh_frame *ret_frame);

/* Errors as unwind_table_build() has them; release it in any case. Rules of PLTs go to `rules`. */
int unwind_fdes_read(struct unwind_fdes *f, const void *elf, size_t bytes,
		     struct unwind_rules *rules, struct unwind_build *build);
void unwind_fdes_release(struct unwind_fdes *f);

/* They cover less than half of the code. */
bool unwind_fdes_are_few(const struct unwind_fdes *f);

/* The one that is i-th by address. */
static inline const struct unwind_fde *unwind_fdes_at(const struct unwind_fdes *f, uint32_t i)
{
	return &f->fdes[(uint32_t)f->order[i]];
}

#endif
