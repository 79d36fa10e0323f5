/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the rest of an ELF file's symbols is: the compressed symbol table that Fedora and others
 * leave in stripped files (.gnu_debugdata), and the names of separate debug files (.gnu_debuglink,
 * .gnu_debugaltlink;
 * https://sourceware.org/gdb/current/onlinedocs/gdb.html/Separate-Debug-Files.html).
 */
#ifndef BD_ELF_DEBUG_H
#define BD_ELF_DEBUG_H

#include "user/lib/symbols/elf_image.h"

#define ELF_DEBUGDATA_MAX (64u << 20)	 /* unpacked; -EFBIG beyond */
#define ELF_DEBUGDATA_MEMORY (32u << 20) /* that unpacking may take besides */

/*
 * Unpacks .gnu_debugdata, which is an ELF file itself, to memory that the caller frees. -ENOENT
 * where there is none, -EBADMSG where it is damaged, -EFBIG, -ENOMEM.
 */
int elf_debugdata(const struct elf_image *e, void **ret_data, size_t *ret_size);

/* Name in .gnu_debuglink, a file name without a directory. -ENOENT where there is none that is one.
 */
int elf_debuglink(const struct elf_image *e, char *name, size_t size);

/* Build ID in .gnu_debugaltlink (of a debug file that shares parts with others). -ENOENT, -EBADMSG.
 */
int elf_debugaltlink(const struct elf_image *e, uint8_t build_id[ELF_BUILD_ID_MAX],
		     uint32_t *ret_size);

/* "/.build-id/ab/cdef….debug", the path below a directory of debug files. False: no usable build
 * ID. */
bool elf_build_id_path(const uint8_t *build_id, uint32_t size, char *path, size_t path_size);

#endif
