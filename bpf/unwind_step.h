/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The step of the walk: from the registers of a frame to those of its caller. One source for BPF
 * and for user space (user/lib/unwind/unwind_walk.c), where it is tested. Before including it define
 *
 *	UNWIND_READ(ctx, dst, bytes, address)	copy from the target's stack; 0 when all was there
 *	UNWIND_VALUE(table, index)		const struct unwind_value *, or NULL
 *
 * For the verifier: no loops, no variable offset into the BPF stack (struct unwind_cursor and the
 * rules lie in map values), the search has one path through it, whatever the bounds are. Put one
 * frame into a global function, which is verified once and not in each state of the loop that calls
 * it: 512 frames are 4,300 instructions to verify then, and 400,000 for 64 of them otherwise.
 */
#ifndef BD_UNWIND_STEP_H
#define BD_UNWIND_STEP_H

#include "bpf/unwind_abi.h"

/* Takes from the compiler what it knows of a value, so that it can't make a branch of it again. */
#define UNWIND_OPAQUE(v) __asm__ volatile("" : "+r"(v))

#define UNWIND_BIT(n) (1u << (n))
#define UNWIND_X86_SAVED                                                                           \
	(UNWIND_BIT(3) | UNWIND_BIT(6) | UNWIND_BIT(12) | UNWIND_BIT(13) | UNWIND_BIT(14) |        \
	 UNWIND_BIT(15))
/* x19 to x28 aren't in the rules: no code was found that has its CFA in one of them */
#define UNWIND_ARM64_SAVED (UNWIND_BIT(29) | UNWIND_BIT(31))

/* The address to look up: a call may be its function's last instruction, so its return address
 * belongs to the call before it. */
static inline __attribute__((always_inline)) __u64 unwind_pc(const struct unwind_cursor *s)
{
	return s->exact ? s->ip : s->ip - 1;
}

/* One step of the search, without a branch: on if the row there is within the count and the key. */
#define UNWIND_SEARCH_STEP(step)                                                                   \
	do {                                                                                       \
		__u64 next_ = pos + (step);                                                        \
		__u64 row_ = v->word[(lo + next_ - 1) & (UNWIND_VALUE_WORDS - 1)];                 \
		__u64 take_ = ((row_ - key - 1) & (next_ - count - 1)) >> 63;                      \
		UNWIND_OPAQUE(take_);                                                              \
		pos += take_ * (step);                                                             \
	} while (0)

/*
 * The rule in force at `low`, among the `count` rows of a bucket from word `lo` on; `rule` is the
 * one at the bucket's start.
 */
static inline __attribute__((always_inline)) __u32
unwind_search(const struct unwind_value *v, __u64 lo, __u64 count, __u64 low, __u32 rule)
{
	__u64 key = low << 16 | 0xffff, pos = 0;

	if (count >= 64) {
		UNWIND_SEARCH_STEP(512);
		UNWIND_SEARCH_STEP(256);
		UNWIND_SEARCH_STEP(128);
		UNWIND_SEARCH_STEP(64);
	}
	UNWIND_SEARCH_STEP(32);
	UNWIND_SEARCH_STEP(16);
	UNWIND_SEARCH_STEP(8);
	UNWIND_SEARCH_STEP(4);
	UNWIND_SEARCH_STEP(2);
	UNWIND_SEARCH_STEP(1);
	if (pos)
		rule = v->word[(lo + pos - 1) & (UNWIND_VALUE_WORDS - 1)] & 0xffff;
	return rule;
}

/*
 * The number of the rule for an address of the ELF file; 0 or UNWIND_TABLE. What lies outside of
 * the table has UNWIND_RULE_NO_FDE. `table` is what UNWIND_VALUE takes: in BPF the inner map.
 * `head` is the table's, or a copy of it that is nearer (beside the mapping): a lookup less.
 */
