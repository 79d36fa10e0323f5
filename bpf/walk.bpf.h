/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The walk over user stacks in BPF: registers, the process's mappings, and the loop around the step
 * of bpf/unwind_step.h. Everything lies in one scratch area a CPU.
 */
#ifndef BD_WALK_BPF_H
#define BD_WALK_BPF_H

#include "bpf/common.bpf.h"

static __always_inline void *table_value(void *table, __u32 index)
{
	return bpf_map_lookup_elem(table, &index);
}

#define UNWIND_READ(ctx, dst, bytes, address) unwind_window_read(ctx, dst, bytes, address)
#define UNWIND_VALUE(table, index) ((const struct unwind_value *)table_value(table, index))
#include "bpf/unwind_window.h"
#include "bpf/unwind_step.h"

/* What every entry to the kernel saves. */
#if defined(__TARGET_ARCH_x86)
/* struct pt_regs of x86-64, in this order. */
struct saved_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
};

#define SAVED_REGS_PAD 0
#define SYS_EXECVE 59
#define SYS_EXECVEAT 322

#define SYSTEM_CALL orig_ax /* its number, or -1 */

static __always_inline void cursor_fill(struct unwind_cursor *s, const struct saved_regs *regs)
{
	s->ip = regs->ip;
	s->r[0] = regs->ax;
	s->r[1] = regs->dx;
	s->r[2] = regs->cx;
	s->r[3] = regs->bx;
	s->r[4] = regs->si;
	s->r[5] = regs->di;
	s->r[6] = regs->bp;
	s->r[7] = regs->sp;
	s->r[8] = regs->r8;
	s->r[9] = regs->r9;
	s->r[10] = regs->r10;
	s->r[11] = regs->r11;
	s->r[12] = regs->r12;
	s->r[13] = regs->r13;
	s->r[14] = regs->r14;
	s->r[15] = regs->r15;
	s->known = 0xffff;
	s->ip_mask = ~0ULL;
}
#elif defined(__TARGET_ARCH_arm64)
struct saved_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
	__u64 rest[2];
};

#define SAVED_REGS_PAD 0
#define SYS_EXECVE 221
#define SYS_EXECVEAT 281
#define CODE_BITS ((1ULL << 48) - 1) /* what is above is the pointer's authentication code */

#define SYSTEM_CALL rest[1] /* behind orig_x0: the number, or -1 */

static __always_inline void cursor_fill(struct unwind_cursor *s, const struct saved_regs *regs)
{
	s->ip = regs->pc;
#pragma unroll
	for (int i = 0; i < 31; i++)
		s->r[i] = regs->regs[i];
	s->r[31] = regs->sp;
	s->known = ~0U;
	s->ip_mask = CODE_BITS;
}
#endif

#define NO_MODULE (~0U)

struct scratch {
	struct bd_stack stack;
	struct unwind_cursor cursor;
	struct unwind_window window;
	struct bd_mapping mapping; /* of the last address; most frames stay in one file */
	struct unwind_head head;   /* of the table of module `head_of` */
	__u64 hash;
	__u64 wanted;
	__u32 process; /* index into processes */
	__u32 version; /* of it, when the walk began */
	__u32 reason;
	__u32 tgid;
	__u32 late; /* the walk needs something that isn't here yet */
	__u32 head_of;
	__u32 jumped; /* walk_jump() found a caller */
	__s32 call;   /* number of the system call, or BD_NO_CALL */
	struct saved_regs regs;
	struct bd_late record;
	struct bd_crash_thread leaving;
	union {
		struct bd_crash crash;
		struct bd_crash_states states;
	};
};

/* One a CPU by its number: values of a per-CPU array end at 32 KiB. */
struct scratch_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
};
extern struct scratch_map scratches SEC(".maps");

struct processes_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bd_process);
};
extern struct processes_map processes SEC(".maps");

/* The scratch area of a sample, or of a thread that exits: one may interrupt the other. */
static __always_inline __u32 scratch_index(bool exiting)
{
	return bpf_get_smp_processor_id() * 2 + exiting;
}

static __always_inline struct scratch *scratch_get(__u32 index)
{
	return bpf_map_lookup_elem(&scratches, &index);
}

/*
 * One frame of the walk in scratch area `index`; returns 1 when it is over. A global function is
 * verified once, for any argument, instead of in each state that leads to it, so that a loop of it
 * costs the verifier next to nothing, on every kernel since 5.6.
 */
int walk_frame(__u32 index);

/*
 * Before the frames of a thread that dies: where it called or jumped to what is no code, its caller
 * is where the call left its return address. Returns 1 where it did.
 */
