// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as an ELF file: its compressed symbol table and the names of its debug files. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/symbols/elf_debug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t build_id[ELF_BUILD_ID_MAX];
	struct elf_image e, inner;
	char name[256], path[128];
	uint32_t id_size;
	size_t unpacked_size;
	void *unpacked;

	if (elf_image_open_memory(&e, data, size) < 0)
		return 0;
	if (elf_debugdata(&e, &unpacked, &unpacked_size) == 0) {
		if (elf_image_open_memory(&inner, unpacked, unpacked_size) == 0)
			elf_image_release(&inner);
		free(unpacked);
	}
	/* A name leads nowhere but into the directory that is looked at. */
	if (elf_debuglink(&e, name, sizeof(name)) == 0 &&
	    (strchr(name, '/') || name[0] == '\0' || strcmp(name, "..") == 0))
		abort();
	if (elf_debugaltlink(&e, build_id, &id_size) == 0 && id_size > sizeof(build_id))
		abort();
	elf_build_id_path(e.build_id, e.build_id_size, path, sizeof(path));
	elf_image_release(&e);
	return 0;
}
