// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/crash.h"

#include <string.h>

#include "user/lib/base/array.h"

#define LAST_WORDS_NS 100000000ULL /* of the thread with which the process ends, on another CPU's ring */
#define OOM_TELLS_NS 200000000ULL /* why the kernel killed it, it says a moment later */

static void copy_release(struct crash *c)
{
	free(c->copy.head);
	free(c->copy.data);
	memset(&c->copy, 0, sizeof(c->copy));
}

void crash_free(struct crash *c)
{
	if (!c)
		return;
	copy_release(c);
	free(c->threads);
	idmap_release(&c->by_tid);
	free(c);
}

void crash_table_release(struct crash_table *t)
{
	for (size_t i = 0; i < t->nopen; i++)
		crash_free(t->open[i]);
	for (size_t i = 0; i < t->ndone; i++)
		crash_free(t->done[i]);
	*t = (struct crash_table){0};
}

static struct crash *find(struct crash_table *t, uint32_t tgid)
{
	for (size_t i = t->nopen; i-- > 0;)
		if (t->open[i]->first.thread.tgid == tgid)
			return t->open[i];
	return NULL;
}

struct crash_thread *crash_thread_get(struct crash *c, const struct bd_thread *id)
{
	uint32_t found = idmap_get(&c->by_tid, id->tid);

	if (found != IDMAP_NONE)
		return &c->threads[found];
	if (array_reserve((void **)&c->threads, &c->cap, c->n, 1, sizeof(*c->threads)) ||
	    idmap_set(&c->by_tid, id->tid, c->n))
		return NULL;
	c->threads[c->n] = (struct crash_thread){.id = *id, .call = BD_NO_CALL};
	return &c->threads[c->n++];
}

int crash_table_begin(struct crash_table *t, const struct bd_crash *event)
{
	struct crash *c = t->nopen < CRASHES_OPEN ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		t->lost++;
		return t->nopen < CRASHES_OPEN ? -ENOMEM : 0;
	}
	c->first = *event;
	t->open[t->nopen++] = c;
	for (size_t i = 0; i < 16; i++)
		c->oom |= t->ooms[i].tgid == event->thread.tgid ||
			  (!t->ooms[i].tgid && t->ooms[i].tid == event->thread.tid);
	return crash_thread_get(c, &event->thread) ? 0 : -ENOMEM;
}

int crash_table_states(struct crash_table *t, const struct bd_crash_states *event, size_t n)
{
	struct crash *c = find(t, event->tgid);

	if (!c)
		return 0;
	c->states = true;
	for (size_t i = 0; i < n; i++) {
		const struct bd_crash_state *s = &event->states[i];
		struct crash_thread *thread = crash_thread_get(c, &s->thread);

		if (!thread)
			return -ENOMEM;
		thread->state = s->state;
		if (s->state != BD_STATE_RUNNING)
			thread->call = s->call;
		thread->ns_tid = s->ns_tid;
		memcpy(thread->name, s->comm, sizeof(thread->name));
	}
	return 0;
}

int crash_table_thread(struct crash_table *t, const struct bd_crash_thread *event)
{
	const struct bd_sample *s = &event->sample;
	struct crash *c = find(t, s->thread.tgid);
	struct crash_thread *thread = c ? crash_thread_get(c, &s->thread) : NULL;

	if (!thread)
		return c ? -ENOMEM : 0;
	c->ncame += !thread->came;
	thread->came = true;
	if (thread == c->threads)
		copy_release(c); /* its parts come before it */
	thread->t_ns = s->head.t_ns;
	thread->walk_ns = event->walk_ns;
	thread->left_out = event->late == BD_LATE_LEFT_OUT;
	if (s->ns_tid)
		thread->ns_tid = s->ns_tid;
	memcpy(thread->name, event->comm, sizeof(thread->name));
	/* By the kernel's own look it is known whether it stood in the call or went on. */
	if (!c->states)
		thread->call = event->call;
	if (thread == c->threads && event->jumped)
		c->jumped = true;
	if (event->caller)
		c->first_at = thread - c->threads;
	if (thread->stack)
		return 0; /* its copy was here first */
	thread->stack = s->user_stack;
	thread->end = s->user_end;
	if (event->late == BD_LATE_FOLLOWS && !thread->copied) {
		thread->copied = true;
		c->ncopied++;
	}
	return 0;
}

