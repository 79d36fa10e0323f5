// SPDX-License-Identifier: BSD-2-Clause
/* Views of a small report: each option, and the folded text that must come out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sample.h"
#include "user/lib/base/out.h"
#include "user/lib/view/view.h"

static const struct {
	struct view_options options;
	const char *folded;
} cases[] = {
	{{0},
	 "app;worker:1;libc.so.6+0x2724a;work 10000\n"
	 "app;worker:1;libc.so.6+0x2724a;work;std::min<int>_[i] 20000\n"
	 "app;worker:1;libc.so.6+0x2724a;work;do_syscall_64_[k] 10000\n"
	 "app;worker:1;[unwind: mapping];work 10000\n"
	 "app;main;libc.so.6+0x2724a;work 20001\n"
	 "app;main;[not sampled] 10001\n"
	 "node;?;[stack lost] 1500\n"
	 "node;?;libc.so.6+0x2724a;a b:c_[j] 1500\n"},
	{{.by = VIEW_SAMPLES},
	 "app;worker:1;libc.so.6+0x2724a;work 1\n"
	 "app;worker:1;libc.so.6+0x2724a;work;std::min<int>_[i] 2\n"
	 "app;worker:1;libc.so.6+0x2724a;work;do_syscall_64_[k] 1\n"
	 "app;worker:1;[unwind: mapping];work 1\n"
	 "app;main;libc.so.6+0x2724a;work 2\n"
	 "node;?;[stack lost] 1\n"
	 "node;?;libc.so.6+0x2724a;a b:c_[j] 1\n"},
	{{.by = VIEW_WAIT},
	 "app;main;[waiting for a CPU] 5000\n"
	 "app;worker:1;[waiting for a CPU] 2000\n"
	 "node;?;[waiting for a CPU] 1\n"},
	{{.by = VIEW_WAIT, .to_s = 0.025}, "app;worker:1;[waiting for a CPU] 1000\n"},
	{{.thread_re = "^main$"},
	 "app;main;libc.so.6+0x2724a;work 20001\n"
	 "app;main;[not sampled] 10001\n"},
	{{.thread_re = "nobody"}, ""},
	{{.pid = 200},
	 "node;?;[stack lost] 1500\n"
	 "node;?;libc.so.6+0x2724a;a b:c_[j] 1500\n"},
	{{.pid = 200, .reverse = true},
	 "node;?;[stack lost] 1500\n"
	 "node;?;a b:c_[j];libc.so.6+0x2724a 1500\n"},
	{{.thread_re = "worker", .reverse = true},
	 "app;worker:1;std::min<int>_[i];work;libc.so.6+0x2724a 20000\n"
	 "app;worker:1;work;[unwind: mapping] 10000\n"
	 "app;worker:1;work;libc.so.6+0x2724a 10000\n"
	 "app;worker:1;do_syscall_64_[k];work;libc.so.6+0x2724a 10000\n"},
	/* Parts of the window: the time line says what no sample hit, but never below 0. */
	{{.from_s = 0.4, .to_s = 0.6}, "app;main;[not sampled] 10001\n"},
	{{.from_s = 0.5, .to_s = 0.505, .thread_re = "main"}, "app;main;[not sampled] 5001\n"},
	{{.to_s = 0.02},
	 "app;main;libc.so.6+0x2724a;work 10001\n"
	 "app;worker:1;libc.so.6+0x2724a;work;std::min<int>_[i] 10000\n"},
	{{.from_s = 1.4},
	 "node;?;[stack lost] 1500\n"
	 "node;?;libc.so.6+0x2724a;a b:c_[j] 1500\n"},
};

static int append(void *out, const char *text, size_t len)
{
	return out_callback(out, text, len);
}

static void check_tree(const struct view *v)
{
	uint64_t sum = 0;

	assert_int_equal(v->nodes[0].parent, VIEW_NONE);
	assert_int_equal(v->nodes[0].next, v->n_nodes);
	for (size_t i = 0; i < v->n_nodes; i++) {
		const struct view_node *n = &v->nodes[i];
		uint64_t total = n->self, last = UINT64_MAX;

		sum += n->self;
		for (uint32_t c = i + 1; c < n->next; c = v->nodes[c].next) {
			assert_int_equal(v->nodes[c].parent, i);
			assert_int_equal(v->nodes[c].depth, n->depth + 1);
			assert_true(v->nodes[c].total <= last);
			last = v->nodes[c].total;
			total += last;
		}
		assert_int_equal(total, n->total);
	}
	assert_int_equal(sum, v->nodes[0].total);
}

static void test_cases(void **state)
{
	struct report r;

	sample_report(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[VIEW_ERROR_BYTES];
		struct view v;
		struct out o;

		assert_int_equal(view_build(&r, &cases[i].options, &v, error), 0);
		check_tree(&v);
		out_init(&o, -1);
		assert_int_equal(view_folded(&v, append, &o), 0);
		out_char(&o, '\0');
		assert_string_equal(o.data, cases[i].folded);
		out_release(&o);
		view_release(&v);
	}
	report_release(&r);
}

static void test_counts(void **state)
{
	static const struct view_options all, part = {.from_s = 1.01, .to_s = 1.02};
	char error[VIEW_ERROR_BYTES];
	struct report r;
	struct view v;

	sample_report(&r);
	assert_int_equal(view_build(&r, &all, &v, error), 0);
	assert_int_equal(v.samples, 9);
	assert_int_equal(v.cut_samples, 1);
	assert_int_equal(v.threads, 4);
	assert_int_equal(v.max_depth, 5);
	assert_true(v.from_s == 0 && v.to_s == 2);
	view_release(&v);
	assert_int_equal(view_build(&r, &part, &v, error), 0);
	assert_int_equal(v.samples, 1);
	assert_int_equal(v.cut_samples, 1);
	view_release(&v);
	report_release(&r);
}

