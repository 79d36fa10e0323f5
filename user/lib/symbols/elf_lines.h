/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inlined functions, source files and lines from DWARF, by libdw.
 *
 * libdw opens other files by names that it finds in the DWARF (split units, alternate debug files).
 * Where the file is not to be trusted, that must be made impossible from outside: see sandbox.c.
 */
#ifndef BD_ELF_LINES_H
#define BD_ELF_LINES_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_LINES_DEPTH_MAX 62 /* functions inlined into each other; deeper ones are left out */
#define ELF_LINES_RANGES_MAX (4u << 20) /* of units, and of functions in one unit */
#define ELF_LINES_DIES_MAX (1u << 20)	/* visited for one address */

struct elf_lines;

/* Texts live as long as the struct elf_lines, and are as the file has them: any bytes. */
struct elf_lines_frame {
	uint64_t start;	  /* lowest address of the function; 0 for inlined ones */
	const char *name; /* mangled where the language mangles; NULL: none */
	const char *file; /* NULL: none */
	uint32_t line;	  /* 0: none */
	bool inlined;
};

/* Borrows the descriptors; `alt_fd` is the alternate debug file or -1. -ENOENT: no DWARF in there;
 * -EBADMSG, -ENOMEM. */
int elf_lines_open(int fd, int alt_fd, struct elf_lines **ret);
void elf_lines_free(struct elf_lines *l);

/*
 * The functions that hold an ELF address, innermost first; all but the last are inlined. `ret` has
 * room for ELF_LINES_DEPTH_MAX + 1. Returns how many there are, 0 for none. Quick when addresses
 * ascend.
 */
int elf_lines_find(struct elf_lines *l, uint64_t address, struct elf_lines_frame *ret);

#endif