static inline __attribute__((always_inline)) int
unwind_lookup_by(void *table, const struct unwind_head *head, __u64 address, __u32 *ret_rule)
{
	const struct unwind_value *v;
	__u64 offset, bucket, word, first;
	__u32 entry;

	if (head->magic != UNWIND_MAGIC)
		return UNWIND_NO_TABLE; /* given back, since nobody mapped the file any more */
	offset = address - head->base;
	bucket = offset >> (head->shift & 31);
	if (bucket >= head->buckets) {
		*ret_rule = UNWIND_RULE_NO_FDE;
		return 0;
	}
	word = UNWIND_HEAD_WORDS + bucket * 2;
	v = UNWIND_VALUE(table, word / UNWIND_VALUE_WORDS);
	if (!v)
		return UNWIND_TABLE;
	word &= UNWIND_VALUE_WORDS - 2;
	first = v->word[word];
	entry = v->word[word + 1];
	if (entry >> 16) {
		v = UNWIND_VALUE(table, first / UNWIND_VALUE_WORDS);
		if (!v)
			return UNWIND_TABLE;
		entry = unwind_search(v, first, entry >> 16, offset & 0xffff, entry & 0xffff);
	}
	*ret_rule = entry;
	return 0;
}

static inline __attribute__((always_inline)) int unwind_lookup(void *table, __u64 address,
							       __u32 *ret_rule)
{
	const struct unwind_value *v = UNWIND_VALUE(table, 0);

	if (!v)
		return UNWIND_TABLE;
	return unwind_lookup_by(table, (const struct unwind_head *)v, address, ret_rule);
}

/* A register of the current frame, read from where it was saved at most once; 0 or a reason. */
static inline __attribute__((always_inline)) int unwind_reg(void *ctx, struct unwind_cursor *s,
							    __u32 reg, __u64 *ret)
{
	__u64 v;

	reg &= UNWIND_REGS - 1;
	if (!(s->known >> reg & 1))
		return UNWIND_REGISTER;
	if (s->in_memory >> reg & 1) {
		if (UNWIND_READ(ctx, &v, sizeof(v), s->r[reg]))
			return UNWIND_STACK;
		s->r[reg] = v;
		s->in_memory &= ~UNWIND_BIT(reg);
	}
	*ret = s->r[reg];
	return 0;
}

static inline __attribute__((always_inline)) void unwind_set(struct unwind_cursor *s, __u32 reg,
							     __u64 v)
{
	s->r[reg] = v;
	s->in_memory &= ~UNWIND_BIT(reg);
	s->known |= UNWIND_BIT(reg);
}

static inline __attribute__((always_inline)) void unwind_set_at(struct unwind_cursor *s, __u32 reg,
								__u64 address)
{
	s->r[reg] = address;
	s->in_memory |= UNWIND_BIT(reg);
	s->known |= UNWIND_BIT(reg);
}

/* One of rbx, r12 to r15. */
static inline __attribute__((always_inline)) void unwind_saved(struct unwind_cursor *s, __u32 reg,
							       __u64 cfa, __s64 words)
{
	if (words == UNWIND_LOST)
		s->known &= ~UNWIND_BIT(reg);
	else if (words)
		unwind_set_at(s, reg, cfa + words * 8);
}

/*
 * The frame pointer register, and the return address; where both lie side by side, as they do where
 * it is in use as a frame pointer, by one read.
 */
static inline __attribute__((always_inline)) int unwind_links(void *ctx, struct unwind_cursor *s,
							      const struct unwind_rule *rule,
							      __u32 fp, __u64 sp, __u64 cfa,
							      __u64 *ret_ra)
{
	__u64 link[2], at = cfa + (__s64)rule->ra * 8;

	if (rule->ra && rule->fp == rule->ra - 1) {
		if (UNWIND_READ(ctx, link, sizeof(link), at - 8))
			return UNWIND_STACK;
		unwind_set(s, fp, link[0]);
		*ret_ra = link[1];
		return 0;
	}
	if (!rule->ra && unwind_reg(ctx, s, (__u8)rule->cfa_add, link))
		return UNWIND_REGISTER;
	if (rule->ra && UNWIND_READ(ctx, link, sizeof(link[0]), at))
		return UNWIND_STACK;
	*ret_ra = link[0];
	if (rule->fp == UNWIND_FP_LOST) {
		s->known &= ~UNWIND_BIT(fp);
	} else if (rule->fp == UNWIND_FP_AT_FP) {
		if (unwind_reg(ctx, s, fp, &at))
			return UNWIND_REGISTER;
		/* gcc doesn't take the rule back behind the epilogue's pop; what is outside of the
		 * frame is the caller's value already */
		if (at - sp < cfa - sp)
			unwind_set_at(s, fp, at);
	} else if (rule->fp) {
		unwind_set_at(s, fp, cfa + (__s64)rule->fp * 8);
	}
	return 0;
}

