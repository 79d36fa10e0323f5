/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unwind tables as the kernel side walks with them, the user side compiles them, and the reader
 * child hands them over.
 *
 * A table belongs to one binary and is an array of values of 4 KiB, which is the `value_size` of
 * the inner ARRAY map: the number of values fits the binary, the size of one fits all, and what is
 * found by one bpf_map_lookup_elem() is then read as plain memory. Value 0 begins with struct
 * unwind_head. After it lie the directory and the rows, as 32-bit words:
 *
 *	directory	struct unwind_bucket for each 2^shift bytes of code, from `base` on
 *	rows		address << 16 | rule, by address: the low 16 bits of the offset from `base`
 *			from which on the rule holds. The rows of a bucket never straddle two values
 *
 * The rule in force where a bucket begins is in its directory entry, so no search ever leaves its
 * bucket. `shift` is chosen so that a bucket has about 16 to 32 rows: two cache lines and six steps
 * where a page of 64 KiB would need 13 steps in as many lines, and memory that is cold is what a
 * walk costs. One address needs three lookups: head, directory, rows; two with a copy of the head.
 *
 * Addresses are those of the ELF file (p_vaddr). Whoever walks subtracts the bias of the mapping.
 *
 * Rules are shared by all tables, in one ARRAY of struct unwind_rule. A table as it is built has
 * rules of its own behind its last value; unwind_table_globalise() exchanges the numbers.
 */
#ifndef BD_UNWIND_ABI_H
#define BD_UNWIND_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define UNWIND_MAGIC 0x31777562 /* "buw1" */
#define UNWIND_VALUE_BYTES 4096
#define UNWIND_VALUE_WORDS (UNWIND_VALUE_BYTES / 4)
#define UNWIND_HEAD_WORDS 16
#define UNWIND_BUCKET_ROWS 1023 /* most rows of one bucket */
#define UNWIND_SHIFT_MIN 8
#define UNWIND_SHIFT_MAX 16

struct unwind_head {
	__u64 base; /* address of the first bucket */
	__u32 magic;
	__u32 shift; /* of an offset from base, to its bucket */
	__u32 buckets;
	__u32 values; /* of UNWIND_VALUE_BYTES, this one included */
	__u32 rows;
	__u32 rules;   /* that follow the last value; 0 once the numbers are global */
	__u32 machine; /* EM_X86_64 or EM_AARCH64 */
	__u32 reserved[7];
};

struct unwind_bucket {
	__u32 first; /* word index of the first row */
	__u16 rule;  /* in force at the first byte of the bucket */
	__u16 count; /* rows */
};

struct unwind_value {
	__u32 word[UNWIND_VALUE_WORDS];
};

/* What a rule says of the frame whose code it covers. */
enum unwind_kind {
	UNWIND_KIND_NO_FDE,	 /* no unwind entry covers this address */
	UNWIND_KIND_UNSUPPORTED, /* it has one that none of the kinds below can say */
	UNWIND_KIND_FULL,	 /* it has one, and the shared rules were full */
	UNWIND_KIND_ROOT,	 /* no caller: the return address is undefined */
	UNWIND_KIND_SIGNAL,	 /* everything is in the signal frame at sp */
	UNWIND_KIND_PLT,	 /* CFA = sp + 8 + ((ip & 15) >= cfa_off ? 8 : 0) */
	UNWIND_KIND_REG,	 /* CFA = reg + cfa_off */
	UNWIND_KIND_DEREF,	 /* CFA = *(reg + cfa_off) + cfa_add */
	UNWIND_KIND_INDEXED,	 /* CFA = *(sp + reg * 8 + cfa_off) + cfa_add: OpenSSL\'s RSA */
	UNWIND_KIND_FRAMES,	 /* no entry, in a file whose code has frame pointers instead */
	UNWIND_KIND_COUNT,
};

/* These rules have the same number in every table and in the shared array. */
#define UNWIND_RULE_NO_FDE 0
#define UNWIND_RULE_UNSUPPORTED 1
#define UNWIND_RULE_FULL 2
#define UNWIND_RULE_ROOT 3
#define UNWIND_RULE_FIXED 4

