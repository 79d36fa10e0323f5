// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/aggregate_private.h"

#include <string.h>

#include "user/common/container.h"
#include "user/lib/base/array.h"

#define EXEC_SETTLES_NS 1500000
#define BLOCKERS_MOST (1u << 17)

const char *const aggregate_loss_names[AGGREGATE_LOSSES] = {
	[AGGREGATE_STACK_UNKNOWN] = "stack: never arrived",
	[AGGREGATE_BLOCKERS] = "blockers: too many",
	[AGGREGATE_SIDEBAND] = "mappings: ring full",
	[AGGREGATE_ENDS] = "threads: end not seen",
	[AGGREGATE_QUEUE] = "queue full",
	[AGGREGATE_MEMORY] = "out of memory",
	[AGGREGATE_CRASHES] = "crashes: too many at once",
};

int aggregate_init(struct aggregate *a, struct reader *reader)
{
	*a = (struct aggregate){ 0 };
	int err = event_queue_new(&a->queue);

	return err ? err : process_table_init(&a->processes, reader);
}

void aggregate_release(struct aggregate *a)
{
	event_queue_free(a->queue);
	thread_table_release(&a->threads);
	process_table_release(&a->processes);
	stack_table_release(&a->stacks);
	crash_table_release(&a->crashes);
	free(a->samples);
	free(a->blockers);
	idmap_release(&a->by_blocker);
	*a = (struct aggregate){ 0 };
}

void aggregate_note(struct aggregate *a, int err)
{
	if (err == -ENOMEM)
		a->loss[AGGREGATE_MEMORY]++;
}

/* --- stacks to locations, at the time of the first sample that has them */
static int resolve_kernel(struct aggregate *a, struct stack *stack)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < stack->n; i++) {
		/* A return address may be the first of the next function: the call is before it. */
		struct location location = { 0, a->stacks.raw[stack->raw_at + i] - (i > 0) };

		err = stack_resolve_add(&a->stacks, stack, &location);
	}
	return err;
}

static int resolve_frame(struct aggregate *a, struct stack *stack, uint64_t frame)
{
	struct location location = {
		.module = frame >> BD_MODULE_SHIFT,
		.address = frame & ((1ULL << BD_MODULE_SHIFT) - 1),
	};

	return stack_resolve_add(&a->stacks, stack, &location);
}

/* User frames come with their modules. Of a stack that is too deep the middle is missing. */
static int resolve_user(struct aggregate *a, struct stack *stack)
{
	uint32_t rest = stack->n > BD_STACK_MAX ? stack->n - BD_STACK_HALF : BD_STACK_HALF;
	int err = 0;

	for (uint32_t i = 0; !err && i < stack->n && i < BD_STACK_HALF; i++)
		err = resolve_frame(a, stack, a->stacks.raw[stack->raw_at + i]);
	if (!err && stack->n > BD_STACK_MAX)
		err = stack_resolve_add(&a->stacks, stack, &(struct location){ LOCATION_CUT, 0 });
	for (uint32_t i = rest; !err && i < stack->n; i++)
		err = resolve_frame(a, stack,
				    a->stacks.raw[stack->raw_at + BD_STACK_HALF + i % BD_STACK_HALF]);
	return err;
}

uint32_t aggregate_stack(struct aggregate *a, uint64_t hash, uint64_t t_ns)
{
	if (!hash)
		return IDMAP_NONE;
	uint32_t index = stack_table_find(&a->stacks, hash);

	if (index == IDMAP_NONE) {
		a->loss[AGGREGATE_STACK_UNKNOWN]++;
		return IDMAP_NONE;
	}
	struct stack *stack = &a->stacks.stacks[index];

	if (stack->seen_ns < t_ns)
		stack->seen_ns = t_ns;
	if (stack->location_at == IDMAP_NONE) {
		stack_resolve_begin(&a->stacks, stack);
		aggregate_note(a, stack->user ? resolve_user(a, stack) : resolve_kernel(a, stack));
	}
	return index;
}

