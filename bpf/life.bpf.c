// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The turns in a process's life: it runs a program, a thread exits. Both give back the memory that
 * stacks are walked in, and that takes time that is sampled: so the stack is walked before. Where
 * the kernel calls these after the memory is gone (exit: before 6.16) or not at all (exec: before
 * 6.10), it is missing.
 */
#include "bpf/walk.bpf.h"

/*
 * Walks the stack of the current thread for good. Its hash, or 0 where there is none or user space
 * walks it.
 */
static __always_inline __u64 last_stack(struct task_struct *task, const struct bd_thread *thread,
					__u64 now, enum bd_last last)
{
	struct scratch *w = own_stack(task, thread, now, last);
	struct bd_cpu *cpu = this_cpu();
	__u64 hash = 0;

	if (!w || !cpu)
		return 0;
	/* The memory goes with the last thread, most often the first one; thousands that end at
	 * once would fill the rings with copies that nobody asks for. */
	if (w->late && thread->tid != thread->tgid)
		return 0;
	if (w->late)
		late_send(w, cpu, BD_EXIT_COPY_BYTES, 0);
	else if (w->stack.n)
		hash = user_stack_send(w, cpu, now);
	return w->record.sample.thread.tid == thread->tid ? hash : 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(bd_exit, struct task_struct *task)
{
	struct bd_exit event = { .head = { .kind = BD_EXIT, .t_ns = bpf_ktime_get_ns() } };

	if (!window_start_ns || !is_target(task, task->tgid))
		return 0;
	thread_of(task, &event.thread);
	event.ns_tid = ns_pid(task);
	event.ns_tgid = ns_pid(task->group_leader);
	event.cgroup_id = cgroup_id(task);
	event.parent = BPF_CORE_READ(task, real_parent, tgid);
	event.target = 1;
	event.sums.on_cpu_ns = task->se.sum_exec_runtime;
	event.sums.wait_ns = task->sched_info.run_delay;
	event.sums.voluntary = task->nvcsw;
	event.sums.involuntary = task->nivcsw;
	BPF_CORE_READ_STR_INTO(&event.comm, task, comm);
	BPF_CORE_READ_STR_INTO(&event.process, task, group_leader, comm);
	event.alive = task->signal->live.counter;
	event.exit_code = task->signal->group_exit_code;
	/* While nothing is wrong it isn't worth a walk for each process that ends. */
	if (mode != BD_WATCH)
		event.user_stack = last_stack(task, &event.thread, event.head.t_ns, BD_LAST_EXIT);
	if (emit(&event, sizeof(event)))
		count_loss(this_cpu(), BD_LOSS_EXIT_RING_FULL);
	return 0;
}

/* The mappings are known soon after: then its stacks can be walked here. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(bd_exec, struct task_struct *task)
{
	struct bd_exec event = { .head = { .kind = BD_EXEC, .t_ns = bpf_ktime_get_ns() } };

	if (!window_start_ns || mode == BD_WATCH || !is_target(task, task->tgid))
		return 0;
	thread_of(task, &event.thread);
	event.ns_tgid = ns_pid(task->group_leader);
	event.exec_id = task->self_exec_id;
	emit_waking(&event, sizeof(event), true);
	return 0;
}

/* Since 6.10. The program that is given up still has its memory. */
SEC("tp_btf/sched_prepare_exec")
int BPF_PROG(bd_leave, struct task_struct *task)
{
	struct bd_leave event = { .head = { .kind = BD_LEAVE, .t_ns = bpf_ktime_get_ns() } };

	if (!window_start_ns || mode == BD_WATCH || !is_target(task, task->tgid))
		return 0;
	thread_of(task, &event.thread);
	event.exec_id = task->self_exec_id;
	event.user_stack = last_stack(task, &event.thread, event.head.t_ns, BD_LAST_EXEC);
	if (event.user_stack)
		emit(&event, sizeof(event));
	return 0;
}
