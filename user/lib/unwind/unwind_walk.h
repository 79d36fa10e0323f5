/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk in user space: over recorded registers and copies of stack, by the step that BPF uses
 * (bpf/unwind_step.h). For samples that came before their table, and to check the kernel's walks.
 * Nothing is allocated and nothing is kept; everything is the caller's.
 */
#ifndef BD_UNWIND_WALK_H
#define BD_UNWIND_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/unwind_abi.h"

/* A table to look things up in: `count` values, and the rules that its numbers mean. */
struct unwind_view {
	const struct unwind_value *values;
	uint32_t count;
	uint32_t rules_count;
	const struct unwind_rule *rules;
};

enum unwind_mapping_kind {
	UNWIND_MAPPING_TABLE, /* walked by its view */
	UNWIND_MAPPING_NO_TABLE,
	UNWIND_MAPPING_NO_SECTION, /* a file that has no unwind entries: by frame pointer */
	UNWIND_MAPPING_JIT,	   /* anonymous: by frame pointer */
	UNWIND_MAPPING_COUNT,
};

/* [start, end) of the address space; bias is what to subtract for the ELF file's address. */
struct unwind_mapping {
	uint64_t start, end, bias;
	enum unwind_mapping_kind kind;
	const struct unwind_view *view;
};

/* `bytes` of the target's memory from `base` on. */
struct unwind_memory {
	uint64_t base;
	const void *data;
	size_t bytes;
};

struct unwind_walk {
	const struct unwind_mapping *mappings; /* by start, disjoint */
	size_t mappings_count;
	const struct unwind_memory *memory; /* the stack; another for an alternate one; code */
	size_t memory_count;
	uint16_t machine; /* EM_X86_64 or EM_AARCH64 */
};

/*
 * Walks from `at` until there is no caller, or `most` frames are there. ret_pcs[0] is the sample's
 * own address, then one address a caller, within its call (the return address minus 1, but not
 * after a signal frame). *ret_count is set always, and `at` is left at the frame where it ended.
 * The reason why it ended, UNWIND_COMPLETE if the stack is whole.
 */
enum unwind_reason unwind_walk(const struct unwind_walk *walk, struct unwind_cursor *at,
			       uint64_t *ret_pcs, size_t most, size_t *ret_count);

/* The number of the rule in force at an address of the ELF file. UNWIND_RULE_NO_FDE outside. */
uint32_t unwind_view_lookup(const struct unwind_view *view, uint64_t address);

/* "no FDE" and so on; never NULL. */
const char *unwind_reason_name(unsigned int reason);

#endif