static const struct {
	struct view_options options;
	int status;
	const char *error;
} mistakes[] = {
	{{.thread_re = "a(b"},
	 -EINVAL,
	 "regular expression 'a(b': missing closing parenthesis, at position 3"},
	{{.thread_re = "[\xff"},
	 -EINVAL,
	 "regular expression '[\xff': UTF-8 error: illegal byte (0xfe or 0xff), at position 1"},
	{{.from_s = 1, .to_s = 1}, -EINVAL, "from 1 s to 1 s is no part of the window"},
	{{.from_s = -1}, -EINVAL, "from -1 s to 0 s is no part of the window"},
	{{.from_s = 2}, -EINVAL, "from 2 s: the window has 2 s"},
	{{.by = VIEW_OFF_CPU}, -ENODATA, "the report has no off-CPU stacks"},
};

static void test_mistakes(void **state)
{
	struct report r;

	sample_report(&r);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char error[VIEW_ERROR_BYTES] = "";
		struct view v;

		assert_int_equal(view_build(&r, &mistakes[i].options, &v, error),
				 mistakes[i].status);
		assert_string_equal(error, mistakes[i].error);
	}
	report_release(&r);
}

static void test_client(void **state)
{
	static const struct view_options of_client = {.client = true};
	char error[VIEW_ERROR_BYTES];
	struct report r;
	struct view v;
	struct out o;

	sample_report(&r);
	assert_false(report_has_client(&r));
	assert_int_equal(view_build(&r, &of_client, &v, error), -ENODATA);
	assert_non_null(strstr(error, "no thread"));
	r.threads.client[2] = 1; /* one of two workers of that name */
	assert_true(report_has_client(&r));
	assert_int_equal(view_build(&r, &of_client, &v, error), 0);
	check_tree(&v);
	assert_int_equal(v.threads, 1);
	out_init(&o, -1);
	assert_int_equal(view_folded(&v, append, &o), 0);
	out_char(&o, '\0');
	assert_string_equal(o.data, "app;worker:1;libc.so.6+0x2724a;work 10000\n");
	out_release(&o);
	view_release(&v);
	report_release(&r);
}

static void test_names(void **state)
{
	static const char *const names[] = {"cpu", "samples", "off-cpu", "wait"};
	enum view_by by;

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(view_by_parse(names[i], &by), 0);
		assert_int_equal(by, i);
	}
	assert_int_equal(view_by_parse("CPU", &by), -EINVAL);
	assert_string_equal(view_unit(VIEW_SAMPLES), "samples");
}

/* Rounding by thread: many small weights, odd sums. Each thread adds up to its rounded whole. */
static void test_exact(void **state)
{
	static const struct view_options all;
	char error[VIEW_ERROR_BYTES], name[16];
	uint64_t expected[50];
	struct report r;
	struct view v;
	uint32_t x = 1;

	assert_int_equal(report_init(&r), 0);
	for (int i = 0; i < 50; i++)
		sample_stack(
			&r, i / 2 - 1,
			sample_frame(&r, (snprintf(name, 16, "f%d", i), name), "native", -1, i));
	for (uint32_t t = 0; t < 50; t++) {
		uint64_t sum = 0;

		snprintf(name, sizeof(name), "t%u", t);
		sample_thread(&r, 1, t, "p", name, 0, 0);
		for (int i = 0; i < 200; i++) {
			x = x * 1103515245 + 12345;
			sample_hit(&r, i, t, (x >> 8) % 50, x >> 20);
			sum += x >> 20;
		}
		r.threads.on_cpu_ns[t] = sum + (t % 3 ? 0 : t * 333);
		expected[t] = (r.threads.on_cpu_ns[t] + 500) / 1000;
	}
	assert_int_equal(view_build(&r, &all, &v, error), 0);
	check_tree(&v);
	for (size_t i = 0; i < v.n_nodes; i++) {
		const struct view_label *label = &v.labels[v.nodes[i].label];

		if (label->kind == VIEW_THREAD)
			assert_int_equal(v.nodes[i].total, expected[atoi(label->name + 1)]);
	}
	view_release(&v);
	report_release(&r);
}

/* A chain of 20,000 frames, and weights that overflow: bounded, and no harm done. */
static void test_hostile(void **state)
{
	static const struct view_options all, reverse = {.reverse = true};
	char error[VIEW_ERROR_BYTES];
	struct report r;
	struct view v;

	assert_int_equal(report_init(&r), 0);
	sample_frame(&r, "f", "native", -1, 0);
	for (int i = 0; i < 20000; i++)
		sample_stack(&r, i - 1, 0);
	sample_thread(&r, 1, 1, "p", "t", UINT64_MAX, 0);
	for (int i = 0; i < 10; i++)
		sample_hit(&r, i, 0, 19999 - i % 2, i % 4 ? UINT64_MAX / 2 + 1 : 1ull << 63);
	assert_int_equal(view_build(&r, &all, &v, error), 0);
	assert_int_equal(v.max_depth, VIEW_MAX_DEPTH);
	assert_string_equal(v.labels[v.nodes[v.n_nodes - 1].label].name, VIEW_DEEPER);
	view_release(&v);
	assert_int_equal(view_build(&r, &reverse, &v, error), 0);
	assert_int_equal(v.max_depth, VIEW_MAX_DEPTH);
	view_release(&v);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	 cmocka_unit_test(test_counts),
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_names),
		cmocka_unit_test(test_exact),	 cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
