// SPDX-License-Identifier: BSD-2-Clause
/* Diffs: matching by names, normalisation, and that chance is told apart from change. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sample.h"
#include "user/lib/view/diff.h"
#include "user/lib/view/diff_write.h"

static const struct view_options everything;

static char *folded(const struct diff *d)
{
	struct out o;
	char *text;

	out_init(&o, -1);
	assert_int_equal(diff_write_folded(d, &o), 0);
	out_char(&o, '\0');
	text = strdup(o.data);
	out_release(&o);
	return text;
}

static void check_folded(const struct report *a, const struct report *b,
			 const struct view_options *options, const char *expected)
{
	char error[VIEW_ERROR_BYTES], *text;
	struct diff d;

	assert_int_equal(diff_build(a, b, options, &d, error), 0);
	text = folded(&d);
	assert_string_equal(text, expected);
	free(text);
	diff_release(&d);
}

/* The same program at another place: module paths, addresses, process numbers, the order of rows.
 */
static void moved_report(struct report *r)
{
	uint32_t main_, libc, app;
	int32_t root, work, fresh;

	assert(!report_init(r));
	sample_head(r);
	app = report_modules_add(&r->modules);
	libc = report_modules_add(&r->modules);
	r->modules.path[libc] = report_intern(r, "/lib64/libc.so.6");
	r->modules.path[app] = report_intern(r, "/srv/app-2/app");
	main_ = sample_thread(r, 900, 900, "app", "main", 120000000, 0);
	root = sample_stack(r, -1, sample_frame(r, "libc.so.6+0x2724a", "native", libc, 1));
	fresh = sample_stack(r, root, sample_frame(r, "fresh", "native", app, 5));
	work = sample_stack(r, root, sample_frame(r, "work", "native", app, 0x9000));
	for (int i = 0; i < 4; i++)
		sample_hit(r, i, main_, i % 2 ? fresh : work, 30000000);
}

static const struct {
	struct view_options options;
	const char *folded;
} cases[] = {
	/* 83.0 ms of A, 120 ms of B: half of them are 41.5 here; sums of a column are equal. */
	{{0},
	 "app;main;libc.so.6+0x2724a;work 20001 41501\n"
	 "app;main;libc.so.6+0x2724a;fresh 0 41501\n"
	 "app;main;[not sampled] 10001 0\n"
	 "app;worker:1;libc.so.6+0x2724a;work 10000 0\n"
	 "app;worker:1;libc.so.6+0x2724a;work;std::min<int>_[i] 20000 0\n"
	 "app;worker:1;libc.so.6+0x2724a;work;do_syscall_64_[k] 10000 0\n"
	 "app;worker:1;[unwind: mapping];work 10000 0\n"
	 "node;?;[stack lost] 1500 0\n"
	 "node;?;libc.so.6+0x2724a;a b:c_[j] 1500 0\n"},
	{{.by = VIEW_SAMPLES, .thread_re = "main"},
	 "app;main;libc.so.6+0x2724a;work 2 1\n"
	 "app;main;libc.so.6+0x2724a;fresh 0 1\n"},
	{{.thread_re = "main", .to_s = 0.02, .reverse = true},
	 "app;main;work;libc.so.6+0x2724a 10001 5000\n"
	 "app;main;fresh;libc.so.6+0x2724a 0 5001\n"},
};

