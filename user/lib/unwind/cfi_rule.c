// SPDX-License-Identifier: BSD-2-Clause
/* From the state of the interpreter to a rule of 16 bytes, or the reason why there is none. */
#include "user/lib/unwind/dwarf_cfi.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

static const char *const refusal_names[] = {
#define X(name, text) [CFI_REFUSAL_##name] = text,
	CFI_REFUSALS(X)
#undef X
};

const char *cfi_refusal_name(enum cfi_refusal refusal)
{
	return refusal < CFI_REFUSAL_COUNT ? refusal_names[refusal] : "unknown";
}

/* The words from the CFA; false where they are no whole ones, beyond the limit, or 0, which has
 * another meaning in a rule. */
static bool words(const struct cfi_slot *slot, int64_t most, int64_t *ret)
{
	if (slot->how != CFI_OFFSET || slot->off % 8 || !slot->off || slot->off / 8 > most ||
	    slot->off / 8 < -most)
		return false;
	*ret = slot->off / 8;
	return true;
}

static enum cfi_refusal rule_cfa(const struct cfi_state *state, struct unwind_rule *rule)
{
	if (state->cfa_off > INT32_MAX || state->cfa_off < INT32_MIN ||
	    state->cfa_reg >= UNWIND_REGS)
		return CFI_REFUSAL_CFA_RANGE;
	rule->cfa_off = (int32_t)state->cfa_off;
	rule->cfa_reg = (uint8_t)state->cfa_reg;
	if (state->cfa == CFI_CFA_REG) {
		rule->kind = UNWIND_KIND_REG;
		return CFI_REFUSAL_NONE;
	}
	if (state->cfa == CFI_CFA_PLT) {
		rule->kind = UNWIND_KIND_PLT;
		return CFI_REFUSAL_NONE;
	}
	if (state->cfa != CFI_CFA_DEREF && state->cfa != CFI_CFA_INDEXED)
		return CFI_REFUSAL_CFA;
	if (state->cfa_add > SCHAR_MAX || state->cfa_add < SCHAR_MIN)
		return CFI_REFUSAL_CFA_RANGE;
	rule->kind = state->cfa == CFI_CFA_DEREF ? UNWIND_KIND_DEREF : UNWIND_KIND_INDEXED;
	rule->cfa_add = (int8_t)state->cfa_add;
	return CFI_REFUSAL_NONE;
}

static enum cfi_refusal rule_ra(uint16_t machine, const struct cfi_slot *ra,
				struct unwind_rule *rule)
{
	int64_t n;

	if (ra->how == CFI_SAME && machine == EM_AARCH64)
		return CFI_REFUSAL_NONE; /* in the link register: 0 */
	if (ra->how == CFI_REGISTER && machine == EM_X86_64 && rule->kind == UNWIND_KIND_REG &&
	    ra->reg < 16) {
		rule->cfa_add = (int8_t)ra->reg;
		return CFI_REFUSAL_NONE;
	}
	if (ra->how != CFI_OFFSET)
		return CFI_REFUSAL_RA;
	if (!words(ra, SHRT_MAX, &n))
		return CFI_REFUSAL_RA_RANGE;
	rule->ra = (int16_t)n;
	return CFI_REFUSAL_NONE;
}

static void rule_fp(uint16_t machine, const struct cfi_slot *fp, struct unwind_rule *rule)
{
	uint32_t self = machine == EM_AARCH64 ? UNWIND_ARM64_FP : UNWIND_X86_RBP;
	int64_t n;

	if (fp->how == CFI_SAME)
		return;
	if (words(fp, SHRT_MAX - 1, &n))
		rule->fp = (int16_t)n;
	else if (fp->how == CFI_REG_OFFSET && fp->reg == self && !fp->off)
		rule->fp = UNWIND_FP_AT_FP;
	else
		rule->fp = UNWIND_FP_LOST;
}

static void rule_callee(const struct cfi_state *state, struct unwind_rule *rule)
{
	int64_t n;

	for (int i = 0; i < UNWIND_SAVED; i++) {
		const struct cfi_slot *slot = &state->slot[CFI_CALLEE + i];

		if (slot->how == CFI_SAME)
			continue;
		rule->saved[i] = words(slot, SCHAR_MAX, &n) ? (int8_t)n : UNWIND_LOST;
	}
}

/* glibc's trampoline on x86-64 spells out where the kernel has put rsp; arm64's vDSO says only that
 * it is one. */
static bool is_sigframe(uint16_t machine, const struct cfi_state *state)
{
	return machine == EM_AARCH64 ||
	       (state->cfa == CFI_CFA_DEREF && state->cfa_reg == UNWIND_X86_RSP &&
		state->cfa_off == 160 && !state->cfa_add);
}

enum cfi_refusal cfi_rule(uint16_t machine, const struct cfi_state *state, bool signal,
			  struct unwind_rule *ret_rule)
{
	const struct cfi_slot *sp = &state->slot[CFI_SP];
	struct unwind_rule rule = {0};
	enum cfi_refusal refusal;

	*ret_rule = (struct unwind_rule){.kind = UNWIND_KIND_UNSUPPORTED};
	if (state->slot[CFI_RA].how == CFI_UNDEFINED) {
		ret_rule->kind = UNWIND_KIND_ROOT;
		return CFI_REFUSAL_NONE;
	}
	if (signal) {
		if (!is_sigframe(machine, state))
			return CFI_REFUSAL_SIGNAL;
		ret_rule->kind = UNWIND_KIND_SIGNAL;
		return CFI_REFUSAL_NONE;
	}
	refusal = rule_cfa(state, &rule);
	if (!refusal)
		refusal = rule_ra(machine, &state->slot[CFI_RA], &rule);
	/* the caller's sp is the CFA by the ABI; where an entry says otherwise it isn't */
	if (!refusal && sp->how != CFI_SAME && (sp->how != CFI_VAL_OFFSET || sp->off))
		refusal = CFI_REFUSAL_SP;
	if (refusal)
		return refusal;
	rule_fp(machine, &state->slot[CFI_FP], &rule);
	if (machine == EM_X86_64)
		rule_callee(state, &rule);
	*ret_rule = rule;
	return CFI_REFUSAL_NONE;
}
