// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/dwarf_cfi.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "user/lib/unwind/dwarf_expr.h"
#include "user/lib/unwind/dwarf_read.h"

#define CFI_REMEMBER 16 /* compilers nest by one; assembly by two or three */

enum {
	X86_RA = 16,
	CFI_REGS = 34,
	ANY = 0, /* of reg_slots: a slot's number plus one, so that 0 is "of no use to a walk" */
};

static const uint8_t x86_slots[CFI_REGS] = {
	[X86_RA] = CFI_RA + 1, [UNWIND_X86_RBP] = CFI_FP + 1, [UNWIND_X86_RSP] = CFI_SP + 1,
	[3] = CFI_CALLEE + 1,  [12] = CFI_CALLEE + 2,	      [13] = CFI_CALLEE + 3,
	[14] = CFI_CALLEE + 4, [15] = CFI_CALLEE + 5,
};

static const uint8_t arm64_slots[CFI_REGS] = {
	[UNWIND_ARM64_LR] = CFI_RA + 1,
	[UNWIND_ARM64_FP] = CFI_FP + 1,
	[UNWIND_ARM64_SP] = CFI_SP + 1,
};

struct cfi_run {
	struct dwarf_reader r;
	struct cfi_state state;
	const struct cfi_state *initial; /* NULL: this is the CIE's own program */
	const struct eh_cie *cie;
	const uint8_t *slots;
	uint64_t location;
	uint64_t advance; /* to do after the instruction */
	unsigned int depth;
	struct cfi_state remembered[CFI_REMEMBER];
};

static struct cfi_slot *run_slot(struct cfi_run *run, uint64_t reg)
{
	if (reg >= CFI_REGS || run->slots[reg] == ANY)
		return NULL;
	return &run->state.slot[run->slots[reg] - 1];
}

static void run_set(struct cfi_run *run, uint64_t reg, enum cfi_how how, uint64_t from, int64_t off)
{
	struct cfi_slot *slot = run_slot(run, reg);

	if (slot)
		*slot = (struct cfi_slot){how, (uint32_t)from, off};
}

/* Offsets are of the size of stacks. An operand out of all bounds is made one that no rule takes,
 * without an overflow on the way. */
static int64_t scaled(const struct cfi_run *run, int64_t v)
{
	int64_t out;

	return __builtin_mul_overflow(v, run->cie->data_align, &out) ? INT64_MAX / 2 : out;
}

static uint64_t code_scaled(const struct cfi_run *run, uint64_t v)
{
	uint64_t out;

	return __builtin_mul_overflow(v, run->cie->code_align, &out) ? UINT64_MAX : out;
}

static void op_restore_reg(struct cfi_run *run, uint64_t reg)
{
	struct cfi_slot *slot = run_slot(run, reg);

	if (!slot)
		return;
	if (run->initial)
		*slot = run->initial->slot[run->slots[reg] - 1];
	else
		memset(slot, 0, sizeof(*slot));
}

static void op_nop(struct cfi_run *run)
{
}

static void op_set_loc(struct cfi_run *run)
{
	/* By the CIE's encoding; no compiler emits it, and to skip it is no way to go on. */
	run->r.bad = true;
}

static void op_advance1(struct cfi_run *run)
{
	run->advance = code_scaled(run, dwarf_u8(&run->r));
}

static void op_advance2(struct cfi_run *run)
{
	run->advance = code_scaled(run, dwarf_fixed(&run->r, 2));
}

static void op_advance4(struct cfi_run *run)
{
	run->advance = code_scaled(run, dwarf_fixed(&run->r, 4));
}

static void op_offset_extended(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_OFFSET, 0, scaled(run, (int64_t)dwarf_uleb(&run->r)));
}

static void op_offset_extended_sf(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_OFFSET, 0, scaled(run, dwarf_sleb(&run->r)));
}

static void op_gnu_negative_offset(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_OFFSET, 0, scaled(run, -(int64_t)(dwarf_uleb(&run->r) & INT64_MAX)));
}

