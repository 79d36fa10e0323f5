// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a report made by hand to standard output, as .bdr: for tests of the tool, seeds of the
 * fuzzer and benchmarks.
 *
 *   make_report small                     the one of tests/unit/sample.h
 *   make_report full                      every field of wire.def
 *   make_report heartbeats                every field of heartbeat.def
 *   make_report cut                       small, with too many cut stacks
 *   make_report crash [THREADS [DEPTH]]   small, of a client that died with a pool of threads, in a
 *                                         function that had called itself so often
 *   make_report client [KIND]             small, of a client whose threads are some of them
 *   make_report normal                    small, with a series, and what is normal of each metric
 *   make_report busy [THREADS [SECONDS [HZ [CPUS]]]]   one client, as a capture of it looks like
 *   make_report stacks [STACKS [SAMPLES]] that many different stacks, 20 to 40 frames deep
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fill.h"
#include "tests/unit/sample.h"
#include "user/lib/profile/codec.h"
#include "user/lib/profile/compact.h"
#include "user/lib/view/crash_text.h"
#include "user/lib/profile/heartbeat.h"
#include "user/lib/base/out.h"

static uint64_t state = 88172645463325252u;

/* xorshift64: the same report each time. */
static uint64_t next_random(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static uint64_t argument(int argc, char **argv, int at, uint64_t otherwise)
{
	return argc > at ? strtoull(argv[at], NULL, 10) : otherwise;
}

static void make_small(struct report *r, int argc, char **argv)
{
	sample_report(r);
}

static void make_full(struct report *r, int argc, char **argv)
{
	fill_report(r);
}

static void make_cut(struct report *r, int argc, char **argv)
{
	sample_report(r);
	for (int i = 0; i < 40; i++)
		sample_hit(r, 1999, i % 3, r->stacks.n - 1, 1000000);
}

static void add_dump_thread(struct report *r, uint32_t tid, const char *name,
			    const char *thread_state, int32_t stack)
{
	struct report_dump_threads *t = &r->dump.threads;
	int64_t row = report_dump_threads_add(t);

	assert(row >= 0);
	t->tid[row] = tid;
	t->name[row] = report_intern(r, name);
	t->state[row] = report_intern(r, thread_state);
	t->stack[row] = stack;
	t->after_ns[row] = stack < 0 ? 0 : row * 1500;
}

/* `parent` calls `name`, in a line of pool.cc. */
static int32_t called(struct report *r, int32_t parent, const char *name, uint32_t line)
{
	uint32_t frame = sample_frame(r, name, "native", 1, 0x4000 + r->frames.n);

	r->frames.file[frame] = report_intern(r, "src/<i>/pool.cc");
	r->frames.line[frame] = line;
	return sample_stack(r, parent, frame);
}

/* Sent by abort() in a function that samples know, `work`, which called itself; leaf row. */
static int32_t make_died(struct report *r, uint64_t depth)
{
	int32_t row = 1;

	for (uint64_t i = 1; i < depth; i++)
		row = sample_stack(r, row, 1);
	return called(r, called(r, sample_stack(r, row, 2), "raise", 0), "abort", 12);
}

/* Names would like to be more than text. */
static void make_dump(struct report *r, uint64_t pool, uint64_t depth)
{
	int32_t cut = sample_stack(r, -1, sample_frame(r, "[unwind: mapping]", "cut", -1, 0));
	int32_t wait, spin[2];

	r->dump.present = r->death.present = true;
	r->dump.signal = 6;
	r->dump.code = -6;
	r->dump.tid = 102;
	r->dump.threads_total = pool + 12;
	r->dump.taken_ns = r->window.end_ns;
	add_dump_thread(r, 102, "worker;1", "running", make_died(r, depth));
	/* One loop at two addresses is one place, a line further is another. */
	wait = called(r, sample_stack(r, cut, 1), "pool_wait", 40);
	spin[0] = called(r, wait, "<b>spin</b>", 51);
	spin[1] = called(r, wait, "<b>spin</b>", 51);
	for (uint64_t i = 0; i < pool; i++)
		add_dump_thread(r, 1000 + i, "pool-<i>", i % 10 ? "blocked in futex" : "running",
				spin[i % 2]);
	add_dump_thread(r, 201, "</script><b>", "blocked in read",
			called(r, wait, "<b>spin</b>", 52));
	for (int i = 0; i < 4; i++)
		add_dump_thread(r, 300 + i, "late", "blocked in read; it never came by", -1);
	assert(!report_count(&r->dump.left_out, "it never came by", 4));
	assert(!report_count(&r->dump.left_out, "more than 4,096 threads", 6));
	assert(!report_count(&r->dump.counted, "0123456789abcdef SIGABRT", 1999));
	assert(!report_count(&r->dump.registers, "rip", 0x7f0000001234));
	assert(!report_count(&r->dump.registers, "rax", UINT64_MAX - 1));
	assert(!report_set(&r->dump.signal_name, "SIGABRT") &&
	       !report_set(&r->death.kind, "signal"));
}

/* One that ran in the second second only, and of the first half of the window nothing is known. */
static void make_seconds(struct report *r)
{
	static const struct {
		uint32_t end_ms, span_ms, thread, threads, on_cpu_ms;
	} rows[] = {
		{1500, 500, 1, 1, 500}, {1500, 500, 0, 1, 125}, {1500, 500, -1, 70, 40}, {2000, 500, 0, 1, 250},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_thread_seconds *t = &r->thread_seconds;
		int64_t row = report_thread_seconds_add(t);

		assert(row >= 0);
		t->t_ns[row] = r->window.start_ns + rows[i].end_ms * 1000000LL;
		t->span_us[row] = rows[i].span_ms * 1000;
		t->thread[row] = (int32_t)rows[i].thread;
		t->threads[row] = rows[i].threads;
		t->on_cpu_us[row] = rows[i].on_cpu_ms * 1000;
	}
}

static void make_crash(struct report *r, int argc, char **argv)
{
	char words[CRASH_SENTENCE_BYTES];

	sample_report(r);
	r->client.present = true;
	assert(!report_set(&r->client.name, "<u>shop</u>") &&
	       !report_set(&r->trigger.kind, "crash"));
	make_dump(r, argument(argc, argv, 2, 50), argument(argc, argv, 3, 1));
	make_seconds(r);
	crash_sentence(r, r->client.name, words);
	assert(!report_set(&r->trigger.explanation, words));
}

static void make_client(struct report *r, int argc, char **argv)
{
	sample_report(r);
	r->client.present = true;
	assert(!report_set(&r->client.name, "shop") &&
	       !report_set(&r->trigger.kind, argc > 2 ? argv[2] : "threshold"));
	for (size_t i = 0; i < r->threads.n; i++)
		r->threads.client[i] = r->threads.pid[i] == 200;
}

/* What is normal of it, and a series of three seconds; the window is the last two of them. */
static void make_normal(struct report *r, int argc, char **argv)
{
	static const struct {
		const char *metric, *unit;
		double value, low, median, high;
	} rows[] = {
		{"cpu", "cores", 0.6, 0.4, 0.5, 0.9},
		{"wait", "share", 0.34, 0, 0.01, 0.021},
		{"throttled", "share", 0, 0, 0, 0},
		{"memory", "bytes", 3.1 * 0x1p30, 0.9 * 0x1p30, 1 * 0x1p30, 1.1 * 0x1p30},
		{"threads", "threads", -1, 20, 30, 40},
		{"<i>later</i>", "furlongs", 2, 3, 4, 5},
	};

	sample_report(r);
	r->baseline.present = true;
	assert(!report_set(&r->baseline.hour, "Sat 21:00") &&
	       !report_set(&r->trigger.kind, "deviation"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_normals *n = &r->normals;
		int64_t row = report_normals_add(n);

		assert(row >= 0);
		n->metric[row] = report_intern(r, rows[i].metric);
		n->unit[row] = report_intern(r, rows[i].unit);
		n->value[row] = rows[i].value;
		n->low[row] = rows[i].low;
		n->median[row] = rows[i].median;
		n->high[row] = rows[i].high;
	}
	for (int i = 0; i < 3; i++) {
		struct report_series *s = &r->series;
		int64_t row = report_series_add(s);

		assert(row >= 0);
		s->t_ns[row] = r->window.start_ns + i * 1000000000LL;
		s->cpu_milli[row] = 600 + 100 * i;
		s->system_milli[row] = i == 1 ? 175 : -1;
		s->user_milli[row] = i == 1 ? 525 : -1;
		s->machine_cpu_milli[row] = 1500;
		s->machine_user_milli[row] = 1200;
		s->machine_system_milli[row] = 300;
		s->wait_permille[row] = 340;
		s->rss_kib[row] = 3250586;
	}
}

/* Chains that branch now and then, 20 to 40 deep; leaves hang from any row of them. */
static void make_rows(struct report *r, uint32_t frames, uint32_t rows, uint32_t leaves_from)
{
	uint32_t *depth = calloc(rows, sizeof(*depth));

	assert(depth);
	for (uint32_t i = 0; i < rows; i++) {
		uint32_t parent = i ? i - 1 - next_random(i < 3 ? i : 3) : 0;

		while (i && (i >= leaves_from || depth[parent] >= 20 + next_random(20))) {
			parent = next_random(i < leaves_from ? i : leaves_from);
			if (depth[parent] < 40)
				break;
		}
		depth[i] = i ? depth[parent] + 1 : 0;
		sample_stack(r, i ? (int32_t)parent : -1, next_random(frames));
	}
	free(depth);
}

/* A prefix tree in which few paths are hot, as in programs. */
static void make_tree(struct report *r, uint32_t frames, uint32_t rows, uint32_t leaves_from)
{
	static const char *const kinds[] = {"native", "native", "native", "inlined", "kernel"};

	for (uint32_t i = 0; i < 20; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/libmodule%u.so", i);
		report_modules_add(&r->modules);
		r->modules.path[i] = report_intern(r, path);
		snprintf(path, sizeof(path), "%016llx%016llx", (unsigned long long)next_random(-1),
			 (unsigned long long)next_random(-1));
		r->modules.build_id[i] = report_intern(r, path);
	}
	for (uint32_t i = 0; i < frames; i++) {
		char name[96];

		snprintf(name, sizeof(name), "space%u::Class%u::method_%u(int)", i % 7, i % 97,
			 i / 3);
		sample_frame(r, name, kinds[i % 5], i % 20, 0x1000 + next_random(1 << 22));
	}
	make_rows(r, frames, rows, leaves_from);
}

/* Busy in most slots, and waiting for a CPU now and then. */
static void make_slots(struct report *r, uint32_t thread, uint32_t slots)
{
	for (uint32_t slot = 0; slot < slots; slot++) {
		uint32_t on_cpu = next_random(10) < 7 ? 10000 : next_random(10000);
		uint32_t wait = next_random(10) < 3 ? next_random(10001 - on_cpu) : 0;

		sample_slot(r, thread, slot, on_cpu, wait);
	}
}

static void make_busy(struct report *r, int argc, char **argv)
{
	uint64_t threads = argument(argc, argv, 2, 16), seconds = argument(argc, argv, 3, 60);
	uint64_t hz = argument(argc, argv, 4, 19), cpus = argument(argc, argv, 5, 16);
	uint64_t t = 0, weight[4096] = {0};

	threads = threads > 4096 ? 4096 : threads;
	assert(!report_init(r));
	sample_head(r);
	r->window.end_ns = r->window.start_ns + seconds * 1000000000;
	r->window.rate_hz = hz;
	make_tree(r, 1500, 4000, 4000);
	for (uint64_t i = 0; i < threads; i++) {
		char name[32];

		snprintf(name, sizeof(name), "worker-%u", (unsigned int)i);
		sample_thread(r, 4000, 4000 + i, "checkout", name, 0, next_random(1ull << 34));
		weight[i] = 1000000000 / hz + next_random(100000);
	}
	for (uint64_t i = 0; i < threads; i++)
		make_slots(r, i, seconds * 100);
	for (uint64_t i = 0; i < seconds * hz * cpus; i++) {
		uint32_t thread = next_random(threads);
		/* A tenth of the stacks has most of the samples. */
		uint32_t hot = next_random(10) ? 400 : 4000;

		t += next_random(2000000000 / hz / cpus);
		sample_hit(r, 0, thread, next_random(hot), weight[thread]);
		r->samples.t_ns[i] = t;
		r->samples.cpu[i] = next_random(cpus);
		r->threads.on_cpu_ns[thread] += weight[thread];
	}
}

static void make_stacks(struct report *r, int argc, char **argv)
{
	uint64_t stacks = argument(argc, argv, 2, 100000), samples = argument(argc, argv, 3, 0);
	uint64_t inner = stacks / 2 + 30, on_cpu = 0;

	samples = samples ? samples : stacks;
	assert(!report_init(r));
	sample_head(r);
	r->window.end_ns = r->window.start_ns + 10000000000;
	make_tree(r, 5000, inner + stacks, inner);
	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		sample_thread(r, 1, 1 + i, "synthetic", name, 0, 0);
	}
	for (uint64_t i = 0; i < samples; i++) {
		sample_hit(r, 0, i % stacks % 8, inner + i % stacks, 1000000);
		r->samples.t_ns[i] = i * 10000000000 / samples;
		on_cpu += 1000000;
	}
	for (int i = 0; i < 8; i++)
		r->threads.on_cpu_ns[i] = on_cpu / 8;
}

static const struct {
	const char *name;
	void (*make)(struct report *r, int argc, char **argv);
} kinds[] = {
	{"small", make_small}, {"full", make_full},	{"cut", make_cut},
	{"busy", make_busy},   {"stacks", make_stacks}, {"crash", make_crash}, {"client", make_client},
	{"normal", make_normal},
};

static int write_heartbeats(void)
{
	struct heartbeats h;
	struct out out;
	int status;

	fill_document(&wire_root_heartbeats, &h);
	out_init(&out, STDOUT_FILENO);
	status = heartbeats_encode(&h, out_callback, &out);
	if (!status)
		status = out_finish(&out);
	out_release(&out);
	heartbeats_release(&h);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct report r;
	struct out out;
	int status;

	if (argc > 1 && !strcmp(argv[1], "heartbeats"))
		return write_heartbeats();

	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(argv[1], kinds[i].name))
			continue;
		kinds[i].make(&r, argc, argv);
		/* Every value of the full one is to arrive as it is. */
		if (kinds[i].make != make_full)
			assert(!compact_report(&r));
		out_init(&out, STDOUT_FILENO);
		status = report_encode(&r, out_callback, &out);
		if (!status)
			status = out_finish(&out);
		fprintf(stderr, "%zu samples, %zu stacks, %llu bytes, %.2f a sample\n", r.samples.n,
			r.stacks.n, (unsigned long long)out.bytes,
			r.samples.n ? (double)out.bytes / r.samples.n : 0);
		out_release(&out);
		report_release(&r);
		return status ? 1 : 0;
	}
	fprintf(stderr,
		"usage: make_report small|full|heartbeats|cut|crash|busy|stacks [NUMBER]…\n");
	return 2;
}