int walk_jump(__u32 index);

static __always_inline void walk_frames(__u32 index)
{
	for (int i = 0; i < BD_WALK_MAX; i++)
		if (walk_frame(index))
			break;
}

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash ^= value;
	hash *= 0xff51afd7ed558ccdULL; /* MurmurHash3's finaliser */
	return hash ^ (hash >> 32);
}

/* --- registers */
/*
 * The registers with which the current task left user space. Also where the interrupt came from
 * there: it saved them at the same place. False: it never was there, or its memory is gone.
 */
static __always_inline bool cursor_begin(struct scratch *w, __u32 *ret_call)
{
	struct unwind_cursor *s = &w->cursor;
	void *at;

	if (config.task_pt_regs) {
		at = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	} else {
		struct task_struct *task = (void *)bpf_get_current_task();

		at = BPF_CORE_READ(task, stack) + config.thread_size - SAVED_REGS_PAD - sizeof(w->regs);
	}
	if (bpf_probe_read_kernel(&w->regs, sizeof(w->regs), at))
		return false;
	cursor_fill(s, &w->regs);
	*ret_call = w->regs.SYSTEM_CALL;
	s->in_memory = 0;
	s->exact = 1;
	s->frames = 0;
	return s->ip || s->r[UNWIND_SP]; /* the former is 0 after a call to nowhere */
}

/* --- mappings */
static __always_inline bool process_find(struct scratch *w, __u32 exec_id)
{
	__u32 first = w->tgid * 0x9e3779b1U >> 12;

#pragma unroll
	for (__u32 i = 0; i < BD_PROBES; i++) {
		__u32 index = (first + i) & config.process_slots_mask;
		struct bd_process *p = bpf_map_lookup_elem(&processes, &index);

		if (!p || p->tgid != w->tgid)
			continue;
		w->process = index;
		w->version = p->version;
		return p->exec_id == exec_id && !(p->version & 1);
	}
	return false;
}

/*
 * Between the new program's memory and its first instruction the registers are still the old one's.
 * In memory that is there, where they point to, nothing can be missing: it is in use.
 */
static __always_inline bool is_between_programs(struct scratch *w, __u32 call)
{
	__u64 word;

	if (call != SYS_EXECVE && call != SYS_EXECVEAT)
		return false;
	if (!w->record.sample.last)
		w->record.sample.last = BD_IN_EXEC;
	return bpf_probe_read_user(&word, sizeof(word), (void *)w->cursor.r[UNWIND_SP]);
}

static __always_inline bool walk_begin(struct scratch *w, __u64 seed, __u32 exec_id)
{
	__u32 call;

	w->stack.n = 0;
	w->mapping.pages = 0;
	w->head_of = NO_MODULE;
	w->window.bytes = 0;
	w->hash = seed;
	w->late = 0;
	w->wanted = 0;
	w->reason = UNWIND_WALKING;
	w->call = BD_NO_CALL;
	if (!cursor_begin(w, &call)) {
		w->reason = UNWIND_NO_REGISTERS;
		return false;
	}
	w->call = call;
	if (is_between_programs(w, call)) {
		w->reason = UNWIND_EXEC;
		return false;
	}
	if (!process_find(w, exec_id)) {
		w->reason = UNWIND_MAPPING;
		w->late = 1;
		return false;
	}
	return true;
}

/* --- a copy for a walk in user space */
/* Where the stack's memory begins to be there: its leaf may be about to touch its first pages. */
static __always_inline __u64 stack_there(__u64 sp)
{
	__u64 at = sp, word;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		if (!bpf_probe_read_user(&word, sizeof(word), (void *)at))
			return at;
		at = (at | 4095) + 1;
	}
	return sp;
}

/* Of at most `most` bytes, from those on that earlier parts have. */
static __always_inline void late_copy(struct scratch *w, __u32 most, __u32 part)
{
	struct bd_late *late = &w->record;
	__u32 bytes = 0, call;
	__u64 sp;

	late->bytes = 0;
	if (!cursor_begin(w, &call))
		return;
	late->wanted = w->wanted;
	late->ip = w->cursor.ip;
	late->known = w->cursor.known;
	__builtin_memcpy(late->r, w->cursor.r, sizeof(late->r));
	sp = stack_there(w->cursor.r[UNWIND_SP]) + part * BD_COPY_BYTES;
	late->part = part;
	late->skip = sp - w->cursor.r[UNWIND_SP];
#pragma unroll
	for (int i = 0; i < BD_COPY_BYTES / BD_COPY_STEP; i++) {
		if (bytes >= most || bpf_probe_read_user(late->copy + i * BD_COPY_STEP, BD_COPY_STEP,
					(void *)(sp + i * BD_COPY_STEP)))
			break;
		bytes += BD_COPY_STEP;
	}
	/* The rest up to the end of the stack's memory, which ends at a page. */
	if (bytes < most) {
		__u32 rest = (4096 - ((sp + bytes) & 4095)) & (BD_COPY_STEP - 1);

		bytes &= BD_COPY_BYTES - 1;
		if (bytes <= BD_COPY_BYTES - BD_COPY_STEP && rest &&
		    !bpf_probe_read_user(late->copy + bytes, rest, (void *)(sp + bytes)))
			bytes += rest;
	}
	late->bytes = bytes;
}

