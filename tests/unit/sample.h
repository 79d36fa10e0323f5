/* SPDX-License-Identifier: BSD-2-Clause */
/* A small report made by hand, with one of everything that a view has a rule for. */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include <assert.h>
#include <string.h>

#include "user/lib/profile/report.h"

static inline uint32_t sample_thread(struct report *r, uint32_t pid, uint32_t tid,
				     const char *process, const char *name, uint64_t on_cpu_ns,
				     uint64_t wait_ns)
{
	struct report_threads *t = &r->threads;
	int64_t row = report_threads_add(t);

	assert(row >= 0);
	t->pid[row] = pid;
	t->tid[row] = tid;
	t->process[row] = report_intern(r, process);
	t->name[row] = report_intern(r, name);
	t->on_cpu_ns[row] = on_cpu_ns;
	t->wait_ns[row] = wait_ns;
	t->switches_voluntary[row] = 10 + row;
	t->switches_involuntary[row] = 20 + row;
	return row;
}

static inline uint32_t sample_frame(struct report *r, const char *name, const char *kind,
				    int32_t module, uint64_t offset)
{
	struct report_frames *f = &r->frames;
	int64_t row = report_frames_add(f);

	assert(row >= 0);
	f->name[row] = report_intern(r, name);
	f->kind[row] = report_intern(r, kind);
	f->module[row] = module;
	f->offset[row] = offset;
	return row;
}

static inline int32_t sample_stack(struct report *r, int32_t parent, uint32_t frame)
{
	int64_t row = report_stacks_add(&r->stacks);

	assert(row >= 0);
	r->stacks.parent[row] = parent;
	r->stacks.frame[row] = frame;
	return row;
}

static inline void sample_hit(struct report *r, uint64_t t_ms, uint32_t thread, int32_t stack,
			      uint64_t weight_ns)
{
	struct report_samples *s = &r->samples;
	int64_t row = report_samples_add(s);

	assert(row >= 0);
	s->t_ns[row] = t_ms * 1000000;
	s->thread[row] = thread;
	s->stack[row] = stack;
	s->weight_ns[row] = weight_ns;
	s->cpu[row] = row % 2;
}

static inline void sample_slot(struct report *r, uint32_t thread, uint32_t slot, uint32_t on_cpu_us,
			       uint32_t wait_us)
{
	int64_t row = report_timeline_add(&r->timeline);

	assert(row >= 0);
	r->timeline.thread[row] = thread;
	r->timeline.slot[row] = slot;
	r->timeline.on_cpu_us[row] = on_cpu_us;
	r->timeline.wait_us[row] = wait_us;
}

static inline void sample_head(struct report *r)
{
	for (int i = 0; i < REPORT_ID_BYTES; i++)
		r->id[i] = i * 17;
	r->created_ns = 1700000003000000000;
	r->agent.present = r->window.present = r->host.present = r->trigger.present = true;
	assert(!report_set(&r->agent.name, "backdraft") && !report_set(&r->agent.version, "0"));
	assert(!report_set(&r->trigger.kind, "capture"));
	assert(!report_set(&r->trigger.explanation, "asked for by hand, for 2 s"));
	r->window.start_ns = r->window.trigger_ns = 1700000000000000000;
	r->window.end_ns = 1700000002000000000;
	r->window.rate_hz = 99;
	assert(!report_set(&r->window.event, "cpu-clock"));
	assert(!report_set(&r->host.cpu_model, "Test CPU") && !report_set(&r->host.kernel, "6.1"));
	r->host.cpus = 2;
	r->machine.capacity_ns = 4000000000;
	r->machine.threads_ns = 103004500;
	r->machine.idle_ns = 3896000000;
	r->machine.switches = 1234;
	r->unwind.user_samples = 9;
	r->unwind.complete = 8;
	assert(!report_count(&r->unwind.reasons, "mapping", 1));
	r->loss.fired = 400;
	r->loss.recorded = 398;
	r->loss.idle = 386;
	r->loss.lost = 2;
	assert(!report_count(&r->loss.reasons, "ring full", 2));
	r->cost.cpu_ns = 12000000;
	r->cost.bpf_ns = 800000;
	r->cost.rss_bytes = 9 << 20;
	r->cost.map_bytes = 4 << 20;
}

static inline void sample_report(struct report *r)
{
	uint32_t main_, w1, w2, jit, libc, app;
	int32_t root, work, inner, kernel, again, jitted, cut;

	assert(!report_init(r));
	sample_head(r);
	libc = report_modules_add(&r->modules);
	app = report_modules_add(&r->modules);
	r->modules.path[libc] = report_intern(r, "/usr/lib/libc.so.6");
	r->modules.path[app] = report_intern(r, "/opt/app/app");
	r->modules.build_id[app] = report_intern(r, "abcd");

	main_ = sample_thread(r, 100, 100, "app", "main", 30001500, 5000000);
	w1 = sample_thread(r, 100, 101, "app", "worker;1", 40000400, 2000000);
	w2 = sample_thread(r, 100, 102, "app", "worker;1", 10000400, 0);
	jit = sample_thread(r, 200, 200, "node", "", 3000000, 1000);

	root = sample_stack(r, -1, sample_frame(r, "libc.so.6+0x2724a", "native", libc, 0x2724a));
	work = sample_stack(r, root, sample_frame(r, "work", "native", app, 0x1000));
	inner = sample_stack(r, work, sample_frame(r, "std::min<int>", "inlined", app, 0x1010));
	kernel = sample_stack(r, work, sample_frame(r, "do_syscall_64", "kernel", -1, 99));
	/* the same function at another address */
	again = sample_stack(r, root, sample_frame(r, "work", "native", app, 0x1020));
	jitted = sample_stack(r, root, sample_frame(r, "a\nb;c", "jit", -1, 5));
	cut = sample_stack(r, -1, sample_frame(r, "[unwind: mapping]", "cut", -1, 0));
	cut = sample_stack(r, cut, 1);

	sample_hit(r, 5, main_, work, 10000500);
	sample_hit(r, 15, w1, inner, 10000100);
	sample_hit(r, 25, w1, kernel, 10000100);
	sample_hit(r, 35, main_, again, 10000500);
	sample_hit(r, 1005, w1, inner, 10000100);
	sample_hit(r, 1015, w1, cut, 10000100);
	sample_hit(r, 1025, w2, work, 10000400);
	sample_hit(r, 1500, jit, jitted, 1500000);
	sample_hit(r, 1999, jit, -1, 1500000);
	r->threads.not_sampled_ns[main_] = 10000500;

	sample_slot(r, main_, 0, 10000, 0);
	sample_slot(r, main_, 3, 10000, 5000);
	sample_slot(r, main_, 50, 10001, 0);
	sample_slot(r, w1, 1, 10000, 0);
	sample_slot(r, w1, 2, 10000, 2000);
	sample_slot(r, w1, 100, 10000, 0);
	sample_slot(r, w1, 101, 10000, 0);
}

#endif