static void know_container(struct aggregate *a, uint32_t pid)
{
	struct process *process = process_table_get(&a->processes, pid);

	if (!process || process->container_known)
		return;
	process->container_known = true;
	if (!container_of(pid, process->container))
		process->container[0] = '\0';
}

static void sample_add(struct aggregate *a, const struct bd_sample *s, uint64_t user_hash)
{
	struct thread *thread = thread_table_get(&a->threads, &s->thread);

	if (!thread || array_reserve((void **)&a->samples, &a->cap_samples, a->nsamples, 1,
				     sizeof(*a->samples))) {
		a->loss[AGGREGATE_MEMORY]++;
		return;
	}
	thread_table_names(thread, s->ns_tid, s->ns_tgid);
	thread->target = true;
	thread->samples++;
	if (thread->seen_ns < s->head.t_ns)
		thread->seen_ns = s->head.t_ns;
	if (thread->ns_tgid)
		know_container(a, thread->ns_tgid);
	/* Without memory it is on the way out, and how it got there was seen before that. */
	if (s->user_end == UNWIND_MEMORY_GONE && thread->exit_stack)
		user_hash = thread->exit_stack;
	/* After vfork() the parent is at work on the same stack again before execve() has left it. */
	if (thread->exec_stack &&
	    (s->user_end == UNWIND_EXEC ||
	     (s->last == BD_IN_EXEC && s->exec_id == thread->left_exec_id)))
		user_hash = thread->exec_stack;

	uint32_t user = aggregate_stack(a, user_hash, s->head.t_ns);

	a->samples[a->nsamples++] = (struct aggregate_sample){
		.t_ns = s->head.t_ns,
		.thread = thread - a->threads.threads,
		.kernel = aggregate_stack(a, s->kernel_stack, s->head.t_ns),
		.user = user,
		.user_lost = user_hash && user == IDMAP_NONE,
		.cpu = s->head.cpu,
		.user_end = s->user_end,
	};
}

static void on_sample(void *arg, const void *data, size_t bytes)
{
	const struct bd_sample *s = data;

	sample_add(arg, s, s->user_stack);
}

static void self_check(struct aggregate *a, const struct bd_late *late, const struct bd_stack *ours)
{
	uint32_t index = stack_table_find(&a->stacks, late->sample.user_stack);

	if (index != IDMAP_NONE)
		unwinder_check(a->unwinder, ours, a->stacks.raw + a->stacks.stacks[index].raw_at,
			       a->stacks.stacks[index].n);
}

static void last_stack_set(struct thread *thread, const struct bd_sample *s, uint64_t hash)
{
	if (s->last == BD_LAST_EXIT) {
		thread->exit_stack = hash;
		return;
	}
	thread->exec_stack = hash;
	thread->left_exec_id = s->exec_id;
}

/* A sample whose stack is walked here, with the mappings of its moment. */
static void on_late(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_late *late = data;
	struct bd_sample sample = late->sample;
	struct bd_stack stack;

	struct thread *thread = thread_table_get(&a->threads, &sample.thread);
	uint32_t pid = sample.ns_tgid ? sample.ns_tgid : thread ? thread->ns_tgid : 0;

	if (sample.last == BD_LAST_CRASH) {
		aggregate_crash_late(a, late, pid);
		return;
	}
	struct unwind_memory copy = unwinder_copy(late);
	int err = unwinder_walk(a->unwinder, late, &copy, pid, &stack);

	aggregate_note(a, err);
	if (err)
		return;
	if (stack.n)
		aggregate_note(a, stack_table_add(&a->stacks, &stack, sizeof(stack)));
	if (sample.last == BD_LAST_EXIT || sample.last == BD_LAST_EXEC) {
		if (thread && stack.n)
			last_stack_set(thread, &sample, stack.hash);
	} else if (sample.user_stack) {
		self_check(a, late, &stack);
		on_sample(a, &sample, sizeof(sample));
	} else if (stack.n) {
		sample_add(a, &sample, stack.hash);
	} else {
		sample.user_end = stack.end;
		sample_add(a, &sample, 0);
	}
}