/* --- the stack of the current thread, outside of a sample */
/*
 * Walks it; what came out is in the scratch area, which is returned. NULL: it has no memory, or
 * another thread has taken the area meanwhile, since this one was preempted.
 */
static __always_inline struct scratch *
own_stack(struct task_struct *task, const struct bd_thread *thread, __u64 now, enum bd_last last)
{
	__u32 index = scratch_index(true);
	struct scratch *w = scratch_get(index);
	struct bd_sample *sample;

	if (!w || (TASK_READ(task, flags) & PF_KTHREAD) || !TASK_READ(task, mm))
		return NULL;
	sample = &w->record.sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.t_ns = now;
	sample->head.cpu = index / 2;
	sample->thread = *thread;
	sample->ns_tid = ns_pid(task);
	sample->ns_tgid = ns_pid(TASK_READ(task, group_leader));
	sample->exec_id = TASK_READ(task, self_exec_id);
	sample->last = last;
	w->tgid = thread->tgid;
	w->jumped = 0;
	if (walk_begin(w, config.hash_seed, sample->exec_id)) {
		if (last == BD_LAST_CRASH)
			w->jumped = walk_jump(index);
		if (w->reason == UNWIND_WALKING)
			walk_frames(index);
		if (w->reason == UNWIND_WALKING)
			w->reason = UNWIND_TOO_DEEP;
	}
	return sample->thread.tid == thread->tid ? w : NULL;
}

/* --- sending */
#define EPOCH_SHIFT 34 /* of ns: 17 s */

/* What has been sent: a direct-mapped cache. A collision only sends a stack once more. */
struct sent_stacks_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};
extern struct sent_stacks_map sent_stacks SEC(".maps");

/* Sends a stack unless it has been sent in this epoch. It counts as sent only when it was. */
static __always_inline __u64 stack_send(struct bd_stack *stack, struct bd_cpu *cpu, __u64 hash,
					__u64 now)
{
	__u64 mark = hash + (now >> EPOCH_SHIFT);
	__u32 slot = hash & config.stack_slots_mask;
	__u64 *sent = bpf_map_lookup_elem(&sent_stacks, &slot);
	__u32 n = stack->n < BD_STACK_MAX ? stack->n : BD_STACK_MAX;

	if (!sent || *sent == mark)
		return hash;
	stack->head.kind = BD_STACK;
	stack->head.t_ns = now;
	stack->hash = hash;
	asm volatile("" : "+r"(n));
	if (n > BD_STACK_MAX)
		return 0;
	if (emit(stack, BD_STACK_HEAD + n * sizeof(__u64)))
		count_loss(cpu, BD_LOSS_STACK_RING_FULL);
	else
		*sent = mark;
	return hash;
}

/* What walk_frames() left in the scratch area. */
static __always_inline __u64 user_stack_send(struct scratch *w, struct bd_cpu *cpu, __u64 now)
{
	__u64 hash = mix(w->hash, w->reason);

	w->stack.user = 1;
	w->stack.end = w->reason;
	return stack_send(&w->stack, cpu, hash ? hash : 1, now);
}

static __always_inline bool late_send(struct scratch *w, struct bd_cpu *cpu, __u32 most, __u32 part)
{
	late_copy(w, most, part);

	__u32 bytes = w->record.bytes;

	asm volatile("" : "+r"(bytes));
	if (bytes > BD_COPY_BYTES)
		return false;
	w->record.sample.head.kind = BD_LATE;
	/* The sooner the reader has it, the sooner the kernel can walk this process by itself. */
	if (emit_waking(&w->record, BD_LATE_HEAD + bytes, true)) {
		count_loss(cpu, BD_LOSS_RING_FULL);
		return false;
	}
	if (!w->record.sample.last || w->record.sample.last == BD_IN_EXEC)
		cpu->sent++;
	return true;
}

#endif
