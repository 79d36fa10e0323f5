/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine of made-up threads and a clock, for the tests of clients. */
#ifndef BD_CLIENTS_WORLD_H
#define BD_CLIENTS_WORLD_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/fake_tree.h"
#include "user/clients/clients.h"
#include "user/lib/base/out.h"

#define SECOND 1000000000ULL
#define MS 1000000ULL
#define TASKS_MAX 12000
#define UNITS "[client \"%unit\"]\nmatch_unit = *.service\n"

/* A machine of two CPUs: its threads are an array, its /proc a tree of files. */
struct world {
	struct fake_tree tree;
	struct config config;
	struct clients *clients;
	struct clients_second second;
	uint64_t now_ns;
	size_t n;
	struct bd_task tasks[TASKS_MAX];
};

/* So many ticks of the hypervisor, and in user space and the kernel. */
static inline void world_split(struct world *w, unsigned steal_ticks, unsigned user, unsigned system)
{
	fake_tree_write(&w->tree, "proc/stat",
			"cpu  %u 5 %u 100 0 0 0 %u 0 0\ncpu0 5 0 5 50 0 0 0 0 0 0\n"
			"cpu1 5 0 5 50 0 0 0 0 0 0\nintr 1\n",
			user, system, steal_ticks);
}

static inline void world_stat(struct world *w, unsigned steal_ticks)
{
	world_split(w, steal_ticks, 10, 10);
}

static inline struct world *world_new(const char *config)
{
	struct world *w = calloc(1, sizeof(*w));
	struct clients_options options = { .path = "f" };
	struct config_errors errors;
	char proc[100];

	assert_non_null(w);
	fake_tree_new(&w->tree);
	world_stat(w, 100);
	fake_tree_write(&w->tree, "proc/self/mountinfo",
			"1 1 0:1 / %s/v2 rw - cgroup2 cgroup2 rw\n"
			"2 1 0:2 / %s/cpu rw - cgroup cgroup rw,cpu\n",
			w->tree.dir, w->tree.dir);
	fake_tree_write(&w->tree, "proc/pressure/cpu", "some avg10=0.00 total=5000\n");
	fake_tree_write(&w->tree, "proc/meminfo",
			"MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     400 kB\n");
	assert_int_equal(config_parse("f", config, strlen(config), &w->config, &errors), 0);
	config_errors_release(&errors);
	snprintf(proc, sizeof(proc), "%s/proc", w->tree.dir);
	options.config = &w->config;
	options.proc = proc;
	assert_int_equal(clients_new(&options, &w->clients, &errors), 0);
	config_errors_release(&errors);
	w->now_ns = 1000 * SECOND;
	return w;
}

static inline void world_free(struct world *w)
{
	clients_free(w->clients);
	config_release(&w->config);
	fake_tree_free(&w->tree);
	free(w);
}

/* A new process with one thread, and its files. It begins now. */
static inline struct bd_task *process(struct world *w, uint32_t pid, uint32_t parent, const char *name,
			       const char *cgroup)
{
	struct bd_task *t = &w->tasks[w->n++];
	char file[64];

	*t = (struct bd_task){ .thread = { pid, pid, w->now_ns + 1 },
			       .ns_tid = pid,
			       .ns_tgid = pid,
			       .parent = parent,
			       .exec_id = 1 };
	snprintf(t->comm, sizeof(t->comm), "%s", name);
	snprintf(t->process, sizeof(t->process), "%s", name);
	snprintf(file, sizeof(file), "proc/%u/cgroup", pid);
	fake_tree_write(&w->tree, file, "1:cpu:%s\n0::%s\n", cgroup, cgroup);
	snprintf(file, sizeof(file), "proc/%u/statm", pid);
	fake_tree_write(&w->tree, file, "500 %u 20 1 0 1 0\n", 100 + pid % 10);
	snprintf(file, sizeof(file), "proc/%u/cmdline", pid);
	fake_tree_write(&w->tree, file, "/bin/%s%c-x", name, 0);
	return t;
}

static inline struct bd_task *thread(struct world *w, const struct bd_task *leader, uint32_t tid)
{
	struct bd_task *t = &w->tasks[w->n++];

	*t = *leader;
	t->thread.tid = t->ns_tid = tid;
	t->thread.start_ns = w->now_ns + 1;
	t->sums = (struct bd_sums){ 0 };
	return t;
}

/* The task with this number is in no list any more. */
static inline void gone(struct world *w, uint32_t tid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->tasks[i].thread.tid == tid) {
			w->tasks[i] = w->tasks[--w->n];
			return;
		}
	fail_msg("no task %u", tid);
}

static inline void used(struct bd_task *t, uint64_t run_ms, uint64_t wait_ms)
{
	t->sums.on_cpu_ns += run_ms * MS;
	t->sums.wait_ns += wait_ms * MS;
}

static inline void next(struct world *w)
{
	w->now_ns += SECOND;
	clients_begin_second(w->clients, w->now_ns);
	for (size_t i = 0; i < w->n; i++)
		assert_int_equal(clients_task(w->clients, &w->tasks[i]), 0);
	assert_int_equal(clients_end_second(w->clients, &w->second), 0);
}

static inline const struct client_second *client(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->second.n; i++)
		if (!strcmp(w->second.clients[i].name, name))
			return &w->second.clients[i];
	fail_msg("no client %s", name);
	return NULL;
}

static inline const char *owner(const struct world *w, uint32_t pid)
{
	uint32_t place = clients_of_pid(w->clients, pid);

	assert_int_equal(place, clients_of_tgid(w->clients, pid));
	return place == CLIENTS_NONE ? "" : w->second.clients[place].name;
}

static inline void near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-6))
		fail_msg("%g, not %g", value, wanted);
}

static inline void died(struct world *w, const struct bd_task *t, uint64_t run_ms, uint64_t wait_ms)
{
	struct bd_free record = { .thread = t->thread,
				  .sums = { .on_cpu_ns = run_ms * MS, .wait_ns = wait_ms * MS } };

	assert_int_equal(clients_free_record(w->clients, &record), 0);
}

static inline void exited(struct world *w, const struct bd_task *t, uint64_t run_ms)
{
	struct bd_exit record = { .thread = t->thread,
				  .ns_tid = t->ns_tid,
				  .ns_tgid = t->ns_tgid,
				  .parent = t->parent,
				  .sums.on_cpu_ns = run_ms * MS };

	memcpy(record.process, t->process, BD_COMM);
	assert_int_equal(clients_exit_record(w->clients, &record), 0);
}

#endif
