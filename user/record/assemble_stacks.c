// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/assemble_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/record/assemble_dump.h"

/* Functions that nobody calls: where one of these is outermost, the stack is whole. */
static const char *const root_names[] = {
	"_start", "__libc_start_main", "__libc_start_call_main", "clone", "clone3", "__clone",
	"__clone3", "start_thread", "thread_start",
};

static bool is_root(const struct report *r, uint32_t frame)
{
	const char *name = report_text(r, r->frames.name[frame]);

	for (size_t i = 0; i < sizeof(root_names) / sizeof(*root_names); i++)
		if (!strcmp(name, root_names[i]))
			return true;
	return false;
}

int64_t assemble_tree_step(struct assemble_tree *t, int64_t parent, uint32_t frame)
{
	uint64_t key = idmap_mix((uint64_t)parent + 1, frame);
	uint32_t found = idmap_get(&t->rows, key);

	if (found != IDMAP_NONE)
		return found;
	int64_t row = report_stacks_add(&t->r->stacks);

	if (row < 0)
		return row;
	t->r->stacks.parent[row] = parent;
	t->r->stacks.frame[row] = frame;
	return idmap_set(&t->rows, key, row) ? -ENOMEM : row;
}

/* Goes down a stack, root first; a location's frames are innermost first. */
static int64_t tree_walk(struct assemble_tree *t, int64_t row, const struct stack *stack)
{
	const struct stack_table *stacks = &t->a->stacks;

	for (uint32_t i = stack->nlocations; i-- > 0;) {
		uint32_t location = stacks->location_of[stack->location_at + i];

		for (uint32_t k = t->naming.count[location]; k-- > 0;) {
			row = assemble_tree_step(t, row,
						 t->naming.rows[t->naming.first[location] + k]);
			if (row < 0)
				return row;
		}
	}
	return row;
}

/* NULL where the stack is whole, else the reason why it isn't. */
static const char *cut_reason(struct assemble_tree *t, const struct stack *stack)
{
	const struct stack_table *stacks = &t->a->stacks;

	if (stack->end == UNWIND_COMPLETE || stack->end == UNWIND_OUTERMOST)
		return stack->n > BD_STACK_MAX ? unwind_reason_name(UNWIND_TOO_DEEP) : NULL;
	if (stack->nlocations) {
		uint32_t location = stacks->location_of[stack->location_at + stack->nlocations - 1];
		uint32_t last = t->naming.first[location] + t->naming.count[location] - 1;

		if (is_root(t->r, t->naming.rows[last]))
			return NULL;
	}
	return unwind_reason_name(stack->end);
}

int64_t assemble_tree_user(struct assemble_tree *t, const struct aggregate_sample *s,
			   const char **ret_reason)
{
	const struct stack *stack = s->user == IDMAP_NONE ? NULL : &t->a->stacks.stacks[s->user];
	bool gap = stack && stack->n > BD_STACK_MAX;
	int64_t row = -1;

	if (stack)
		*ret_reason = cut_reason(t, stack);
	else if (s->user_lost)
		*ret_reason = "stack lost";
	else
		*ret_reason = s->user_end ? unwind_reason_name(s->user_end) : NULL;
	/* A stack that is too deep has its mark in the middle already. */
	if (*ret_reason && !(gap && stack->end == UNWIND_COMPLETE)) {
		int64_t mark = naming_mark(&t->naming, t->r, *ret_reason);

		row = mark < 0 ? mark : assemble_tree_step(t, -1, mark);
		if (row < 0)
			return row;
	}
	return stack ? tree_walk(t, row, stack) : row;
}

static int count_unwind(struct report *r, const char *reason)
{
	r->unwind.user_samples++;
	if (reason)
		return report_count(&r->unwind.reasons, reason, 1);
	r->unwind.complete++;
	return 0;
}

static int64_t sample_row(struct assemble_tree *t, const struct aggregate_sample *s)
{
	const char *reason;
	int64_t row = assemble_tree_user(t, s, &reason);

	if ((s->user != IDMAP_NONE || reason) && count_unwind(t->r, reason))
		return -ENOMEM;
	if (row < -1)
		return row;
	return s->kernel == IDMAP_NONE ? row : tree_walk(t, row, &t->a->stacks.stacks[s->kernel]);
}

/*
 * A thread's exact time is shared out over its samples: the k-th of n gets the difference of two
 * rounded running sums, so that they add up to the ns.
 */
static uint64_t weight(uint64_t total_ns, uint32_t k, uint32_t n)
{
	__uint128_t all = total_ns;

	return (uint64_t)(all * (k + 1) / n) - (uint64_t)(all * k / n);
}

static int add_samples(struct assemble_tree *t, const struct phases *phases)
{
	struct aggregate *a = t->a;
	const struct assemble_input *in = phases->in;
	struct report_samples *samples = &t->r->samples;
	uint32_t *seen = calloc(a->threads.n * in->nphases + 1, sizeof(*seen));
	int err = seen ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < a->nsamples; i++) {
		const struct aggregate_sample *s = &a->samples[i];
		const struct thread *thread = &a->threads.threads[s->thread];
		uint32_t phase = phases_of(phases, s->t_ns);

		if (phase == PHASE_NONE)
			continue;
		int64_t stack = sample_row(t, s);
		int64_t row = thread->row == IDMAP_NONE ? -ENOENT : report_samples_add(samples);

		if (stack < -1 || row == -ENOMEM) {
			err = -ENOMEM;
			break;
		}
		if (row < 0)
			continue;
		samples->t_ns[row] = s->t_ns > in->start_ns ? s->t_ns - in->start_ns : 0;
		samples->thread[row] = thread->row;
		samples->stack[row] = stack;
		samples->cpu[row] = s->cpu;
		samples->weight_ns[row] = weight(phases_on_cpu_ns(phases, thread, phase),
						 seen[s->thread * in->nphases + phase]++,
						 phases_samples(phases, s->thread, phase));
	}
	free(seen);
	return err;
}

int assemble_samples(struct aggregate *a, const struct phases *phases, struct report *r)
{
	struct assemble_tree t = { .a = a, .r = r };
	int err = naming_run(&t.naming, r, &a->stacks, &a->processes, phases->in->names_ns);

	struct unwinder_counts counts;

	unwinder_counts(a->unwinder, &counts);
	r->unwind.present = true;
	r->unwind.late = counts.late;
	r->unwind.checked = counts.checked;
	r->unwind.disagreed = counts.disagreed;
	r->unwind.tables = counts.tables;
	r->unwind.table_bytes = counts.table_bytes;
	if (!err)
		err = add_samples(&t, phases);
	if (!err && phases->in->crash)
		err = assemble_dump(&t, phases->in->crash,
				    phases->in->wall_start_ns - (int64_t)phases->in->start_ns);
	naming_release(&t.naming);
	idmap_release(&t.rows);
	return err;
}
