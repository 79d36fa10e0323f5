/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF objects have in common: the frozen configuration, the state of a CPU, the rings,
 * who is a target, and how a thread is named. Defined in common.bpf.c.
 */
#ifndef BD_COMMON_BPF_H
#define BD_COMMON_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "bpf/abi.h"

#define PF_KTHREAD 0x00200000
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCU /* its inode: PROC_PID_INIT_INO of linux/proc_ns.h */

/*
 * A field of a task (or of what its fields point to) that a program was given or current_task() has
 * found: a load, where the kernel gives typed pointers to all programs, and elsewhere a call. A
 * sample reads some twenty, which as calls are a fifth of what it costs.
 */
#define TASK_READ(task, field) (config.task_btf ? (task)->field : BPF_CORE_READ(task, field))

extern const volatile struct bd_config config;
extern __u64 window_start_ns; /* 0: not yet; set before the iterator's first run */
extern __u32 mode; /* enum bd_mode */
extern __u32 own_level; /* of the tool's PID namespace; the first run of the iterator sets it */

/* An array by CPU number, since a per-CPU array can't be read for another CPU before 5.19. */
struct cpu_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bd_cpu);
};
extern struct cpu_map cpus SEC(".maps");

struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 19);
};

struct rings_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BD_RINGS_MAX);
	__type(key, __u32);
	__array(values, struct ring_map);
};
extern struct rings_map rings SEC(".maps");

struct targets_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* global tgid */
	__type(value, __u32);
};
extern struct targets_map targets SEC(".maps");

static __always_inline struct bd_cpu *this_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &cpu);
}

static __always_inline void count_loss(struct bd_cpu *cpu, enum bd_loss reason)
{
	if (cpu)
		cpu->loss[reason]++;
}

/*
 * Writes a record to the ring of this CPU, or to its neighbour's where that is full: losses come
 * in bursts on one CPU. The reader is woken only when enough has gathered; it also looks in by
 * itself several times a second.
 */
static __always_inline long emit_waking(void *record, __u64 size, bool wake)
{
	__u32 index = bpf_get_smp_processor_id() >> config.ring_shift;
	long err = -1;

#pragma unroll
	for (int attempt = 0; attempt < 2; attempt++) {
		__u32 key = (index + attempt) & (config.nrings - 1);
		void *ring = bpf_map_lookup_elem(&rings, &key);
		__u64 flags = BPF_RB_NO_WAKEUP;

		if (!ring)
			continue;
		if (wake || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >= config.wakeup_bytes)
			flags = BPF_RB_FORCE_WAKEUP;
		err = bpf_ringbuf_output(ring, record, size, flags);
		if (!err)
			return 0;
	}
	return err;
}

static __always_inline long emit(void *record, __u64 size)
{
	return emit_waking(record, size, false);
}

/* --- who is a target */
static __always_inline bool same_comm(const char *a, const volatile char *b)
{
#pragma unroll
	for (int i = 0; i < BD_COMM; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			return true;
	}
	return true;
}

static __always_inline bool comm_is_target(struct task_struct *task)
{
	char thread[BD_COMM] = {}, process[BD_COMM] = {};

	BPF_CORE_READ_STR_INTO(&thread, task, comm);
	BPF_CORE_READ_STR_INTO(&process, task, group_leader, comm);
#pragma unroll
	for (__u32 i = 0; i < BD_TARGET_COMMS; i++) {
		if (i >= config.ncomms)
			return false;
		if (same_comm(process, config.comms[i]) || same_comm(thread, config.comms[i]))
			return true;
	}
	return false;
}

static __always_inline struct cgroup *task_cgroup(struct task_struct *task)
{
	if (config.cgroup_ssid < 0)
		return BPF_CORE_READ(task, cgroups, dfl_cgrp);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;
	__u32 ssid = config.cgroup_ssid & 15; /* by itself, or CO-RE would relocate our own struct */

	bpf_core_read(&css, sizeof(css), &set->subsys[ssid]);
	return BPF_CORE_READ(css, cgroup);
}

#define CGROUP_DEPTH 16

static __always_inline bool cgroup_is_target(struct task_struct *task)
{
	struct cgroup *cgroup = task_cgroup(task);

	for (int i = 0; i < CGROUP_DEPTH; i++) {
		if (!cgroup)
			return false;
		if (BPF_CORE_READ(cgroup, kn, id) == config.cgroup_id)
			return true;
		struct cgroup_subsys_state *parent = BPF_CORE_READ(cgroup, self.parent);

		if (!parent)
			return false;
		cgroup = BPF_CORE_READ(parent, cgroup);
	}
	return false;
}

static __always_inline bool pid_is_target(__u32 tgid)
{
	return bpf_map_lookup_elem(&targets, &tgid);
}

/* What was asked for; several ways to name it add up. */
static __always_inline bool is_target(struct task_struct *task, __u32 tgid)
{
	if (!config.filter)
		return true;
	if ((config.filter & BD_FILTER_PID) && pid_is_target(tgid))
		return true;
	if ((config.filter & BD_FILTER_COMM) && comm_is_target(task))
		return true;
	return (config.filter & BD_FILTER_CGROUP) && cgroup_is_target(task);
}

/* --- names of a thread */
static __always_inline struct task_struct *current_task(void)
{
	if (config.task_btf)
		return bpf_get_current_task_btf();
	return (void *)bpf_get_current_task();
}

static __always_inline void thread_of(struct task_struct *task, struct bd_thread *thread)
{
	thread->tid = TASK_READ(task, pid);
	thread->tgid = TASK_READ(task, tgid);
	thread->start_ns = TASK_READ(task, start_time);
}

/* The number of a task in the tool's PID namespace, 0 where it has none there. */
static __always_inline __u32 ns_pid(struct task_struct *task)
{
	struct pid *pid = TASK_READ(task, thread_pid);

	if (!pid)
		return 0;
	if (config.pidns_inum == INITIAL_PID_NAMESPACE)
		return TASK_READ(task, pid);
	if (TASK_READ(pid, level) < own_level)
		return 0;
	__u32 size = bpf_core_type_size(struct upid);
	void *at = (void *)pid + bpf_core_field_offset(struct pid, numbers) + own_level * size;
	struct pid_namespace *ns = NULL;
	int nr = 0;

	bpf_probe_read_kernel(&ns, sizeof(ns), at + bpf_core_field_offset(struct upid, ns));
	if (!ns || BPF_CORE_READ(ns, ns.inum) != config.pidns_inum)
		return 0;
	bpf_probe_read_kernel(&nr, sizeof(nr), at + bpf_core_field_offset(struct upid, nr));
	return nr;
}

static __always_inline __u64 cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

#endif
