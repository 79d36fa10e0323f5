// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/thread_table.h"

#include <string.h>

#include "user/lib/base/array.h"

void thread_table_release(struct thread_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->threads[i].slots);
		free(t->threads[i].marks);
	}
	free(t->threads);
	idmap_release(&t->by_id);
	idmap_release(&t->by_tid);
	*t = (struct thread_table){ 0 };
}

struct thread *thread_table_get(struct thread_table *t, const struct bd_thread *id)
{
	uint64_t key = idmap_mix(id->start_ns, id->tid);
	uint32_t found = idmap_get(&t->by_id, key);

	if (found != IDMAP_NONE)
		return &t->threads[found];
	if (array_reserve((void **)&t->threads, &t->cap, t->n, 1, sizeof(*t->threads)) ||
	    idmap_set(&t->by_id, key, t->n) || idmap_set(&t->by_tid, id->tid, t->n))
		return NULL;
	struct thread *thread = &t->threads[t->n++];

	*thread = (struct thread){ .id = *id, .row = IDMAP_NONE };
	return thread;
}

struct thread *thread_table_by_tid(struct thread_table *t, uint32_t tid)
{
	uint32_t found = idmap_get(&t->by_tid, tid);

	return found == IDMAP_NONE ? NULL : &t->threads[found];
}

void thread_table_own(struct thread_table *t, const struct bd_thread *id, uint64_t client)
{
	uint32_t found = idmap_get(&t->by_id, idmap_mix(id->start_ns, id->tid));

	if (found != IDMAP_NONE)
		t->threads[found].client = client;
}

static void name_copy(char to[BD_COMM], const char from[BD_COMM])
{
	memcpy(to, from, BD_COMM);
	to[BD_COMM - 1] = '\0';
}

/* A thread that is ending has no number any more: the one that it had stays. */
void thread_table_names(struct thread *thread, uint32_t ns_tid, uint32_t ns_tgid)
{
	if (ns_tid)
		thread->ns_tid = ns_tid;
	if (ns_tgid)
		thread->ns_tgid = ns_tgid;
}

static int slot_add(struct thread_table *t, struct thread *thread, uint64_t slot, uint32_t on_cpu_ns,
		    uint32_t wait_ns)
{
	if (slot < t->origin_slot || (!on_cpu_ns && !wait_ns))
		return 0;
	slot -= t->origin_slot;
	if (thread->nslots && thread->slots[thread->nslots - 1].slot == slot) {
		thread->slots[thread->nslots - 1].on_cpu_ns += on_cpu_ns;
		thread->slots[thread->nslots - 1].wait_ns += wait_ns;
		return 0;
	}
	if (array_reserve((void **)&thread->slots, &thread->cap_slots, thread->nslots, 1,
			  sizeof(*thread->slots)))
		return -ENOMEM;
	thread->slots[thread->nslots++] = (struct thread_slot){ slot, on_cpu_ns, wait_ns };
	return 0;
}

/* Spreads a stretch of time over the slots that it reaches into. */
static int stretch_add(struct thread_table *t, struct thread *thread, uint64_t from, uint64_t until,
		       bool waiting)
{
	uint64_t origin = t->origin_slot * BD_SLOT_NS;

	if (from < origin)
		from = origin;
	while (from < until) {
		uint64_t slot = from / BD_SLOT_NS, end = (slot + 1) * BD_SLOT_NS;
		uint32_t part = (end < until ? end : until) - from;
		int err = slot_add(t, thread, slot, waiting ? 0 : part, waiting ? part : 0);

		if (err)
			return err;
		from += part;
	}
	return 0;
}

int thread_table_span(struct thread_table *t, const struct bd_thread *id, uint64_t until_ns,
		      uint64_t run_ns, uint64_t wait_ns)
{
	struct thread *thread = thread_table_get(t, id);
	uint64_t arrival = until_ns - run_ns;
	int err;

	if (!thread)
		return -ENOMEM;
	err = stretch_add(t, thread, arrival - (wait_ns < arrival ? wait_ns : arrival), arrival,
			  true);
	return err ? err : stretch_add(t, thread, arrival, until_ns, false);
}

int thread_table_chunk(struct thread_table *t, const struct bd_thread *id,
		       const struct bd_chunk *chunk)
{
	struct thread *thread = thread_table_get(t, id);

	if (!thread)
		return -ENOMEM;
	for (unsigned i = 0; chunk->number && i < BD_CHUNK_SLOTS; i++) {
		int err = slot_add(t, thread, chunk->number * BD_CHUNK_SLOTS + i,
				   chunk->slots[i].on_cpu_ns, chunk->slots[i].wait_ns);
		if (err)
			return err;
	}
	return 0;
}

int thread_table_waits(struct thread_table *t, const struct bd_waits *event)
{
	struct thread *thread = thread_table_get(t, &event->thread);

	if (!thread)
		return -ENOMEM;
	for (unsigned i = 0; i < BD_WAIT_BUCKETS; i++)
		thread->waits[i] += event->buckets[i];
	return 0;
}

static uint64_t grown(uint64_t end, uint64_t base)
{
	return end > base ? end - base : 0;
}

static int last_stretch(struct thread_table *t, const struct bd_task *task)
{
	/* Either it runs now, or it waits now: the iterator counted one of them to now_ns. */
	return thread_table_span(t, &task->thread, task->now_ns, task->run_ns, task->wait_ns);
}

