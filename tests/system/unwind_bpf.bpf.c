// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The walk in the kernel and nothing else: PROBE_FRAMES a run, from the registers in a map, through
 * the memory of the process that runs it. The next run goes on where it stopped.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "tests/system/unwind_bpf.h"

static inline __attribute__((always_inline)) const struct unwind_value *value_at(void *table,
										 __u32 index)
{
	return bpf_map_lookup_elem(table, &index);
}

#define UNWIND_READ(ctx, dst, bytes, address) unwind_window_read(ctx, dst, bytes, address)
#define UNWIND_VALUE(table, index) value_at(table, index)
#include "bpf/unwind_step.h"

struct table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, UNWIND_VALUE_BYTES); /* the struct's BTF may be a forward declaration */
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PROBE_MAPPINGS);
	__type(key, __u32);
	__array(values, struct table);
} tables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct probe);
} probes SEC(".maps");

#define MAPPING_STEP(step)                                                                         \
	do {                                                                                       \
		__u64 start_ = p->starts[(pos + (step)-1) & (PROBE_MAPPINGS - 1)];                 \
		__u64 take_ = (start_ - pc - 1) >> 63;                                             \
		UNWIND_OPAQUE(take_);                                                              \
		pos += take_ * (step);                                                             \
	} while (0)

static inline __attribute__((always_inline)) __u64 mapping_of(const struct probe *p, __u64 pc)
{
	__u64 pos = 0;

	MAPPING_STEP(32);
	MAPPING_STEP(16);
	MAPPING_STEP(8);
	MAPPING_STEP(4);
	MAPPING_STEP(2);
	MAPPING_STEP(1);
	return (pos - 1) & (PROBE_MAPPINGS - 1); /* before the first: the last, which is none */
}

/*
 * One frame. A global function is verified once, for any arguments, instead of at each call in each
 * state that leads there: the loop below costs the verifier next to nothing, on every kernel since
 * 5.6, and needs neither tail calls nor bpf_loop().
 */
__attribute__((noinline)) int walk_frame(__u32 index)
{
	struct probe *p = bpf_map_lookup_elem(&probes, &index);
	__u32 number, id;
	const struct probe_mapping *m;
	const struct unwind_rule *rule;
	void *inner;
	__u64 pc;
	int reason;

	if (!p)
		return UNWIND_NO_REGISTERS;
	pc = unwind_pc(&p->at);
	m = &p->mappings[p->last & (PROBE_MAPPINGS - 1)];
	if (pc < m->start || pc >= m->end) {
		p->last = mapping_of(p, pc);
		m = &p->mappings[p->last & (PROBE_MAPPINGS - 1)];
	}
	p->pcs[p->count++ & (PROBE_PCS - 1)] = pc;
	if (pc < m->start || pc >= m->end)
		return UNWIND_MAPPING;
	id = m->table;
	inner = bpf_map_lookup_elem(&tables, &id);
	if (!inner)
		return UNWIND_NO_TABLE;
	reason = unwind_lookup_by(inner, &m->head, pc - m->bias, &number);
	if (reason)
		return reason;
	rule = bpf_map_lookup_elem(&rules, &number);
	if (!rule)
		return UNWIND_TABLE;
	return unwind_step(&p->window, &p->at, rule);
}

SEC("raw_tp/probe")
int walk(void *ctx)
{
	__u32 zero = 0;
	struct probe *p = bpf_map_lookup_elem(&probes, &zero);
	int reason = UNWIND_WALKING;

	if (!p)
		return 0;
	for (int i = 0; i < PROBE_FRAMES && !reason; i++)
		reason = walk_frame(zero);
	p->reason = reason ? reason : UNWIND_TOO_DEEP;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
