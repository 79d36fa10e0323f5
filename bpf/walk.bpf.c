// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The walk's maps, and its step from one frame to the next. */
#include "bpf/walk.bpf.h"

struct scratch_map scratches SEC(".maps");
struct processes_map processes SEC(".maps");
struct sent_stacks_map sent_stacks SEC(".maps");

/* An unwind table a module: arrays of exactly its size. */
struct table_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct unwind_value));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BD_MODULES_MAX);
	__type(key, __u32);
	__array(values, struct table_map);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bd_mapping_chunk);
} mappings SEC(".maps");

/* The last chunk that begins at or before the address, and in it the last mapping that does. */
static __always_inline bool mapping_find(struct scratch *w, __u64 address)
{
	struct bd_process *p = bpf_map_lookup_elem(&processes, &w->process);
	__u32 at = 0, number;

	if (!p || p->version != w->version || p->tgid != w->tgid)
		return false;
#pragma unroll
	for (int step = BD_MAPPING_CHUNKS / 2; step; step >>= 1) {
		__u32 next = (at + step) & (BD_MAPPING_CHUNKS - 1);

		if (p->start[next] <= address)
			at = next;
		asm volatile("" : "+r"(at));
		at &= BD_MAPPING_CHUNKS - 1;
	}
	number = p->chunk[at];
	struct bd_mapping_chunk *chunk = bpf_map_lookup_elem(&mappings, &number);

	if (!chunk)
		return false;
	at = 0;
#pragma unroll
	for (int step = BD_MAPPINGS / 2; step; step >>= 1) {
		__u32 next = (at + step) & (BD_MAPPINGS - 1);

		if (chunk->mappings[next].start <= address)
			at = next;
		asm volatile("" : "+r"(at));
		at &= BD_MAPPINGS - 1;
	}
	w->mapping = chunk->mappings[at];
	/* It may have changed under our hands. */
	if (p->version != w->version)
		return false;
	return address - w->mapping.start < (__u64)w->mapping.pages << 12;
}

static __always_inline bool process_is_certain(struct scratch *w)
{
	struct bd_process *p = bpf_map_lookup_elem(&processes, &w->process);

	return p && p->certain && p->version == w->version && p->tgid == w->tgid;
}

static __always_inline void frame_add(struct scratch *w, __u64 pc)
{
	__u64 frame = (pc - w->mapping.bias) & ((1ULL << BD_MODULE_SHIFT) - 1);
	__u32 n = w->stack.n++;

	frame |= (__u64)w->mapping.module << BD_MODULE_SHIFT;
	if (n >= BD_STACK_HALF)
		n = BD_STACK_HALF + (n & (BD_STACK_HALF - 1));
	w->stack.frames[n & (BD_STACK_MAX - 1)] = frame;
	w->hash = mix(w->hash, frame);
}

static __always_inline int step_by_table(struct scratch *w, __u64 pc)
{
	__u32 module = w->mapping.module, number = 0;
	void *table = bpf_map_lookup_elem(&tables, &module);

	if (!table)
		return UNWIND_NO_TABLE;
	/* A module keeps its table for as long as anybody maps it, so for the walk. */
	if (w->head_of != module) {
		const struct unwind_value *first = UNWIND_VALUE(table, 0);

		if (!first)
			return UNWIND_TABLE;
		w->head = *(const struct unwind_head *)first;
		w->head_of = module;
	}
	int reason = unwind_lookup_by(table, &w->head, pc - w->mapping.bias, &number);

	if (reason)
		return reason;
	struct unwind_rule *rule = bpf_map_lookup_elem(&rules, &number);

	return rule ? unwind_step(&w->window, &w->cursor, rule) : UNWIND_TABLE;
}

int walk_frame(__u32 index)
{
	struct scratch *w = scratch_get(index);
	__u64 pc;

	if (!w)
		return 1;
	pc = unwind_pc(&w->cursor);

	if (pc - w->mapping.start >= (__u64)w->mapping.pages << 12 && !mapping_find(w, pc)) {
		w->mapping.pages = 0;
		w->reason = UNWIND_MAPPING;
		w->late = !process_is_certain(w);
		return 1;
	}
	frame_add(w, pc);
	if (w->mapping.kind == BD_MAPPING_TABLE)
		w->reason = step_by_table(w, pc);
	else if (w->mapping.kind == BD_MAPPING_FRAME_POINTERS)
		w->reason = unwind_step_fp(&w->window, &w->cursor, UNWIND_FP, UNWIND_SP);
	else if (w->mapping.kind == BD_MAPPING_UNREADABLE)
		w->reason = UNWIND_UNREADABLE;
	else
		w->reason = UNWIND_NO_TABLE;
	if (w->reason == UNWIND_NO_TABLE) {
		w->late = 1;
		w->wanted = pc;
	}
	return w->reason != UNWIND_WALKING;
}

int walk_jump(__u32 index)
{
	struct scratch *w = scratch_get(index);
	__u64 caller = 0, sp;

	if (!w || mapping_find(w, w->cursor.ip))
		return 0;
	w->mapping.pages = 0;
	/* What isn't known yet may well be code. */
	if (!process_is_certain(w)) {
		w->reason = UNWIND_MAPPING;
		w->late = 1;
		return 0;
	}
	sp = w->cursor.r[UNWIND_SP];
#if defined(__TARGET_ARCH_x86)
	if (bpf_probe_read_user(&caller, sizeof(caller), (void *)sp))
		caller = 0;
	sp += sizeof(caller);
#elif defined(__TARGET_ARCH_arm64)
	caller = w->cursor.r[UNWIND_ARM64_LR] & w->cursor.ip_mask;
#endif
	if (!caller || !mapping_find(w, caller - 1)) {
		w->mapping.pages = 0;
		w->reason = UNWIND_MAPPING;
		return 0;
	}
	unwind_arrive(&w->cursor, UNWIND_SP, sp, caller);
	return 1;
}
