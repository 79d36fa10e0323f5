// SPDX-License-Identifier: BSD-2-Clause
/* The parts of the summary: functions, cut stacks, numbers and names; and struct out below it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sample.h"
#include "user/lib/unwind/cut_stacks.h"
#include "user/lib/view/functions.h"
#include "user/lib/base/out.h"
#include "user/lib/view/summary.h"
#include "user/lib/view/summary_dump.h"
#include "user/lib/view/summary_seconds.h"
#include "user/lib/base/summary_text.h"

/* f calls itself: its total counts once. */
static void test_recursion(void **state)
{
	static const struct view_options all;
	char error[VIEW_ERROR_BYTES];
	struct function *f;
	struct report r;
	struct view v;
	uint32_t a, b;
	int32_t stack;
	size_t n;

	assert_int_equal(report_init(&r), 0);
	a = sample_frame(&r, "f", "native", -1, 0);
	b = sample_frame(&r, "g", "native", -1, 0);
	sample_thread(&r, 1, 1, "p", "t", 7000000, 0);
	stack = sample_stack(&r, sample_stack(&r, sample_stack(&r, -1, a), b), a);
	sample_hit(&r, 0, 0, stack, 5000000);
	sample_hit(&r, 1, 0, stack - 1, 2000000);
	assert_int_equal(view_build(&r, &all, &v, error), 0);
	assert_int_equal(functions_of(&v, &f, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v.labels[f[0].label].name, "f");
	assert_int_equal(f[0].self, 5000);
	assert_int_equal(f[0].total, 7000);
	assert_int_equal(f[1].self, 2000);
	assert_int_equal(f[1].total, 7000);
	free(f);
	view_release(&v);
	report_release(&r);
}

static void test_cut_stacks(void **state)
{
	static const struct {
		int whole, cut;
		int found;
	} cases[] = {
		{0, 4, 0}, {0, 5, 1}, {245, 5, 0}, {244, 5, 1}, {300, 0, 0}, {10, 90, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int32_t root, cut, kernel;
		struct cut_stacks worst;
		struct report r;

		assert_int_equal(report_init(&r), 0);
		sample_thread(&r, 7, 7, "app", "t", 0, 0);
		sample_thread(&r, 8, 8, "kworker", "t", 0, 0);
		root = sample_stack(&r, -1, sample_frame(&r, "main", "native", -1, 0));
		cut = sample_stack(&r, -1, sample_frame(&r, "[unwind: mapping]", "cut", -1, 0));
		cut = sample_stack(&r, cut, 0);
		kernel = sample_stack(&r, -1, sample_frame(&r, "schedule", "kernel", -1, 0));
		for (int k = 0; k < cases[i].whole; k++)
			sample_hit(&r, k, 0, root, 1);
		for (int k = 0; k < cases[i].cut; k++)
			sample_hit(&r, k, 0, cut, 1);
		/* These have no user stack, so they are neither. */
		for (int k = 0; k < 1000; k++)
			sample_hit(&r, k, k % 2, k % 3 ? kernel : -1, 1);
		assert_int_equal(cut_stacks_worst(&r, &worst), cases[i].found);
		if (cases[i].found) {
			assert_int_equal(worst.pid, 7);
			assert_int_equal(worst.cut, cases[i].cut);
			assert_int_equal(worst.samples, cases[i].whole + cases[i].cut);
			assert_string_equal(worst.reason, "[unwind: mapping]");
			assert_non_null(strstr(cut_stacks_remedy(worst.reason), "again"));
			assert_int_equal(worst.others, 0);
		}
		report_release(&r);
	}
}

/* What another program's stacks lack is no warning about the client's. */
static void test_cut_stacks_of_others(void **state)
{
	struct cut_stacks worst;
	int32_t cut, whole;
	struct report r;

	assert_int_equal(report_init(&r), 0);
	sample_thread(&r, 7, 7, "app", "t", 0, 0);
	sample_thread(&r, 8, 8, "other", "t", 0, 0);
	cut = sample_stack(&r, -1, sample_frame(&r, "[unwind: mapping]", "cut", -1, 0));
	cut = sample_stack(&r, cut, sample_frame(&r, "main", "native", -1, 0));
	for (int i = 0; i < 40; i++)
		sample_hit(&r, i, i % 2, cut, 1);
	assert_int_equal(cut_stacks_worst(&r, &worst), 1);
	assert_int_equal(worst.others, 1);
	r.threads.client[1] = 1;
	assert_int_equal(cut_stacks_worst(&r, &worst), 1);
	assert_int_equal(worst.pid, 8);
	assert_int_equal(worst.others, 0);
	/* Nor is what nobody can see in the picture. */
	r.threads.client[1] = 0;
	whole = sample_stack(&r, -1, r.stacks.frame[cut]);
	for (int i = 0; i < 4000; i++) {
		if (i == 3900)
			assert_int_equal(cut_stacks_worst(&r, &worst), 1);
		sample_hit(&r, i, 1, whole, 1);
	}
	assert_int_equal(cut_stacks_worst(&r, &worst), 0);
	report_release(&r);
}

/* The client's threads have a mark, and the functions are its own. */
static void test_of_the_client(void **state)
{
	static const struct summary_options options = {.rows = 1};
	char *functions;
	struct report r;
	struct out o;

	sample_report(&r);
	r.threads.client[3] = 1;
	out_init(&o, -1);
	assert_int_equal(summary_write(&r, &options, &o), 0);
	out_char(&o, '\0');
	assert_non_null(strstr(o.data, "  thread (* of the client)\n"));
	assert_non_null(strstr(o.data, " *node"));
	/* Of each as many as there are rows, the client's first. */
	assert_non_null(strstr(strstr(o.data, " *node"), "  app/worker;1"));
	assert_non_null(strstr(o.data, " in 1 more threads\n"));
	functions = strstr(o.data, "  function of the client, by its own time\n");
	assert_non_null(functions);
	assert_non_null(strstr(functions, "_[j]"));
	assert_null(strstr(functions, "std::min"));
	out_release(&o);
	report_release(&r);
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t n;
		const char *time, *bytes, *count;
	} cases[] = {
		{0, "0 us", "0.00 KB", "0"},
		{999, "1 us", "0.98 KB", "999"},
		{1000, "1 us", "0.98 KB", "1,000"},
		{999499, "999 us", "976 KB", "999,499"},
		{999500, "1.00 ms", "976 KB", "999,500"},
		{9994999, "9.99 ms", "9.53 MB", "9,994,999"},
		{99949999, "99.9 ms", "95.3 MB", "99,949,999"},
		{999499999, "999 ms", "953 MB", "999,499,999"},
		{1234567890123, "1235 s", "1150 GB", "1,234,567,890,123"},
	};
	char text[SUMMARY_NUMBER_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(summary_time(cases[i].n, text), cases[i].time);
		assert_string_equal(summary_bytes(cases[i].n, text), cases[i].bytes);
		assert_string_equal(summary_count(cases[i].n, text), cases[i].count);
	}
	assert_string_equal(summary_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		unsigned int columns, used;
		const char *out;
	} cases[] = {
		{"", 5, 0, ""},
		{"main", 4, 4, "main"},
		{"mains", 4, 4, "mai\xe2\x80\xa6"},
		{"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 2, 2, "\xe2\x82\xac\xe2\x80\xa6"},
		{"a\033[31m", 9, 6, "a?[31m"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct out out;

		out_init(&out, -1);
		assert_int_equal(summary_name(&out, cases[i].name, cases[i].columns),
				 cases[i].used);
		out_char(&out, '\0');
		assert_string_equal(out.data, cases[i].out);
		out_release(&out);
	}
}

/* More than a buffer, in pieces of all sizes, arrives whole and in order. */
static void test_out(void **state)
{
	char name[] = "/tmp/backdraft-out-XXXXXX", *whole = malloc(1 << 20);
	int fd = mkstemp(name);
	size_t n = 0;
	struct out out;

	assert_true(fd >= 0 && whole);
	unlink(name);
	for (size_t i = 0; i < 1 << 20; i++)
		whole[i] = i * 31 >> 3;
	out_init(&out, fd);
	for (size_t step = 1; n < 1 << 20; n += step, step = step * 3 % 200003) {
		if (step > (1 << 20) - n)
			step = (1 << 20) - n;
		out_write(&out, whole + n, step);
	}
	assert_int_equal(out_finish(&out), 0);
	assert_int_equal(out.bytes, 1 << 20);
	out_release(&out);
	for (n = 0; n < 1 << 20; n += 4096) {
		char back[4096];

		assert_int_equal(pread(fd, back, sizeof(back), n), sizeof(back));
		assert_memory_equal(back, whole + n, sizeof(back));
	}
	assert_int_equal(pread(fd, whole, 1, n), 0);
	close(fd);
	free(whole);
}

static void test_out_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct out out;

	assert_true(fd >= 0);
	out_init(&out, fd);
	for (int i = 0; i < 100000; i++)
		out_text(&out, "no room for this ");
	assert_int_equal(out_finish(&out), -ENOSPC);
	assert_string_equal(out.error, "No space left on device");
	assert_int_equal(out_fail(&out, -EINVAL, "later"), -ENOSPC);
	assert_string_equal(out.error, "No space left on device");
	out_release(&out);
	close(fd);
}

static void test_escapes(void **state)
{
	struct out out;

	out_init(&out, -1);
	out_i64(&out, INT64_MIN);
	out_char(&out, ' ');
	out_u64(&out, UINT64_MAX);
	out_char(&out, ' ');
	out_json(&out, "\v\"<\xe2\x80\xa9\xe2\x80\xaa");
	out_xml(&out, "<a b='\"'>&\n");
	out_printf(&out, "%600d|", 1);
	out_char(&out, '\0');
	assert_int_equal(strlen(out.data), out.n - 1);
	assert_memory_equal(out.data,
			    "-9223372036854775808 18446744073709551615 "
			    "\"\\u000b\\\"\\u003c\\u2029\xe2\x80\xaa\""
			    "&lt;a b=&#39;&quot;&#39;&gt;&amp;  ",
			    100);
	assert_string_equal(out.data + out.n - 4, " 1|");
	out_release(&out);
}

static void add_log(struct report *r, int64_t t_ns, const char *text)
{
	int64_t row = report_logs_add(&r->logs);

	r->logs.t_ns[row] = t_ns;
	r->logs.text[row] = report_intern(r, text);
}

static void add_source(struct report *r, const char *path, const char *state, const char *note,
		       uint32_t lines)
{
	int64_t row = report_log_sources_add(&r->log_sources);

	r->log_sources.path[row] = report_intern(r, path);
	r->log_sources.state[row] = report_intern(r, state);
	r->log_sources.note[row] = report_intern(r, note);
	r->log_sources.lines[row] = lines;
}

static void test_logs(void **state)
{
	struct summary_options options = {.columns = 30, .rows = 2};
	struct report r;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	out_init(&out, -1);
	summary_logs(&r, &options, &out);
	assert_int_equal(out.n, 0);
	add_source(&r, "/a", "read", "", 2);
	add_source(&r, "/b", "no permission", "", 0);
	add_source(&r, "/c", "read", "rotated", 1);
	r.log_sources.lines_left_out[2] = 1200;
	add_log(&r, 0, "first");
	add_log(&r, 1795627260123000000, "second \033[31m, which is long");
	add_log(&r, 1795627261000000000, "third");
	summary_logs(&r, &options, &out);
	out_char(&out, '\0');
	assert_string_equal(out.data, "\nlog      3 lines of 2 files, the last 2 (--logs shows all)\n"
				      "         /b: no permission\n"
				      "         /c: read; rotated, 1,200 lines left out\n"
				      "17:21:00.123  second ?[31m, w\xe2\x80\xa6\n"
				      "17:21:01.000  third\n");
	out_release(&out);
	out_init(&out, -1);
	options.all_logs = true;
	summary_logs(&r, &options, &out);
	out_char(&out, '\0');
	assert_non_null(strstr(out.data, "log      3 lines of 2 files\n"));
	assert_non_null(strstr(out.data, "\n              first\n"
					 "17:21:00.123  second ?[31m, which is long\n"));
	out_release(&out);
	report_release(&r);
}

static void dump_thread(struct report *r, uint32_t tid, const char *state, int32_t stack)
{
	struct report_dump_threads *t = &r->dump.threads;
	int64_t row = report_dump_threads_add(t);

	t->tid[row] = tid;
	t->name[row] = report_intern(r, "t");
	t->state[row] = report_intern(r, state);
	t->stack[row] = stack;
}

static uint32_t line_frame(struct report *r, uint64_t offset, uint32_t line)
{
	uint32_t frame = sample_frame(r, "spin", "native", -1, offset);

	r->frames.file[frame] = report_intern(r, "/src/a.c");
	r->frames.line[frame] = line;
	return frame;
}

/* One place is one function and line, whatever the address and the state: as on the page. */
static void test_places(void **state)
{
	struct report r;
	struct out out;
	int32_t root;

	assert_int_equal(report_init(&r), 0);
	root = sample_stack(&r, -1, sample_frame(&r, "main", "native", -1, 1));
	int32_t a = sample_stack(&r, root, line_frame(&r, 0x10, 7));
	int32_t b = sample_stack(&r, root, line_frame(&r, 0x18, 7));
	int32_t c = sample_stack(&r, root, line_frame(&r, 0x20, 8));

	r.dump.present = true;
	dump_thread(&r, 1, "runnable", a);
	dump_thread(&r, 2, "running", b);
	dump_thread(&r, 3, "running", c);
	dump_thread(&r, 4, "running", b);
	dump_thread(&r, 5, "blocked in read", -1);
	out_init(&out, -1);
	assert_int_equal(summary_dump(&r, 80, &out), 0);
	out_char(&out, '\0');
	assert_string_equal(out.data,
			    "threads   by stack, those that are in the same place together\n"
			    "3         2 running, 1 runnable: t (1), t (2), t (4)\n"
			    "          spin  a.c:7\n"
			    "          main\n"
			    "1         running: t (3)\n"
			    "          spin  a.c:8\n"
			    "          main\n"
			    "1         blocked in read: t (5)\n"
			    "          no stack\n");
	out_release(&out);
	report_release(&r);
}

static void second(struct report *r, int64_t end_s, int32_t thread, uint32_t on_cpu_ms)
{
	struct report_thread_seconds *t = &r->thread_seconds;
	int64_t row = report_thread_seconds_add(t);

	t->t_ns[row] = r->window.start_ns + end_s * 1000000000;
	t->span_us[row] = 1000000;
	t->thread[row] = thread;
	t->threads[row] = thread < 0 ? 5 : 1;
	t->on_cpu_us[row] = on_cpu_ms * 1000;
}

/* Nothing known, nothing run, a little, half and a whole CPU; what was dropped isn't known. */
static void test_seconds(void **state)
{
	struct report r;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	r.window.start_ns = 1000000000000;
	r.window.end_ns = r.window.start_ns + 6000000000;
	sample_thread(&r, 1, 7, "p", "worker", 0, 0);
	sample_thread(&r, 1, 8, "p", "idle", 0, 0);
	for (int64_t s = 2; s <= 6; s++) {
		int64_t row = report_series_add(&r.series);

		r.series.t_ns[row] = r.window.start_ns + s * 1000000000;
	}
	out_init(&out, -1);
	assert_int_equal(summary_seconds(&r, 80, &out), 0);
	assert_int_equal(out.n, 0);
	second(&r, 3, 0, 10);
	second(&r, 3, -1, 300);
	second(&r, 5, 0, 500);
	second(&r, 6, 0, 1000);
	assert_int_equal(summary_seconds(&r, 80, &out), 0);
	assert_int_equal(report_count(&r.loss.reasons, "thread seconds: no room for the oldest ones", 1), 0);
	assert_int_equal(summary_seconds(&r, 40, &out), 0);
	r.window.end_ns = r.window.start_ns + 11000000000;
	assert_int_equal(summary_seconds(&r, 40, &out), 0);
	out_char(&out, '\0');
	assert_string_equal(out.data,
			    "\n  CPU time  thread of the client  cells of 1 s: the busiest second of each\n"
			    "    1.51 s  worker              7 ?.\u2581.\u2585\u2588\n"
			    "    300 ms  in other threads\n"
			    "\n  CPU time  thread of the client  cells of 1 s: the busiest second of each\n"
			    "    1.51 s  worker              7 ??\u2581.\u2585\u2588\n"
			    "    300 ms  in other threads\n"
			    "\n  CPU time  thread of the client  cells of 2 s: the busiest second of each\n"
			    "    1.51 s  worker              7 ?\u2581\u2588???\n"
			    "    300 ms  in other threads\n");
	out_release(&out);
	report_release(&r);
}

/* A file may say any times: its rows fall into the strip or beside it, and no sum of them runs over. */
static void test_any_seconds(void **state)
{
	const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX };
	size_t n = sizeof(times) / sizeof(times[0]);
	struct report r;
	struct out out;

	assert_int_equal(report_init(&r), 0);
	sample_thread(&r, 1, 7, "p", "worker", 0, 0);
	for (size_t i = 0; i < n; i++) {
		int64_t row = report_series_add(&r.series);

		second(&r, 0, 0, 1000);
		r.thread_seconds.t_ns[i] = r.series.t_ns[row] = times[i];
	}
	for (size_t i = 0; i < n * n; i++) {
		out_init(&out, -1);
		r.window.start_ns = times[i / n];
		r.window.end_ns = times[i % n];
		assert_int_equal(summary_seconds(&r, 80, &out), 0);
		out_char(&out, '\0');
		/* The last second of a window is always in it. */
		assert_true(strstr(out.data, "\u2588") || r.window.end_ns <= r.window.start_ns);
		out_release(&out);
	}
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recursion), cmocka_unit_test(test_cut_stacks),
		cmocka_unit_test(test_numbers),	  cmocka_unit_test(test_names),
		cmocka_unit_test(test_out),	  cmocka_unit_test(test_out_error),
		cmocka_unit_test(test_escapes),	  cmocka_unit_test(test_logs),
		cmocka_unit_test(test_places),	  cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_cut_stacks_of_others),
		cmocka_unit_test(test_of_the_client),
		cmocka_unit_test(test_any_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
