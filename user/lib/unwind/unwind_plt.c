// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_crt.h"

#include <string.h>

static struct unwind_rule rule_sp(int32_t off)
{
	return (struct unwind_rule){
		.kind = UNWIND_KIND_REG, .cfa_reg = UNWIND_X86_RSP, .cfa_off = off, .ra = -1};
}

/*
 * Entry 0 of a lazy .plt is entered by a jump with one word pushed, and pushes one. The others push
 * their index and jump there; where in the 16 bytes the push ends depends on the layout:
 *	ff 25 ..; 68 ..; e9 ..		jmp *GOT; push; jmp: 6 + 5
 *	f3 0f 1e fa; 68 ..; ..		endbr64; push; jmp: 4 + 5
 */
static unsigned int plt_lazy(const struct elf_section *s, struct unwind_plt *ret)
{
	static const uint8_t classic[] = {0xff, 0x25}, ibt[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x68};
	int32_t bound;

	if (s->bytes < 32 || s->address % 16 || memcmp(s->data, "\xff\x35", 2) != 0)
		return 0;
	if (memcmp(s->data + 16, classic, sizeof(classic)) == 0 && s->data[22] == 0x68)
		bound = 11;
	else if (memcmp(s->data + 16, ibt, sizeof(ibt)) == 0)
		bound = 9;
	else
		return 0;
	ret[0] = (struct unwind_plt){s->address, s->bytes, s->address, 6, rule_sp(16)};
	ret[1] = (struct unwind_plt){s->address, s->bytes, s->address + 6, 10, rule_sp(24)};
	ret[2] = (struct unwind_plt){s->address, s->bytes, s->address + 16, s->bytes - 16,
				     rule_sp(bound)};
	ret[2].rule.kind = UNWIND_KIND_PLT;
	return 3;
}

unsigned int unwind_plt_find(const struct elf_view *image,
			     struct unwind_plt ret_plt[UNWIND_PLT_MOST])
{
	static const char *const jumps[] = {".plt.got", ".plt.sec"};
	struct elf_section s;
	unsigned int n = 0;

	if (image->head.e_machine != EM_X86_64)
		return 0;
	if (!elf_view_section(image, ".plt", &s) && (s.flags & SHF_EXECINSTR))
		n = plt_lazy(&s, ret_plt);
	for (unsigned int i = 0; i < 2; i++)
		if (!elf_view_section(image, jumps[i], &s) && (s.flags & SHF_EXECINSTR))
			ret_plt[n++] = (struct unwind_plt){s.address, s.bytes, s.address, s.bytes,
							   rule_sp(8)};
	return n;
}

void unwind_plt_hash(const struct elf_view *image, struct siphash *hash)
{
	struct unwind_plt plt[UNWIND_PLT_MOST + UNWIND_CRT_MOST];
	unsigned int n = unwind_plt_find(image, plt);

	n += unwind_crt_find(image, plt + n);
	for (unsigned int i = 0; i < n; i++) {
		siphash_add(hash, &plt[i].start, sizeof(plt[i].start));
		siphash_add(hash, &plt[i].bytes, sizeof(plt[i].bytes));
		siphash_add(hash, &plt[i].rule, sizeof(plt[i].rule));
	}
}