/*
 * It began before the window, and the iterator did not come by at the begin: it had ended by then, most
 * often. What it had done until now isn't the window's, however long it had lived.
 */
static void base_of_missed(const struct thread_table *t, struct thread *thread,
			   const struct bd_sums *sums)
{
	if (thread->has_base || thread->has_end || thread->id.start_ns >= t->window_ns)
		return;
	thread->has_base = true;
	thread->base = *sums;
}

int thread_table_edge(struct thread_table *t, const struct bd_task *task,
		      const struct bd_waits *waits, const struct bd_chunk *chunk,
		      enum collector_edge edge)
{
	struct thread *thread = thread_table_get(t, &task->thread);
	int err = 0;

	if (!thread)
		return -ENOMEM;
	thread_table_names(thread, task->ns_tid, task->ns_tgid);
	thread->target = task->target;
	thread->kernel = task->kthread;
	thread->exec_id = task->exec_id;
	name_copy(thread->name, task->comm);
	name_copy(thread->process, task->process);
	if (edge == COLLECTOR_LOOK && thread->has_end) {
		thread->step_ns = task->now_ns - thread->seen_ns;
		thread->step_on_cpu_ns = grown(task->sums.on_cpu_ns, thread->end.on_cpu_ns);
		thread->step_wait_ns = grown(task->sums.wait_ns, thread->end.wait_ns);
	}
	thread->seen_ns = task->now_ns;
	if (edge == COLLECTOR_BEGIN) {
		thread->has_base = true;
		thread->base = task->sums;
		return 0;
	}
	base_of_missed(t, thread, &task->sums);
	thread->end = task->sums;
	thread->has_end = true;
	thread->final = edge == COLLECTOR_END;
	if (edge == COLLECTOR_LOOK)
		return 0;
	if (waits)
		err = thread_table_waits(t, waits);
	if (!err && chunk)
		err = thread_table_chunk(t, &task->thread, chunk);
	if (!err && waits)
		err = last_stretch(t, task);
	return err;
}

int thread_table_exit(struct thread_table *t, const struct bd_exit *event)
{
	struct thread *thread = thread_table_get(t, &event->thread);

	if (!thread)
		return -ENOMEM;
	base_of_missed(t, thread, &event->sums);
	thread_table_names(thread, event->ns_tid, event->ns_tgid);
	thread->target = event->target;
	thread->seen_ns = thread->exited_ns = event->head.t_ns;
	if (event->user_stack)
		thread->exit_stack = event->user_stack;
	if (!thread->final) {
		thread->exited = true;
		thread->end = event->sums;
		thread->has_end = true;
	}
	name_copy(thread->name, event->comm);
	name_copy(thread->process, event->process);
	return 0;
}

int thread_table_free(struct thread_table *t, const struct bd_free *event)
{
	struct thread *thread = thread_table_get(t, &event->thread);

	if (!thread)
		return -ENOMEM;
	base_of_missed(t, thread, &event->sums);
	thread->seen_ns = event->head.t_ns;
	/* It was seen alive at the end of the window, and what came later isn't part of it. */
	if (thread->final)
		return 0;
	thread->end = event->sums;
	thread->has_end = thread->final = true;
	thread->exited = true;
	return 0;
}

static int by_slot(const void *a, const void *b)
{
	const struct thread_slot *x = a, *y = b;

	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/*
 * The scheduler's clock and ours differ by what was stolen within the last millisecond, so a wait may
 * be a little longer than what is left of its slot: then it began in the slot before.
 */
static void slot_spill(struct thread_slot *slot, struct thread_slot *before)
{
	uint64_t over = (uint64_t)slot->on_cpu_ns + slot->wait_ns;

	if (over <= BD_SLOT_NS)
		return;
	over -= BD_SLOT_NS;
	if (over > slot->wait_ns)
		over = slot->wait_ns;
	slot->wait_ns -= over;
	if (before && before->slot + 1 == slot->slot)
		before->wait_ns += over;
}

static void sort_slots(struct thread *thread)
{
	size_t kept = 0;

	if (!thread->nslots)
		return;
	qsort(thread->slots, thread->nslots, sizeof(*thread->slots), by_slot);
	for (size_t i = 1; i < thread->nslots; i++) {
		if (thread->slots[i].slot == thread->slots[kept].slot) {
			thread->slots[kept].on_cpu_ns += thread->slots[i].on_cpu_ns;
			thread->slots[kept].wait_ns += thread->slots[i].wait_ns;
		} else {
			thread->slots[++kept] = thread->slots[i];
		}
	}
	thread->nslots = kept + 1;
	for (size_t i = kept; i > 0; i--)
		slot_spill(&thread->slots[i], &thread->slots[i - 1]);
	slot_spill(&thread->slots[0], NULL);
}

void thread_table_sort_slots(struct thread_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		sort_slots(&t->threads[i]);
}

struct bd_sums thread_sums(const struct thread *thread)
{
	return (struct bd_sums){
		.on_cpu_ns = grown(thread->end.on_cpu_ns, thread->base.on_cpu_ns),
		.wait_ns = grown(thread->end.wait_ns, thread->base.wait_ns),
		.voluntary = grown(thread->end.voluntary, thread->base.voluntary),
		.involuntary = grown(thread->end.involuntary, thread->base.involuntary),
	};
}
