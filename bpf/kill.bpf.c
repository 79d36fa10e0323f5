// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Who ends processes, or tells them to end: where the signal is generated, and the kernel's own reason. */
#include "bpf/crash.bpf.h"

/* In the context of who sends it; before any thread of the process can see it. */
SEC("tp_btf/signal_generate")
int BPF_PROG(bd_generate, __u32 sig, unsigned long info, struct task_struct *task, int group,
	     int result)
{
	struct task_struct *self;
	struct bd_crash_watch watch;
	struct killer killer = {};
	struct bd_kill event = {};
	__u32 tgid;

	if (!window_start_ns || sig < 1 || sig > 31 || result ||
	    !((STOPS | CRASHES) & SIGNAL_BIT(sig)))
		return 0;
	tgid = task->tgid;
	if (!crash_mode(task, tgid, &watch))
		return 0;
	self = current_task();
	killer.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	/* What a thread does to its own process is no other's doing, except that it was told to. */
	if ((CRASHES & SIGNAL_BIT(sig)) &&
	    (info <= SEND_SIG_PRIV || (__u32)TASK_READ(self, tgid) == tgid))
		return 0;
	if (dying_find(tgid, killer.start_ns))
		return 0;
	killer.fatal = (task->signal->flags & SIGNAL_GROUP_EXIT) &&
		       task->signal->group_exit_code == (__s32)sig;
	if (sig == SIGKILL && !killer.fatal)
		return 0;
	killer.signal = sig;
	killer.from_kernel = info == SEND_SIG_PRIV;
	killer.sender = TASK_READ(self, tgid);
	killer.ns_sender = ns_pid(TASK_READ(self, group_leader));
	BPF_CORE_READ_STR_INTO(&killer.comm, self, group_leader, comm);

	struct killer *before = killer_find(tgid, killer.start_ns);

	if (before && before->fatal)
		return 0;
	bpf_map_update_elem(&killers, &tgid, &killer, BPF_ANY);
	if (CRASHES & SIGNAL_BIT(sig))
		return 0;
	event.head = (struct bd_head){BD_KILL, 0, bpf_ktime_get_ns()};
	event.thread = (struct bd_thread){tgid, tgid, killer.start_ns};
	event.ns_tgid = ns_pid(task->group_leader);
	event.signal = sig;
	event.fatal = killer.fatal;
	event.sender = killer.sender;
	event.ns_sender = killer.ns_sender;
	event.from_kernel = killer.from_kernel;
	event.cgroup_id = cgroup_id(task);
	BPF_CORE_READ_STR_INTO(&event.process, task, group_leader, comm);
	__builtin_memcpy(event.sender_comm, killer.comm, BD_COMM);
	if (emit(&event, sizeof(event)))
		count_loss(this_cpu(), BD_LOSS_CRASH_RING_FULL);
	return 0;
}

static __always_inline void oom_send(__u32 tgid, __u32 tid)
{
	struct bd_oom event = {{BD_OOM, 0, bpf_ktime_get_ns()}, tgid, tid};

	if (emit_waking(&event, sizeof(event), true))
		count_loss(this_cpu(), BD_LOSS_CRASH_RING_FULL);
}

/* The argument was the victim's number before 6.9. */
SEC("tp_btf/mark_victim")
int BPF_PROG(bd_victim, struct task_struct *task)
{
	if (window_start_ns)
		oom_send(task->tgid, task->pid);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(bd_victim_pid, int pid)
{
	if (window_start_ns)
		oom_send(0, pid);
	return 0;
}