/* What is left to do when the caller's sp and ip are known. */
static inline __attribute__((always_inline)) int unwind_arrive(struct unwind_cursor *s,
							       __u32 sp_reg, __u64 sp, __u64 ip)
{
	ip &= s->ip_mask;
	if (!ip)
		return UNWIND_NULL_RETURN;
	s->r[sp_reg] = sp;
	s->ip = ip;
	s->exact = 0;
	s->frames++;
	return UNWIND_WALKING;
}

/* The kernel's rt_sigframe at sp: struct ucontext there, its registers 40 bytes in, in the order
 * r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip (asm/sigcontext.h). */
static inline __attribute__((always_inline)) int unwind_signal_x86(void *ctx,
								   struct unwind_cursor *s)
{
	__u64 at = s->r[UNWIND_X86_RSP] + 40, link[2];
	int reason;

	if (UNWIND_READ(ctx, link, sizeof(link), at + 15 * 8))
		return UNWIND_STACK;
	reason = unwind_arrive(s, UNWIND_X86_RSP, link[0], link[1]);
	if (reason)
		return reason;
	s->r[8] = at;
	s->r[9] = at + 8;
	s->r[10] = at + 16;
	s->r[11] = at + 24;
	s->r[12] = at + 32;
	s->r[13] = at + 40;
	s->r[14] = at + 48;
	s->r[15] = at + 56;
	s->r[5] = at + 64;
	s->r[4] = at + 72;
	s->r[6] = at + 80;
	s->r[3] = at + 88;
	s->r[1] = at + 96;
	s->r[0] = at + 104;
	s->r[2] = at + 112;
	s->known = 0xffff;
	s->in_memory = 0xffff & ~UNWIND_BIT(UNWIND_X86_RSP);
	s->exact = 1;
	return UNWIND_WALKING;
}

/*
 * Code without an unwind entry: the trampoline that a signal handler returns to, if a C library
 * gave it none (musl's), or code that ran before any frame was. Everything else would be a guess.
 */
static inline __attribute__((always_inline)) int unwind_no_fde_x86(void *ctx,
								   struct unwind_cursor *s)
{
	__u64 code = 0, fp;

	/* mov $15,%rax; syscall: the first 8 of its 9 bytes */
	if (s->frames && !UNWIND_READ(ctx, &code, sizeof(code), s->ip) &&
	    code == 0x0f0000000fc0c748ULL)
		return unwind_signal_x86(ctx, s);
	/* The ABI has _start clear rbp, and clone()'s callers do. */
	if (s->frames && !unwind_reg(ctx, s, UNWIND_X86_RBP, &fp) && !fp)
		return UNWIND_OUTERMOST;
	return UNWIND_NO_FDE;
}

static inline __attribute__((always_inline)) int unwind_special(__u32 kind)
{
	return kind == UNWIND_KIND_ROOT	  ? UNWIND_COMPLETE
	       : kind == UNWIND_KIND_FULL ? UNWIND_RULES_FULL
					  : UNWIND_UNSUPPORTED;
}

/*
 * By the frame pointer, for code that has no table and never will have: JIT-compiled code, files
 * without an unwind section. `fp` and `sp` are the registers' numbers. A frame that has not set up
 * its own yet is passed over: whoever uses this marks the stack's frames of that kind.
 */
static inline __attribute__((always_inline)) int unwind_step_fp(void *ctx, struct unwind_cursor *s,
								__u32 fp_reg, __u32 sp_reg)
{
	__u64 link[2], fp;

	if (unwind_reg(ctx, s, fp_reg, &fp))
		return UNWIND_FRAME_POINTER;
	if (!fp && s->frames)
		return UNWIND_OUTERMOST;
	if ((fp & 7) || fp < s->r[sp_reg] || UNWIND_READ(ctx, link, sizeof(link), fp))
		return UNWIND_FRAME_POINTER;
	s->known = UNWIND_BIT(fp_reg) | UNWIND_BIT(sp_reg);
	s->in_memory = 0;
	s->r[fp_reg] = link[0];
	return unwind_arrive(s, sp_reg, fp + 16, link[1]);
}