static void test_cases(void **state)
{
	struct report a, b;

	sample_report(&a);
	moved_report(&b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_folded(&a, &b, &cases[i].options, cases[i].folded);
	report_release(&a);
	report_release(&b);
}

static void check_sums(const struct diff *d)
{
	uint64_t self[2] = {0};

	assert_int_equal(d->nodes[0].total[0], d->side[0].total);
	assert_int_equal(d->nodes[0].total[1], d->side[0].total);
	for (size_t i = 0; i < d->view.n_nodes; i++) {
		const struct diff_node *n = &d->nodes[i];

		assert_int_equal(n->total[0] + n->total[1], d->view.nodes[i].total);
		assert_int_equal(n->self[0] + n->self[1], d->view.nodes[i].self);
		self[0] += n->self[0];
		self[1] += n->self[1];
	}
	assert_int_equal(self[0], d->side[0].total);
	assert_int_equal(self[1], d->side[0].total);
}

/* A report with itself: no change anywhere, whatever is asked for. */
static void test_same(void **state)
{
	static const struct view_options options[] = {
		{0}, {.by = VIEW_SAMPLES}, {.by = VIEW_WAIT}, {.reverse = true}, {.pid = 200}};
	char error[VIEW_ERROR_BYTES];
	struct report r;

	sample_report(&r);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct diff d;

		assert_int_equal(diff_build(&r, &r, &options[i], &d, error), 0);
		check_sums(&d);
		for (size_t k = 0; k < d.view.n_nodes; k++) {
			assert_int_equal(d.nodes[k].total[0], d.nodes[k].total[1]);
			assert_int_equal(d.nodes[k].samples[0], d.nodes[k].samples[1]);
			assert_int_equal(diff_step(&d, k), 0);
		}
		assert_int_equal(d.nodes[0].samples[0],
				 options[i].by == VIEW_WAIT ? 0 : d.side[0].samples);
		diff_release(&d);
	}
	report_release(&r);
}

static void test_mistakes(void **state)
{
	static const struct {
		struct view_options options;
		int status;
		const char *error;
	} mistakes[] = {
		{{.from_s = 2}, -EINVAL, "report A: from 2 s: the window has 2 s"},
		{{.thread_re = "("},
		 -EINVAL,
		 "report A: regular expression '(': missing closing parenthesis, at position 1"},
		{{.pid = 100},
		 -ENODATA,
		 "report B has nothing of this kind in the part that was asked for: there is "
		 "nothing to compare"},
	};
	struct report a, b;

	sample_report(&a);
	moved_report(&b);
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char error[VIEW_ERROR_BYTES];
		struct diff d;

		assert_int_equal(diff_build(&a, &b, &mistakes[i].options, &d, error),
				 mistakes[i].status);
		assert_string_equal(error, mistakes[i].error);
	}
	report_release(&a);
	report_release(&b);
}

/* --- noise */
#define FUNCTIONS 200

static uint64_t random_state = 88172645463325252u;

static double random_part(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) * 0x1p-53;
}

/*
 * Two threads of exactly 10 and 5 s, and samples that fall by the shares of the functions; half of
 * the time at a tenth of the rate, so samples have unequal weights. `hot` is added to one of them.
 */
static void random_report(struct report *r, int hz, double hot)
{
	double share[FUNCTIONS], all = 0;

	assert(!report_init(r));
	for (int i = 0; i < FUNCTIONS; i++)
		all += share[i] = 1.0 / (i + 1);
	for (int i = 0; i < FUNCTIONS; i++)
		share[i] /= all;
	share[7] += hot;
	for (int i = 0; i < FUNCTIONS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		sample_stack(r, -1, sample_frame(r, name, "native", -1, i));
	}
	for (uint32_t t = 0; t < 2; t++) {
		uint64_t seconds = t ? 5 : 10, half = seconds * 500000000;

		sample_thread(r, 1, t + 1, "p", t ? "b" : "a", 2 * half, 0);
		for (int phase = 0; phase < 2; phase++) {
			int n = seconds * hz / (phase ? 2 : 20);

			for (int i = 0; i < n; i++) {
				double at = random_part() * (1 + hot);
				int f = 0;

				while (f < FUNCTIONS - 1 && (at -= share[f]) > 0)
					f++;
				sample_hit(r, i, t, f, half / n);
			}
		}
	}
}

static size_t count_changed(double hot, bool *ret_seven)
{
	char error[VIEW_ERROR_BYTES];
	struct report a, b;
	struct diff_row *rows;
	struct diff d;
	size_t n, changed = 0;

	random_report(&a, 200, 0);
	random_report(&b, 100, hot);
	assert_int_equal(diff_build(&a, &b, &everything, &d, error), 0);
	check_sums(&d);
	assert_int_equal(diff_functions(&d, &rows, &n), 0);
	*ret_seven = false;
	for (size_t i = 0; i < n; i++) {
		int64_t change = rows[i].self[1] - rows[i].self[0];

		if (!diff_changed(&d, rows[i].label, change, rows[i].self_noise))
			continue;
		changed++;
		*ret_seven |= !strcmp(d.view.labels[rows[i].label].name, "f7") && change > 0;
	}
	free(rows);
	diff_release(&d);
	report_release(&a);
	report_release(&b);
	return changed;
}