#define UNWIND_SAME 0	   /* a register still has its value, or nobody can have changed it */
#define UNWIND_LOST (-128) /* of saved[]: it is saved where a rule can't say */
#define UNWIND_FP_LOST (-32768)
#define UNWIND_FP_AT_FP (-32767) /* at the address that is in it (gcc's realigned frames) */
#define UNWIND_SAVED 5

/*
 * Offsets but cfa_off and cfa_add are in words of 8 bytes from the CFA. The caller's sp is the CFA.
 * `ra` 0 means that the return address is still in its register: arm64's leaves; on x86-64 that with
 * the number cfa_add (glibc's vfork).
 */
struct unwind_rule {
	__s32 cfa_off;
	__s16 fp;
	__s16 ra;
	__u8 kind;
	__u8 cfa_reg; /* DWARF's number */
	__s8 cfa_add;
	__s8 saved[UNWIND_SAVED]; /* rbx r12 r13 r14 r15; 0 on arm64 */
};

_Static_assert(sizeof(struct unwind_head) == 4 * UNWIND_HEAD_WORDS, "head");
_Static_assert(sizeof(struct unwind_bucket) == 8, "bucket");
_Static_assert(sizeof(struct unwind_value) == UNWIND_VALUE_BYTES, "value");
_Static_assert(sizeof(struct unwind_rule) == 16, "rule");

#define UNWIND_REGS 32

/* DWARF's numbers */
#define UNWIND_X86_RBX 3
#define UNWIND_X86_RBP 6
#define UNWIND_X86_RSP 7
#define UNWIND_X86_R12 12
#define UNWIND_ARM64_FP 29
#define UNWIND_ARM64_LR 30
#define UNWIND_ARM64_SP 31

/*
 * Where a walk is. A callee-saved register is not read when a frame is passed but when a frame
 * needs it, which few do: until then r[] holds the address where it lies. That is sound because
 * nothing writes to the frames above the one that was interrupted. To begin: ip, all of r[] that is
 * known and its bits in `known`, ip_mask (~0 on x86-64), exact = 1, the rest 0.
 */
struct unwind_cursor {
	__u64 ip;
	__u64 r[UNWIND_REGS]; /* by DWARF's number: a value, or its address */
	__u64 ip_mask;	      /* of the bits of a code address; on arm64 without the PAC */
	__u32 known;	      /* bit: r[] is meaningful */
	__u32 in_memory;      /* bit: r[] is an address */
	__u32 exact;	      /* ip is an instruction (leaf, signal), not a return address */
	__u32 frames;	      /* passed so far */
};

/* Why a walk ended, and the name that people read in `[unwind: NAME]` and in `unwind.reasons`. */
#define UNWIND_REASONS(X)                                                                          \
	X(WALKING, "walking")                                                                      \
	X(COMPLETE, "complete")	  /* the unwind entry says: no caller */                           \
	X(OUTERMOST, "outermost") /* no entry, and the frame pointer is the ABI's end mark */      \
	X(MAPPING, "mapping")	  /* the address is in no mapping that is certain */               \
	X(NO_TABLE, "no table")	  /* the file's table isn't there (yet) */                         \
	X(NO_SECTION, "no unwind section")                                                         \
	X(NO_FDE, "no FDE")                                                                        \
	X(UNSUPPORTED, "rule not supported")                                                       \
	X(RULES_FULL, "rules full")                                                                \
	X(REGISTER,                                                                                \
	  "register lost") /* the CFA needs a register that nobody saved where we look */          \
	X(STACK, "stack not readable")                                                             \
	X(STUCK, "not advancing")                                                                  \
	X(NULL_RETURN, "null return address")                                                      \
	X(FRAME_POINTER,                                                                           \
	  "frame pointer") /* code without a table, and no chain of frame pointers */              \
	X(TABLE, "table damaged")                                                                  \
	X(TOO_DEEP, "too deep")                                                                    \
	X(MEMORY_GONE, "memory gone") /* the process has none any more: it is exiting */           \
	X(NO_REGISTERS, "no registers")                                                            \
	X(UNREADABLE, "file not readable") /* so there is no table, and none will come */         \
	X(COPY, "stack copy too short")	   /* of a late walk */                                    \
	X(EXEC, "exec") /* execve() has given up the old program's memory already */

enum unwind_reason {
#define X(name, text) UNWIND_##name,
	UNWIND_REASONS(X)
#undef X
		UNWIND_REASON_COUNT,
};

#endif