static void on_sideband(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	struct sideband_event event = *(const struct sideband_event *)data;

	event.name = (const char *)data + sizeof(event);
	aggregate_note(a, process_table_event(&a->processes, &event));
	if (event.kind == SIDEBAND_EXIT && event.pid == event.tid)
		unwinder_forget(a->unwinder, event.pid);
	if (event.kind == SIDEBAND_FORK && event.pid != event.parent && a->tap.forked)
		a->tap.forked(a->tap.arg, event.pid, event.parent);
	if (event.kind == SIDEBAND_LOST)
		a->loss[AGGREGATE_SIDEBAND] += event.lost;
}

void aggregate_sideband(void *arg, const struct sideband_event *event)
{
	struct aggregate *a = arg;
	char copy[sizeof(*event) + 4096];
	size_t name = strnlen(event->name, 4095);

	memcpy(copy, event, sizeof(*event));
	memcpy(copy + sizeof(*event), event->name, name);
	copy[sizeof(*event) + name] = '\0';
	aggregate_note(a, event_queue_push(a->queue, event->t_ns, on_sideband, copy,
					   sizeof(*event) + name + 1));
}

/* --- records that need no order */
static bool too_late(const struct aggregate *a, const struct bd_thread *thread)
{
	return a->end_ns && thread->start_ns > a->end_ns;
}

static int rec_sample(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_sample *sample = data;

	return event_queue_push(a->queue, sample->head.t_ns, on_sample, data, bytes);
}

static int rec_late(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_late *late = data;

	if (bytes < BD_LATE_HEAD + late->bytes || late->bytes > BD_COPY_BYTES)
		return -EINVAL;
	return event_queue_push(a->queue, late->sample.head.t_ns, on_late, data, bytes);
}

static void on_exec(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_exec *event = data;

	unwinder_know(a->unwinder, event->ns_tgid, event->thread.tgid, event->exec_id, a->eager);
}

/* The program's libraries are mapped in its first millisecond. */
static int rec_exec(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_exec *event = data;

	return event_queue_push(a->queue, event->head.t_ns + EXEC_SETTLES_NS, on_exec, data, bytes);
}

/* In the order of time: samples of an earlier exec may still wait. */
static void on_leave(void *arg, const void *data, size_t bytes)
{
	struct aggregate *a = arg;
	const struct bd_leave *event = data;
	struct thread *thread = thread_table_get(&a->threads, &event->thread);

	if (thread)
		thread->exec_stack = event->user_stack;
	if (thread)
		thread->left_exec_id = event->exec_id;
}

static int rec_leave(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_leave *event = data;

	return event_queue_push(a->queue, event->head.t_ns, on_leave, data, bytes);
}

static int rec_stack(struct aggregate *a, const void *data, size_t bytes)
{
	return stack_table_add(&a->stacks, data, bytes);
}

static int rec_exit(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_exit *event = data;

	if (a->tap.exited)
		a->tap.exited(a->tap.arg, event);
	if (!event->alive)
		aggregate_note(a, aggregate_crash_gone(a, event));
	return too_late(a, &event->thread) ? 0 : thread_table_exit(&a->threads, event);
}

static int rec_free(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_free *event = data;

	if (a->tap.freed)
		a->tap.freed(a->tap.arg, event);
	return too_late(a, &event->thread) ? 0 : thread_table_free(&a->threads, event);
}

static int rec_waits(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_waits *event = data;

	return too_late(a, &event->thread) ? 0 : thread_table_waits(&a->threads, event);
}

