/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interpreter of call frame instructions (DWARF 5, section 6.4.2): from a CIE's and an FDE's
 * programs to the rules that hold between two addresses, and from those to what the step of the
 * walk can do. It keeps only the registers that a walk can need.
 */
#ifndef BD_DWARF_CFI_H
#define BD_DWARF_CFI_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_abi.h"
#include "user/lib/unwind/eh_frame.h"

/* Where a register of the caller is, or how its value is computed. */
enum cfi_how {
	CFI_SAME, /* not said: it still has its value */
	CFI_UNDEFINED,
	CFI_OFFSET,	/* at CFA + off */
	CFI_VAL_OFFSET, /* is CFA + off */
	CFI_REGISTER,	/* in register reg */
	CFI_REG_OFFSET, /* at reg + off */
	CFI_EXPRESSION, /* at, or is, what no rule can say */
};

struct cfi_slot {
	enum cfi_how how;
	uint32_t reg;
	int64_t off;
};

enum cfi_cfa {
	CFI_CFA_NONE,
	CFI_CFA_REG,	 /* reg + off */
	CFI_CFA_DEREF,	 /* *(reg + off) + add */
	CFI_CFA_INDEXED, /* *(sp + reg * 8 + off) + add */
	CFI_CFA_PLT,	 /* sp + 8 + ((ip & 15) >= off ? 8 : 0) */
	CFI_CFA_EXPRESSION,
};

enum {
	CFI_RA,
	CFI_FP,
	CFI_SP,
	CFI_CALLEE, /* x86-64's rbx, r12 to r15 */
	CFI_SLOTS = CFI_CALLEE + UNWIND_SAVED,
};

struct cfi_state {
	enum cfi_cfa cfa;
	uint32_t cfa_reg;
	int64_t cfa_off, cfa_add;
	int64_t reg_off; /* the last cfa_off that was no expression's */
	struct cfi_slot slot[CFI_SLOTS];
};

/* Why a state became UNWIND_RULE_UNSUPPORTED. */
#define CFI_REFUSALS(X)                                                                            \
	X(NONE, "none")                                                                            \
	X(CFA, "CFA expression")                                                                   \
	X(CFA_RANGE, "CFA out of range")                                                           \
	X(RA, "return address rule")                                                               \
	X(RA_RANGE, "return address out of range")                                                 \
	X(SP, "stack pointer rule")                                                                \
	X(SIGNAL, "unknown signal frame")                                                          \
	X(PROGRAM, "damaged program")                                                              \
	X(CIE, "CIE not supported")

enum cfi_refusal {
#define X(name, text) CFI_REFUSAL_##name,
	CFI_REFUSALS(X)
#undef X
		CFI_REFUSAL_COUNT,
};

/* Called with the first address of each stretch of code that has one state, in order. NULL: nothing
 * says what holds from there on. */
typedef void cfi_emit_fn(void *arg, uint64_t address, const struct cfi_state *state);

/*
 * The state that a CIE's program leaves for its FDEs. -EBADMSG: damaged; -ENOTSUP: a return address
 * column other than the machine's own.
 */
int cfi_initial(uint16_t machine, const struct eh_cie *cie, struct cfi_state *ret_state);

/* Runs an FDE's program up to address `end`. -EBADMSG: it is damaged from the last stretch on,
 * which was emitted as NULL. */
int cfi_run(uint16_t machine, const struct eh_cie *cie, const struct cfi_state *initial,
	    const struct eh_fde *fde, uint64_t end, cfi_emit_fn *emit, void *arg);

/* The rule for a state; where there is none, UNWIND_KIND_UNSUPPORTED and the refusal. */
enum cfi_refusal cfi_rule(uint16_t machine, const struct cfi_state *state, bool signal,
			  struct unwind_rule *ret_rule);

const char *cfi_refusal_name(enum cfi_refusal refusal);

#endif
