// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/assemble_dump.h"

#include <errno.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/view/crash_text.h"

#define STATE_BYTES 96

/* The registers by DWARF's number. */
#if defined(__aarch64__)
static const char *const register_names[BD_REGS] = {
	"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",	 "x7",	"x8",  "x9",  "x10",
	"x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
	"x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",
};
#define IP_NAME "pc"
#else
static const char *const register_names[BD_REGS] = {
	"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};
#define IP_NAME "rip"
#endif

static void call_name(int32_t call, char *name, size_t size)
{
	char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	if (known)
		snprintf(name, size, "%s", known);
	else
		snprintf(name, size, "system call %d", call);
	free(known);
}

/* Why there is no stack of a thread: in its state, and among what was left out. */
static const char *missing_state(const struct crash *c)
{
	return c->first.death == BD_DEATH_NONE	 ? "no sample hit it"
	       : c->first.nthreads > BD_CRASH_THREADS ? "stack not taken"
					      : "it never came by";
}

static const char *missing_reason(const struct crash *c)
{
	return c->first.death == BD_DEATH_NONE
		       ? "it ran at each look, or ended, and no sample hit it"
	       : c->first.nthreads > BD_CRASH_THREADS ? "more than 4,096 threads"
					      : "it never came by";
}

static void state_text(const struct crash_thread *t, const struct crash *c, char text[STATE_BYTES])
{
	static const char *const words[] = {
		[BD_STATE_UNKNOWN] = "",
		[BD_STATE_RUNNING] = "running",
		[BD_STATE_RUNNABLE] = "runnable",
		[BD_STATE_BLOCKED] = "blocked",
		[BD_STATE_UNINTERRUPTIBLE] = "uninterruptible",
		[BD_STATE_STOPPED] = "stopped",
		[BD_STATE_DEAD] = "exiting",
	};
	const char *word = words[t->state <= BD_STATE_DEAD ? t->state : BD_STATE_UNKNOWN];
	char call[48] = "";

	if (t->call >= 0)
		call_name(t->call, call, sizeof(call));
	if (!*word && !*call)
		word = c->states ? "exiting" : "running or runnable";
	snprintf(text, STATE_BYTES, "%s%s%s%s%s", word, *call ? (*word ? " in " : "in ") : "", call,
		 t->came ? "" : "; ", t->came ? "" : missing_state(c));
}

/* Where no code is: the leaf of the thread that was sent there. */
static int64_t jump_row(struct assemble_tree *tree, uint64_t ip, int64_t parent)
{
	struct report_frames *frames = &tree->r->frames;
	int64_t row = report_frames_add(frames);
	char name[48];

	if (row < 0)
		return row;
	snprintf(name, sizeof(name), "[no code at 0x%" PRIx64 "]", ip);
	frames->name[row] = report_intern(tree->r, name);
	frames->kind[row] = report_intern(tree->r, "cut");
	frames->module[row] = -1;
	return assemble_tree_step(tree, parent, row);
}

static int64_t stack_row(struct assemble_tree *tree, const struct crash_thread *t)
{
	uint32_t index = t->stack ? stack_table_find(&tree->a->stacks, t->stack) : IDMAP_NONE;
	struct aggregate_sample sample = {
		.user = index,
		.kernel = IDMAP_NONE,
		.user_end = t->end,
		.user_lost = (t->stack && index == IDMAP_NONE) || t->left_out || t->copied,
	};
	const char *reason;

	return t->came ? assemble_tree_user(tree, &sample, &reason) : -1;
}

static int add_thread(struct assemble_tree *tree, const struct crash *c,
		      const struct crash_thread *t)
{
	struct report *r = tree->r;
	struct report_dump_threads *threads = &r->dump.threads;
	int64_t row = report_dump_threads_add(threads), stack = stack_row(tree, t);
	char state[STATE_BYTES], name[BD_COMM + 1] = "";

	if (row < 0 || stack < -1)
		return -ENOMEM;
	if (t == c->threads + c->first_at && c->jumped) {
		stack = jump_row(tree, c->first.ip, stack);
		if (stack < 0)
			return stack;
	}
	state_text(t, c, state);
	memcpy(name, t->name, BD_COMM);
	threads->tid[row] = t->ns_tid ? t->ns_tid : t->id.tid;
	threads->name[row] = report_intern(r, name);
	threads->state[row] = report_intern(r, state);
	threads->stack[row] = stack;
	threads->after_ns[row] = t->came ? t->t_ns - c->first.head.t_ns : 0;
	threads->walk_ns[row] = t->walk_ns;
	if (!t->came)
		return report_count(&r->dump.left_out, missing_reason(c), 1);
	return t->left_out || t->copied
		       ? report_count(&r->dump.left_out, "stack not copied: too many at once", 1)
		       : 0;
}

static int by_tid(const void *x, const void *y)
{
	const struct crash_thread *const *a = x, *const *b = y;

	return (*a)->id.tid < (*b)->id.tid ? -1 : (*a)->id.tid > (*b)->id.tid;
}

static int add_threads(struct assemble_tree *tree, const struct crash *c)
{
	const struct crash_thread **order = malloc((c->n + 1) * sizeof(*order));
	uint32_t total = c->first.nthreads > c->n ? c->first.nthreads : c->n;
	int err = order ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < c->n; i++)
		order[i] = &c->threads[i];
	if (!err && c->first_at) {
		order[0] = &c->threads[c->first_at];
		order[c->first_at] = &c->threads[0];
	}
	if (!err && c->n > 1)
		qsort(order + 1, c->n - 1, sizeof(*order), by_tid);
	for (size_t i = 0; !err && i < c->n; i++)
		err = add_thread(tree, c, order[i]);
	free(order);
	tree->r->dump.threads_total = total;
	if (!err && total > c->n)
		err = report_count(&tree->r->dump.left_out, missing_reason(c), total - c->n);
	return err;
}

