// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/dwarf_expr.h"

#include <string.h>

#include "user/lib/unwind/dwarf_read.h"

enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_MUL = 0x1e,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
};

/* breg7 8; breg16 0; lit15; and; lit N; ge; lit3; shl; plus: N is what differs between linkers. */
static const uint8_t plt_before[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a};
static const uint8_t plt_after[] = {0x2a, 0x33, 0x24, 0x22};

static bool parse_plt(const uint8_t *p, size_t n, struct dwarf_expr *e)
{
	size_t before = sizeof(plt_before);

	if (n != before + 1 + sizeof(plt_after) || memcmp(p, plt_before, before) != 0 ||
	    memcmp(p + before + 1, plt_after, sizeof(plt_after)) != 0 || p[before] < OP_LIT0 ||
	    p[before] > OP_LIT0 + 15)
		return false;
	*e = (struct dwarf_expr){DWARF_EXPR_PLT, 7, p[before] - OP_LIT0, 0};
	return true;
}

/* Something that is added: by plus_uconst, or a constant and plus. */
static bool parse_add(struct dwarf_reader *r, int64_t *ret)
{
	uint8_t op = dwarf_u8(r);

	if (op == OP_PLUS_UCONST) {
		*ret = (int64_t)dwarf_uleb(r);
		return true;
	}
	if (op >= OP_LIT0 && op <= OP_LIT31)
		*ret = op - OP_LIT0;
	else if (op == OP_CONST1U)
		*ret = dwarf_u8(r);
	else if (op == OP_CONST1S)
		*ret = (int8_t)dwarf_u8(r);
	else
		return false;
	return dwarf_u8(r) == OP_PLUS;
}

/* After breg7 off: breg N 0; lit8; mul; plus. Leaves the reader where it was if it is none. */
static bool parse_index(struct dwarf_reader *r, struct dwarf_expr *e)
{
	const uint8_t *p = r->at;

	if (e->reg != 7 || dwarf_left(r) < 5 || p[0] < OP_BREG0 || p[0] > OP_BREG31 || p[1] ||
	    p[2] != OP_LIT0 + 8 || p[3] != OP_MUL || p[4] != OP_PLUS)
		return false;
	dwarf_skip(r, 5);
	e->reg = p[0] - OP_BREG0;
	return true;
}

void dwarf_expr_parse(const uint8_t *bytes, size_t count, struct dwarf_expr *ret_expr)
{
	struct dwarf_reader r = {bytes, bytes + count, false};
	struct dwarf_expr e = {.form = DWARF_EXPR_REG};
	uint8_t op = dwarf_u8(&r);

	*ret_expr = (struct dwarf_expr){.form = DWARF_EXPR_OTHER};
	if (parse_plt(bytes, count, ret_expr))
		return;
	if (op < OP_BREG0 || op > OP_BREG31)
		return;
	e.reg = op - OP_BREG0;
	e.off = dwarf_sleb(&r);
	if (r.at < r.end) {
		e.form = parse_index(&r, &e) ? DWARF_EXPR_INDEXED : DWARF_EXPR_DEREF;
		if (dwarf_u8(&r) != OP_DEREF || (r.at < r.end && !parse_add(&r, &e.add)))
			return;
	}
	if (!r.bad && r.at == r.end)
		*ret_expr = e;
}
