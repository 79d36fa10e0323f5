/* SPDX-License-Identifier: BSD-2-Clause */
/* The stubs of a PLT to which the linker gave no unwind entries, as lld does. x86-64 only: arm64's
 * don't touch the stack, but for the first, which has nothing below it to be walked from. */
#ifndef BD_UNWIND_PLT_H
#define BD_UNWIND_PLT_H

#include <stdint.h>

#include "bpf/unwind_abi.h"
#include "user/lib/symbols/elf_view.h"
#include "user/lib/base/siphash.h"

#define UNWIND_PLT_MOST 5

struct unwind_plt {
	uint64_t section, section_bytes; /* that it is a part of */
	uint64_t start, bytes;
	struct unwind_rule rule;
};

/* How many stretches of code with one rule were found. */
unsigned int unwind_plt_find(const struct elf_view *image,
			     struct unwind_plt ret_plt[UNWIND_PLT_MOST]);

/* Adds to a hash what unwind_plt_find() and unwind_crt_find() would find: a table is made from that
 * too. */
void unwind_plt_hash(const struct elf_view *image, struct siphash *hash);

#endif
