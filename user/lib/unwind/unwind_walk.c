// SPDX-License-Identifier: BSD-2-Clause
#include "user/lib/unwind/unwind_walk.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

static int walk_read(const struct unwind_walk *walk, void *dst, size_t bytes, uint64_t address)
{
	for (size_t i = 0; i < walk->memory_count; i++) {
		const struct unwind_memory *m = &walk->memory[i];
		uint64_t off = address - m->base;

		if (off >= m->bytes || bytes > m->bytes - off)
			continue;
		memcpy(dst, (const char *)m->data + off, bytes);
		return 0;
	}
	return -1;
}

static const struct unwind_value *walk_value(const struct unwind_view *view, uint64_t index)
{
	return index < view->count ? &view->values[index] : NULL;
}

#define UNWIND_READ(ctx, dst, bytes, address) walk_read(ctx, dst, bytes, address)
#define UNWIND_VALUE(table, index) walk_value(table, index)
#include "bpf/unwind_step.h"

static const char *const reason_names[] = {
#define X(name, text) [UNWIND_##name] = text,
	UNWIND_REASONS(X)
#undef X
};

const char *unwind_reason_name(unsigned int reason)
{
	return reason < UNWIND_REASON_COUNT ? reason_names[reason] : "unknown";
}

uint32_t unwind_view_lookup(const struct unwind_view *view, uint64_t address)
{
	uint32_t rule;

	return unwind_lookup((void *)view, address, &rule) ? UNWIND_RULE_NO_FDE : rule;
}

static const struct unwind_mapping *walk_mapping(const struct unwind_walk *walk, uint64_t address)
{
	size_t lo = 0, hi = walk->mappings_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (walk->mappings[mid].end <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == walk->mappings_count || address < walk->mappings[lo].start)
		return NULL;
	return &walk->mappings[lo];
}

static enum unwind_reason walk_table(const struct unwind_walk *walk, struct unwind_cursor *at,
				     const struct unwind_mapping *map)
{
	const struct unwind_view *view = map->view;
	uint32_t rule;
	int reason;

	reason = unwind_lookup((void *)view, unwind_pc(at) - map->bias, &rule);
	if (reason)
		return reason;
	if (rule >= view->rules_count)
		return UNWIND_TABLE;
	if (walk->machine == EM_AARCH64)
		return unwind_step_arm64((void *)walk, at, &view->rules[rule]);
	return unwind_step_x86((void *)walk, at, &view->rules[rule]);
}

static enum unwind_reason walk_frame(const struct unwind_walk *walk, struct unwind_cursor *at)
{
	const struct unwind_mapping *map = walk_mapping(walk, unwind_pc(at));

	if (!map)
		return UNWIND_MAPPING;
	switch (map->kind) {
	case UNWIND_MAPPING_TABLE:
		return walk_table(walk, at, map);
	case UNWIND_MAPPING_NO_SECTION:
	case UNWIND_MAPPING_JIT:
		if (walk->machine == EM_AARCH64)
			return unwind_step_fp((void *)walk, at, UNWIND_ARM64_FP, UNWIND_ARM64_SP);
		return unwind_step_fp((void *)walk, at, UNWIND_X86_RBP, UNWIND_X86_RSP);
	default:
		return UNWIND_NO_TABLE;
	}
}

enum unwind_reason unwind_walk(const struct unwind_walk *walk, struct unwind_cursor *at,
			       uint64_t *ret_pcs, size_t most, size_t *ret_count)
{
	enum unwind_reason reason = UNWIND_WALKING;
	size_t n = 0;

	while (!reason) {
		if (n == most) {
			reason = UNWIND_TOO_DEEP;
			break;
		}
		ret_pcs[n++] = unwind_pc(at);
		reason = walk_frame(walk, at);
	}
	*ret_count = n;
	return reason;
}
