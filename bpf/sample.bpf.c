// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Samples: what each CPU runs when its timer or counter fires. A stack is sent once an epoch and
 * referred to by its hash; a sample is 64 bytes.
 */
#include "bpf/walk.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define INTERRUPTED_AT(ctx) ((ctx)->regs.ip)
#elif defined(__TARGET_ARCH_arm64)
#define INTERRUPTED_AT(ctx) ((ctx)->regs.pc)
#endif

static __always_inline __u64 kernel_stack(struct bpf_perf_event_data *ctx, struct scratch *w,
					  struct bd_cpu *cpu, __u64 now)
{
	__u64 hash = config.hash_seed;
	long bytes;

	/* The kernel's addresses are the upper half. Where user code was interrupted, it has no
	 * stack. */
	if ((__s64)INTERRUPTED_AT(ctx) >= 0)
		return 0;
	bytes = bpf_get_stack(ctx, w->stack.frames, BD_KERNEL_MAX * sizeof(__u64), 0);
	if (bytes <= 0)
		return 0;
	w->stack.n = bytes / sizeof(__u64);
	w->stack.user = 0;
	w->stack.end = 0;
	for (__u32 i = 0; i < BD_KERNEL_MAX; i++) {
		if (i >= w->stack.n)
			break;
		hash = mix(hash, w->stack.frames[i]);
	}
	return stack_send(&w->stack, cpu, hash ? hash : 1, now);
}

/* The walk is over, or could not begin. */
static __always_inline void sample_finish(struct scratch *w, struct bd_cpu *cpu)
{
	struct bd_sample *sample = &w->record.sample;
	__u64 now = sample->head.t_ns;

	if (w->reason == UNWIND_WALKING)
		w->reason = UNWIND_TOO_DEEP;
	if (w->late) {
		late_send(w, cpu, BD_COPY_BYTES, 0);
		return;
	}
	if (w->stack.n) {
		sample->user_stack = user_stack_send(w, cpu, now);
	} else if (w->reason != UNWIND_COMPLETE) {
		sample->user_end = w->reason;
	}
	if (sample->user_stack && !(++cpu->walks % BD_SELF_CHECK)) {
		late_send(w, cpu, BD_COPY_BYTES, 0);
		return;
	}
	sample->head.kind = BD_SAMPLE;
	if (emit(sample, sizeof(*sample)))
		count_loss(cpu, BD_LOSS_RING_FULL);
	else
		cpu->sent++;
}

/* All but the user stack. False: there is none to walk. */
static __always_inline bool sample_begin(struct bpf_perf_event_data *ctx, struct scratch *w,
					 struct bd_cpu *cpu, struct task_struct *task, __u64 now)
{
	struct bd_sample *sample = &w->record.sample;

	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.t_ns = now;
	sample->head.cpu = bpf_get_smp_processor_id();
	thread_of(task, &sample->thread);
	sample->ns_tid = ns_pid(task);
	sample->ns_tgid = ns_pid(TASK_READ(task, group_leader));
	sample->exec_id = TASK_READ(task, self_exec_id);
	/* Near its end a thread has no number any more, in no namespace. */
	if (!sample->ns_tgid && TASK_READ(task, thread_pid))
		count_loss(cpu, BD_LOSS_INVISIBLE);
	sample->kernel_stack = kernel_stack(ctx, w, cpu, now);
	w->tgid = sample->thread.tgid;
	w->stack.n = 0;
	w->late = 0;
	if (TASK_READ(task, flags) & PF_KTHREAD) {
		w->reason = UNWIND_COMPLETE;
		return false;
	}
	if (!TASK_READ(task, mm)) {
		w->reason = UNWIND_MEMORY_GONE;
		return false;
	}
	return walk_begin(w, config.hash_seed, sample->exec_id);
}

/* What every sampling program begins with; NULL: nothing to record. */
static __always_inline struct bd_cpu *tick(__u64 now, struct task_struct *task)
{
	struct bd_cpu *cpu = this_cpu();

	if (!cpu)
		return NULL;
	cpu->fired++;
	if (!(__u32)bpf_get_current_pid_tgid()) {
		cpu->idle++;
		return NULL;
	}
	/* exec_start never lies in the future: the least difference seen is the clocks' offset. */
	__u64 offset = now - TASK_READ(task, se.exec_start);

	if (!cpu->clock_offset || offset < cpu->clock_offset)
		cpu->clock_offset = offset;
	if (is_target(task, bpf_get_current_pid_tgid() >> 32))
		return cpu;
	cpu->filtered++;
	return NULL;
}

SEC("perf_event")
int bd_sample(struct bpf_perf_event_data *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	struct task_struct *task = current_task();
	struct bd_cpu *cpu = tick(now, task);
	__u32 index = scratch_index(false);
	struct scratch *w = scratch_get(index);

	if (!cpu || !w)
		return 0;
	if (sample_begin(ctx, w, cpu, task, now))
		walk_frames(index);
	sample_finish(w, cpu);
	cpu->sample_ns += bpf_ktime_get_ns() - now;
	return 0;
}