static void op_val_offset(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_VAL_OFFSET, 0, scaled(run, (int64_t)dwarf_uleb(&run->r)));
}

static void op_val_offset_sf(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_VAL_OFFSET, 0, scaled(run, dwarf_sleb(&run->r)));
}

static void op_restore_extended(struct cfi_run *run)
{
	op_restore_reg(run, dwarf_uleb(&run->r));
}

static void op_undefined(struct cfi_run *run)
{
	run_set(run, dwarf_uleb(&run->r), CFI_UNDEFINED, 0, 0);
}

static void op_same_value(struct cfi_run *run)
{
	run_set(run, dwarf_uleb(&run->r), CFI_SAME, 0, 0);
}

static void op_register(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	run_set(run, reg, CFI_REGISTER, dwarf_uleb(&run->r), 0);
}

static void op_remember(struct cfi_run *run)
{
	if (run->depth == CFI_REMEMBER)
		run->r.bad = true;
	else
		run->remembered[run->depth++] = run->state;
}

static void op_restore_state(struct cfi_run *run)
{
	if (!run->depth)
		run->r.bad = true;
	else
		run->state = run->remembered[--run->depth];
}

static void set_cfa(struct cfi_run *run, uint64_t reg, int64_t off)
{
	run->state.cfa = CFI_CFA_REG;
	run->state.cfa_reg = reg < UNWIND_REGS ? (uint32_t)reg : UNWIND_REGS;
	run->state.cfa_off = off;
	run->state.reg_off = off;
	run->state.cfa_add = 0;
}

static void op_def_cfa(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	set_cfa(run, reg, (int64_t)dwarf_uleb(&run->r));
}

static void op_def_cfa_sf(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	set_cfa(run, reg, scaled(run, dwarf_sleb(&run->r)));
}

/* After an expression it means the offset from before it, as in libgcc; libgcrypt's assembly has
 * that. */
static void op_def_cfa_register(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);

	if (run->state.cfa == CFI_CFA_NONE)
		run->r.bad = true;
	else
		set_cfa(run, reg, run->state.reg_off);
}

static void op_def_cfa_offset(struct cfi_run *run)
{
	uint64_t off = dwarf_uleb(&run->r);

	if (run->state.cfa == CFI_CFA_REG)
		set_cfa(run, run->state.cfa_reg, (int64_t)off);
	else
		run->r.bad = true;
}

static void op_def_cfa_offset_sf(struct cfi_run *run)
{
	int64_t off = dwarf_sleb(&run->r);

	if (run->state.cfa == CFI_CFA_REG)
		set_cfa(run, run->state.cfa_reg, scaled(run, off));
	else
		run->r.bad = true;
}

static bool read_expr(struct cfi_run *run, struct dwarf_expr *ret)
{
	uint64_t bytes = dwarf_uleb(&run->r);
	const uint8_t *p = dwarf_skip(&run->r, bytes);

	if (p)
		dwarf_expr_parse(p, bytes, ret);
	return p;
}

static void op_def_cfa_expression(struct cfi_run *run)
{
	static const enum cfi_cfa forms[DWARF_EXPR_COUNT] = {
		[DWARF_EXPR_OTHER] = CFI_CFA_EXPRESSION, [DWARF_EXPR_REG] = CFI_CFA_REG,
		[DWARF_EXPR_DEREF] = CFI_CFA_DEREF,	 [DWARF_EXPR_INDEXED] = CFI_CFA_INDEXED,
		[DWARF_EXPR_PLT] = CFI_CFA_PLT,
	};
	struct dwarf_expr e;

	if (!read_expr(run, &e))
		return;
	run->state.cfa = forms[e.form];
	run->state.cfa_reg = e.reg;
	run->state.cfa_off = e.off;
	run->state.cfa_add = e.add;
}

static void op_expression(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);
	struct dwarf_expr e;

	if (!read_expr(run, &e))
		return;
	if (e.form == DWARF_EXPR_REG)
		run_set(run, reg, CFI_REG_OFFSET, e.reg, e.off);
	else
		run_set(run, reg, CFI_EXPRESSION, 0, 0);
}

