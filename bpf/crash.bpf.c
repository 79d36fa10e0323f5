// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Deaths. The thread that gets a fatal signal passes signal_deliver in its own context, while all
 * memory is still there, and so does each other thread of its process, with the SIGKILL that
 * follows: there each is walked. Who sent a signal is known where it is generated, and to those
 * that end a process at once (SIGKILL, SIGTERM without a handler) nothing else tells it.
 *
 * signal_deliver is called with the lock of the process's signals held and interrupts off: one
 * thread of a process at a time, and on its CPU nothing but a sample comes between.
 */
#include "bpf/crash.bpf.h"

struct crash_watch_map crash_watch SEC(".maps");
struct crash_statuses_map crash_statuses SEC(".maps");
struct dyings_map dyings SEC(".maps");
struct killers_map killers SEC(".maps");

/* What begins a report of a death. */
struct cause {
	enum bd_death death;
	__u32 signal, status;
	struct siginfo info;
	const struct killer *killer;
	bool known;
};

extern int bpf_iter_task_new(struct bpf_iter_task___open *it, struct task_struct *task,
			     unsigned int flags) __ksym __weak;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task___open *it) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task___open *it) __ksym __weak;

static __always_inline bool status_counts(const struct bd_crash_watch *watch, __u32 status)
{
	__u32 section = watch->section < BD_CRASH_SECTIONS ? watch->section : BD_CRASH_SECTIONS - 1;
	struct bd_crash_statuses *set = bpf_map_lookup_elem(&crash_statuses, &section);

	return set && (set->bits[(status >> 6) & 3] >> (status & 63) & 1);
}

/* --- records */
static __always_inline void fill_registers(struct scratch *w)
{
	struct unwind_cursor *s = &w->cursor;
	struct bd_crash *crash = &w->crash;
	__u32 call;

	crash->ip = 0;
	crash->known = 0;
	s->known = 0;
	if (!cursor_begin(w, &call))
		return;
	crash->ip = s->ip;
	crash->known = s->known;
	__builtin_memcpy(crash->r, s->r, sizeof(crash->r));
}

static __always_inline void crash_send(struct task_struct *task, const struct bd_thread *thread,
				       const struct cause *cause, __u64 now)
{
	struct scratch *w = scratch_get(scratch_index(true));
	struct bd_crash *crash;

	if (!w)
		return;
	crash = &w->crash;
	__builtin_memset(crash, 0, sizeof(*crash));
	crash->head.kind = BD_CRASH;
	crash->head.t_ns = now;
	crash->thread = *thread;
	crash->process_start_ns = BPF_CORE_READ(task, group_leader, start_time);
	crash->cgroup_id = cgroup_id(task);
	crash->death = cause->death;
	crash->signal = cause->signal;
	crash->status = cause->status;
	crash->nthreads = BPF_CORE_READ(task, signal, nr_threads);
	crash->ns_tid = ns_pid(task);
	crash->ns_tgid = ns_pid(TASK_READ(task, group_leader));
	crash->exec_id = TASK_READ(task, self_exec_id);
	crash->parent = BPF_CORE_READ(task, real_parent, tgid);
	crash->unknown = !cause->known;
	crash->code = cause->info.code;
	/* Sent by a process, or by the hardware. */
	if (cause->info.code > 0)
		crash->address = cause->info.address;
	else
		crash->sender = cause->info.sender;
	if (cause->killer) {
		crash->sender = cause->killer->sender;
		crash->ns_sender = cause->killer->ns_sender;
		crash->from_kernel = cause->killer->from_kernel;
		__builtin_memcpy(crash->sender_comm, cause->killer->comm, BD_COMM);
	}
	BPF_CORE_READ_STR_INTO(&crash->comm, task, comm);
	BPF_CORE_READ_STR_INTO(&crash->process, task, group_leader, comm);
	fill_registers(w);
	if (emit_waking(crash, sizeof(*crash), true))
		count_loss(this_cpu(), BD_LOSS_CRASH_RING_FULL);
}

