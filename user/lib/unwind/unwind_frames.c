// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_frames.h"

#include <string.h>

#define PLACES 64 /* that are looked at, each of so many bytes */
#define PLACE_BYTES 16384u
#define PROLOGUE_EACH 1024 /* bytes of code: Chromium has three in so many, and others next to none */

/* push %rbp; mov %rsp,%rbp */
static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xe5};

static uint32_t prologues(const uint8_t *code, uint64_t bytes)
{
	const uint8_t *at = code, *end = code + bytes;
	uint32_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), prologue, sizeof(prologue)))) {
		at += sizeof(prologue);
		n++;
	}
	return n;
}

bool unwind_frames_find(const struct unwind_fdes *f)
{
	uint64_t seen = 0, found = 0;

	if (f->image.head.e_machine != EM_X86_64 || !unwind_fdes_are_few(f))
		return false;
	for (unsigned int i = 0; i < f->image.code_count; i++) {
		uint64_t start = f->image.code[i].start, span = f->image.code[i].end - start;
		uint64_t step = span / PLACES > PLACE_BYTES ? span / PLACES : PLACE_BYTES;

		for (uint64_t at = 0; at < span; at += step) {
			struct elf_section s;

			if (elf_view_at(&f->image, start + at, &s))
				continue;
			if (s.bytes > PLACE_BYTES)
				s.bytes = PLACE_BYTES;
			seen += s.bytes;
			found += prologues(s.data, s.bytes);
		}
	}
	return found && found * PROLOGUE_EACH >= seen;
}
