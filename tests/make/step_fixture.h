/* SPDX-License-Identifier: BSD-2-Clause */
/* A table, a stack and registers for tests of the step, all made by hand. */
#ifndef BD_STEP_FIXTURE_H
#define BD_STEP_FIXTURE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "user/lib/unwind/unwind_walk.h"

#define CODE 0x401000ULL
#define STACK 0x7ffe0000ULL
#define WORDS 512

/* A table of one bucket of 1 KiB from CODE on. */
struct fixture {
	struct unwind_value value;
	struct unwind_rule rules[32];
	struct unwind_view view;
	struct unwind_mapping map;
	uint64_t stack[WORDS];
	struct unwind_memory memory[2];
	struct unwind_walk walk;
	struct unwind_cursor at;
	uint64_t pcs[16];
	size_t count;
};

static inline void fixture_init(struct fixture *f, uint16_t machine)
{
	struct unwind_head *head = (void *)&f->value;

	memset(f, 0, sizeof(*f));
	*head = (struct unwind_head){
		.magic = UNWIND_MAGIC, .base = CODE, .shift = 10, .buckets = 1, .values = 1};
	f->rules[UNWIND_RULE_UNSUPPORTED].kind = UNWIND_KIND_UNSUPPORTED;
	f->rules[UNWIND_RULE_FULL].kind = UNWIND_KIND_FULL;
	f->rules[UNWIND_RULE_ROOT].kind = UNWIND_KIND_ROOT;
	f->view = (struct unwind_view){&f->value, 1, 32, f->rules};
	f->map = (struct unwind_mapping){CODE, CODE + 1024, 0, UNWIND_MAPPING_TABLE, &f->view};
	f->memory[0] = (struct unwind_memory){STACK, f->stack, sizeof(f->stack)};
	f->walk = (struct unwind_walk){&f->map, 1, f->memory, 1, machine};
	f->at.ip_mask = ~0ULL;
	f->at.exact = 1;
}

/* Rows lie behind head and directory. */
static inline void fixture_row(struct fixture *f, unsigned int offset, unsigned int rule)
{
	struct unwind_bucket *b = (void *)&f->value.word[UNWIND_HEAD_WORDS];

	b->first = UNWIND_HEAD_WORDS + 2;
	f->value.word[b->first + b->count++] = offset << 16 | rule;
}

static inline void fixture_x86(struct fixture *f, uint64_t ip, uint64_t sp)
{
	f->at.ip = ip;
	f->at.r[UNWIND_X86_RSP] = sp;
	f->at.known = 0xffff;
}

static inline enum unwind_reason fixture_walk(struct fixture *f)
{
	return unwind_walk(&f->walk, &f->at, f->pcs, 16, &f->count);
}

static inline uint64_t at_word(unsigned int n)
{
	return STACK + n * 8;
}

#endif
