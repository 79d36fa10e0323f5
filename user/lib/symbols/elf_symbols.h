/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions of an ELF file have these addresses: one pass over a symbol table, in pieces of
 * 64 KB. Memory goes with the number of addresses, not of symbols, and there is nothing to cache.
 *
 * The rules:
 * - functions (STT_FUNC, STT_GNU_IFUNC), and labels without a type in sections with code;
 * - a symbol with a size ends there: an address past it has no name; one without a size reaches to
 *   the next symbol or the end of its section;
 * - of several that hold an address: one with a size, the innermost, a function before a label,
 *   then as perf chooses between aliases: not weak, global, fewest leading underscores, the longer
 *   name, the first in the alphabet;
 * - versions (name@VERSION) are cut off.
 */
#ifndef BD_ELF_SYMBOLS_H
#define BD_ELF_SYMBOLS_H

#include "user/lib/symbols/elf_image.h"

#define ELF_SYMBOLS_MAX (16u << 20)	  /* symbols read of one table */
#define ELF_SYMBOLS_WORK_MAX (256u << 20) /* candidates compared for one call */
#define ELF_SYMBOLS_NAME_MAX 4096

struct elf_symbol {
	uint64_t start, size;
	uint64_t name, name_limit; /* where in the file its name is, and where the names end */
	uint8_t rank;		   /* 0: not found */
};

/*
 * Looks for `n` addresses (ELF addresses in ascending order) in the table of section type
 * SHT_SYMTAB or SHT_DYNSYM. `found` has `n` entries; those with a rank already (from a better
 * table) are left alone, so a caller begins with zeroes. Returns how many are found now, -ENOENT
 * where there is no such table, -E2BIG where a limit above cut it short (what was found is valid),
 * -EINVAL where the addresses aren't sorted.
 */
int elf_symbols_find(const struct elf_image *e, uint32_t table, const uint64_t *addresses, size_t n,
		     struct elf_symbol *found);

/* The name without its version, cut to `size` - 1 bytes. Returns its length (0: it has none). */
int elf_symbols_name(const struct elf_image *e, const struct elf_symbol *s, char *buf, size_t size);

#endif
