/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs about deaths share: signals, who is looked at, who is dying, by whom. */
#ifndef BD_CRASH_BPF_H
#define BD_CRASH_BPF_H

#include "bpf/walk.bpf.h"

#define SIGKILL 9
#define SIGSYS 31
#define SIGNAL_BIT(n) (1ULL << ((n)-1))
/* SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGSEGV SIGSYS: of x86-64 and arm64 alike */
#define CRASHES                                                                                    \
	(SIGNAL_BIT(4) | SIGNAL_BIT(5) | SIGNAL_BIT(6) | SIGNAL_BIT(7) | SIGNAL_BIT(8) |           \
	 SIGNAL_BIT(11) | SIGNAL_BIT(31))
/* SIGHUP SIGINT SIGQUIT SIGKILL SIGTERM: by these a process is told to end */
#define STOPS (SIGNAL_BIT(1) | SIGNAL_BIT(2) | SIGNAL_BIT(3) | SIGNAL_BIT(9) | SIGNAL_BIT(15))
/* SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGWINCH: they end nobody */
#define HARMLESS                                                                                   \
	(SIGNAL_BIT(17) | SIGNAL_BIT(18) | SIGNAL_BIT(19) | SIGNAL_BIT(20) | SIGNAL_BIT(21) |      \
	 SIGNAL_BIT(22) | SIGNAL_BIT(23) | SIGNAL_BIT(28))
#define SIGNAL_GROUP_EXIT 0x4 /* of signal_struct.flags */
#define SIGNAL_GROUP_COREDUMP 0x8 /* in place of it while a core is dumped, before 5.17 */
#define SIGNAL_UNKILLABLE 0x40
#define PF_SIGNALED 0x400	/* of task_struct.flags: a signal ends it */
#define SEND_SIG_PRIV 1UL /* in place of a siginfo: the kernel itself */
#define PROC_THREADS 2	  /* of the kernel's iterator: BPF_TASK_ITER_PROC_THREADS */

/* struct siginfo as far as it is needed: the interface of user space. */
struct siginfo {
	__s32 signal, error, code, pad;
	union {
		__u64 address;
		__u32 sender;
	};
};

struct crash_watch_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32); /* global tgid */
	__type(value, struct bd_crash_watch);
};
extern struct crash_watch_map crash_watch SEC(".maps");

struct crash_statuses_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BD_CRASH_SECTIONS);
	__type(key, __u32);
	__type(value, struct bd_crash_statuses);
};
extern struct crash_statuses_map crash_statuses SEC(".maps");

/* Processes that are dying. What has died is left to the map. */
struct dying {
	__u64 start_ns;
	__u32 threads; /* that have come by */
	__u32 copies;
};

struct dyings_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct dying);
};
extern struct dyings_map dyings SEC(".maps");

/* By whom a process is ended. */
struct killer {
	__u64 start_ns; /* of the process */
	__u32 signal;
	__u32 fatal;
	__u32 sender;
	__u32 ns_sender;
	__u32 from_kernel;
	char comm[BD_COMM];
};

struct killers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct killer);
};
extern struct killers_map killers SEC(".maps");

/* --- who is looked at */
static __always_inline enum bd_crash_mode crash_mode(struct task_struct *task, __u32 tgid,
						     struct bd_crash_watch *ret)
{
	struct bd_crash_watch *watch;

	*ret = (struct bd_crash_watch){BD_CRASH_ON, BD_CRASH_SECTIONS};
	if (!window_start_ns || !config.crash)
		return BD_CRASH_OFF;
	if (mode == BD_CAPTURE)
		return is_target(task, tgid) ? BD_CRASH_ALL : BD_CRASH_OFF;
	watch = bpf_map_lookup_elem(&crash_watch, &tgid);
	if (watch)
		*ret = *watch;
	/* One that is too young to be known: user space finds out whose it was. */
	return watch ? ret->mode : BD_CRASH_ON;
}

/* --- from a signal to a death */
static __always_inline struct dying *dying_find(__u32 tgid, __u64 start_ns)
{
	struct dying *dying = bpf_map_lookup_elem(&dyings, &tgid);

	return dying && dying->start_ns == start_ns ? dying : NULL;
}

static __always_inline struct killer *killer_find(__u32 tgid, __u64 start_ns)
{
	struct killer *killer = bpf_map_lookup_elem(&killers, &tgid);

	return killer && killer->start_ns == start_ns ? killer : NULL;
}

/* --- what a thread that isn't the current one is at */
#define TASK_INTERRUPTIBLE 1
#define TASK_UNINTERRUPTIBLE 2
#define TASK_STOPPED_OR_TRACED (4 | 8 | 0x8000) /* or frozen, since 6.1 */
#define TASK_NOLOAD 0x400 /* idle, in an uninterruptible state */

static __always_inline long task_state(struct task_struct *task)
{
	struct task_struct___new_state *new = (void *)task;
	struct task_struct___state *old = (void *)task;

	if (bpf_core_field_exists(new->__state))
		return new->__state;
	return old->state;
}

static __always_inline void state_of(struct task_struct *task, struct bd_crash_state *state)
{
	long number = task_state(task);
	__u64 call;

	state->call = BD_NO_CALL;
	if (task->on_cpu) {
		state->state = BD_STATE_RUNNING;
		return;
	}
	state->state = !number				 ? BD_STATE_RUNNABLE
		       : number & TASK_STOPPED_OR_TRACED ? BD_STATE_STOPPED
		       : number & TASK_INTERRUPTIBLE	 ? BD_STATE_BLOCKED
		       : number & TASK_UNINTERRUPTIBLE	 ? BD_STATE_UNINTERRUPTIBLE
							 : BD_STATE_DEAD;
	/* It isn't on a CPU, so it is in the kernel, and these are how it came in. */
	if (!bpf_probe_read_kernel(&call, sizeof(call),
				   (void *)bpf_task_pt_regs(task) +
					   __builtin_offsetof(struct saved_regs, SYSTEM_CALL)))
		state->call = call;
}

#endif