/*
 * One more part of the stack of the thread that scratch area `index` is about. Global, as the walk's
 * step is: kernels before 6.7 give a program and what it calls 512 bytes of stack together.
 */
int part_send(__u32 index, __u32 part)
{
	struct scratch *w = scratch_get(index);
	struct bd_cpu *cpu = this_cpu();

	if (!w || !cpu || part >= BD_CRASH_PARTS || !late_send(w, cpu, BD_COPY_BYTES, part))
		return 1;
	return w->record.bytes != BD_COPY_BYTES;
}

/* The first one may have died of recursion: its stack goes in as many parts as it takes. */
static __always_inline bool parts_send(struct scratch *w, struct bd_cpu *cpu)
{
	if (!late_send(w, cpu, BD_COPY_BYTES, 0))
		return false;
	if (w->record.bytes == BD_COPY_BYTES)
		for (__u32 part = 1; part < BD_CRASH_PARTS; part++)
			if (part_send(scratch_index(true), part))
				break;
	return true;
}

static __always_inline bool copy_send(struct scratch *w, struct bd_cpu *cpu, struct dying *dying,
				      __u32 number)
{
	__u32 copies;

	if (!number)
		return parts_send(w, cpu);
	copies = dying->copies++;
	if (copies < BD_CRASH_COPIES)
		return late_send(w, cpu, BD_CRASH_COPY_BYTES, 0);
	return copies < BD_CRASH_SHORT_COPIES && late_send(w, cpu, BD_COPY_STEP, 0);
}

/* Its stack, and what it was at. */
static __always_inline void thread_send(struct task_struct *task, const struct bd_thread *thread,
					struct dying *dying, __u64 now, bool caller)
{
	__u32 number = dying->threads++; /* below the lock; an atomic add that says what was is 5.12 */
	struct scratch *area = scratch_get(scratch_index(true)), *w;
	struct bd_crash_thread *event;
	struct bd_cpu *cpu = this_cpu();

	if (!cpu || !area || number >= BD_CRASH_THREADS)
		return;
	event = &area->leaving;
	__builtin_memset(event, 0, sizeof(*event));
	event->call = BD_NO_CALL;
	event->caller = caller;
	w = own_stack(task, thread, now, BD_LAST_CRASH);
	if (!w) {
		event->sample.head.t_ns = now;
		event->sample.thread = *thread;
		event->sample.ns_tid = ns_pid(task);
		event->sample.ns_tgid = ns_pid(TASK_READ(task, group_leader));
		event->sample.user_end = UNWIND_MEMORY_GONE;
	} else {
		event->call = w->call;
		event->jumped = w->jumped;
		if (w->late)
			event->late = copy_send(w, cpu, dying, number) ? BD_LATE_FOLLOWS :
									 BD_LATE_LEFT_OUT;
		else if (w->stack.n)
			w->record.sample.user_stack = user_stack_send(w, cpu, now);
		w->record.sample.user_end = w->reason;
		event->sample = w->record.sample;
	}
	event->sample.head.kind = BD_CRASH_THREAD;
	BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	event->walk_ns = bpf_ktime_get_ns() - now;
	cpu->switch_ns += event->walk_ns;
	if (emit(event, sizeof(*event)))
		count_loss(cpu, BD_LOSS_CRASH_RING_FULL);
}

/* --- states of the other threads */
/*
 * Sends what has gathered in scratch area `index`. Global, as the walk's step is: in the loop over
 * the threads it would be verified again and again.
 */
int states_flush(__u32 index)
{
	struct scratch *w = scratch_get(index);
	__u32 n;

	if (!w)
		return 0;
	n = w->states.n;
	w->states.n = 0;
	asm volatile("" : "+r"(n));
	if (!n || n > BD_CRASH_STATES)
		return 0;
	w->states.head.cpu = n;
	if (emit(&w->states, BD_CRASH_STATES_HEAD + n * sizeof(w->states.states[0])))
		count_loss(this_cpu(), BD_LOSS_CRASH_RING_FULL);
	return 0;
}

