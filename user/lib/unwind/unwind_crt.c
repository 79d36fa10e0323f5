// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_crt.h"

#include <stdbool.h>
#include <string.h>

#define ENDBR "\xf3\x0f\x1e\xfa"
#define DTORS_MOST 160 /* bytes that are looked at */

static struct unwind_rule rule_at(int32_t off, int16_t fp)
{
	return (struct unwind_rule){.kind = UNWIND_KIND_REG,
				    .cfa_reg = UNWIND_X86_RSP,
				    .cfa_off = off,
				    .ra = -1,
				    .fp = fp};
}

/* A function with one frame from `in` on, which its last instruction but one at `out` - 1 ends. */
static unsigned int three(uint64_t start, uint64_t bytes, uint64_t in, uint64_t out, int16_t fp,
			  struct unwind_plt *ret)
{
	ret[0] = (struct unwind_plt){start, bytes, start, in, rule_at(8, 0)};
	ret[1] = (struct unwind_plt){start, bytes, start + in, out - in, rule_at(16, fp)};
	ret[2] = (struct unwind_plt){start, bytes, start + out, bytes - out, rule_at(8, 0)};
	return 3;
}

/*
 * glibc's crti.o and crtn.o: sub $8,%rsp; in _init the address of __gmon_start__ to rax, test, je,
 * call; add $8,%rsp; ret.
 */
static unsigned int crt_init(const struct elf_view *image, const char *name, struct unwind_plt *ret)
{
	struct elf_section s;
	const uint8_t *p;
	uint64_t at, left;

	if (elf_view_section(image, name, &s) || !(s.flags & SHF_EXECINSTR) || s.bytes < 9)
		return 0;
	p = s.data;
	at = s.bytes >= 13 && !memcmp(p, ENDBR, 4) ? 4 : 0;
	left = s.bytes - at;
	if (memcmp(p + at, "\x48\x83\xec\x08", 4) || (left != 9 && left != 23) ||
	    memcmp(p + s.bytes - 5, "\x48\x83\xc4\x08\xc3", 5))
		return 0;
	if (left == 23 && memcmp(p + at + 11, "\x48\x85\xc0\x74\x02\xff\xd0", 7))
		return 0;
	return three(s.address, s.bytes, at + 4, s.bytes - 1, 0, ret);
}

/* movb $1,completed(%rip); pop %rbp; ret */
static bool is_last(const uint8_t *p)
{
	return p[0] == 0xc6 && p[1] == 0x05 && p[6] == 1 && p[7] == 0x5d && p[8] == 0xc3;
}

/*
 * gcc's crtstuff.c: cmpb $0,completed(%rip); jne to the ret at its end; push %rbp; …; the last of the
 * frame; and that ret, behind padding.
 */
static unsigned int crt_dtors(const struct elf_view *image, struct unwind_plt *ret)
{
	struct elf_section s, code;
	uint64_t address, at, in, out, end;
	const uint8_t *p;

	if (elf_view_section(image, ".fini_array", &s) || s.bytes < sizeof(address))
		return 0;
	memcpy(&address, s.data, sizeof(address));
	if (elf_view_at(image, address, &code) || code.bytes < DTORS_MOST)
		return 0;
	p = code.data;
	at = memcmp(p, ENDBR, 4) ? 0 : 4;
	if (p[at] != 0x80 || p[at + 1] != 0x3d || p[at + 6] || p[at + 7] != 0x75 ||
	    p[at + 9] != 0x55)
		return 0;
	in = at + 10;
	end = at + 9 + p[at + 8];
	if (end >= DTORS_MOST || p[end] != 0xc3)
		return 0;
	for (out = in; out + 9 <= end; out++)
		if (is_last(p + out))
			break;
	if (out + 9 > end)
		return 0;
	return three(address, end + 1, in, out + 8, -2, ret);
}

unsigned int unwind_crt_find(const struct elf_view *image,
			     struct unwind_plt ret_crt[UNWIND_CRT_MOST])
{
	unsigned int n = 0;

	if (image->head.e_machine != EM_X86_64)
		return 0;
	n += crt_init(image, ".init", ret_crt + n);
	n += crt_init(image, ".fini", ret_crt + n);
	n += crt_dtors(image, ret_crt + n);
	n += unwind_musl_find(image, ret_crt + n);
	return n;
}