static void op_val_expression(struct cfi_run *run)
{
	uint64_t reg = dwarf_uleb(&run->r);
	struct dwarf_expr e;

	if (read_expr(run, &e))
		run_set(run, reg, CFI_EXPRESSION, 0, 0);
}

static void op_args_size(struct cfi_run *run)
{
	dwarf_uleb(&run->r); /* for throwing exceptions only */
}

static void (*const ops[64])(struct cfi_run *run) = {
	[0x00] = op_nop,
	[0x01] = op_set_loc,
	[0x02] = op_advance1,
	[0x03] = op_advance2,
	[0x04] = op_advance4,
	[0x05] = op_offset_extended,
	[0x06] = op_restore_extended,
	[0x07] = op_undefined,
	[0x08] = op_same_value,
	[0x09] = op_register,
	[0x0a] = op_remember,
	[0x0b] = op_restore_state,
	[0x0c] = op_def_cfa,
	[0x0d] = op_def_cfa_register,
	[0x0e] = op_def_cfa_offset,
	[0x0f] = op_def_cfa_expression,
	[0x10] = op_expression,
	[0x11] = op_offset_extended_sf,
	[0x12] = op_def_cfa_sf,
	[0x13] = op_def_cfa_offset_sf,
	[0x14] = op_val_offset,
	[0x15] = op_val_offset_sf,
	[0x16] = op_val_expression,
	[0x2d] = op_nop, /* arm64: the return address becomes signed, or no more; ip_mask covers
			    both */
	[0x2e] = op_args_size,
	[0x2f] = op_gnu_negative_offset,
};

/* One instruction: the three that have an operand in their first byte, or by the table. */
static void run_one(struct cfi_run *run)
{
	uint8_t op = dwarf_u8(&run->r), low = op & 0x3f;

	switch (op >> 6) {
	case 1:
		run->advance = code_scaled(run, low);
		return;
	case 2:
		run_set(run, low, CFI_OFFSET, 0, scaled(run, (int64_t)dwarf_uleb(&run->r)));
		return;
	case 3:
		op_restore_reg(run, low);
		return;
	}
	if (ops[low])
		ops[low](run);
	else
		run->r.bad = true;
}

static void run_init(struct cfi_run *run, uint16_t machine, const struct eh_cie *cie,
		     const uint8_t *program, size_t bytes)
{
	run->r = (struct dwarf_reader){program, program + bytes, false};
	run->cie = cie;
	run->slots = machine == EM_AARCH64 ? arm64_slots : x86_slots;
	run->advance = 0;
	run->depth = 0;
}

int cfi_initial(uint16_t machine, const struct eh_cie *cie, struct cfi_state *ret_state)
{
	struct cfi_run run;

	if (cie->ra_reg != (machine == EM_AARCH64 ? UNWIND_ARM64_LR : X86_RA))
		return -ENOTSUP;
	run_init(&run, machine, cie, cie->program, cie->program_bytes);
	memset(&run.state, 0, sizeof(run.state));
	run.initial = NULL;
	while (run.r.at < run.r.end && !run.r.bad && !run.advance)
		run_one(&run);
	if (run.r.bad || run.advance)
		return -EBADMSG;
	*ret_state = run.state;
	return 0;
}

int cfi_run(uint16_t machine, const struct eh_cie *cie, const struct cfi_state *initial,
	    const struct eh_fde *fde, uint64_t end, cfi_emit_fn *emit, void *arg)
{
	struct cfi_run run;

	run_init(&run, machine, cie, fde->program, fde->program_bytes);
	run.state = *initial;
	run.initial = initial;
	run.location = fde->start;
	while (run.r.at < run.r.end) {
		run_one(&run);
		if (run.r.bad) {
			emit(arg, run.location, NULL);
			return -EBADMSG;
		}
		if (!run.advance)
			continue;
		emit(arg, run.location, &run.state);
		if (run.advance >= end - run.location)
			return 0;
		run.location += run.advance;
		run.advance = 0;
	}
	emit(arg, run.location, &run.state);
	return 0;
}