static __always_inline void states_send(struct task_struct *self, __u64 now)
{
	__u32 index = scratch_index(true);
	struct scratch *w = scratch_get(index);
	struct bpf_iter_task___open threads;
	struct bd_crash_states *all;
	struct task_struct *task;

	if (!w)
		return;
	all = &w->states;
	all->head = (struct bd_head){BD_CRASH_STATE, 0, now};
	all->tgid = self->tgid;
	all->n = 0;
	bpf_iter_task_new(&threads, self, PROC_THREADS);
	while ((task = bpf_iter_task_next(&threads))) {
		__u32 at = all->n;

		asm volatile("" : "+r"(at));
		if (at >= BD_CRASH_STATES)
			break;
		struct bd_crash_state *state = &all->states[at];

		thread_of(task, &state->thread);
		state->ns_tid = ns_pid(task);
		state->pad = 0;
		BPF_CORE_READ_STR_INTO(&state->comm, task, comm);
		state_of(task, state);
		all->n = at + 1;
		if (at == BD_CRASH_STATES - 1)
			states_flush(index);
	}
	bpf_iter_task_destroy(&threads);
	states_flush(index);
}

/* A thread gets SIGKILL, which says nothing of why its process ends. False: of no interest. */
static __always_inline bool killed(struct task_struct *task, __u32 tgid, __u64 start_ns,
				   struct cause *cause)
{
	struct bd_crash_watch watch;
	enum bd_crash_mode which = crash_mode(task, tgid, &watch);
	__u32 code = BPF_CORE_READ(task, signal, group_exit_code);

	if (!which || !(BPF_CORE_READ(task, signal, flags) &
			(SIGNAL_GROUP_EXIT | SIGNAL_GROUP_COREDUMP)))
		return false;
	cause->known = watch.section < BD_CRASH_SECTIONS;
	cause->killer = killer_find(tgid, start_ns);
	if (cause->killer && cause->killer->fatal) {
		cause->death = BD_DEATH_KILL;
		cause->signal = cause->killer->signal;
		/* The kernel's reason may be that there was no memory left: user space knows soon.
		 */
		return which == BD_CRASH_ALL || cause->killer->from_kernel;
	}
	cause->killer = NULL;
	/* A system call that a filter kills for delivers nothing to who made it, before 5.16. */
	if ((code & 0x7f) == SIGSYS) {
		cause->death = BD_DEATH_SIGNAL;
		cause->signal = SIGSYS;
		return true;
	}
	cause->death = BD_DEATH_EXIT;
	cause->status = code >> 8 & 0xff;
	return !(code & 0xff) && status_counts(&watch, cause->status);
}

static __always_inline bool signalled(struct task_struct *task, __u32 tgid, __u64 start_ns,
				      __u32 sig, struct cause *cause)
{
	struct bd_crash_watch watch;
	enum bd_crash_mode which = crash_mode(task, tgid, &watch);

	cause->death = CRASHES & SIGNAL_BIT(sig) ? BD_DEATH_SIGNAL : BD_DEATH_KILL;
	cause->signal = sig;
	cause->known = watch.section < BD_CRASH_SECTIONS;
	if (cause->info.code <= 0 || cause->death == BD_DEATH_KILL)
		cause->killer = killer_find(tgid, start_ns);
	return which == BD_CRASH_ALL || (which && cause->death == BD_DEATH_SIGNAL);
}

