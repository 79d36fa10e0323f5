/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ELF files and debug files below a directory, found by build ID: plain files by any name, and
 * trees as distributions and debuginfod make them (.build-id/ab/cdef….debug).
 */
#ifndef BD_SYMBOL_DIR_H
#define BD_SYMBOL_DIR_H

#include <stddef.h>

#define SYMBOL_DIR_FILES_MAX 500000 /* looked at; -E2BIG beyond */

/* What is looked for, and what was found. */
struct symbol_dir_entry {
	const char *build_id; /* hex, small letters */
	char *program;	      /* path of the file with the code, or NULL; the caller frees both */
	char *debug;	      /* path of its debug file, or NULL */
};

/*
 * Fills in the paths of `n` entries; those that aren't found stay NULL. Links are followed, other
 * things than regular files left alone, files that can't be read passed over. 0, -ENOENT or
 * -ENOTDIR for `dir` itself, -E2BIG, -ENOMEM.
 */
int symbol_dir_find(const char *dir, struct symbol_dir_entry *entries, size_t n);

#endif