/*
 * Code with frame pointers and without entries. Of the leaf the instruction tells whether its frame is
 * not there yet, or not any more; everywhere else it is.
 */
static inline __attribute__((always_inline)) int unwind_frames_x86(void *ctx,
								   struct unwind_cursor *s)
{
	__u64 code = 0, sp = s->r[UNWIND_X86_RSP], link[2];

	if (!s->exact || UNWIND_READ(ctx, &code, sizeof(code), s->ip))
		return unwind_step_fp(ctx, s, UNWIND_X86_RBP, UNWIND_X86_RSP);
	/* push %rbp; mov %rsp,%rbp | endbr64 | ret */
	if ((__u32)code == 0xe5894855U || (__u32)code == 0xfa1e0ff3U || (__u8)code == 0xc3) {
		if (UNWIND_READ(ctx, link, sizeof(link[0]), sp))
			return UNWIND_STACK;
		s->known &= UNWIND_BIT(UNWIND_X86_RBP) | UNWIND_BIT(UNWIND_X86_RSP);
		return unwind_arrive(s, UNWIND_X86_RSP, sp + 8, link[0]);
	}
	/* mov %rsp,%rbp | pop %rbp; ret */
	if ((code & 0xffffff) == 0xe58948 || (code & 0xffff) == 0xc35d) {
		if (UNWIND_READ(ctx, link, sizeof(link), sp))
			return UNWIND_STACK;
		s->known = UNWIND_BIT(UNWIND_X86_RSP);
		unwind_set(s, UNWIND_X86_RBP, link[0]);
		return unwind_arrive(s, UNWIND_X86_RSP, sp + 16, link[1]);
	}
	return unwind_step_fp(ctx, s, UNWIND_X86_RBP, UNWIND_X86_RSP);
}

/* From the frame in `s` to its caller: UNWIND_WALKING, or the reason why not. `s` keeps the frame
 * where it ended. */
static inline __attribute__((always_inline)) int unwind_step_x86(void *ctx, struct unwind_cursor *s,
								 const struct unwind_rule *rule)
{
	__u64 sp = s->r[UNWIND_X86_RSP], cfa, ra, slot;
	__u32 kind = rule->kind;
	int reason;

	if (kind == UNWIND_KIND_NO_FDE)
		return unwind_no_fde_x86(ctx, s);
	if (kind == UNWIND_KIND_SIGNAL)
		return unwind_signal_x86(ctx, s);
	if (kind == UNWIND_KIND_FRAMES)
		return unwind_frames_x86(ctx, s);
	if (kind == UNWIND_KIND_PLT) {
		cfa = sp + 8 + ((s->ip & 15) >= (__u32)rule->cfa_off ? 8 : 0);
	} else if (kind >= UNWIND_KIND_REG && kind <= UNWIND_KIND_INDEXED) {
		reason = unwind_reg(ctx, s, rule->cfa_reg, &cfa);
		if (reason)
			return reason;
		if (kind == UNWIND_KIND_INDEXED)
			cfa = sp + cfa * 8;
		cfa += (__s64)rule->cfa_off;
		if (kind != UNWIND_KIND_REG) {
			if (UNWIND_READ(ctx, &slot, sizeof(slot), cfa))
				return UNWIND_STACK;
			cfa = slot + (__s64)rule->cfa_add;
		}
	} else {
		return unwind_special(kind);
	}
	if (cfa < sp || (cfa == sp && (rule->ra || !s->exact)))
		return UNWIND_STUCK;
	reason = unwind_links(ctx, s, rule, UNWIND_X86_RBP, sp, cfa, &ra);
	if (reason)
		return reason;
	s->known &= UNWIND_X86_SAVED | UNWIND_BIT(UNWIND_X86_RSP);
	unwind_saved(s, UNWIND_X86_RBX, cfa, rule->saved[0]);
	unwind_saved(s, UNWIND_X86_R12, cfa, rule->saved[1]);
	unwind_saved(s, UNWIND_X86_R12 + 1, cfa, rule->saved[2]);
	unwind_saved(s, UNWIND_X86_R12 + 2, cfa, rule->saved[3]);
	unwind_saved(s, UNWIND_X86_R12 + 3, cfa, rule->saved[4]);
	return unwind_arrive(s, UNWIND_X86_RSP, cfa, ra);
}