/* 60 comparisons of 200 functions that did not change: at 3.5 standard deviations six would pass
 * for changes if the estimate of chance were right to the point. */
static void test_chance(void **state)
{
	size_t changed = 0;
	bool seven;

	for (int i = 0; i < 60; i++)
		changed += count_changed(0, &seven);
	assert_true(changed <= 12);
}

/* 2 % of the time become 12 %: that is seen each time. */
static void test_change(void **state)
{
	for (int i = 0; i < 20; i++) {
		bool seven;

		assert_true(count_changed(0.11, &seven) <= 6);
		assert_true(seven);
	}
}

/* How wide the estimate is: over many pairs, changes divided by it scatter with about 1. */
static void test_calibrated(void **state)
{
	double sum = 0;
	size_t n = 0;

	for (int i = 0; i < 60; i++) {
		char error[VIEW_ERROR_BYTES];
		struct report a, b;
		struct diff d;

		random_report(&a, 200, 0);
		random_report(&b, 100, 0);
		assert_int_equal(diff_build(&a, &b, &everything, &d, error), 0);
		for (size_t k = 1; k < d.view.n_nodes; k++) {
			const struct diff_node *node = &d.nodes[k];
			double change = (double)node->total[1] - node->total[0];

			if (d.view.nodes[k].depth < 3) {
				assert_true(node->noise == 0 && change == 0);
			} else if (node->samples[0] + node->samples[1] > 20) {
				sum += change * change / (node->noise * node->noise);
				n++;
			}
		}
		diff_release(&d);
		report_release(&a);
		report_release(&b);
	}
	assert_true(n > 1000);
	assert_true(sqrt(sum / n) > 0.8 && sqrt(sum / n) < 1.1);
}

/* A thread is exact: that it took twice the share is no chance, however few samples it has. */
static void test_exact_threads(void **state)
{
	char error[VIEW_ERROR_BYTES];
	struct report r[2];
	struct diff_row *rows;
	struct diff d;
	size_t n;

	for (int side = 0; side < 2; side++) {
		assert(!report_init(&r[side]));
		for (uint32_t t = 0; t < 2; t++) {
			uint64_t ns = 1000000000ull * (1 + 2 * (t == (uint32_t)side));

			sample_stack(&r[side], -1,
				     sample_frame(&r[side], t ? "g" : "f", "native", -1, t));
			sample_thread(&r[side], 1, t + 1, "p", t ? "b" : "a", ns, 0);
			for (int i = 0; i < 8; i++)
				sample_hit(&r[side], i, t, t, ns / 8);
		}
	}
	assert_int_equal(diff_build(&r[0], &r[1], &everything, &d, error), 0);
	assert_int_equal(diff_threads(&d, &rows, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		int64_t change = rows[i].total[1] - rows[i].total[0];

		assert_int_equal(llabs(change), 2000000);
		assert_true(diff_changed(&d, rows[i].label, change, rows[i].total_noise));
	}
	free(rows);
	/* Its one function is all that it ran, so it is the thread's time: but for one sample. */
	assert_int_equal(diff_functions(&d, &rows, &n), 0);
	assert_int_equal(n, 2);
	assert_true(diff_changed(&d, rows[0].label, rows[0].self[1] - rows[0].self[0],
				 rows[0].self_noise));
	free(rows);
	diff_release(&d);
	report_release(&r[0]);
	report_release(&r[1]);
}

static void test_factor(void **state)
{
	static const struct {
		uint64_t a, b;
		const char *text;
	} factors[] = {{0, 0, ""},
		       {0, 1, "new"},
		       {1, 0, "gone"},
		       {2, 3, "1.50\xc3\x97"},
		       {1, 1000, "1000\xc3\x97"}};
	char text[DIFF_VALUE_BYTES];

	for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
		assert_string_equal(diff_factor(factors[i].a, factors[i].b, text), factors[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),	      cmocka_unit_test(test_same),
		cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_chance),
		cmocka_unit_test(test_change),	      cmocka_unit_test(test_calibrated),
		cmocka_unit_test(test_exact_threads), cmocka_unit_test(test_factor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