/* Does the signal end the process? Its siginfo goes to `cause`. */
static __always_inline bool is_fatal(struct task_struct *task, __u32 sig, const void *info,
				     const void *action, struct cause *cause)
{
	__u64 handler = 1;

	/* struct k_sigaction begins with the handler; SIG_DFL is 0. */
	bpf_probe_read_kernel(&handler, sizeof(handler), action);
	if (handler || (HARMLESS & SIGNAL_BIT(sig)))
		return false;
	bpf_probe_read_kernel(&cause->info, sizeof(cause->info), info);
	return !(BPF_CORE_READ(task, signal, flags) & SIGNAL_UNKILLABLE);
}

static __always_inline int deliver(__u32 sig, const void *info, const void *action, bool states)
{
	struct task_struct *task = current_task();
	struct cause cause = {};
	struct bd_thread thread;
	__u64 now = bpf_ktime_get_ns(), start_ns;
	struct dying *dying, new = {};
	__u32 tgid;

	if (!window_start_ns || sig < 1 || sig > 64)
		return 0;
	if (sig != SIGKILL && !is_fatal(task, sig, info, action, &cause))
		return 0;
	thread_of(task, &thread);
	tgid = thread.tgid;
	start_ns = BPF_CORE_READ(task, group_leader, start_time);
	dying = dying_find(tgid, start_ns);
	/* Two threads can get theirs at once: the second one's is its last, all the same. */
	if (!dying) {
		if (sig == SIGKILL ? !killed(task, tgid, start_ns, &cause)
				   : !signalled(task, tgid, start_ns, sig, &cause))
			return 0;
		new.start_ns = start_ns;
		if (bpf_map_update_elem(&dyings, &tgid, &new, BPF_ANY)) {
			count_loss(this_cpu(), BD_LOSS_CRASH_RING_FULL);
			return 0;
		}
		crash_send(task, &thread, &cause, now);
		if (states)
			states_send(bpf_get_current_task_btf(), now);
		dying = bpf_map_lookup_elem(&dyings, &tgid);
	}
	if (dying)
		thread_send(task, &thread, dying, now, false);
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(bd_deliver, __u32 sig, void *info, void *action)
{
	return deliver(sig, info, action, false);
}

/* In place of it where the kernel can go through the threads of a process here: since 6.7. */
SEC("tp_btf/signal_deliver")
int BPF_PROG(bd_deliver_states, __u32 sig, void *info, void *action)
{
	return deliver(sig, info, action, true);
}

/*
 * Who calls exit_group() gets no signal, nor does, before 5.16, who is killed by a filter of system
 * calls. The memory is still there since 6.16. Nothing keeps it from being preempted here, so what
 * another thread has done to the scratch area is passed over.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(bd_exit_status, struct task_struct *task)
{
	__u32 tgid = task->tgid, code = task->signal->group_exit_code;
	struct cause cause = { .death = BD_DEATH_EXIT };
	struct bd_crash_watch watch;
	struct dying *dying, new = {};
	struct bd_thread thread;
	bool filter = (code & 0x7f) == SIGSYS;
	__u64 now;

	if (!window_start_ns || !code || (task->flags & PF_SIGNALED))
		return 0;
	if (!filter && (mode == BD_CAPTURE || (code & 0xff)))
		return 0;
	if (!crash_mode(task, tgid, &watch))
		return 0;
	if (!filter && !status_counts(&watch, code >> 8 & 0xff))
		return 0;
	now = bpf_ktime_get_ns();
	thread_of(task, &thread);
	new.start_ns = BPF_CORE_READ(task, group_leader, start_time);
	cause.known = watch.section < BD_CRASH_SECTIONS;
	cause.status = code >> 8 & 0xff;
	if (filter) {
		cause.death = BD_DEATH_SIGNAL;
		cause.signal = SIGSYS;
	}
	dying = dying_find(tgid, new.start_ns);
	if (!dying) {
		if (bpf_map_update_elem(&dyings, &tgid, &new, BPF_ANY))
			return 0;
		crash_send(task, &thread, &cause, now);
		dying = bpf_map_lookup_elem(&dyings, &tgid);
	}
	if (dying)
		thread_send(task, &thread, dying, now, true);
	return 0;
}