static bool copy_begin(struct crash *c, const struct bd_late *late)
{
	copy_release(c);
	c->copy.head = malloc(sizeof(*late));
	c->copy.data = malloc((size_t)BD_CRASH_PARTS * BD_COPY_BYTES);
	if (!c->copy.head || !c->copy.data) {
		copy_release(c);
		return false;
	}
	memcpy(c->copy.head, late, BD_LATE_HEAD);
	return true;
}

const struct bd_late *crash_table_copy(struct crash_table *t, const struct bd_late *late,
				       struct unwind_memory *copy)
{
	struct crash *c = find(t, late->sample.thread.tgid);

	if (!late->part && (!c || late->bytes < BD_COPY_BYTES))
		return late;
	if (!c || late->part >= BD_CRASH_PARTS)
		return NULL;
	/* Without memory for more, the first part has to do. */
	if (!late->part && !copy_begin(c, late))
		return late;
	if (!c->copy.head || late->part != c->copy.parts ||
	    late->sample.thread.tid != c->copy.head->sample.thread.tid)
		return NULL;
	memcpy(c->copy.data + c->copy.bytes, copy->data, copy->bytes);
	c->copy.bytes += copy->bytes;
	c->copy.parts++;
	*copy = (struct unwind_memory){
		.base = copy->base - (uint64_t)late->part * BD_COPY_BYTES,
		.data = c->copy.data,
		.bytes = c->copy.bytes,
	};
	return c->copy.head;
}

int crash_table_stack(struct crash_table *t, const struct bd_thread *id, uint64_t stack,
		      uint32_t end, bool jumped)
{
	struct crash *c = find(t, id->tgid);
	struct crash_thread *thread = c ? crash_thread_get(c, id) : NULL;

	if (!thread)
		return c ? -ENOMEM : 0;
	if (thread->copied)
		c->ncopied--;
	thread->copied = false;
	thread->stack = stack;
	thread->end = end;
	if (thread == c->threads)
		c->jumped |= jumped;
	return 0;
}

void crash_table_oom(struct crash_table *t, const struct bd_oom *event)
{
	for (size_t i = 0; i < t->nopen; i++) {
		struct crash *c = t->open[i];

		if (event->tgid ? c->first.thread.tgid == event->tgid
				: idmap_get(&c->by_tid, event->tid) != IDMAP_NONE)
			c->oom = true;
	}
	t->ooms[t->nooms % 16].tgid = event->tgid;
	t->ooms[t->nooms++ % 16].tid = event->tid;
}

void crash_table_gone(struct crash_table *t, uint32_t tgid, uint64_t t_ns)
{
	struct crash *c = find(t, tgid);

	if (c)
		c->gone_ns = t_ns;
}

static bool is_complete(const struct crash *c, uint64_t now_ns)
{
	uint64_t age_ns = now_ns > c->first.head.t_ns ? now_ns - c->first.head.t_ns : 0;

	if (age_ns > CRASH_WAIT_NS)
		return true;
	if (c->first.from_kernel && !c->oom && age_ns < OOM_TELLS_NS)
		return false;
	if (c->ncame >= c->first.nthreads && !c->ncopied)
		return true;
	return c->gone_ns && now_ns > c->gone_ns + LAST_WORDS_NS;
}

void crash_table_run(struct crash_table *t, uint64_t now_ns,
		     void (*closed)(void *arg, struct crash *c), void *arg)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->nopen; i++) {
		struct crash *c = t->open[i];

		if (!is_complete(c, now_ns)) {
			t->open[kept++] = c;
			continue;
		}
		closed(arg, c);
		if (t->ndone < CRASHES_DONE) {
			t->done[t->ndone++] = c;
		} else {
			t->lost++;
			crash_free(c);
		}
	}
	t->nopen = kept;
}

struct crash *crash_table_take(struct crash_table *t)
{
	struct crash *c = t->ndone ? t->done[0] : NULL;

	if (c)
		memmove(t->done, t->done + 1, --t->ndone * sizeof(*t->done));
	return c;
}
