// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_stub.h"

#include <stddef.h>
#include <string.h>

/* The call by its first bytes, and how long it is. */
static const struct {
	uint8_t begins, bytes;
	uint8_t code[2];
} calls[] = {
	{ 1, 5, { 0xe8 } },	   /* call near */
	{ 2, 6, { 0xff, 0x15 } }, /* call *offset(%rip) */
};

uint32_t unwind_stub_bytes(const uint8_t *code, uint64_t bytes)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		uint32_t end = UNWIND_STUB_IN + calls[i].bytes;

		if (bytes >= end + 2 && code[0] == 0x50 &&
		    !memcmp(code + UNWIND_STUB_IN, calls[i].code, calls[i].begins) &&
		    code[end] == 0x0f && code[end + 1] == 0x0b)
			return end + 2;
	}
	return 0;
}
