/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of addresses of an ELF file from everything that is known of it: its symbol tables, the
 * ones of its debug file and .gnu_debugdata, and DWARF. The reader child and `export --symbols` use
 * it.
 */
#ifndef BD_ELF_NAMES_H
#define BD_ELF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/symbols/elf_lines.h"

#define ELF_NAMES_FRAMES_MAX (ELF_LINES_DEPTH_MAX + 1)
#define ELF_NAMES_TEXT_MAX 57344 /* bytes of all texts of one address, zeroes included */

/* Descriptors are the caller's; -1 where there is no such file. */
struct elf_names_files {
	int fd;
	uint64_t size;
	int debug_fd; /* separate debug file, checked to belong to it */
	uint64_t debug_size;
	int alt_fd; /* what that one shares with others (.gnu_debugaltlink) */
};

struct elf_names_frame {
	uint64_t start;	    /* of the symbol; 0 for inlined functions */
	const char *name;   /* readable; UTF-8 without control characters, as the others */
	const char *symbol; /* as the symbol table or DWARF has it, "" where that is the same */
	const char *file;   /* or "" */
	uint32_t line;	    /* or 0 */
	bool inlined;
};

/* Frames of address `index`, innermost first; texts live as long as the call. Not 0 ends the
 * search. */
typedef int elf_names_fn(void *arg, size_t index, const struct elf_names_frame *frames, int n);

/*
 * Calls `fn` for each of `n` ascending addresses that has a name, in order. Inlined functions and
 * lines are looked up until the CLOCK_MONOTONIC time `lines_until_ns` (0: not at all). 0, what `fn`
 * returned, -ETIME where the time was over before the addresses, -E2BIG (elf_symbols.h), -ENOEXEC,
 * -EBADMSG, -ENOMEM, or the errno of reading.
 */
int elf_names_find(const struct elf_names_files *files, int64_t lines_until_ns,
		   const uint64_t *addresses, size_t n, elf_names_fn *fn, void *arg);

#endif
