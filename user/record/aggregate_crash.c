// SPDX-License-Identifier: BSD-2-Clause
/* Deaths among the records: in the order of time with the mappings, as samples are. */
#include <string.h>

#include "user/record/aggregate_private.h"
#include "user/record/crash_missing.h"
#include "user/lib/unwind/unwind_walk.h"

#define SIGNATURE_FRAMES 16 /* different ones, from the leaf on */

static void on_crash(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_crash *event = data;
	struct thread *thread = thread_table_get(&a->threads, &event->thread);

	if (thread)
		thread_table_names(thread, event->ns_tid, event->ns_tgid);
	aggregate_note(a, crash_table_begin(&a->crashes, event));
}

static void on_states(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_crash_states *event = data;
	size_t n = (bytes - BD_CRASH_STATES_HEAD) / sizeof(event->states[0]);

	aggregate_note(a, crash_table_states(&a->crashes, event, n));
}

static void on_thread(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_crash_thread *event = data;

	if (event->sample.user_stack)
		aggregate_stack(a, event->sample.user_stack, event->sample.head.t_ns);
	aggregate_note(a, crash_table_thread(&a->crashes, event));
}

static void on_oom(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;

	crash_table_oom(&a->crashes, data);
}

static void on_gone(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_exit *event = data;

	crash_table_gone(&a->crashes, event->thread.tgid, event->head.t_ns);
}

int aggregate_rec_crash(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_crash *event = data;

	return event_queue_push(a->queue, event->head.t_ns, on_crash, data, bytes);
}

int aggregate_rec_states(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_crash_states *event = data;

	return event_queue_push(a->queue, event->head.t_ns, on_states, data, bytes);
}

int aggregate_rec_crash_thread(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_crash_thread *event = data;

	return event_queue_push(a->queue, event->sample.head.t_ns, on_thread, data, bytes);
}

int aggregate_rec_oom(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_oom *event = data;

	return event_queue_push(a->queue, event->head.t_ns, on_oom, data, bytes);
}

int aggregate_rec_kill(struct aggregate *a, const void *data, size_t bytes)
{
	if (a->tap.killed)
		a->tap.killed(a->tap.arg, data);
	return 0;
}

int aggregate_crash_gone(struct aggregate *a, const struct bd_exit *event)
{
	return event_queue_push(a->queue, event->head.t_ns, on_gone, event, sizeof(*event));
}

/* Each part of a stack gives a longer walk than those before it: the last one counts. */
void aggregate_crash_late(struct aggregate *a, const struct bd_late *late, uint32_t pid)
{
	const struct bd_sample *sample = &late->sample;
	struct unwind_memory copy = unwinder_copy(late);
	const struct bd_late *head = crash_table_copy(&a->crashes, late, &copy);

	if (!head)
		return;
	struct bd_late *moved = unwinder_jump(a->unwinder, head, &copy, pid);
	struct bd_stack stack;
	int err = unwinder_walk(a->unwinder, moved ? moved : head, &copy, pid, &stack);

	if (!err && stack.n)
		err = stack_table_add(&a->stacks, &stack, sizeof(stack));
	if (!err && stack.n)
		aggregate_stack(a, stack.hash, sample->head.t_ns);
	if (!err)
		err = crash_table_stack(&a->crashes, &sample->thread, stack.n ? stack.hash : 0,
					stack.end, moved != NULL);
	aggregate_note(a, err);
	free(moved);
}

/* --- the same crash is the same */
static uint64_t module_key(const struct module *m)
{
	uint64_t key = m->kind;

	for (const char *p = m->path; *p; p++)
		key = idmap_mix(key, (unsigned char)*p);
	return key;
}

static bool is_among(const uint64_t *seen, size_t n, uint64_t key)
{
	for (size_t i = 0; i < n; i++)
		if (seen[i] == key)
			return true;
	return false;
}

/*
 * What the thread that died first was in: places in files, each once, so that it is the same at any
 * load address and however deep a recursion went.
 */
static uint64_t signature(const struct aggregate *a, const struct crash *c)
{
	uint64_t hash =
		idmap_mix(c->first.death * 1000 + c->oom, c->first.signal * 256 + c->first.status);
	uint32_t index = c->n ? stack_table_find(&a->stacks, c->threads[c->first_at].stack) : IDMAP_NONE;
	uint64_t seen[SIGNATURE_FRAMES];
	size_t n = 0;

	for (const char *p = c->first.process; *p && p < c->first.process + BD_COMM; p++)
		hash = idmap_mix(hash, (unsigned char)*p);
	if (index == IDMAP_NONE || a->stacks.stacks[index].location_at == IDMAP_NONE)
		return hash;
	const struct stack *stack = &a->stacks.stacks[index];

	for (uint32_t i = 0; i < stack->nlocations && n < SIGNATURE_FRAMES; i++) {
		const struct location *l =
			&a->stacks.locations[a->stacks.location_of[stack->location_at + i]];

		if (l->module == LOCATION_CUT)
			break;
		const struct module *m = &a->processes.modules[l->module];
		/* Code that was made at run time lies elsewhere each time. */
		uint64_t key = idmap_mix(module_key(m), m->kind == MODULE_JIT ? 0 : l->address);

		if (is_among(seen, n, key))
			continue;
		seen[n++] = key;
		hash = idmap_mix(hash, key);
	}
	return hash;
}

static void on_closed(void *arg, struct crash *c)
{
	struct aggregate *a = arg;

	aggregate_note(a, crash_missing_name(c, &a->threads));
	c->signature = signature(a, c);
}

void aggregate_crashes_run(struct aggregate *a, uint64_t until_ns)
{
	crash_table_run(&a->crashes, until_ns, on_closed, a);
	a->loss[AGGREGATE_CRASHES] = a->crashes.lost;
}