static int add_registers(struct report *r, const struct bd_crash *first)
{
	int err = first->ip || first->known ? report_count(&r->dump.registers, IP_NAME, first->ip)
					    : 0;

	for (unsigned i = 0; !err && i < BD_REGS; i++)
		if ((first->known >> i & 1) && register_names[i])
			err = report_count(&r->dump.registers, register_names[i], first->r[i]);
	return err;
}

static const char *death_kind(const struct crash *c)
{
	static const char *const kinds[] = {
		[BD_DEATH_SIGNAL] = "signal",
		[BD_DEATH_KILL] = "kill",
		[BD_DEATH_EXIT] = "exit",
		[BD_DEATH_NONE] = "none",
	};

	return c->oom ? "oom"
		      : kinds[c->first.death <= BD_DEATH_NONE ? c->first.death : BD_DEATH_KILL];
}

/* Who sent it; a process that sent it to itself (abort) is nobody's victim. */
static int add_death(struct report *r, const struct crash *c)
{
	const struct bd_crash *first = &c->first;
	char name[BD_COMM + 1] = "";

	r->death.present = true;
	r->death.pid = first->ns_tgid;
	r->death.exit_status = first->death == BD_DEATH_EXIT ? first->status : 0;
	memcpy(name, first->process, BD_COMM);
	if (report_set(&r->death.kind, death_kind(c)) || report_set(&r->death.process, name))
		return -ENOMEM;
	if (!first->sender_comm[0] || first->from_kernel || first->sender == first->thread.tgid)
		return 0;
	r->death.sender_pid = first->ns_sender;
	memcpy(name, first->sender_comm, BD_COMM);
	return report_set(&r->death.sender, name);
}

int assemble_dump(struct assemble_tree *tree, const struct crash *c, int64_t shift_ns)
{
	const struct bd_crash *first = &c->first;
	struct report *r = tree->r;
	char text[CRASH_TEXT_BYTES];
	int err = add_death(r, c);

	r->dump.present = true;
	r->dump.signal = first->signal;
	r->dump.code = first->code;
	r->dump.address = first->address;
	if (first->death != BD_DEATH_NONE && c->n)
		r->dump.tid = c->threads[c->first_at].ns_tid;
	r->dump.taken_ns = first->head.t_ns + shift_ns;
	if (!err && first->signal)
		err = report_set(&r->dump.signal_name, crash_signal_name(first->signal, text));
	if (!err)
		err = add_registers(r, first);
	if (!err)
		err = add_threads(tree, c);
	if (err || first->death == BD_DEATH_NONE)
		return err;
	crash_signature(r, text);
	return report_set(&r->dump.signature, text);
}
