// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * A look at a living process: each thread's state, the registers with which it left user space, and
 * a copy of its stack, which user space walks. Nothing is stopped. Of a thread that is not on a CPU
 * both hold as long as it stays away from one; where it didn't, there is no stack.
 *
 * It writes a number a thread and is read a number at a time: the kernel goes on to the next thread
 * only at the next read, so what lies in shared memory is its reader's until then.
 */
#include "bpf/crash.bpf.h"

#define PAGE_BYTES 4096

struct area {
	struct bd_look look; /* first: user space knows no more */
	struct unwind_cursor cursor;
	struct saved_regs regs;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct area);
} looks SEC(".maps");

/* From the stack pointer on, until the first page that isn't there. */
static __always_inline void stack_copy(struct task_struct *task, struct bd_late *late, __u64 sp)
{
	__u32 bytes = PAGE_BYTES - (sp & (PAGE_BYTES - 1));

	asm volatile("" : "+r"(bytes));
	if (bytes > PAGE_BYTES || bpf_copy_from_user_task(late->copy, bytes, (void *)sp, task, 0))
		return;
	late->bytes = bytes;
#pragma unroll
	for (int i = 0; i < BD_COPY_BYTES / PAGE_BYTES - 1; i++) {
		__u32 at = bytes + i * PAGE_BYTES;

		if (bpf_copy_from_user_task(late->copy + at, PAGE_BYTES, (void *)(sp + at), task,
					    0))
			return;
		late->bytes = at + PAGE_BYTES;
	}
}

static __always_inline void stack_take(struct task_struct *task, struct area *area)
{
	struct bd_late *late = &area->look.late;

	if (bpf_probe_read_kernel(&area->regs, sizeof(area->regs), (void *)bpf_task_pt_regs(task)))
		return;
	cursor_fill(&area->cursor, &area->regs);
	late->ip = area->cursor.ip;
	late->known = area->cursor.known;
	__builtin_memcpy(late->r, area->cursor.r, sizeof(late->r));
	stack_copy(task, late, area->cursor.r[UNWIND_SP]);
}

SEC("iter.s/task")
int bd_dump(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0, number;
	struct area *area = bpf_map_lookup_elem(&looks, &zero);
	unsigned long runs;

	if (!task || !area || (__u32)task->tgid != area->look.tgid)
		return 0;
	struct bd_crash_state *state = &area->look.state;
	struct bd_sample *sample = &area->look.late.sample;

	thread_of(task, &state->thread);
	state->ns_tid = ns_pid(task);
	state->pad = 0;
	BPF_CORE_READ_STR_INTO(&state->comm, task, comm);
	__builtin_memset(&area->look.late, 0, BD_LATE_HEAD);
	sample->head.kind = BD_LATE;
	sample->head.t_ns = bpf_ktime_get_ns();
	sample->thread = state->thread;
	sample->ns_tid = state->ns_tid;
	sample->ns_tgid = ns_pid(task->group_leader);
	sample->exec_id = task->self_exec_id;

	runs = task->sched_info.pcount;
	state_of(task, state);
	if (state->state != BD_STATE_RUNNING)
		stack_take(task, area);
	/* It has run since: what was read is of two moments. */
	if (task->on_cpu || task->sched_info.pcount != runs) {
		state->state = BD_STATE_RUNNING;
		area->look.late.bytes = 0;
	}
	number = ++area->look.number;
	bpf_seq_write(ctx->meta->seq, &number, sizeof(number));
	return 0;
}