/*
 * struct rt_sigframe: siginfo of 128 bytes, then struct ucontext, whose registers x0 to x30, sp and
 * pc begin 312 bytes from sp (asm/sigcontext.h). Of the others only what the ABI has saved is of
 * use, and the link register: the interrupted code can be a leaf.
 */
static inline __attribute__((always_inline)) int unwind_signal_arm64(void *ctx,
								     struct unwind_cursor *s)
{
	__u64 at = s->r[UNWIND_ARM64_SP] + 312, link[2];
	int reason;

	if (UNWIND_READ(ctx, link, sizeof(link), at + 31 * 8))
		return UNWIND_STACK;
	reason = unwind_arrive(s, UNWIND_ARM64_SP, link[0], link[1]);
	if (reason)
		return reason;
	s->known = UNWIND_BIT(UNWIND_ARM64_SP);
	s->in_memory = 0;
	unwind_set_at(s, UNWIND_ARM64_FP, at + UNWIND_ARM64_FP * 8);
	unwind_set_at(s, UNWIND_ARM64_LR, at + UNWIND_ARM64_LR * 8);
	s->exact = 1;
	return UNWIND_WALKING;
}

static inline __attribute__((always_inline)) int unwind_no_fde_arm64(void *ctx,
								     struct unwind_cursor *s)
{
	__u64 code = 0, fp;

	/* mov x8, #139; svc #0 */
	if (s->frames && !UNWIND_READ(ctx, &code, sizeof(code), s->ip) &&
	    code == 0xd4000001d2801168ULL)
		return unwind_signal_arm64(ctx, s);
	if (s->frames && !unwind_reg(ctx, s, UNWIND_ARM64_FP, &fp) && !fp)
		return UNWIND_OUTERMOST;
	return UNWIND_NO_FDE;
}

/* The link register is the frame's own return address for as long as it hasn't been saved, so it
 * holds in the leaf only, and the kernel doesn't touch sp: a leaf may have no frame at all. */
static inline __attribute__((always_inline)) int
unwind_step_arm64(void *ctx, struct unwind_cursor *s, const struct unwind_rule *rule)
{
	__u64 sp = s->r[UNWIND_ARM64_SP], cfa, ra;
	int reason;

	if (rule->kind == UNWIND_KIND_NO_FDE)
		return unwind_no_fde_arm64(ctx, s);
	if (rule->kind == UNWIND_KIND_SIGNAL)
		return unwind_signal_arm64(ctx, s);
	if (rule->kind != UNWIND_KIND_REG)
		return unwind_special(rule->kind);
	reason = unwind_reg(ctx, s, rule->cfa_reg, &cfa);
	if (reason)
		return reason;
	cfa += (__s64)rule->cfa_off;
	if (cfa < sp || (cfa == sp && !s->exact))
		return UNWIND_STUCK;
	if (rule->ra)
		reason = unwind_links(ctx, s, rule, UNWIND_ARM64_FP, sp, cfa, &ra);
	else
		reason = unwind_reg(ctx, s, UNWIND_ARM64_LR, &ra);
	if (reason)
		return reason;
	s->known &= UNWIND_ARM64_SAVED;
	return unwind_arrive(s, UNWIND_ARM64_SP, cfa, ra);
}

#if defined(__TARGET_ARCH_arm64) || (!defined(__bpf__) && defined(__aarch64__))
#define UNWIND_FP UNWIND_ARM64_FP
#define UNWIND_SP UNWIND_ARM64_SP
#define unwind_step unwind_step_arm64
#else
#define UNWIND_FP UNWIND_X86_RBP
#define UNWIND_SP UNWIND_X86_RSP
#define unwind_step unwind_step_x86
#endif

#endif
