// SPDX-License-Identifier: BSD-2-Clause
#include "user/record/recorder_dump.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/record/aggregate_private.h"
#include "user/record/dump_look.h"
#include "user/record/recorder_private.h"

static struct crash *dump_of(const struct recorder *r)
{
	return r->dump.nopen ? r->dump.open[0] : NULL;
}

/* The first thread begins the dump as the first one that dies begins a crash. */
static int begin(struct recorder *r, const struct bd_look *look)
{
	struct bd_crash first = {
		.head = look->late.sample.head,
		.thread = look->state.thread,
		.death = BD_DEATH_NONE,
		.ns_tid = look->state.ns_tid,
		.ns_tgid = look->late.sample.ns_tgid,
	};

	memcpy(first.process, look->state.comm, sizeof(first.process));
	return crash_table_begin(&r->dump, &first);
}

/* Walks the copy. */
static int walk(struct recorder *r, const struct bd_look *look)
{
	struct aggregate *a = &r->aggregate;
	const struct bd_late *late = &look->late;
	struct unwind_memory copy = unwinder_copy(late);
	struct bd_stack stack;
	int err = unwinder_walk(r->unwinder, late, &copy, r->named[0].pid, &stack);

	if (err || !stack.n)
		return err ? err
			   : crash_table_stack(&r->dump, &look->state.thread, 0, stack.end, false);
	err = stack_table_add(&a->stacks, &stack, sizeof(stack));
	if (err)
		return err;
	aggregate_stack(a, stack.hash, late->sample.head.t_ns);
	return crash_table_stack(&r->dump, &look->state.thread, stack.hash, stack.end, false);
}

static int add(struct recorder *r, const struct bd_look *look)
{
	struct bd_crash_states states = {.tgid = look->state.thread.tgid, .states[0] = look->state};
	const struct bd_late *late = &look->late;
	struct bd_crash_thread came = {
		.sample = late->sample,
		.late = BD_LATE_FOLLOWS,
		.call = look->state.call,
	};
	int err = crash_table_states(&r->dump, &states, 1);

	if (err || look->state.state == BD_STATE_RUNNING)
		return err;
	memcpy(came.comm, look->state.comm, sizeof(came.comm));
	/* Threads that have exited are there until somebody asks how; their memory isn't. */
	if (look->state.state == BD_STATE_DEAD && !late->bytes) {
		came.late = BD_LATE_NONE;
		came.sample.user_end = UNWIND_MEMORY_GONE;
	}
	err = crash_table_thread(&r->dump, &came);
	return err || came.late == BD_LATE_NONE ? err : walk(r, look);
}

static void on_look(void *arg, const struct bd_look *look)
{
	struct recorder *r = arg;
	struct crash *c = dump_of(r);
	int err = 0;

	/* Those that were made since the first look aren't part of it. */
	if (c && r->dump_looked) {
		uint32_t at = idmap_get(&c->by_tid, look->state.thread.tid);

		if (at == IDMAP_NONE || c->threads[at].came ||
		    c->threads[at].id.start_ns != look->state.thread.start_ns)
			return;
	}
	if (!c)
		err = begin(r, look);
	aggregate_note(&r->aggregate, err ? err : add(r, look));
}

int recorder_dump_look(struct recorder *r, char error[COLLECTOR_ERROR])
{
	int area, err = 0;

	if (!r->looks) {
		const struct bpf_program *program = collector_dump_program(r->collector, &area);

		err = dump_look_new(&r->looks, program, area);
	}
	if (!err)
		err = dump_look_take(r->looks, r->named[0].tgid, on_look, r);
	if (err)
		snprintf(error, COLLECTOR_ERROR, "looking at the threads: %s", strerror(-err));
	r->dump_looked = true;
	return err;
}

size_t recorder_dump_threads(const struct recorder *r, size_t *ret_missing)
{
	const struct crash *c = dump_of(r);

	*ret_missing = c ? c->n - c->ncame : 0;
	return c ? c->n : 0;
}

/* Who ran at each look: where its first sample found it. */
static void take_samples(struct recorder *r, struct crash *c)
{
	const struct aggregate *a = &r->aggregate;

	for (size_t i = 0; i < a->nsamples; i++) {
		const struct aggregate_sample *s = &a->samples[i];
		const struct bd_thread *id = &a->threads.threads[s->thread].id;
		uint32_t at = idmap_get(&c->by_tid, id->tid);

		if (at == IDMAP_NONE || s->t_ns < c->first.head.t_ns || s->user_lost ||
		    c->threads[at].came || c->threads[at].id.start_ns != id->start_ns)
			continue;
		struct crash_thread *t = &c->threads[at];

		t->came = true;
		t->state = BD_STATE_RUNNING;
		t->call = BD_NO_CALL;
		t->t_ns = s->t_ns;
		t->stack = s->user == IDMAP_NONE ? 0 : a->stacks.stacks[s->user].hash;
		t->end = s->user_end;
	}
}

static void on_closed(void *arg, struct crash *c)
{
	take_samples(arg, c);
	c->first.nthreads = c->n;
}

struct crash *recorder_dump_take(struct recorder *r)
{
	crash_table_run(&r->dump, UINT64_MAX, on_closed, r);
	return crash_table_take(&r->dump);
}
