// SPDX-License-Identifier: BSD-2-Clause
/* Any bytes as an ELF file: its headers, build ID and both symbol tables. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>

#include "user/lib/symbols/elf_symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t tables[] = {SHT_SYMTAB, SHT_DYNSYM};
	struct elf_symbol found[64] = {0};
	uint64_t addresses[64];
	struct elf_image e;
	char name[256];

	if (elf_image_open_memory(&e, data, size) < 0)
		return 0;
	/* Low ones, where small files have their symbols, and the last one that there is. */
	for (size_t i = 0; i < 63; i++)
		addresses[i] = i * i * 8;
	addresses[63] = UINT64_MAX;
	for (int t = 0; t < 2; t++)
		elf_symbols_find(&e, tables[t], addresses, 64, found);
	for (size_t i = 0; i < 64; i++) {
		if (found[i].rank == 0)
			continue;
		/* The rules hold for any table. */
		if (found[i].size && addresses[i] - found[i].start >= found[i].size)
			abort();
		elf_symbols_name(&e, &found[i], name, sizeof(name));
	}
	elf_image_section_by_name(&e, ".gnu_debugdata");
	elf_image_release(&e);
	return 0;
}