static int rec_chunk(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_chunk_event *event = data;

	return too_late(a, &event->thread) ?
		       0 :
		       thread_table_chunk(&a->threads, &event->thread, &event->chunk);
}

static int rec_span(struct aggregate *a, const void *data, size_t bytes)
{
	const struct bd_span *s = data;

	return too_late(a, &s->thread) ? 0 :
					 thread_table_span(&a->threads, &s->thread, s->head.t_ns,
							   s->run_ns, s->wait_ns);
}

static const struct {
	size_t least;
	int (*take)(struct aggregate *a, const void *data, size_t bytes);
} takers[BD_KINDS] = {
	[BD_SAMPLE] = { sizeof(struct bd_sample), rec_sample },
	[BD_LATE] = { BD_LATE_HEAD, rec_late },
	[BD_STACK] = { BD_STACK_HEAD, rec_stack },
	[BD_EXEC] = { sizeof(struct bd_exec), rec_exec },
	[BD_LEAVE] = { sizeof(struct bd_leave), rec_leave },
	[BD_EXIT] = { sizeof(struct bd_exit), rec_exit },
	[BD_FREE] = { sizeof(struct bd_free), rec_free },
	[BD_WAITS] = { sizeof(struct bd_waits), rec_waits },
	[BD_CHUNK] = { sizeof(struct bd_chunk_event), rec_chunk },
	[BD_SPAN] = { sizeof(struct bd_span), rec_span },
	[BD_CRASH] = { sizeof(struct bd_crash), aggregate_rec_crash },
	[BD_CRASH_STATE] = { BD_CRASH_STATES_HEAD, aggregate_rec_states },
	[BD_CRASH_THREAD] = { sizeof(struct bd_crash_thread), aggregate_rec_crash_thread },
	[BD_KILL] = { sizeof(struct bd_kill), aggregate_rec_kill },
	[BD_OOM] = { sizeof(struct bd_oom), aggregate_rec_oom },
};

static void on_record(void *arg, const struct bd_head *record, size_t bytes)
{
	if (record->kind < BD_KINDS && takers[record->kind].take &&
	    bytes >= takers[record->kind].least)
		aggregate_note(arg, takers[record->kind].take(arg, record, bytes));
}

static void on_task(void *arg, const struct bd_task *task, const struct bd_waits *waits,
		    const struct bd_chunk *chunk, enum collector_edge edge)
{
	struct aggregate *a = arg;

	aggregate_note(a, thread_table_edge(&a->threads, task, waits, chunk, edge));
	if (a->tap.task)
		a->tap.task(a->tap.arg, task);
}

static void on_blocker(void *arg, const struct bd_blocker_key *key, const struct bd_blocker *value)
{
	struct aggregate *a = arg;
	uint64_t pair = idmap_mix(key->tid, key->by);
	uint32_t known = idmap_get(&a->by_blocker, pair);

	if (known != IDMAP_NONE) {
		a->blockers[known].value.wait_ns += value->wait_ns;
		a->blockers[known].value.count += value->count;
		return;
	}
	if (a->nblockers == BLOCKERS_MOST) {
		a->loss[AGGREGATE_BLOCKERS]++;
		return;
	}
	if (array_reserve((void **)&a->blockers, &a->cap_blockers, a->nblockers, 1,
			  sizeof(*a->blockers)) ||
	    idmap_set(&a->by_blocker, pair, a->nblockers)) {
		a->loss[AGGREGATE_MEMORY]++;
		return;
	}
	a->blockers[a->nblockers++] = (struct aggregate_blocker){ *key, *value };
}

struct collector_sink aggregate_sink(struct aggregate *a)
{
	return (struct collector_sink){ a, on_record, on_task, on_blocker };
}

void aggregate_run(struct aggregate *a, uint64_t until_ns)
{
	event_queue_run(a->queue, until_ns, a);
	aggregate_crashes_run(a, until_ns);
	unwinder_refresh(a->unwinder);
}
