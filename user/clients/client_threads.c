// SPDX-License-Identifier: BSD-2-Clause
/* Threads, and what they used: the differences of the sums that the scheduler keeps. */
#include <string.h>

#include "user/clients/clients_private.h"
#include "user/lib/base/array.h"

static uint64_t thread_key(const struct bd_thread *id)
{
	return idmap_mix(id->start_ns, id->tid);
}

static bool is_it(const struct client_thread *t, const struct bd_thread *id)
{
	return t->tid == id->tid && t->start_ns == id->start_ns;
}

static struct client_thread *thread_find(struct clients *c, const struct bd_thread *id)
{
	uint32_t found;

	/* Nearly always it is the one behind the last one. */
	if (c->thread_cursor + 1 < c->nthreads && is_it(&c->threads[c->thread_cursor + 1], id))
		return &c->threads[++c->thread_cursor];
	found = idmap_get(&c->by_thread, thread_key(id));
	if (found == IDMAP_NONE)
		return NULL;
	c->thread_cursor = found;
	return &c->threads[found];
}

uint32_t client_thread_process(const struct clients *c, const struct bd_thread *id)
{
	uint32_t found = idmap_get(&c->by_thread, thread_key(id));

	return found == IDMAP_NONE ? CLIENTS_NONE : c->threads[found].process;
}

/* One that is older than the last pass, and wasn't in it, has sums that are not all of now. */
static struct client_thread *thread_new(struct clients *c, const struct bd_thread *id,
					const struct bd_sums *sums, const struct client_split *split,
					uint32_t process)
{
	bool began = c->since_ns && id->start_ns >= c->since_ns;
	struct client_thread *t;

	if (array_reserve((void **)&c->threads, &c->cap_threads, c->nthreads, 1,
			  sizeof(*c->threads)) ||
	    idmap_set(&c->by_thread, thread_key(id), c->nthreads))
		return NULL;
	t = &c->threads[c->nthreads++];
	*t = (struct client_thread){ .start_ns = id->start_ns, .tid = id->tid, .process = process };
	if (!began) {
		t->on_cpu_ns = sums->on_cpu_ns;
		t->wait_ns = sums->wait_ns;
		/* Without one now, what is heard later has too much in it. */
		t->split = split ? *split : (struct client_split){ UINT64_MAX, UINT64_MAX };
	}
	return t;
}

/* Sums that are estimated up to now may be ahead of those that come next. */
static uint64_t advance(uint64_t *sum, uint64_t now)
{
	uint64_t passed = now > *sum ? now - *sum : 0;

	*sum += passed;
	return passed;
}

int client_thread_account(struct clients *c, const struct bd_thread *id, uint32_t ns_tid,
			  const struct bd_sums *sums, const struct client_split *split,
			  uint32_t process, bool alive)
{
	struct client_thread *t = thread_find(c, id);
	struct client_process *p;

	if (!t)
		t = thread_new(c, id, sums, split, process);
	if (!t)
		return -ENOMEM;
	t->seen = c->pass;
	if (ns_tid)
		t->ns_tid = ns_tid;
	/* When it has ended, its process's number may be another's by now. */
	if (alive)
		t->process = process;
	p = &c->processes[t->process];
	uint64_t run = advance(&t->on_cpu_ns, sums->on_cpu_ns);
	uint64_t wait = advance(&t->wait_ns, sums->wait_ns);

	t->untold_ns += run;
	p->run_ns += run;
	p->wait_ns += wait;
	if (split) {
		p->split.user_ns += advance(&t->split.user_ns, split->user_ns);
		p->split.system_ns += advance(&t->split.system_ns, split->system_ns);
	}
	c->machine_run_ns += run;
	c->machine_wait_ns += wait;
	if (alive) {
		p->threads++;
		c->machine_threads++;
	}
	return 0;
}

int clients_look(struct clients *c, const struct bd_task *task)
{
	const struct client_split split = { task->user_ns, task->system_ns };
	uint32_t known = client_thread_process(c, &task->thread);

	return known == CLIENTS_NONE ? 0 :
				       client_thread_account(c, &task->thread, task->ns_tid,
							     &task->sums, &split, known, false);
}

void clients_threads(struct clients *c,
		     void (*fn)(void *arg, const struct client_thread_second *thread), void *arg)
{
	for (size_t i = 0; i < c->nthreads; i++) {
		struct client_thread *t = &c->threads[i];
		const struct client_process *p = &c->processes[t->process];

		/* Whose it is will be known at the end of the second. */
		if (!t->untold_ns || (p->client == CLIENTS_NONE && !p->looked_ns))
			continue;
		if (p->client != CLIENTS_NONE) {
			const struct client_entry *e = &c->entries[p->client];
			struct client_thread_second second = {
				.id = { t->tid, p->tgid, t->start_ns },
				.on_cpu_ns = t->untold_ns,
				.tid = t->ns_tid ? t->ns_tid : t->tid,
				.client = e->row,
				.name = e->name,
			};

			fn(arg, &second);
		}
		t->untold_ns = 0;
	}
}
