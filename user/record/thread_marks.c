// SPDX-License-Identifier: BSD-2-Clause
/* The part of the table of threads that a recording without an end needs: marks, and forgetting. */
#include <string.h>

#include "user/lib/base/array.h"
#include "user/record/thread_table.h"

static int mark(struct thread *thread, uint64_t number)
{
	if (!thread->marks) {
		thread->marks = calloc(THREAD_MARKS, sizeof(*thread->marks));
		if (!thread->marks)
			return -ENOMEM;
		thread->first_mark = number;
	}
	thread->marks[number % THREAD_MARKS] = thread->end;
	thread->last_mark = number;
	return 0;
}

int thread_table_mark(struct thread_table *t, uint64_t number)
{
	int err = 0;

	for (size_t i = 0; !err && i < t->n; i++)
		if (t->threads[i].has_end && !t->threads[i].exited)
			err = mark(&t->threads[i], number);
	return err;
}

struct bd_sums thread_sums_at(const struct thread *thread, uint64_t number, uint64_t at_ns)
{
	if (number == THREAD_NOW || (thread->marks && number > thread->last_mark))
		return thread->end;
	if (thread->marks && number >= thread->first_mark)
		return thread->marks[number % THREAD_MARKS];
	/* It began after the mark; or it was missed then, and what it had used by now is unknown. */
	if (thread->id.start_ns >= at_ns)
		return (struct bd_sums){ 0 };
	return thread->marks ? thread->marks[thread->first_mark % THREAD_MARKS] : thread->end;
}

static int index_again(struct thread_table *t)
{
	struct idmap by_id = { 0 }, by_tid = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct bd_thread *id = &t->threads[i].id;

		if (idmap_set(&by_id, idmap_mix(id->start_ns, id->tid), i) ||
		    idmap_set(&by_tid, id->tid, i)) {
			idmap_release(&by_id);
			idmap_release(&by_tid);
			return -ENOMEM;
		}
	}
	idmap_release(&t->by_id);
	idmap_release(&t->by_tid);
	t->by_id = by_id;
	t->by_tid = by_tid;
	return 0;
}

/* Those that go are moved behind the others first: until the indexes are there nothing is lost. */
int thread_table_trim(struct thread_table *t, uint64_t oldest_ns, uint32_t *moved)
{
	struct thread *sorted = malloc((t->n + 1) * sizeof(*sorted));
	size_t all = t->n, kept = 0, gone = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < all; i++)
		kept += t->threads[i].seen_ns >= oldest_ns;
	for (size_t i = 0, at = 0; i < all; i++) {
		bool keep = t->threads[i].seen_ns >= oldest_ns;

		moved[i] = keep ? at : IDMAP_NONE;
		sorted[keep ? at++ : kept + gone++] = t->threads[i];
	}
	struct thread *before = t->threads;

	t->threads = sorted;
	t->n = kept;
	if (index_again(t)) {
		t->threads = before;
		t->n = all;
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = kept; i < all; i++) {
		free(sorted[i].slots);
		free(sorted[i].marks);
	}
	free(before);
	t->cap = all + 1;
	array_shrink((void **)&t->threads, &t->cap, t->n, sizeof(*t->threads));
	return 0;
}

void thread_table_new_burst(struct thread_table *t, uint64_t origin_slot)
{
	t->origin_slot = origin_slot;
	for (size_t i = 0; i < t->n; i++) {
		free(t->threads[i].slots);
		t->threads[i].slots = NULL;
		t->threads[i].nslots = t->threads[i].cap_slots = 0;
		memset(t->threads[i].waits, 0, sizeof(t->threads[i].waits));
	}
}

size_t thread_table_bytes(const struct thread_table *t)
{
	size_t bytes = t->cap * sizeof(*t->threads) + idmap_bytes(&t->by_id) +
		       idmap_bytes(&t->by_tid);

	for (size_t i = 0; i < t->n; i++) {
		bytes += t->threads[i].cap_slots * sizeof(*t->threads[i].slots);
		bytes += t->threads[i].marks ? THREAD_MARKS * sizeof(struct bd_sums) : 0;
	}
	return bytes;
}
